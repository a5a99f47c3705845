/**
 * The other workers and their sessions, as the worker of the ports sees them.
 *
 *   what comes out of their records --> `receive` --> the switch, claims, relays
 *   what is for them                --> RemoteSession (the ports', through link-ports.ts)
 *   strays of either                --> whoever has the session
 */
import type { StrangerLimit } from '../links/handshake/stranger-limit.ts';
import { readReceiver } from '../links/link-message.ts';
import type { FrameOffload } from '../links/super-frame.ts';
import type { OpenRemoteSession } from './commands.ts';
import { CrossedSessions } from './crossed-sessions.ts';
import type { Crossing, CrossingTarget, Sleeper } from './crossing.ts';
import type { FlowControl } from './flow-control.ts';
import { ALL_SESSIONS, workerOf } from './local-index.ts';
import type { LandingStrip } from './memory.ts';
import { type LinkSession, RemoteSession } from './remote-session.ts';
import type { RemoteDrops } from './report.ts';

const INDEX_MASK = ALL_SESSIONS - 1;

/** What the worker of the ports does with what crossed. */
export interface RemoteSessionsTarget {
  frame(
    session: LinkSession,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    straight: boolean,
  ): void;
  packet(session: LinkSession, type: number, offset: number, length: number): void;
  /** A datagram of ours that came to another worker's socket. */
  stray(descriptor: number, address: number, offset: number, length: number): void;
}

/** The ways to the workers 1, 2, …, and the bed of worker 0. */
export interface Crossings {
  readonly sleeper: Sleeper;
  readonly others: readonly Crossing[];
  /** Carries out commands that have come (crossed-sessions.ts). */
  readonly catchUp?: () => void;
}

export interface RemoteSessionsParts {
  readonly slab: Uint8Array;
  readonly landing: LandingStrip;
  readonly crossings: Crossings;
  readonly target: RemoteSessionsTarget;
}

export class RemoteSessions implements CrossingTarget {
  readonly #parts: RemoteSessionsParts;
  readonly #others: readonly Crossing[];
  readonly #crossed: CrossedSessions<RemoteSession>;
  readonly #table: (RemoteSession | undefined)[] = new Array(ALL_SESSIONS).fill(undefined);
  readonly #all = new Set<RemoteSession>();
  /** The worker that is listened to first; each in its turn, so that none fills the landing alone. */
  #first = 0;
  #unknown = 0;

  constructor(parts: RemoteSessionsParts) {
    this.#parts = parts;
    const { others, catchUp } = parts.crossings;
    this.#others = others;
    this.#crossed = new CrossedSessions((localIndex) => this.get(localIndex), catchUp);
  }

  // ---- the sessions

  open(open: OpenRemoteSession): RemoteSession | undefined {
    const crossing = this.#others.at(open.worker - 1);
    if (crossing === undefined) return undefined;
    const session = new RemoteSession(open, crossing);
    const replaced = this.#table[open.localIndex & INDEX_MASK];
    if (replaced !== undefined) return undefined; // the worker that has it will refuse it, too
    this.#table[open.localIndex & INDEX_MASK] = session;
    this.#all.add(session);
    return session;
  }

  get(localIndex: number): RemoteSession | undefined {
    const session = this.#table[localIndex & INDEX_MASK];
    return session?.localIndex === localIndex ? session : undefined;
  }

  remove(session: RemoteSession): void {
    this.#table[session.localIndex & INDEX_MASK] = undefined;
    this.#all.delete(session);
  }

  on(descriptor: number): RemoteSession[] {
    return [...this.#all].filter((session) => session.descriptor === descriptor);
  }

  /** First messages come to worker 0: it has to know where friends are. */
  tellAddresses(strangers: Pick<StrangerLimit, 'hasSession'>, now: number): void {
    for (const { address } of this.#all) {
      if (address !== undefined) strangers.hasSession(address, 0, now);
    }
  }

  drops(): RemoteDrops[] {
    return [...this.#all].map(({ localIndex, drops }) => ({
      localIndex,
      drops: { ...drops },
    }));
  }

  report(): Readonly<Record<string, number>> {
    let full = 0;
    for (const crossing of this.#others) full += crossing.drops;
    return { crossingsFull: full, crossedUnknown: this.#unknown };
  }

  // ---- a turn

  /** The worker is about to wait. @returns false when there is something to do at once */
  lieDown(): boolean {
    this.#parts.crossings.sleeper.lieDown();
    for (const crossing of this.#others) {
      if (crossing.isEmpty) continue;
      this.#parts.crossings.sleeper.getUp();
      return false;
    }
    return true;
  }

  getUp(): void {
    this.#parts.crossings.sleeper.getUp();
  }

  /** Takes what has come; it stays in the slab until `clear`. Who was held for a worker may go on. */
  receive(flowControl: FlowControl, now: number): void {
    const others = this.#others;
    this.#crossed.begin();
    for (let i = 0; i < others.length; i++) {
      if (flowControl.isHolding || others[i].stalled) flowControl.drained(others[i], now);
    }
    for (let i = 0; i < others.length; i++) others[(this.#first + i) % others.length].receive(this);
    this.#first = (this.#first + 1) % others.length;
  }

  publish(): void {
    for (let i = 0; i < this.#others.length; i++) this.#others[i].publish();
  }

  /** Everything that came is sent or copied. */
  clear(): void {
    this.#parts.landing.clear();
  }

  /** Passes a record on to the worker that has its session. @returns false when that is ours */
  pass(descriptor: number, address: number, offset: number, length: number): boolean {
    const workers = this.#others.length + 1;
    const worker = workerOf(readReceiver(this.#parts.slab, offset), workers);
    if (worker === 0) return false;
    // Without room it is lost, as datagrams are, and the lane counts it.
    this.#others[worker - 1].datagram(descriptor, address, offset, length);
    return true;
  }

  // ---- CrossingTarget

  crossedFrame(
    localIndex: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void {
    const session = this.#crossed.find(localIndex);
    if (session === undefined) this.#unknown++;
    else this.#parts.target.frame(session, offset, length, offload, flag !== 0);
  }

  crossedPacket(localIndex: number, type: number, offset: number, length: number): void {
    const session = this.#crossed.find(localIndex);
    if (session === undefined) this.#unknown++;
    else this.#parts.target.packet(session, type, offset, length);
  }

  crossedDatagram(descriptor: number, address: number, offset: number, length: number): void {
    if (this.pass(descriptor, address, offset, length)) return;
    this.#parts.target.stray(descriptor, address, offset, length);
  }

  crossedRecordLength(localIndex: number, length: number): void {
    const session = this.#crossed.find(localIndex);
    if (session !== undefined) session.recordLength = length;
  }
}
