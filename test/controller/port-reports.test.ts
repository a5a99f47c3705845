import test from 'ava';
import type { NodeParts } from '../../src/controller/node-parts.ts';
import { PortNames } from '../../src/controller/port-names.ts';
import { PortReports } from '../../src/controller/port-reports.ts';
import { StpReports } from '../../src/controller/stp-reports.ts';
import { KithError } from '../../src/errors.ts';

const ADA = { uid: 'ad'.repeat(20), name: 'ada', port: 513, current: undefined };

/** Ada is a friend without a link, kith0 an interface; two clients share port 2. */
function reports(): PortReports {
  const core = { friends: [ADA] };
  const taps = { list: () => [{ name: 'kith0', port: 3 }] };
  const portNames = new PortNames([]);
  portNames.follow({ friends: () => core.friends, taps: () => taps.list() });
  const parts = {
    core,
    taps,
    portNames,
    vde: {
      list: () => [
        { port: 2, description: 'qemu\u001b[2J' },
        { port: 2, description: 'slirp' },
      ],
    },
    book: {
      find: (text: string) => {
        if (ADA.uid.startsWith(text)) return ADA;
        throw new KithError('not-found', 'no such friend');
      },
    },
    bridge: { ports: () => new Map(), stateOf: () => 'forwarding' },
    dataPlane: {
      counters: { read: () => ({ framesIn: 1 }) },
      addresses: () =>
        Promise.resolve([
          { mac: '02:00:00:00:00:02', vlan: 0, port: 2, ageMs: 5, static: false },
          { mac: '02:00:00:00:00:09', vlan: 0, port: 1, ageMs: 0, static: true },
          { mac: '02:00:00:00:00:01', vlan: 0, port: 2, ageMs: 7, static: false },
        ]),
    },
  };
  return new PortReports(parts as unknown as NodeParts);
}

test('clients of one port are one line, and a friend without a link none', (t) => {
  const ports = reports().ports();
  t.deepEqual(
    ports.map(({ port, kind, endpoints }) => [port, kind, endpoints]),
    [
      [2, 'vde', 2],
      [3, 'tap', 1],
    ],
  );
  t.is(ports[1]!.description, 'kith0');
});

test('what hangs on a port, with nothing in it that a terminal would obey', (t) => {
  const ports = reports();
  t.deepEqual(ports.label(513), { name: 'ada', description: `link to ${ADA.uid}` });
  t.deepEqual(ports.label(3), { name: 'kith0', description: 'host interface on port 3' });
  t.deepEqual(ports.label(2), { name: 'port2', description: 'qemu?[2J, slirp' });
});

test('a port by number, by name, and by the beginning of a UID', (t) => {
  const ports = reports();
  t.deepEqual(
    [77, 'ada', 'kith0', 'adad'].map((reference) => ports.find(reference)),
    [77, 513, 3, 513],
  );
  t.is(ports.resolve('adad'), undefined, 'what is kept has to mean the same for ever');
  t.throws(() => ports.find('eve'), {
    code: 'not-found',
    message: /nothing on the switch is called "eve"; `kith ports` lists/,
  });
});

test('addresses in order of their ports', async (t) => {
  const found = await reports().mac();
  t.deepEqual(
    found.map(({ port, mac, static: fixed }) => [port, mac.slice(-1), fixed]),
    [
      [1, '9', true],
      [2, '1', false],
      [2, '2', false],
    ],
  );
});

test('without a spanning tree its report is empty; settings go to the port that is meant', (t) => {
  const told: unknown[] = [];
  const bridge = {
    snapshot: () => undefined,
    measuredCost: () => null,
    setPort: (port: number, settings: object) => void told.push([port, settings]),
    recover: (port: number) => void told.push(['recover', port]),
  };
  const stp = new StpReports(bridge, reports());
  t.like(stp.status(), { enabled: false, bridgeId: '', ports: [] });
  t.deepEqual(stp.setPort({ port: 'ada', cost: 7 }), { port: 513, name: 'ada' });
  stp.setPort({ port: 2, edge: true, recover: true });
  t.deepEqual(told, [
    [513, { cost: 7 }],
    [2, { edge: true }],
    ['recover', 2],
  ]);
});
