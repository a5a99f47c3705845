/**
 * The data path is walked through before the first frame comes, so that the runtime has
 * compiled it by then. Cold, a node takes five times as long for a frame, and it takes some
 * thousand of them to get warm: an idle network would be slow for minutes.
 *
 *   one pair of local sockets:  port 1 <-> port 2      frames go round and round
 *   one UDP socket on loopback: session <-> session    the same, sealed
 *   where sessions are spread:  what crosses over to the other workers, or to the ports
 *
 * It uses an engine of its own over the same I/O, sees no traffic but its own, and leaves
 * nothing behind. Where there is no loopback, that half is left out.
 */
import { emitAddress } from '../io/address.ts';
import {
  ADDRESS_LENGTH,
  type BatchedIo,
  CipherId,
  DescriptorKind,
  KEY_LENGTH,
  type SystemSockets,
} from '../io/contract.ts';
import { SharedRing } from '../io/ring.ts';
import { allocateCounters, CounterWriter } from '../switch/counters.ts';
import { PORT_TABLE_LENGTH, PortState } from '../switch/port.ts';
import { Engine } from './engine.ts';
import type { DataPlaneEngine } from './engine-contract.ts';
import { NoticeWriter } from './notice-writer.ts';
import { Mirror } from './rehearsal-mirror.ts';
import { SessionEngine } from './session-engine.ts';

/** Turns: as many as make the runtime compile what they go through. */
const TURNS = 6000;
/** Milliseconds after which it ends all the same. */
const LIMIT = 400;
/** Frames on the way at first; one alone at last, as it is when a network is idle. */
const LENGTHS: readonly number[] = [60, 64, 98, 120, 600, 1000, 1400, 1514];
/** The first 32 bits of the made-up stations' addresses; the last are the port. */
const STATIONS = 0x02000000;
const LOOPBACK = '127.0.0.1';
const RING_LENGTH = 64 * 1024;

export interface RehearsalParts {
  readonly io: BatchedIo;
  readonly sockets: SystemSockets;
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
  /** Which worker this is, of how many. */
  readonly worker: number;
  readonly workers: number;
}

export function rehearse(parts: RehearsalParts): void {
  if (parts.worker === 0) rehearsePorts(parts);
  else rehearseSessions(parts);
}

function rehearsePorts({ io, sockets, clock, workers }: RehearsalParts): void {
  const mirror = workers > 1 ? new Mirror(io, 0) : undefined;
  const engine = new Engine({
    ...commonParts(io, sockets),
    ...(mirror === undefined
      ? {}
      : {
          crossings: ({ landing }) => ({
            sleeper: mirror.sleeper(0),
            others: [mirror.crossing(0, landing)],
          }),
        }),
  });
  const now = clock();
  const used = [...joinPorts(engine, sockets, now), ...joinSessions(engine, sockets, now)];
  const rounds = [
    [1, 2],
    [LEFT_PORT, RIGHT_PORT],
  ];
  if (mirror !== undefined) rounds.push(joinRemotes(engine, now));
  const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
  engine.execute({ op: 'configure', settings: { portStates } }, now);
  const end = now + LIMIT;
  for (const [from, to] of rounds) {
    // What leaves by `to` comes in by `from`: round and round.
    engine.database.learn(STATIONS, to, 0, to, now);
    for (const length of LENGTHS) {
      engine.execute({ op: 'inject-frame', port: from, frame: frame(length, to, from) }, now);
    }
    engine.drain();
    for (let turn = 0; turn < TURNS / 2 && clock() < end; turn++) {
      engine.turn(io.poll(from > RIGHT_PORT ? 0 : 1), clock());
      mirror?.turn();
    }
  }
  for (const descriptor of used) engine.execute({ op: 'remove-descriptor', descriptor }, clock());
}

/** What comes out of one session goes into the other, as if the ports had sent it there. */
function rehearseSessions({ io, sockets, clock, worker }: RehearsalParts): void {
  const mirror = new Mirror(io, worker);
  const engine = new SessionEngine({
    ...commonParts(io, sockets),
    worker: 1,
    seed: 0,
    workers: 2,
    sleeper: mirror.sleeper(1),
    crossing: ({ landing }) => mirror.crossing(1, landing),
  });
  const now = clock();
  const used = joinSessions(engine, sockets, now);
  if (used.length === 0) return;
  for (const length of LENGTHS) mirror.begin(0, frame(length, RIGHT_PORT, LEFT_PORT));
  const end = now + LIMIT;
  for (let turn = 0; turn < TURNS && clock() < end; turn++) {
    engine.turn(io.poll(1), clock());
    mirror.turn();
  }
  for (const descriptor of used) engine.execute({ op: 'remove-descriptor', descriptor }, clock());
}

function commonParts(io: BatchedIo, sockets: SystemSockets) {
  const ring = (): SharedRing => SharedRing.create(RING_LENGTH);
  return {
    io,
    notices: new NoticeWriter(io.slab, ring(), ring()),
    counters: new CounterWriter(allocateCounters()),
    discard: (descriptor: number) => sockets.closeDescriptor(descriptor),
  };
}

const LEFT_PORT = 3;
const RIGHT_PORT = 4;
/** Ports of sessions that are made believe to be in another worker. */
const FAR_LEFT_PORT = 5;
const FAR_RIGHT_PORT = 6;
/** The first of their indices; its last bit is 0. */
const FAR_INDEX = 2;
const FAR_DESCRIPTOR = 3;

function joinPorts(engine: Engine, sockets: SystemSockets, now: number): number[] {
  const { unixDatagram: kind } = DescriptorKind;
  return sockets.openDatagramPair().map((systemDescriptor, descriptor) => {
    engine.execute({ op: 'add-descriptor', descriptor, systemDescriptor, kind }, now);
    engine.execute({ op: 'add-endpoint', descriptor, port: descriptor + 1 }, now);
    return descriptor;
  });
}

/** Sessions whose indices differ in the last bit, as the mirror wants it. @returns their ports */
function joinRemotes(engine: Engine, now: number): number[] {
  const ports = [FAR_LEFT_PORT, FAR_RIGHT_PORT];
  for (const [side, port] of ports.entries()) {
    const localIndex = FAR_INDEX + side;
    engine.execute(
      {
        op: 'open-remote-session',
        worker: 1,
        localIndex,
        descriptor: FAR_DESCRIPTOR,
        port,
        mode: 'sealed',
      },
      now,
    );
    engine.execute({ op: 'use-session', port, localIndex }, now);
  }
  return ports;
}

function joinSessions(engine: DataPlaneEngine, sockets: SystemSockets, now: number): number[] {
  const descriptor = 2;
  let address: Uint8Array;
  try {
    const systemDescriptor = sockets.openUdp(LOOPBACK, 0);
    const { port } = sockets.localAddress(systemDescriptor);
    address = new Uint8Array(ADDRESS_LENGTH);
    emitAddress({ host: LOOPBACK, port }, address);
    const { udp: kind } = DescriptorKind;
    engine.execute({ op: 'add-descriptor', descriptor, systemDescriptor, kind }, now);
  } catch {
    return [];
  }
  const secrets = [new Uint8Array(KEY_LENGTH).fill(1), new Uint8Array(KEY_LENGTH).fill(2)];
  for (const side of [0, 1]) {
    const port = side === 0 ? LEFT_PORT : RIGHT_PORT;
    engine.execute(
      {
        op: 'open-session',
        localIndex: side,
        remoteIndex: 1 - side,
        descriptor,
        address,
        cipher: CipherId.aes256gcm,
        sendSecret: secrets[side].slice(),
        receiveSecret: secrets[1 - side].slice(),
        firstNumber: 1,
        mode: 'sealed',
        largestFrame: 9216,
        port,
      },
      now,
    );
    if (engine instanceof Engine) {
      engine.execute({ op: 'use-session', port, localIndex: side }, now);
    }
  }
  return [descriptor];
}

/** A frame between two made-up stations, the one at port `to` from the one at port `from`. */
function frame(length: number, to: number, from: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set([0x02, 0, 0, 0, 0, to, 0x02, 0, 0, 0, 0, from, 0x88, 0xb5]);
  return bytes;
}
