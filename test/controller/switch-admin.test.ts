import test from 'ava';
import { type ConfigInput, checkConfig, makeConfig } from '../../src/controller/config.ts';
import { SwitchAdmin } from '../../src/controller/switch-admin.ts';
import { SwitchSettings } from '../../src/controller/switch-settings.ts';
import type { ForwarderSettings } from '../../src/switch/forwarder-settings.ts';
import { packStatics } from '../../src/switch/static-addresses.ts';

type SwitchInput = NonNullable<ConfigInput['switch']>;

const MAC = '02:00:00:00:00:09';

function adminOf(input: SwitchInput, places: Record<string, number> = {}) {
  const sent: ForwarderSettings[] = [];
  const settings = new SwitchSettings((whole) => void sent.push(whole));
  const admin = new SwitchAdmin({
    config: makeConfig('/home/k', { switch: input }).switch,
    settings,
    resolve: (reference) => (typeof reference === 'number' ? reference : places[reference]),
  });
  admin.refresh();
  return { admin, sent, places, last: () => sent.at(-1)! };
}

test('where nothing is said, nothing is sent', (t) => {
  const { admin, sent } = adminOf({});
  admin.refresh();
  t.deepEqual(sent, []);
  t.deepEqual(adminOf({ hub: true }).sent.length, 1);
});

test('ports that are named come and go', (t) => {
  const { admin, sent, places, last } = adminOf({
    addresses: [
      { mac: MAC, port: 'bob' },
      { mac: '02:0:0:0:0:A', vlan: 10, port: 3 },
    ],
    mirror: { to: 'kith0', of: 'bob' },
    storm: { broadcast: 100, unknown: 50 },
    perPort: [{ port: 'bob', storm: { broadcast: 0, multicast: 7 } }],
  });
  const byNumber = { mac: '02:00:00:00:00:0a', vlan: 10, port: 3 };
  t.deepEqual(last().statics, packStatics([byNumber]));
  t.deepEqual([last().mirrorTo, last().mirrorOf], [0, 0], 'not everything instead');
  t.deepEqual(last().stormLimits?.[1], { broadcast: 100, unknown: 50 });
  t.deepEqual(last().stormLimits?.[513], { broadcast: 100, unknown: 50 });
  places.bob = 513;
  places.kith0 = 4;
  admin.refresh();
  t.deepEqual(last().statics, packStatics([{ mac: MAC, vlan: 0, port: 513 }, byNumber]));
  t.deepEqual([last().mirrorTo, last().mirrorOf], [4, 513]);
  t.deepEqual(last().stormLimits?.[513], { broadcast: 0, multicast: 7, unknown: 50 });
  const before = sent.length;
  admin.refresh();
  t.is(sent.length, before);
  delete places.bob;
  admin.refresh();
  t.deepEqual(last().statics, packStatics([byNumber]));
  t.is(last().mirrorTo, 0);
});

test('what is changed by hand', (t) => {
  const { admin, last } = adminOf({}, { bob: 513 });
  admin.setStorm(undefined, { broadcast: 9 });
  admin.setStorm('bob', { unknown: 1 });
  t.deepEqual(last().stormLimits?.[513], { broadcast: 9, unknown: 1 });
  t.deepEqual(last().stormLimits?.[2], { broadcast: 9 });
  admin.setStorm('bob', undefined);
  t.deepEqual(last().stormLimits?.[513], { broadcast: 9 });
  admin.setStorm(undefined, undefined);
  t.deepEqual(last().stormLimits, []);
  admin.setMirror({ to: 7 });
  t.deepEqual([last().mirrorTo, last().mirrorOf], [7, 0]);
  admin.setMirror(undefined);
  t.is(last().mirrorTo, 0);
  admin.addAddress({ mac: MAC, vlan: 0, port: 2 });
  admin.addAddress({ mac: MAC, vlan: 0, port: 'bob' });
  t.deepEqual(last().statics, packStatics([{ mac: MAC, vlan: 0, port: 513 }]), 'moved by hand');
  t.throws(() => admin.removeAddress({ mac: MAC, vlan: 1 }), {
    message: `${MAC} is not static in VLAN 1; \`kith switch address\` lists those that are`,
  });
  admin.removeAddress({ mac: MAC, vlan: 0 });
  t.deepEqual(last().statics, new Int32Array(0));
  for (let i = 0; i < 1024; i++) {
    const mac = `02:00:00:00:${i >> 8}:${(i & 0xff).toString(16)}`;
    admin.addAddress({ mac, vlan: 0, port: 1 });
  }
  t.throws(() => admin.addAddress({ mac: MAC, vlan: 5, port: 1 }), { message: /at most 1024/ });
});

test('mistakes in the configuration are told in one sentence', (t) => {
  const refused = (input: unknown): string =>
    t.throws(() => checkConfig('config.json', { switch: input })).message;
  for (const [input, message] of [
    [{ hub: 'yes' }, /switch\.hub .*must be true or false/],
    [{ collection: 0 }, /switch\.collection .*a whole number from 1 to 1000000 seconds/],
    [{ tableSize: 100 }, /switch\.tableSize .*a whole number from 4096 to 1048576/],
    [{ storm: { broadcast: -1 } }, /switch\.storm\.broadcast .*from 0 to 2000000 frames a second/],
    [{ storm: { unicast: 1 } }, /switch\.storm\.unicast is no known key/],
    [{ perPort: [{ port: 1, storm: { multicast: 'x' } }] }, /storm\.multicast/],
    [{ mirror: { of: 3 } }, /switch\.mirror\.to/],
    [{ mirror: { to: 3, of: 3 } }, /a port is no mirror of itself/],
    [{ addresses: [{ mac: '01:00:5e:00:00:01', port: 1 }] }, /the address of one station/],
    [{ addresses: [{ mac: MAC }] }, /port/],
    [{ addresses: [{ mac: MAC, port: 1, vlan: 4095 }] }, /from 0 to 4094/],
    [
      {
        addresses: [
          { mac: MAC, port: 1 },
          { mac: '2:0:0:0:0:9', port: 2 },
        ],
      },
      /02:00:00:00:00:09 is listed already for VLAN 0; leave one/,
    ],
  ] as const) {
    t.regex(refused(input), message);
    t.is(refused(input).split('\n').length, 1);
  }
});
