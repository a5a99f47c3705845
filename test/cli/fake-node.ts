/** A node that is not there: canned answers, and a record of what it was asked. */
import { Readable } from 'node:stream';
import type { StartNode } from '../../src/cli/context.ts';
import type { RunningNode } from '../../src/controller/node.ts';
import type { NodeApi } from '../../src/controller/node-api.ts';
import type { MissingLink } from '../../src/controller/node-api-friends.ts';
import type { ImpairmentStatus } from '../../src/controller/node-api-ports.ts';
import type { SwitchStatus } from '../../src/controller/node-api-switch.ts';
import type { TapStatus } from '../../src/controller/node-api-taps.ts';
import { TapHold } from '../../src/controller/tap-hold.ts';
import { KithError } from '../../src/errors.ts';
import {
  Direction,
  packetLength,
  sectionHeaderLength,
  writePacket,
  writeSectionHeader,
} from '../../src/switch/capture/pcapng.ts';

export const BOB = '1f0c9a'.padEnd(40, '0');
export const OWN_UID = 'ab'.repeat(20);

export const FAKE_TAP: TapStatus = {
  name: 'kith0',
  interface: 'kith0',
  port: 3,
  mac: '02:00:00:00:00:09',
  mtu: 1500,
  addresses: ['10.0.0.1/24'],
  dhcp: false,
  attached: false,
};

export const FAKE_MISSING: readonly MissingLink[] = [
  {
    port: 514,
    friend: '77'.repeat(20),
    friendName: 'mal\u001b[31mlory',
    state: 'waiting',
    since: 62_000,
    attempts: 7,
    addresses: ['udp://192.0.2.2:4000'],
    retryIn: 4200,
    lastError: 'nobody answers',
    lastErrorAge: 900,
  },
  {
    port: 515,
    friend: '99'.repeat(20),
    friendName: 'carol',
    state: 'refused',
    since: 5000,
    attempts: 2,
    addresses: ['udp://192.0.2.3:4000'],
    lastError: 'We share no security group with carol.',
    lastErrorAge: 10,
    refusal: 'plaintext-refused',
    mend: 'Join one group at both ends.',
  },
  {
    port: 516,
    friend: '88'.repeat(20),
    friendName: 'dave',
    state: 'no-address',
    since: 3_600_000,
    attempts: 0,
    addresses: [],
  },
];

export const FAKE_IMPAIRMENT: ImpairmentStatus = {
  port: 513,
  name: 'bob',
  impair: { delay: 20, loss: 0.015, burst: { begin: 0.001, end: 0.25, loss: 1 }, rate: 10e6 },
  waiting: 3,
  counters: { accepted: 100, lost: 2, overflowed: 5, duplicated: 0, reordered: 0 },
};

export const FAKE_SWITCH: SwitchStatus = {
  hub: false,
  ageing: 100_000,
  minPersistence: 3000,
  collection: 2000,
  addressesPerPort: 1024,
  tableSize: 16_384,
  addresses: 5,
  snooping: false,
  vlans: [0, 10],
  mirror: { to: { named: 'kith0', port: 3 }, of: { named: 'bob' } },
  storm: {
    every: { broadcast: 500, multicast: 900 },
    ports: [{ named: 'bob', port: 513, limits: { broadcast: 0, unknown: 100 } }],
  },
  statics: [
    { named: 3, port: 3, mac: '02:00:00:00:00:09', vlan: 0 },
    { named: 'carol', mac: '02:00:00:00:00:0a', vlan: 10 },
  ],
  kept: [{ set: 'address', mac: '02:00:00:00:00:0a', vlan: 10 }],
  unsaved: [{ set: 'ageing' }, { set: 'storm', port: 'bob' }, { set: 'stp', port: 3 }],
};

/** A section and two packets, of 60 and 1,514 octets; one was lost in between. */
const PACKETS = [
  { length: 60, dropped: 0 },
  { length: 1514, dropped: 1 },
];
export const FAKE_CAPTURE: readonly Buffer[] = [
  block(sectionHeaderLength('Kith'), (out) => writeSectionHeader(out, 0, 'Kith')),
  ...PACKETS.map(({ length, dropped }) =>
    block(packetLength(16, dropped), (out) => {
      const facts = { interface: 0, direction: Direction.inbound, time: 1, dropped };
      writePacket(out, 0, { ...facts, originalLength: length }, new Uint8Array(16));
    }),
  ),
];

function block(length: number, write: (out: Uint8Array) => void): Buffer {
  const out = Buffer.alloc(length);
  write(out);
  return out;
}

export interface FakeNode {
  readonly startNode: StartNode;
  /** What was called, with its arguments. */
  readonly calls: (readonly [string, ...unknown[]])[];
  /** The options `up` gave. */
  readonly options: Parameters<StartNode>[0][];
  readonly closes: () => number;
  /** Ends the node from inside, with an error if one is given. */
  readonly end: (error?: Error) => void;
}

export function fakeApi(
  calls: FakeNode['calls'] = [],
  down: () => void = () => {},
  home = '/nowhere',
): NodeApi {
  const called = (...call: readonly [string, ...unknown[]]) => void calls.push(call);
  return {
    status: async () => ({
      name: 'alice',
      uid: OWN_UID,
      pid: process.pid,
      version: '0.1.0',
      uptime: 3_723_000,
      home,
      switchDirectory: `${home}/switch`,
      consoleSocket: `${home}/console`,
      listening: ['udp://[::]:40000', 'tcp://[::]:40000'],
      told: ['udp://192.0.2.9:40000'],
      friends: { known: 2, connected: 1 },
      ports: 3,
      addresses: 1,
      taps: ['kith0'],
      groups: ['default'],
      plaintext: 'when-no-shared-group',
      dataPlane: 'native',
      memory: { resident: 81_000_000 },
      counters: { framesIn: 12, dropped: 0 },
    }),
    friends: async () => [
      {
        uid: BOB,
        name: 'bob',
        state: 'connected',
        addresses: ['udp://192.0.2.1:4000'],
        source: 'invited',
        clearOctetsIn: 0,
        clearOctetsOut: 0,
        clearSince: '2026-01-31T12:00:00.000Z',
        link: 2,
      },
      {
        uid: '77'.repeat(20),
        name: 'mal\u001b[31mlory',
        state: 'connecting',
        addresses: [],
        source: 'config',
        clearOctetsIn: 0,
        clearOctetsOut: 0,
        clearSince: '2026-01-31T12:00:00.000Z',
        lastError: 'nobody answers',
        retryIn: 4200,
      },
      {
        uid: '99'.repeat(20),
        name: 'carol',
        state: 'refused',
        addresses: ['udp://192.0.2.3:4000'],
        source: 'joined',
        clearOctetsIn: 0,
        clearOctetsOut: 0,
        clearSince: '2026-01-31T12:00:00.000Z',
        refusal: 'plaintext-refused',
        mend: 'Join one group at both ends.',
        lastError: 'We share no security group with carol.',
      },
    ],
    missingLinks: async () => FAKE_MISSING,
    links: async () => [
      {
        state: 'up',
        port: 2,
        friend: BOB,
        friendName: 'bob',
        provider: 'udp',
        remote: '192.0.2.1:4000',
        security: 'sealed',
        cipher: 'aes-256-gcm',
        sharedGroups: ['default'],
        role: 'initiator',
        since: 184_000,
        rtt: 0.31,
        loss: 0.015,
        pathMtu: 1472,
        framesIn: 10,
        framesOut: 11,
        octetsIn: 1234,
        octetsOut: 34_000_000,
        clearOctetsIn: 0,
        clearOctetsOut: 0,
        clearSince: '2026-01-31T12:00:00.000Z',
        keyUpdates: 0,
        dropped: { replayed: 2, malformed: 1 },
      },
    ],
    ports: async () => [
      {
        port: 1,
        kind: 'vde',
        description: 'QEMU user=me pid=7',
        endpoints: 1,
        role: 'designated',
        state: 'forwarding',
        pathCost: 20_000,
        counters: {
          framesIn: 1200,
          framesOut: 34,
          dropRunt: 0,
          dropStorm: 120,
          dropGroupSource: 3,
        },
      },
    ],
    mac: async () => [
      { mac: '02:00:00:00:00:01', vlan: 0, port: 1, age: 3500, static: false },
      { mac: '02:00:00:00:00:02', vlan: 12, port: 2, age: 0, static: true },
    ],
    stp: async () => ({
      enabled: true,
      bridgeId: '8000.020000000001',
      rootId: '8000.020000000001',
      isRoot: true,
      rootPathCost: 0,
      rootPort: 0,
      topologyChanges: 4,
      ports: [
        {
          port: 1,
          role: 'designated',
          state: 'forwarding',
          pathCost: 20_000,
          measuredCost: null,
          edge: true,
          designatedBridge: '8000.020000000001',
          guard: 'none' as const,
          bpduGuard: false,
          rootGuard: true,
          changeGuard: false,
          counters: {},
          faults: {},
        },
      ],
    }),
    setStpPort: async (request) => {
      called('setStpPort', request);
      return { port: 513, name: 'bob' };
    },
    groups: async () => [{ name: 'default', keyed: false, sharedWith: ['bob'], byOldKey: [] }],
    addGroup: async (group) => {
      called('addGroup', group);
      return {
        name: group.name,
        ...(group.key === undefined ? {} : { keyFile: `${home}/groups.json` }),
      };
    },
    removeGroup: async (name) => {
      called('removeGroup', name);
      return { name };
    },
    rotateGroup: async (request) => {
      called('rotateGroup', request);
      const keyFile = `${home}/groups.json`;
      return { name: request.name, keyFile, oldKeysUntil: '2030-01-02T03:04:05.000Z' };
    },
    setPlaintext: async (plaintext) => {
      called('setPlaintext', plaintext);
      return { plaintext };
    },
    why: async (friend) => {
      called('why', friend);
      if (friend !== 'bob' && !BOB.startsWith(friend)) {
        throw new KithError('not-found', `there is no friend ${friend}; see \`kith friends\``);
      }
      return {
        friend: BOB,
        friendName: 'bob',
        state: 'connected',
        answer: 'sealed, because both ends are in the group default',
        inputs: [{ name: 'shared groups', value: 'default' }],
      };
    },
    invite: async (options) => {
      called('invite', options);
      return { ticket: 'kith1-ticket', expiresAt: '2030-01-02T03:04:05.000Z' };
    },
    join: async (ticket) => {
      called('join', ticket);
      if (ticket === 'broken') throw new Error('a bug, not a mistake');
      if (ticket === 'refused') return { uid: '99'.repeat(20), name: 'carol' };
      if (ticket === 'unanswered') return { uid: '77'.repeat(20), name: 'mallory' };
      return { uid: BOB, name: 'bob' };
    },
    removeFriend: async (friend) => {
      called('removeFriend', friend);
      return { uid: BOB };
    },
    rotateIdentity: async () => {
      called('rotateIdentity');
      return { uid: 'cd'.repeat(20), publicKey: 'ef'.repeat(32), formerUid: OWN_UID };
    },
    taps: async () => [FAKE_TAP, { ...FAKE_TAP, name: 'kith0@blue', port: 5, netns: 'blue' }],
    addTap: async (request) => {
      called('addTap', request);
      return { ...FAKE_TAP, addresses: (request.ip ?? []).filter((each) => each !== 'dhcp') };
    },
    removeTap: async (name) => {
      called('removeTap', name);
      return { name };
    },
    openTapAttachment: async () => ({ path: `${home}/tap-0123456789abcdef.sock` }),
    completeTapAttachment: async (attachment) => {
      called('completeTapAttachment', attachment);
      return { ...FAKE_TAP, name: 'kith0@6', port: 6, attached: true };
    },
    holdTap: async (name, request) => {
      called('holdTap', name, request);
      const hold = new TapHold(() => called('released', name));
      hold.tell({ lease: null });
      return hold;
    },
    switch: async () => FAKE_SWITCH,
    changeSwitch: async (changes) => {
      called('changeSwitch', changes);
      return FAKE_SWITCH;
    },
    mirror: async (request) => {
      called('mirror', request);
      return FAKE_SWITCH;
    },
    limitStorms: async (request) => {
      called('limitStorms', request);
      return FAKE_SWITCH;
    },
    setAddress: async (request) => {
      called('setAddress', request);
      return FAKE_SWITCH;
    },
    saveSwitch: async () => {
      called('saveSwitch');
      return { ...FAKE_SWITCH, kept: FAKE_SWITCH.unsaved, unsaved: [] };
    },
    forgetSwitch: async () => {
      called('forgetSwitch');
      return { ...FAKE_SWITCH, kept: [] };
    },
    impairments: async () => [FAKE_IMPAIRMENT],
    impair: async (request) => {
      called('impair', request);
      return { port: typeof request.port === 'number' ? request.port : 513, name: 'bob' };
    },
    capture: async (request) => {
      called('capture', request);
      return Readable.from(FAKE_CAPTURE);
    },
    down: async () => {
      called('down');
      down();
    },
  };
}

export function fakeNode(): FakeNode {
  const calls: FakeNode['calls'] = [];
  const options: Parameters<StartNode>[0][] = [];
  let closes = 0;
  let end: (error?: Error) => void = () => {};
  const closed = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error));
  });
  const startNode: StartNode = async (given) => {
    options.push(given);
    const node: RunningNode = {
      api: fakeApi(calls, () => end(), given.home),
      ready: {
        switchDirectory: given.config.switch.directory,
        listening: ['udp://[::]:40000'],
        uid: OWN_UID,
        name: given.config.name,
      },
      closed,
      close: async () => {
        closes++;
        end();
      },
    };
    return node;
  };
  return { startNode, calls, options, closes: () => closes, end: (error) => end(error) };
}
