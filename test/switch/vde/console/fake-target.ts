/** A switch that is not there: fixed answers, and a record of what it was told to do. */
import { Errno, type Status } from '../../../../src/switch/vde/console/errno.ts';
import type { ConsoleTarget, PortView } from '../../../../src/switch/vde/console/target.ts';

export interface FakeTarget extends ConsoleTarget {
  /** What was called, with its arguments. */
  readonly calls: (readonly unknown[])[];
  /** Scripts by path. */
  readonly scripts: Map<string, string>;
  /** What acts answer. */
  status: Status;
}

const PORT: PortView = {
  port: 1,
  untaggedVlan: 0,
  allocatable: true,
  currentUser: 'me',
  user: 'NONE',
  group: 'NONE',
  framesIn: 12,
  octetsIn: 3456,
  framesOut: 7,
  octetsOut: 890,
  endpoints: [
    { id: 9, module: 'unix prog', description: 'QEMU user=me pid=7' },
    { id: 3, module: 'unix prog', description: '' },
  ],
};

export function fakeTarget(): FakeTarget {
  const calls: (readonly unknown[])[] = [];
  const scripts = new Map<string, string>();
  const acting =
    (name: string) =>
    (...args: readonly unknown[]): Status => {
      calls.push([name, ...args]);
      return target.status;
    };
  const target: FakeTarget = {
    calls,
    scripts,
    status: 0,
    about: () => ({
      introduction: 'somebody',
      pid: 4711,
      mac: '02:00:00:00:00:01',
      uptime: 77,
      consolePath: '/run/console',
      consoleMode: 0o600,
      switchDirectory: '/run/switch',
      switchMode: 0o660,
    }),
    readScript: async (path) => {
      const text = scripts.get(path);
      return text === undefined ? { status: Errno.noEntry } : { text };
    },
    shutDown: () => void calls.push(['shutDown']),
    hash: () => ({ size: 128, collectionInterval: 2, expiry: 100, minPersistence: 3 }),
    setHashSize: async (size) => acting('setHashSize')(size),
    setCollectionInterval: acting('setCollectionInterval'),
    setExpiry: acting('setExpiry'),
    setMinPersistence: acting('setMinPersistence'),
    addresses: async () => [
      { mac: '02:00:00:00:00:0a', vlan: 0, port: 1, age: 5 },
      { mac: '02:00:00:00:00:0b', vlan: 12, port: 513, age: 0 },
    ],
    tree: () => ({
      enabled: true,
      mac: '02:00:00:00:00:01',
      priority: 32_768,
      isRoot: false,
      root: '10:00:02:00:00:00:00:09',
      designated: '80:00:02:00:00:00:00:08',
      rootPort: 513,
      rootPathCost: 20_000,
      age: 1,
      bonusPort: 0,
      bonusCost: 0,
      ports: [
        { port: 1, cost: 20_000, role: 'Edge' },
        { port: 513, cost: 20_000, role: 'Root' },
      ],
    }),
    setTreeEnabled: acting('setTreeEnabled'),
    setEdge: acting('setEdge'),
    setBonus: acting('setBonus'),
    setCost: acting('setCost'),
    setGuard: acting('setGuard'),
    recover: acting('recover'),
    portCount: () => 32,
    setPortCount: acting('setPortCount'),
    isHub: () => false,
    setHub: acting('setHub'),
    ports: () => [PORT, { ...PORT, port: 5, allocatable: false, user: 'root', endpoints: [] }],
    createPort: (port) => {
      calls.push(['createPort', port]);
      return target.status === 0 ? { port: port === 0 ? 6 : port } : { status: target.status };
    },
    removePort: acting('removePort'),
    setAllocatable: acting('setAllocatable'),
    setPortUser: acting('setPortUser'),
    setPortGroup: acting('setPortGroup'),
    closeEndpoint: acting('closeEndpoint'),
    resetCounters: acting('resetCounters'),
    vlans: () => [
      { vlan: 0, ports: [{ port: 1, tagged: false, active: true, state: 'Forwarding' }] },
      {
        vlan: 12,
        ports: [
          { port: 5, tagged: false, active: false, state: 'Learning' },
          { port: 513, tagged: true, active: true, state: 'Discarding' },
        ],
      },
    ],
    createVlan: acting('createVlan'),
    removeVlan: acting('removeVlan'),
    addToVlan: acting('addToVlan'),
    removeFromVlan: acting('removeFromVlan'),
    setUntaggedVlan: acting('setUntaggedVlan'),
  };
  return target;
}
