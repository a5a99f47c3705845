/** Two ends of a crossing in one thread: what is sent comes as it was, and nobody sleeps through it. */
import test from 'ava';
import fc from 'fast-check';
import {
  allocateCrossing,
  allocateSleepers,
  Crossing,
  type CrossingTarget,
  Sleeper,
} from '../../src/data-plane/crossing.ts';
import { FlowControl } from '../../src/data-plane/flow-control.ts';
import { LandingStrip } from '../../src/data-plane/memory.ts';
import { RemoteSessions } from '../../src/data-plane/remote-sessions.ts';
import { ADDRESS_LENGTH, Offload, SlabLayout } from '../../src/io/contract.ts';
import { MemoryIo } from '../../src/io/memory-io.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { COMPLETE } from '../../src/links/super-frame.ts';
import { octets } from '../io/rig.ts';

const AT = SlabLayout.arena;

class End {
  readonly io = new MemoryIo({ network: new MemoryNetwork(), doorbell: -1 });
  readonly landing = new LandingStrip();
  readonly told: string[] = [];
  readonly crossing: Crossing;
  readonly sleeper: Sleeper;
  rung = 0;

  constructor(
    incoming: SharedArrayBuffer,
    outgoing: SharedArrayBuffer,
    sleepers: SharedArrayBuffer,
    own: number,
  ) {
    const other = 1 - own;
    const { io, landing } = this;
    const ring = (): void => void this.rung++;
    this.crossing = new Crossing({ io, landing, incoming, outgoing, sleepers, other, ring });
    this.sleeper = new Sleeper(sleepers, own);
  }

  /** Puts octets where the crossing can take them from. */
  put(bytes: Uint8Array, at = AT): number {
    this.io.slab.set(bytes, at);
    return at;
  }

  receive(): string[] {
    const text = (offset: number, length: number): string =>
      Buffer.from(this.io.slab.subarray(offset, offset + length)).toString('hex');
    const target: CrossingTarget = {
      crossedFrame: (index, offset, length, offload, flag) => {
        const { offload: type, segmentSize, checksumStart, checksumOffset } = offload;
        const fields = [flag, type, segmentSize, checksumStart, checksumOffset].join(' ');
        this.told.push(`frame ${index} ${fields} ${text(offset, length)}`);
      },
      crossedPacket: (index, type, offset, length) => {
        this.told.push(`packet ${index} ${type} ${text(offset, length)}`);
      },
      crossedDatagram: (descriptor, address, offset, length) => {
        const from = text(address, ADDRESS_LENGTH);
        this.told.push(`datagram ${descriptor} ${from} ${text(offset, length)}`);
      },
      crossedRecordLength: (index, length) => {
        this.told.push(`path ${index} ${length}`);
      },
    };
    this.crossing.receive(target);
    return this.told.splice(0);
  }
}

function makeEnds(): [End, End] {
  const { toSessions, toSwitch } = allocateCrossing();
  const sleepers = allocateSleepers(2);
  return [new End(toSwitch, toSessions, sleepers, 0), new End(toSessions, toSwitch, sleepers, 1)];
}

test('everything that may be sent comes as it was, in order', (t) => {
  const [left, right] = makeEnds();
  const { crossing } = left;
  t.true(crossing.frame(0xffff_fc01, left.put(octets(20)), 20, COMPLETE, 0x40));
  const fields = {
    offload: Offload.tcp6,
    segmentSize: 1400,
    checksumStart: 54,
    checksumOffset: 16,
  };
  t.true(crossing.frame(7, left.put(octets(9, 30)), 9, fields, 0));
  t.true(crossing.packet(8, 0x0d, left.put(octets(3, 5)), 3));
  t.true(crossing.control(9, 0x08, octets(2, 9)));
  t.true(crossing.relay(10, 0x0e, 0x8003, left.put(octets(4)), 4));
  left.put(octets(ADDRESS_LENGTH, 100), AT + 500);
  t.true(crossing.datagram(3, AT + 500, left.put(octets(5)), 5));
  t.true(crossing.recordLength(11, 9280));
  t.deepEqual(right.receive(), [], 'not before it is published');
  crossing.publish();
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  t.deepEqual(right.receive(), [
    `frame ${0xffff_fc01} 64 0 0 0 0 ${hex(octets(20))}`,
    `frame 7 0 2 1400 54 16 ${hex(octets(9, 30))}`,
    'packet 8 13 050607',
    'packet 9 8 090a',
    'packet 10 14 800300010203',
    `datagram 3 ${hex(octets(ADDRESS_LENGTH, 100))} 0001020304`,
    'path 11 9280',
  ]);
  t.true(right.crossing.isEmpty);
});

test('a full lane refuses frames first, and leaves packets their share', (t) => {
  const [left, right] = makeEnds();
  left.put(octets(60_000));
  let frames = 0;
  while (left.crossing.frame(1, AT, 60_000, COMPLETE, 0)) frames++;
  t.true(frames >= 25 && frames <= 31);
  t.true(left.crossing.control(2, 3, octets(1000)));
  t.false(left.crossing.frame(1, AT, 60_000, COMPLETE, 0));
  t.is(left.crossing.drops, 2);
  left.crossing.publish();
  // There is room for so many in one turn.
  const first = right.receive().length;
  t.true(first > 0 && first < frames);
  t.false(right.crossing.isEmpty);
  let rest = 0;
  while (!right.crossing.isEmpty) {
    right.landing.clear();
    rest += right.receive().length;
  }
  t.is(first + rest, frames + 1);
  t.true(left.crossing.frame(1, AT, 60_000, COMPLETE, 0));
});

test('the bell is rung once for one who sleeps, and for nobody else', (t) => {
  const [left, right] = makeEnds();
  const send = (): void => {
    left.crossing.packet(1, 1, AT, 4);
    left.crossing.publish();
  };
  send();
  t.is(left.rung, 0, 'awake');
  right.sleeper.lieDown();
  left.crossing.publish();
  t.is(left.rung, 0, 'nothing is new');
  send();
  send();
  t.is(left.rung, 1);
  right.sleeper.lieDown();
  right.sleeper.getUp();
  send();
  t.is(left.rung, 1);
  left.sleeper.lieDown();
  send();
  t.is(left.rung, 1, 'its own sleep is no matter');
});

test('whatever the order, nothing is left lying with one who sleeps unrung', (t) => {
  // What each side does in turn, a step at a time.
  const steps = fc.array(fc.boolean(), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(steps, (order) => {
      const [left, right] = makeEnds();
      let asleep = false;
      let looked = 0;
      for (const isSender of order) {
        if (isSender) {
          left.crossing.packet(1, 1, AT, 4);
          left.crossing.publish();
          if (left.rung > looked) {
            looked = left.rung;
            asleep = false;
          }
        } else if (!asleep) {
          right.landing.clear();
          right.receive();
          right.sleeper.lieDown();
          asleep = right.crossing.isEmpty;
          if (!asleep) right.sleeper.getUp();
        }
        if (asleep && !right.crossing.isEmpty) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test('what crosses faster than the command that opens its session waits for that', (t) => {
  const [left, right] = makeEnds();
  const told: string[] = [];
  let asked = 0;
  const remotes: RemoteSessions = new RemoteSessions({
    slab: left.io.slab,
    landing: left.landing,
    crossings: {
      sleeper: left.sleeper,
      others: [left.crossing],
      catchUp: () => {
        asked++;
        const fields = { worker: 1, localIndex: 0x401, descriptor: 0, port: 9 } as const;
        remotes.open({ op: 'open-remote-session', ...fields, mode: 'sealed' });
      },
    },
    target: {
      frame: ({ port }, _, length) => void told.push(`frame ${port} ${length}`),
      packet: ({ port }, type) => void told.push(`packet ${port} ${type}`),
      stray: () => void told.push('stray'),
    },
  });
  right.crossing.frame(0x401, AT, 60, COMPLETE, 0);
  right.crossing.packet(0x401, 0x0d, AT, 8);
  right.crossing.frame(0x402, AT, 60, COMPLETE, 0);
  right.crossing.frame(0x2401, AT, 60, COMPLETE, 0);
  right.crossing.publish();
  t.false(remotes.lieDown());
  remotes.receive(new FlowControl(left.io), 0);
  t.deepEqual(told, ['frame 9 60', 'packet 9 13']);
  t.is(asked, 1, 'once a turn');
  t.is(remotes.report().crossedUnknown, 2);
  t.true(remotes.lieDown());
  const [session] = remotes.on(0);
  t.is(session?.localIndex, 0x401);
  remotes.remove(session!);
  t.is(remotes.get(0x401), undefined);
  t.deepEqual(remotes.drops(), []);
});
