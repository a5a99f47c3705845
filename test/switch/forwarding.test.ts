import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  allocateCounters,
  Counter,
  type CounterName,
  CounterReader,
  CounterWriter,
} from '../../src/switch/counters.ts';
import { ADDRESSES_LENGTH, MAX_FRAME_LENGTH } from '../../src/switch/ethernet.ts';
import { FilteringDatabase } from '../../src/switch/filtering-database.ts';
import type { ForwarderSettings } from '../../src/switch/forwarder-settings.ts';
import { Forwarder } from '../../src/switch/forwarding.ts';
import { parseMac } from '../../src/switch/mac-address.ts';
import { PortState } from '../../src/switch/port.ts';
import { NO_CLAIMS } from '../../src/switch/port-trust.ts';
import { packStatics } from '../../src/switch/static-addresses.ts';
import { TagAction } from '../../src/switch/tag-action.ts';
import { Verdict } from '../../src/switch/verdict.ts';
import { buildVlanTables, NO_VLAN, type PortVlans } from '../../src/switch/vlan-table.ts';
import { TAGGED_ADDRESSES_LENGTH, writeTaggedAddresses } from '../../src/switch/vlan-tag.ts';
import { NaiveForwarder } from './naive-forwarder.ts';

const { discarding, forwarding, learning, disabled } = PortState;
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const OFFSET = 128;

function bench(settings: ForwarderSettings) {
  const memory = allocateCounters();
  const database = new FilteringDatabase({ minPersistence: 0 });
  const forwarder = new Forwarder(database, new CounterWriter(memory));
  forwarder.applySettings(settings, 0);
  const reader = new CounterReader(memory);
  /** Sends a frame in and tells where it goes: ports, 'control', or why not. */
  const send = (frame: Uint8Array, port: number, now = 0) => {
    const slab = new Uint8Array(OFFSET + frame.length);
    slab.set(frame, OFFSET);
    const verdict = forwarder.decide(slab, OFFSET, frame.length, port, now);
    const ports = [...forwarder.egress.subarray(0, forwarder.count)];
    if (verdict === Verdict.control) return ports.length > 0 ? ['control', ...ports] : 'control';
    if (verdict === Verdict.forward) return ports;
    const name = nameOf(forwarder.reason);
    return ports.length > 0 ? [name, ...ports] : name;
  };
  return { database, forwarder, reader, send };
}

function nameOf(counter: Counter): CounterName {
  const names = Object.keys(Counter) as CounterName[];
  return names.find((name) => Counter[name] === counter) ?? 'framesIn';
}

function frame(
  destination: string,
  source: string,
  rest: readonly number[] = [0x08, 0x00],
): Uint8Array {
  const addresses = [destination, source].flatMap((text) => [...(parseMac(text) ?? [])]);
  return Uint8Array.of(...addresses, ...rest);
}

const states = (...list: PortState[]) => Uint8Array.of(disabled, ...list);
const all = states(forwarding, forwarding, forwarding, forwarding);
const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const C = '02:00:00:00:00:0c';

test('learns, then sends to one port only', (t) => {
  const { send, reader } = bench({ portStates: all });
  t.deepEqual(send(frame(B, A), 1), [2, 3, 4]);
  t.deepEqual(send(frame(A, B), 2), [1]);
  t.deepEqual(send(frame(B, A), 1), [2]);
  t.deepEqual(send(frame(BROADCAST, A), 1), [2, 3, 4]);
  t.is(send(frame(A, '02:00:00:00:00:0c'), 1), 'dropFiltered');
  t.like(reader.read(1), { framesIn: 4, octetsIn: 56, floodedIn: 2, dropFiltered: 1 });
});

test('drops what is no proper frame', (t) => {
  const { send, reader, database } = bench({ portStates: all });
  t.is(send(frame(B, A).subarray(0, 13), 1), 'dropRunt');
  t.is(send(new Uint8Array(0), 1), 'dropRunt');
  const long = new Uint8Array(MAX_FRAME_LENGTH + 1);
  long.set(frame(B, A));
  t.is(send(long, 1), 'dropGiant');
  t.deepEqual(send(long.subarray(0, MAX_FRAME_LENGTH), 1), [2, 3, 4]);
  t.is(send(frame(B, '03:00:00:00:00:0a'), 1), 'dropGroupSource');
  t.is(send(frame(B, BROADCAST), 1), 'dropGroupSource');
  t.is(database.size, 1);
  t.like(reader.read(1), { framesIn: 6, dropRunt: 2, dropGiant: 1, dropGroupSource: 2 });
});

test('each Port State lets through what it should', (t) => {
  const { send, database } = bench({
    portStates: states(forwarding, learning, discarding, disabled),
  });
  t.deepEqual(send(frame(BROADCAST, A), 1), []);
  t.is(send(frame(BROADCAST, B), 2), 'dropDiscarding');
  t.is(database.size, 2);
  t.is(send(frame(BROADCAST, '02:00:00:00:00:0c'), 3), 'dropDiscarding');
  t.is(database.size, 2);
  t.is(send(frame(B, A), 1), 'dropFiltered');
  for (const port of [1, 2, 3]) {
    t.is(send(frame('01:80:c2:00:00:00', A), port), 'control');
  }
  t.is(send(frame('01:80:c2:00:00:00', A), 4), 'dropDiscarding');
  t.is(send(frame(BROADCAST, A), 1000), 'dropDiscarding');
});

test('reserved addresses go up, teach nothing and never cross', (t) => {
  const { send, database, reader } = bench({ portStates: all });
  for (let last = 0; last < 16; last++) {
    t.is(send(frame(`01:80:c2:00:00:0${last.toString(16)}`, A), 1), 'control');
  }
  t.is(database.size, 0);
  t.is(reader.value(1, Counter.controlIn), 16);
  t.deepEqual(send(frame('01:80:c2:00:00:10', A), 1), [2, 3, 4]);
});

test('a hub floods everything and learns nothing', (t) => {
  const { send, database } = bench({ portStates: all, hub: true });
  send(frame(BROADCAST, B), 2);
  t.deepEqual(send(frame(B, A), 1), [2, 3, 4]);
  t.is(database.size, 0);
});

test('a flood is limited, known addresses are not', (t) => {
  const { send, reader } = bench({ portStates: all, stormRates: Int32Array.of(0, 10) });
  send(frame(BROADCAST, B), 2);
  let passed = 0;
  for (let i = 0; i < 100; i++) if (send(frame(BROADCAST, A), 1) !== 'dropStorm') passed++;
  t.is(passed, 32);
  t.is(send(frame('02:00:00:00:00:77', A), 1), 'dropStorm');
  t.deepEqual(send(frame(B, A), 1), [2]);
  t.deepEqual(send(frame(BROADCAST, A), 1, 100), [2, 3, 4]);
  t.is(send(frame(BROADCAST, A), 1, 100), 'dropStorm');
  t.deepEqual(send(frame(BROADCAST, B), 2, 100), [1, 3, 4]);
  t.is(reader.value(1, Counter.dropStorm), 70);
});

test('limits by class: broadcast, other groups, and stations that nobody knows', (t) => {
  const { send, reader } = bench({
    portStates: all,
    stormLimits: [undefined, { broadcast: 10, unknown: 20 }, { multicast: 10 }],
  });
  send(frame(BROADCAST, B), 2);
  const passed = (to: string, port: number): number => {
    let count = 0;
    for (let i = 0; i < 100; i++) if (send(frame(to, A), port) !== 'dropStorm') count++;
    return count;
  };
  t.is(passed(BROADCAST, 1), 32);
  t.is(passed('01:00:5e:00:00:01', 1), 100);
  t.is(passed('02:00:00:00:00:77', 1), 32);
  t.is(passed(B, 1), 100, 'a known station is no flood');
  t.is(passed('01:00:5e:00:00:01', 2), 32);
  t.is(passed(BROADCAST, 2), 100);
  t.is(passed('33:33:00:00:00:01', 3), 100);
  t.deepEqual(
    [1, 2, 3].map((port) => reader.value(port, Counter.dropStorm)),
    [136, 68, 0],
  );
});

test('static addresses: a port of their own, no flood, no move', (t) => {
  const { send, forwarder, database, reader } = bench({
    portStates: all,
    statics: packStatics([
      { mac: B, vlan: 0, port: 2 },
      { mac: C, vlan: 0, port: 4 },
    ]),
  });
  t.deepEqual(send(frame(B, A), 1), [2], 'known before it said a word');
  t.deepEqual(send(frame(BROADCAST, B), 3), [1, 2, 4]);
  t.is(reader.value(3, Counter.moveRefused), 1);
  t.deepEqual(send(frame(B, A), 1), [2], 'and it stays where it is');
  forwarder.applySettings({ portStates: states(forwarding, forwarding, forwarding) }, 0);
  t.deepEqual(send(frame(B, A), 1), [2, 3], 'no longer');
  t.is(database.lookup(0x02000000, 0x0c, 0), 0);
  forwarder.applySettings(
    { portStates: all.subarray(0, 4), statics: packStatics([{ mac: C, vlan: 0, port: 4 }]) },
    0,
  );
  t.is(send(frame(C, A), 1), 'dropFiltered', 'its port does not forward');
});

test('a million addresses fill no more than their share, and everything goes on', (t) => {
  const { send, database, reader } = bench({
    portStates: all,
    portLimit: 1024,
    collectionInterval: 2000,
  });
  send(frame(BROADCAST, B), 2);
  const flood = frame(BROADCAST, A);
  const view = new DataView(flood.buffer, flood.byteOffset);
  for (let i = 0; i < 1_000_000; i++) {
    view.setUint32(8, 0x01000000 + i);
    if (i % 1000 !== 0) {
      send(flood, 1, i / 100);
      continue;
    }
    t.deepEqual(send(flood, 1, i / 100), [2, 3, 4]);
    t.deepEqual(send(frame(B, A), 3, i / 100), [2], 'who was known stays known');
    t.true(database.portSize(1) <= 1024);
    t.true(database.size <= 1024 + 2);
  }
  t.true(reader.value(1, Counter.learnRefused) > 900_000);
  t.is(reader.value(1, Counter.framesIn), 1_000_000);
  database.collect(10_000);
  for (let now = 10_400; now <= 115_000; now += 400) database.collect(now);
  t.is(database.portSize(1), 0, 'in the end all of them are forgotten');
  t.deepEqual(send(frame(BROADCAST, C), 1, 115_000), [2, 3, 4]);
  t.is(database.portSize(1), 1, 'and there is room again');
});

test('new settings replace the old ones whole', (t) => {
  const { send, forwarder, database } = bench({ portStates: all, hub: true, mirrorTo: 4 });
  forwarder.applySettings({ portStates: states(forwarding, forwarding), ageingTime: 5000 }, 0);
  t.deepEqual(send(frame(BROADCAST, A), 1), [2]);
  t.is(send(frame(BROADCAST, A), 3), 'dropDiscarding');
  t.is(database.ageingTime, 5000);
  t.is(database.size, 1);
});

test('refused learning is counted on the port and stops no frame', (t) => {
  const { send, reader } = bench({ portStates: all, portLimit: 1, minPersistence: 3000 });
  send(frame(BROADCAST, A), 1);
  t.deepEqual(send(frame(BROADCAST, B), 1), [2, 3, 4]);
  t.deepEqual(send(frame(BROADCAST, A), 2), [1, 3, 4]);
  t.is(reader.value(1, Counter.learnRefused), 1);
  t.is(reader.value(2, Counter.moveRefused), 1);
});

test('the mirror sees what passes, once, and never its own', (t) => {
  const { send } = bench({ portStates: all, mirrorTo: 4 });
  t.deepEqual(send(frame(BROADCAST, A), 1), [2, 3, 4]);
  t.deepEqual(send(frame(A, B), 2), [1, 4]);
  t.deepEqual(send(frame(A, '02:00:00:00:00:0c'), 1), ['dropFiltered', 4]);
  t.deepEqual(send(frame('01:80:c2:00:00:00', B), 2), ['control', 4]);
  t.deepEqual(send(frame(B, '02:00:00:00:00:0d'), 4), [2]);
});

test('a mirror on a port that the tree keeps closed gets nothing', (t) => {
  for (const state of [disabled, discarding, learning]) {
    const { send } = bench({ portStates: states(forwarding, forwarding, state), mirrorTo: 3 });
    t.deepEqual(send(frame(BROADCAST, A), 1), [2]);
    t.deepEqual(send(frame(A, B), 2), [1]);
    t.is(send(frame('01:80:c2:00:00:00', B), 2), 'control');
  }
});

test('a host of a static address is claimed when it is heard on its port, once', (t) => {
  const learned: unknown[] = [];
  const claims = { ...NO_CLAIMS, learned: (...args: readonly unknown[]) => learned.push(args) };
  const database = new FilteringDatabase();
  const forwarder = new Forwarder(database, new CounterWriter(allocateCounters()), claims);
  const statics = packStatics([{ mac: A, vlan: 0, port: 2 }]);
  forwarder.applySettings({ portStates: all, statics }, 0);
  const said = frame(BROADCAST, A);
  forwarder.decide(said, 0, said.length, 1, 0);
  t.deepEqual(learned, [], 'somebody else uses it');
  for (let i = 0; i < 3; i++) forwarder.decide(said, 0, said.length, 2, i);
  t.deepEqual(learned, [[0x02000000, 0x0a, 0, 2]]);
});

test('the mirror can watch one port, both ways', (t) => {
  const { send } = bench({ portStates: all, mirrorTo: 4, mirrorOf: 2 });
  send(frame(BROADCAST, '02:00:00:00:00:0c'), 3);
  send(frame(BROADCAST, B), 2);
  t.deepEqual(send(frame(B, A), 1), [2, 4]);
  t.deepEqual(send(frame(A, B), 2), [1, 4]);
  t.deepEqual(send(frame('02:00:00:00:00:0c', A), 1), [3]);
});

test('VLANs: access, trunk and native', (t) => {
  const vlans = buildVlanTables(
    new Map<number, PortVlans>([
      [1, { untagged: 10, tagged: [] }],
      [2, { untagged: 20, tagged: [] }],
      [3, { untagged: 20, tagged: [10] }],
      [4, { untagged: NO_VLAN, tagged: [10, 20] }],
    ]),
  );
  const { send, forwarder } = bench({ portStates: all, vlans });
  const actions = () => [...forwarder.tagAction.subarray(0, forwarder.count)];
  t.deepEqual(send(frame(BROADCAST, A), 1), [3, 4]);
  t.deepEqual(actions(), [TagAction.insert, TagAction.insert]);
  t.is(forwarder.tci, 10);
  const tagged = [0x81, 0x00, 0xa0, 10, 0x08, 0x00];
  t.deepEqual(send(frame(BROADCAST, B, tagged), 4), [1, 3]);
  t.deepEqual(actions(), [TagAction.strip, TagAction.keep]);
  t.deepEqual(send(frame(B, A), 1), [4]);
  t.deepEqual(actions(), [TagAction.insert]);
  t.is(send(frame(BROADCAST, B), 4), 'dropVlan');
  t.is(send(frame(BROADCAST, B, tagged), 2), 'dropVlan');
  const priority = [0x81, 0x00, 0xa0, 0, 0x08, 0x00];
  t.deepEqual(send(frame(BROADCAST, B, priority), 2), [3, 4]);
  t.deepEqual(actions(), [TagAction.strip, TagAction.replace]);
  t.is(forwarder.tci, 0xa000 | 20);
});

test('a switch that is not VLAN-aware passes tags as they are', (t) => {
  const { send, forwarder } = bench({ portStates: all });
  t.deepEqual(send(frame(BROADCAST, A, [0x81, 0x00, 0, 10, 0x08, 0x00]), 1), [2, 3, 4]);
  t.true(forwarder.tagAction.subarray(0, 3).every((action) => action === TagAction.keep));
});

const PORTS = [1, 2, 3, 4, 5];
const vidOrNone = fc.constantFrom(0, 1, 2, 3, NO_VLAN);
const settings = fc.record(
  {
    portStates: fc
      .array(fc.constantFrom(disabled, discarding, learning, forwarding, forwarding, forwarding), {
        minLength: 5,
        maxLength: 5,
      })
      .map((list) => states(...list)),
    hub: fc.boolean(),
    mirrorTo: fc.integer({ min: 0, max: 5 }),
    mirrorOf: fc.integer({ min: 0, max: 5 }),
  },
  { requiredKeys: ['portStates'] },
);
const membership = fc.option(
  fc.tuple(
    ...PORTS.map(() =>
      fc.record({
        untagged: vidOrNone,
        tagged: fc.oneof(fc.subarray([1, 2, 3]), fc.constant('all' as const)),
      }),
    ),
  ),
  { nil: undefined },
);
const mac = fc.constantFrom(
  ...[A, B, '02:00:00:00:00:0c', '02:00:00:00:00:0d', 'fe:00:00:00:00:01'],
  ...[BROADCAST, '33:33:00:00:00:01', '01:80:c2:00:00:00', '01:80:c2:00:00:20'],
);
const rest = fc.oneof(
  fc.constantFrom([], [8], [8, 0], [8, 0, 1, 2, 3], [0x81, 0, 0, 1], [0x81, 0, 0, 1, 8]),
  fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.constantFrom(0, 1, 2, 3, 4, 255), fc.nat(255))
    .map(([priority, vid, payload]) => [
      0x81,
      0,
      (priority << 4) | (vid === 255 ? 15 : 0),
      vid,
      8,
      0,
      payload,
    ]),
);
const sent = fc.record({ destination: mac, source: mac, rest, port: fc.constantFrom(...PORTS) });

test('does what its naive twin does', (t) => {
  const phase = fc.tuple(settings, membership, fc.array(sent, { maxLength: 40, size: 'max' }));
  fc.assert(
    fc.property(fc.array(phase, { minLength: 1, maxLength: 4, size: 'max' }), (phases) => {
      const { forwarder } = bench({ portStates: all });
      const twin = new NaiveForwarder();
      for (const [chosen, members, frames] of phases) {
        twin.vlans = members && new Map(members.map((vlans, i) => [i + 1, vlans]));
        twin.settings = chosen;
        const tables = twin.vlans && { vlans: buildVlanTables(twin.vlans) };
        forwarder.applySettings({ ...chosen, ...tables }, 0);
        for (const one of frames) {
          compare(t, forwarder, twin, frame(one.destination, one.source, one.rest), one.port);
        }
      }
    }),
    { numRuns: 500 },
  );
});

function compare(
  t: ExecutionContext,
  forwarder: Forwarder,
  twin: NaiveForwarder,
  bytes: Uint8Array,
  port: number,
): void {
  const expected = twin.decide(bytes, port);
  const slab = new Uint8Array(OFFSET + bytes.length);
  slab.set(bytes, OFFSET);
  const verdict = forwarder.decide(slab, OFFSET, bytes.length, port, 0);
  t.is(Object.keys(Verdict).at(verdict), expected.verdict);
  if (verdict === Verdict.drop)
    t.true(nameOf(forwarder.reason) === expected.reason, expected.reason);
  const frames = new Map<number, Uint8Array>();
  for (let i = 0; i < forwarder.count; i++) {
    const action = forwarder.tagAction[i] as TagAction;
    frames.set(forwarder.egress[i], applied(bytes, action, forwarder.tci));
  }
  t.is(frames.size, forwarder.count);
  t.deepEqual(
    [...frames].sort(([a], [b]) => a - b),
    [...expected.frames].sort(([a], [b]) => a - b),
  );
}

/** The frame as it would leave: octets in front, and the rest where it is. */
function applied(bytes: Uint8Array, action: TagAction, tci: number): Uint8Array {
  if (action === TagAction.keep) return bytes;
  const addresses = bytes.subarray(0, ADDRESSES_LENGTH);
  if (action === TagAction.strip) {
    return Uint8Array.of(...addresses, ...bytes.subarray(TAGGED_ADDRESSES_LENGTH));
  }
  const front = new Uint8Array(TAGGED_ADDRESSES_LENGTH);
  writeTaggedAddresses(bytes, 0, tci, front, 0);
  const from = action === TagAction.insert ? ADDRESSES_LENGTH : TAGGED_ADDRESSES_LENGTH;
  return Uint8Array.of(...front, ...bytes.subarray(from));
}
