/**
 * The data path is walked through before the first frame comes, so that the runtime has
 * compiled it by then. Cold, a node takes five times as long for a frame, and it takes some
 * thousand of them to get warm: an idle network would be slow for minutes. What compiled
 * code then meets for the first time is compiled anew, which an idle network feels as well;
 * so it is two whole nodes that rehearse, with all that frames usually meet:
 *
 *              near                                         far
 *   client <-> 3 |                                       | 3 <-> client
 *      TAP <-> 4 | 512 <--- sealed, UDP on loopback ---> 512 | 4 <-> TAP
 *      TAP <-> 5 | 513 <-- in the clear, another socket -> 513 | 5 <-> TAP
 *
 * What clients and TAPs of the same number are is the two ends of one pair of sockets, so a
 * frame goes round and round, in one direction over the link. Ports 1 and 2 of the near node
 * are such a pair by themselves: local switching.
 *
 * The engines are their own, over the same I/O and memory; they see no traffic but theirs and
 * leave nothing behind. Where there is no loopback, the links are left out. What crosses to
 * other workers, and what these do, is rehearsed with a mirror (rehearsal-mirror.ts).
 */
import { type BatchedIo, DescriptorKind } from '../io/contract.ts';
import { SharedRing } from '../io/ring.ts';
import type { SystemSockets } from '../io/system-contract.ts';
import { allocateCounters, CounterWriter } from '../switch/counters.ts';
import { PORT_TABLE_LENGTH, PortState } from '../switch/port.ts';
import { Engine } from './engine.ts';
import { DataPlaneMemory } from './memory.ts';
import { NoticeWriter } from './notice-writer.ts';
import { frameBetween, STATIONS, sendSuperFrame } from './rehearsal-frames.ts';
import { Mirror } from './rehearsal-mirror.ts';
import { RehearsalNode, type RehearsalSocket } from './rehearsal-node.ts';
import { SessionEngine } from './session-engine.ts';

/** Milliseconds after which it ends all the same. */
const LIMIT = 400;
/** Turns of a walk, as many as make the runtime compile what they go through. */
const BUSY_TURNS = 150;
const QUIET_TURNS = 1500;
const SESSION_TURNS = 6000;
/** Octets of frames on the way at once; then one alone, as it is when a network is idle. */
const BUSY: readonly number[] = [60, 98, 600, 1514];
const QUIET: readonly number[] = [98];
/** Octets of payload of super-frames: in few pieces and in many. */
const SUPER_FRAMES: readonly number[] = [9000];
const RING_LENGTH = 64 * 1024;

const { unixDatagram, tap } = DescriptorKind;
const LOOP_PORTS = [1, 2] as const;
const CLIENT_PORT = 3;
const TAP_PORT = 4;
const CLEAR_TAP_PORT = 5;
const SEALED_LINK = 512;
const CLEAR_LINK = 513;
/** Ports of sessions that are made believe to be in another worker. */
const REMOTE_PORTS = [514, 515] as const;
/** The first of their indices; its last bit is 0, as the mirror wants it. */
const REMOTE_INDEX = 6;
const REMOTE_DESCRIPTOR = 100;
/** Added to the station behind a port of the far node. */
const FAR_STATION = 0x100;

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
  if (parts.worker === 0) new NodeRehearsal(parts).run();
  else rehearseSessions(parts);
}

/** How frames begin to go round. */
type Walk = (lengths: readonly number[]) => void;

class NodeRehearsal {
  readonly #io: BatchedIo;
  readonly #sockets: SystemSockets;
  readonly #clock: () => number;
  readonly #start: number;
  readonly #memory = new DataPlaneMemory();
  readonly #mirror: Mirror | undefined;
  readonly #near: RehearsalNode<Engine>;
  readonly #far: RehearsalNode<Engine>;

  constructor({ io, sockets, clock, workers }: RehearsalParts) {
    this.#io = io;
    this.#sockets = sockets;
    this.#clock = clock;
    this.#start = clock();
    const mirror = workers > 1 ? new Mirror(io, 0) : undefined;
    this.#mirror = mirror;
    const parts = { ...commonParts(io, sockets), memory: this.#memory };
    let descriptors = 0;
    const next = (): number => descriptors++;
    const crossings = mirror && {
      crossings: ({ landing }: DataPlaneMemory) => ({
        sleeper: mirror.sleeper(0),
        others: [mirror.crossing(0, landing)],
      }),
    };
    this.#near = new RehearsalNode(new Engine({ ...parts, ...crossings }), this.#start, next);
    this.#far = new RehearsalNode(new Engine(parts), this.#start, next);
  }

  run(): void {
    const walks = [this.#joinLoop(), ...this.#joinNodes()];
    if (this.#mirror !== undefined) walks.push(this.#joinRemotes());
    for (const walk of walks) this.#walk(walk, BUSY, BUSY_TURNS);
    for (const walk of walks) this.#walk(walk, QUIET, QUIET_TURNS);
    for (const node of [this.#near, this.#far]) node.leave(this.#clock());
  }

  #walk(walk: Walk, lengths: readonly number[], turns: number): void {
    this.#openPorts(true);
    walk(lengths);
    this.#near.engine.drain();
    this.#far.engine.drain();
    for (let turn = 0; turn < turns && this.#clock() < this.#start + LIMIT; turn++) this.#turn();
    this.#openPorts(false);
    for (let turn = 0; turn < turns && this.#turn() > 0; turn++);
  }

  /** @returns how much came in */
  #turn(): number {
    const count = this.#io.poll(0);
    const now = this.#clock();
    this.#near.engine.turn(count, now);
    this.#far.engine.turn(count, now);
    this.#mirror?.turn();
    return count;
  }

  #openPorts(open: boolean): void {
    const state = open ? PortState.forwarding : PortState.discarding;
    const settings = { portStates: new Uint8Array(PORT_TABLE_LENGTH).fill(state) };
    for (const { engine } of [this.#near, this.#far]) {
      engine.execute({ op: 'configure', settings }, this.#clock());
    }
  }

  /** Two clients of one node, each of which sends back what it gets. */
  #joinLoop(): Walk {
    const pair = this.#sockets.openDatagramPair();
    for (const [i, port] of LOOP_PORTS.entries()) this.#near.join(pair[i], unixDatagram, port);
    return this.#round(LOOP_PORTS);
  }

  /** What leaves by the second port comes in by the first. */
  #round([from, to]: readonly [number, number]): Walk {
    this.#learn(this.#near, to, to);
    return (lengths) => {
      for (const length of lengths) this.#inject(this.#near, from, frameBetween(from, to, length));
    };
  }

  #joinNodes(): Walk[] {
    let sockets: RehearsalSocket[];
    try {
      sockets = [this.#near, this.#far].map((node) => node.listen(this.#sockets));
    } catch {
      return [];
    }
    for (const [index, port] of [SEALED_LINK, CLEAR_LINK].entries()) {
      const mode = port === SEALED_LINK ? 'sealed' : 'clear';
      for (const [side, node] of [this.#near, this.#far].entries()) {
        const localIndex = 2 * index + side;
        const [from, to] = side === 0 ? sockets : sockets.toReversed();
        node.link({ port, mode, localIndex, remoteIndex: localIndex ^ 1, from, to });
        node.engine.execute({ op: 'use-session', port, localIndex }, this.#start);
      }
    }
    return [
      this.#joinChain(CLIENT_PORT, unixDatagram, SEALED_LINK),
      this.#joinChain(TAP_PORT, tap, SEALED_LINK),
      this.#joinChain(CLEAR_TAP_PORT, tap, CLEAR_LINK),
    ];
  }

  /** A client or TAP of each node, and frames of either that go to the other over the link. */
  #joinChain(port: number, kind: DescriptorKind, link: number): Walk {
    const [near, far] = [this.#near, this.#far];
    const pair = this.#sockets.openDatagramPair();
    const descriptors = [near.join(pair[0], kind, port), far.join(pair[1], kind, port)];
    const stations = [port, port + FAR_STATION] as const;
    // Its own station each node learns by itself, and tells the other of it.
    this.#learn(near, stations[1], link);
    this.#learn(far, stations[0], link);
    const [out, back] = [stations, [stations[1], stations[0]] as const];
    return (lengths) => {
      for (const length of lengths) {
        this.#inject(near, port, frameBetween(...out, length));
        this.#inject(far, port, frameBetween(...back, length));
      }
      if (kind !== tap || lengths === QUIET) return;
      for (const payload of SUPER_FRAMES) {
        // What leaves by the far one's TAP comes in by the near one's.
        this.#sendSuperFrame(descriptors[1], out, payload);
        this.#sendSuperFrame(descriptors[0], back, payload);
      }
    };
  }

  #sendSuperFrame(descriptor: number, way: readonly [number, number], payload: number): void {
    const { large } = this.#memory;
    const scratch = large.take();
    sendSuperFrame(this.#io, descriptor, scratch, way, payload);
    large.give(scratch);
  }

  /** Sessions whose indices differ in the last bit, as the mirror wants it. */
  #joinRemotes(): Walk {
    const { engine } = this.#near;
    for (const [side, port] of REMOTE_PORTS.entries()) {
      const localIndex = REMOTE_INDEX + side;
      const session = { localIndex, descriptor: REMOTE_DESCRIPTOR, port, mode: 'sealed' } as const;
      engine.execute({ op: 'open-remote-session', worker: 1, ...session }, this.#start);
      engine.execute({ op: 'use-session', port, localIndex }, this.#start);
    }
    return this.#round(REMOTE_PORTS);
  }

  #learn(node: RehearsalNode<Engine>, station: number, port: number): void {
    node.engine.database.learn(STATIONS, station, 0, port, this.#start);
  }

  #inject(node: RehearsalNode<Engine>, port: number, frame: Uint8Array): void {
    node.engine.execute({ op: 'inject-frame', port, frame }, this.#clock());
  }
}

/** What comes out of one session goes into the other, as if the ports had sent it there. */
function rehearseSessions({ io, sockets, clock, worker }: RehearsalParts): void {
  const mirror = new Mirror(io, worker);
  const now = clock();
  const engine = new SessionEngine({
    ...commonParts(io, sockets),
    worker: 1,
    seed: 0,
    workers: 2,
    sleeper: mirror.sleeper(1),
    crossing: ({ landing }) => mirror.crossing(1, landing),
  });
  const node = new RehearsalNode(engine, now, () => 0);
  let socket: RehearsalSocket;
  try {
    socket = node.listen(sockets);
  } catch {
    return;
  }
  for (const localIndex of [0, 1]) {
    const [port, remoteIndex] = [SEALED_LINK + localIndex, 1 - localIndex];
    node.link({ port, mode: 'sealed', localIndex, remoteIndex, from: socket, to: socket });
  }
  for (const length of BUSY) mirror.begin(0, frameBetween(1, 2, length));
  const end = now + LIMIT;
  for (let turn = 0; turn < SESSION_TURNS && clock() < end; turn++) {
    engine.turn(io.poll(0), clock());
    mirror.turn();
  }
  node.leave(clock());
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
