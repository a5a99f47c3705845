/** VLANs and ports of the configuration: what is a contradiction, and what becomes of the rest. */
import test from 'ava';
import { type ConfigInput, checkConfig, makeConfig } from '../../src/controller/config.ts';
import { PortPlan } from '../../src/controller/port-plan.ts';
import { planVlans, type ResolvePort } from '../../src/controller/vlan-plan.ts';
import type { ImpairmentSettings } from '../../src/switch/impairment-settings.ts';
import { RouterPort } from '../../src/switch/snooping/snooper.ts';
import { VlanRegistry } from '../../src/switch/vlan-registry.ts';
import { hasPort, NO_VLAN, type PortVlans, rowOffset } from '../../src/switch/vlan-table.ts';

type SwitchInput = NonNullable<ConfigInput['switch']>;

const numbered = (reference: number | string): number | undefined =>
  typeof reference === 'number' ? reference : { ada: 513, kith0: 4 }[reference];

const settingsOf = (input: SwitchInput) => makeConfig('/home/k', { switch: input }).switch;

function plan(input: SwitchInput): Map<number, PortVlans> {
  return planVlans(settingsOf(input), numbered);
}

/** The registry of a node with this configuration. */
function registryOf(input: SwitchInput, resolve: ResolvePort = numbered) {
  const registry = new VlanRegistry();
  const impaired: (readonly [number, ImpairmentSettings | undefined])[] = [];
  const impair = (port: number, settings: ImpairmentSettings | undefined): void =>
    void impaired.push([port, settings]);
  const made = new PortPlan({ config: settingsOf(input), registry, resolve, impair });
  return { registry, made, impaired, refreshed: made.refresh() };
}

test('without VLANs in the configuration, tags mean nothing until one is created', (t) => {
  for (const input of [{}, { perPort: [{ port: 1, router: true }] }]) {
    const { registry } = registryOf(input);
    t.is(registry.tables(), undefined);
    registry.create(10);
    const tables = registry.tables();
    t.true(tables !== undefined && hasPort(tables.members, rowOffset(tables, 10), 513));
    t.false(tables !== undefined && hasPort(tables.members, rowOffset(tables, 10), 1));
    t.is(registry.remove(10, [1, 513]), undefined);
    t.is(registry.tables(), undefined);
  }
  t.not(registryOf({ perPort: [{ port: 1, trunk: 'all' }] }).registry.tables(), undefined);
});

test('VLANs that are named anywhere are there', (t) => {
  const { registry } = registryOf({
    vlans: [{ id: 4 }, { id: 4094 }],
    perPort: [
      { port: 1, access: 7 },
      { port: 2, trunk: [5, 4], native: 6 },
    ],
  });
  t.deepEqual(registry.vlans, [0, 4, 5, 6, 7, 4094]);
});

test('access, trunk and native, by number and by name', (t) => {
  const made = plan({
    perPort: [
      { port: 1, access: 10 },
      { port: 2, trunk: [10, 20] },
      { port: 'kith0', trunk: 'all', native: 20 },
      { port: 'ada', trunk: [10], native: 'none' },
      { port: 'nobody', access: 30 },
    ],
  });
  t.deepEqual(made.get(1), { untagged: 10, tagged: [] });
  t.deepEqual(made.get(2), { untagged: 0, tagged: [10, 20] });
  t.deepEqual(made.get(4), { untagged: 20, tagged: 'all' });
  t.deepEqual(made.get(513), { untagged: NO_VLAN, tagged: [10] });
  t.is(made.get(3), undefined);
});

test('links carry all VLANs unless told otherwise', (t) => {
  const made = plan({ vlans: [{ id: 10, untagged: [1, 'ada'], tagged: [2, 514] }, { id: 20 }] });
  t.deepEqual(made.get(1), { untagged: 10, tagged: [] });
  t.deepEqual(made.get(2), { untagged: 0, tagged: [10] });
  t.deepEqual(made.get(513), { untagged: 10, tagged: 'all' });
  t.deepEqual(made.get(514), { untagged: 0, tagged: 'all' });
  t.deepEqual(made.get(1023), { untagged: 0, tagged: 'all' });
  t.is(made.get(512), undefined);
});

const REFUSED: readonly [SwitchInput, RegExp][] = [
  [{ vlans: [{ id: 0 }] }, /switch\.vlans\[0\]\.id is 0; it must be a whole number from 1 to 4094/],
  [{ vlans: [{ id: 4095 }] }, /must be a whole number from 1 to 4094/],
  [{ vlans: [{ id: 1 }, { id: 1 }] }, /switch\.vlans\[1\]\.id: this VLAN is listed already/],
  [
    {
      vlans: [
        { id: 1, untagged: [3] },
        { id: 2, untagged: [3] },
      ],
    },
    /vlans\[1\]\.untagged\[0\]: port 3 is untagged in VLAN 1 already/,
  ],
  [{ vlans: [{ id: 1, untagged: [3], tagged: [3] }] }, /tagged\[0\]: port 3 is either/],
  [{ vlans: [{ id: 1, untagged: [0] }] }, /the number of a port, or the name/],
  [
    { vlans: [{ id: 1, untagged: ['ada'] }], perPort: [{ port: 'ada', access: 2 }] },
    /port ada is untagged in VLAN 2 already/,
  ],
  [{ perPort: [{ port: 1, access: 2, trunk: [3] }] }, /either access or trunk/],
  [{ perPort: [{ port: 1, access: 2, native: 3 }] }, /either access or trunk/],
  [{ perPort: [{ port: 1, native: 3 }] }, /only a trunk has a native VLAN/],
  [{ perPort: [{ port: 1 }, { port: 1 }] }, /perPort\[1\]\.port: this port is listed already/],
  [
    { perPort: [{ port: 1, trunk: [0] }] },
    /trunk\[0\] is 0; it must be a whole number from 1 to 4094/,
  ],
  [{ perPort: [{ port: 1, trunk: 'some' as 'all' }] }, /"all" or a list of VLANs/],
  [{ perPort: [{ port: 1, trunk: [2], native: 0 }] }, /native is 0; it must be a whole number/],
  [{ perPort: [{ port: 1, trunk: [2], native: 'no' as 'none' }] }, /a VLAN, 1 to 4094, or "none"/],
  [{ perPort: [{ port: 1, impair: { loss: 2 } }] }, /a fraction from 0 to 1/],
  [{ perPort: [{ port: 1, impair: { reorder: 0.1 } }] }, /only where there is a delay/],
  [{ perPort: [{ port: 1, impair: { delay: -1 } }] }, /a number from 0 to 60000 milliseconds/],
];

test('contradictions are told with their mend', (t) => {
  for (const [input, message] of REFUSED) {
    t.throws(() => checkConfig('F', { switch: input }), { code: 'config', message });
  }
});

test('the registry follows what the names mean, and is told only when that changes', (t) => {
  let port: number | undefined;
  const { registry, made, refreshed } = registryOf(
    { perPort: [{ port: 'ada', access: 10 }] },
    () => port,
  );
  t.true(refreshed);
  t.false(made.refresh());
  t.is(registry.untaggedOf(600), 0);
  port = 600;
  t.true(made.refresh());
  t.is(registry.untaggedOf(600), 10);
  // What the console has changed stays.
  registry.setUntagged(601, 10);
  registry.setUntagged(600, 0);
  port = 602;
  t.true(made.refresh());
  t.deepEqual(
    [600, 601, 602, 603].map((each) => registry.untaggedOf(each)),
    [0, 10, 10, 0],
  );
});

test('impairments follow the ports they are for', (t) => {
  let port: number | undefined;
  const { made, impaired } = registryOf(
    {
      perPort: [
        { port: 2, impair: { delay: 5 } },
        { port: 'ada', impair: { loss: 0.5 } },
      ],
    },
    (reference) => (typeof reference === 'number' ? reference : port),
  );
  t.deepEqual(impaired.splice(0), [[2, { delay: 5 }]]);
  for (const next of [600, 600, 601, undefined]) {
    port = next;
    made.refresh();
  }
  t.deepEqual(impaired, [
    [600, { loss: 0.5 }],
    [600, undefined],
    [601, { loss: 0.5 }],
    [601, undefined],
  ]);
});

test('snooping is off by default; links have routers behind them unless told otherwise', (t) => {
  const bridge = Uint8Array.of(2, 0, 0, 0, 0, 9);
  t.is(registryOf({}).made.snooping(bridge), undefined);
  const { made } = registryOf({
    snooping: true,
    perPort: [
      { port: 'ada', router: false },
      { port: 4, router: true },
      { port: 5, access: 3 },
    ],
  });
  const settings = made.snooping(bridge);
  t.is(settings?.address, bridge);
  const { always, learn, never } = RouterPort;
  t.deepEqual(
    [1, 4, 5, 512, 513, 514, 1023].map((port) => settings?.routerPorts[port]),
    [learn, always, learn, learn, never, always, always],
  );
});
