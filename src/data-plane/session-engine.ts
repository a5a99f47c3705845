/**
 * The data plane of a worker that has sessions and no ports: records are opened and sealed here,
 * and what is in them crosses to worker 0, which switches it.
 *
 *   poll --> scan, open --> frames, packets --> lane --> worker 0
 *                                                           |
 *   seal, send <-------------------------------- lane <-----+
 *
 * It has a socket of its own beside each UDP socket of worker 0, on the same address. Liveness,
 * path MTU, keys, fragments and super-frames in pieces are wholly its own; notices go from here
 * to the main thread. No frame allocates.
 */
import {
  type BatchedIo,
  DescriptorKind,
  MAX_DESCRIPTORS,
  Offload,
  RX_STRIDE,
  Rx,
  RxEvent,
  SLOT_HEADROOM,
} from '../io/contract.ts';
import { StrangerLimit } from '../links/handshake/stranger-limit.ts';
import { DEFAULT_KEEPALIVE, type KeepaliveOptions } from '../links/keepalive.ts';
import { readReceiver } from '../links/link-message.ts';
import { PacketType, STRAIGHT } from '../links/packet.ts';
import { BASE_PATH_MTU } from '../links/path-mtu.ts';
import type { FrameOffload } from '../links/super-frame.ts';
import { Counter, type CounterWriter } from '../switch/counters.ts';
import type { Command, OpenSession, Query } from './commands.ts';
import { CrossedSessions } from './crossed-sessions.ts';
import type { Crossing, CrossingTarget, Sleeper } from './crossing.ts';
import { Egress } from './egress/egress.ts';
import { TICK_INTERVAL } from './engine.ts';
import type { DataPlaneEngine } from './engine-contract.ts';
import { HOLD_ABOVE, RELEASE_AT } from './flow-control.ts';
import { Ingress, type IngressTarget } from './ingress.ts';
import { LiveSessions } from './live-sessions.ts';
import { workerOf } from './local-index.ts';
import { DataPlaneMemory } from './memory.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { Segmenter } from './segmenter.ts';
import type { Session } from './session.ts';

/** Milliseconds between looks whether worker 0 has caught up. */
const HOLD_INTERVAL = 1;

export interface SessionEngineOptions {
  readonly io: BatchedIo;
  readonly notices: NoticeWriter;
  /** Its own: what could not cross is counted on the port of the session. */
  readonly counters: CounterWriter;
  /** Closes a system descriptor that there is no place for. */
  readonly discard: (systemDescriptor: number) => void;
  readonly keepalive?: KeepaliveOptions;
  /** Unpredictable, for the limits on strangers. */
  readonly seed: number;
  /** Which worker this is, of how many. */
  readonly worker: number;
  readonly workers: number;
  readonly sleeper: Sleeper;
  /** The way to worker 0. */
  readonly crossing: (memory: DataPlaneMemory) => Crossing;
  /** As in Crossings of remote-sessions.ts. */
  readonly catchUp?: () => void;
}

export class SessionEngine implements DataPlaneEngine, IngressTarget, CrossingTarget {
  readonly memory = new DataPlaneMemory();
  readonly #options: SessionEngineOptions;
  readonly #io: BatchedIo;
  readonly #notices: NoticeWriter;
  readonly #counters: CounterWriter;
  readonly #crossing: Crossing;
  readonly #crossed: CrossedSessions<Session>;
  readonly #sleeper: Sleeper;
  readonly #egress: Egress;
  readonly #sessions: LiveSessions;
  readonly #ingress: Ingress;
  readonly #segmenter: Segmenter;
  readonly #strangers: StrangerLimit;
  /** 1 for a descriptor that is a socket of ours. */
  readonly #sockets = new Uint8Array(MAX_DESCRIPTORS);
  /** What worker 0 was told of each session's way. */
  readonly #recordLengths = new WeakMap<Session, number>();
  /** Frames and packets for sessions that are gone. */
  #unknown = 0;
  /** The sockets are not read. */
  #held = false;
  #now = 0;
  #nextTick = 0;

  constructor(options: SessionEngineOptions) {
    this.#options = options;
    this.#io = options.io;
    this.#notices = options.notices;
    this.#counters = options.counters;
    this.#sleeper = options.sleeper;
    const { io, notices } = options;
    const { memory } = this;
    this.#crossing = options.crossing(memory);
    this.#egress = new Egress(io, memory, NO_PORTS);
    this.#strangers = new StrangerLimit(options.seed);
    this.#sessions = new LiveSessions({
      io,
      memory,
      notices,
      egress: this.#egress,
      keepalive: options.keepalive ?? DEFAULT_KEEPALIVE,
      strangers: this.#strangers,
    });
    const sessions = this.#sessions;
    this.#crossed = new CrossedSessions((index) => sessions.session(index), options.catchUp);
    this.#ingress = new Ingress(io, this, sessions);
    this.#segmenter = new Segmenter(io, memory.large);
  }

  timeout(now: number): number {
    this.#sleeper.lieDown();
    if (!this.#crossing.isEmpty) {
      this.#sleeper.getUp();
      return 0;
    }
    const { deadline } = this.#sessions.farewells;
    const wait = Math.max(0, Math.min(this.#nextTick, this.#ingress.deadline, deadline) - now);
    return this.#held ? Math.min(wait, HOLD_INTERVAL) : wait;
  }

  turn(count: number, now: number): void {
    this.#sleeper.getUp();
    this.#setNow(now);
    for (let i = 0; i < count; i++) this.#received(i * RX_STRIDE);
    this.#ingress.open(now);
    // What came in is switched while we seal what goes out.
    this.#crossing.publish();
    this.#crossed.begin();
    this.#crossing.receive(this);
    if (now >= this.#ingress.deadline) this.#ingress.giveUp(now, this.#sessions);
    if (now >= this.#nextTick) this.#tick(now);
    if (now >= this.#sessions.farewells.deadline) this.#sessions.farewells.release(now);
    this.#egress.drain();
    this.#ingress.release();
    this.#segmenter.release();
    this.memory.landing.clear();
    this.#crossing.publish();
    this.#review();
  }

  execute(command: Command, now: number): unknown {
    this.#setNow(now);
    switch (command.op) {
      case 'add-descriptor':
        this.#addSocket(command.descriptor, command.systemDescriptor, command.kind);
        return undefined;
      case 'remove-descriptor':
        this.#removeSocket(command.descriptor);
        return undefined;
      case 'open-session':
        this.#openSession(command);
        return undefined;
      case 'close-session': {
        const session = this.#sessions.session(command.localIndex);
        if (session === undefined) return undefined;
        this.#sessions.sayClose(session, command.reason);
        this.#destroy(session);
        return undefined;
      }
      case 'send-packet':
        this.#sessions.send(command);
        return undefined;
      case 'query':
        return this.#answer(command.what);
      default:
        throw new RangeError(`${command.op} is for the worker of the ports`);
    }
  }

  drain(): void {
    this.#egress.drain();
    this.#crossing.publish();
  }

  #setNow(now: number): void {
    this.#now = this.#egress.now = this.#sessions.now = now;
  }

  /**
   * While worker 0 does not keep up, what comes is left with the system, whose buffers are
   * larger than a lane.
   */
  #review(): void {
    const { waiting } = this.#crossing;
    const held = this.#held ? waiting > RELEASE_AT : waiting > HOLD_ABOVE;
    if (held === this.#held) return;
    this.#held = held;
    for (let index = 0; index < MAX_DESCRIPTORS; index++) {
      if (this.#sockets[index] !== 0) this.#io.hold(index, held);
    }
  }

  // ---- what came in

  #received(at: number): void {
    const { rx } = this.#io;
    const descriptor = rx[at + Rx.descriptor];
    if (descriptor < 0 || this.#sockets[descriptor] === 0) return;
    switch (rx[at + Rx.event]) {
      case RxEvent.data:
        this.#scan(descriptor, at);
        return;
      case RxEvent.oversized:
        this.#ingress.drops.malformed++;
        return;
      case RxEvent.closed:
        this.#notices.friend(NoticeKind.closed, 0, descriptor, rx[at + Rx.length], -1, 0, 0);
        this.#removeSocket(descriptor);
        return;
    }
  }

  /** One datagram, or several of one source that the system has joined. */
  #scan(descriptor: number, at: number): void {
    const { rx } = this.#io;
    const start = rx[at + Rx.offset];
    const length = rx[at + Rx.length];
    const size = rx[at + Rx.segmentSize] || length || 1;
    for (let from = 0; from === 0 || from < length; from += size) {
      if (this.#ingress.isFull) this.#makeRoom();
      const octets = Math.min(size, length - from);
      this.#ingress.datagram(descriptor, start + from, octets, start - SLOT_HEADROOM);
    }
  }

  /** Opens and delivers early; what that made leaves first, as both use the job list. */
  #makeRoom(): void {
    this.#ingress.open(this.#now);
    this.#egress.drain();
  }

  // ---- IngressTarget

  frame(
    { localIndex, port }: Session,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    straight: boolean,
  ): void {
    if (this.#crossing.frame(localIndex, offset, length, offload, straight ? STRAIGHT : 0)) return;
    this.#counters.add(port, Counter.dropFull, 1);
  }

  packet(session: Session, type: number, offset: number, length: number): void {
    const { localIndex } = session;
    if (type === PacketType.bridge || type === PacketType.claim || type === PacketType.relay) {
      if (!this.#crossing.packet(localIndex, type, offset, length)) session.drops.full++;
      return;
    }
    this.#notices.friend(NoticeKind.packet, type, localIndex, 0, -1, offset, length);
  }

  /** Strays, and first records of sessions that are not open yet. */
  message(descriptor: number, address: number, offset: number, length: number): void {
    const { slab } = this.#io;
    if (!this.#strangers.admit(slab, address, offset, length, this.#now)) return;
    this.#notices.stranger(NoticeKind.message, descriptor, 0, address, offset, length);
  }

  elsewhere(descriptor: number, address: number, offset: number, length: number): boolean {
    const { worker, workers } = this.#options;
    if (workerOf(readReceiver(this.#io.slab, offset), workers) === worker) return false;
    this.#crossing.datagram(descriptor, address, offset, length);
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
    if (session === undefined) {
      this.#unknown++;
      return;
    }
    if (offload.offload === Offload.none) {
      this.#egress.frames.frame(session, offset, length, flag);
    } else if (!this.#egress.superFrames.superFrame(session, offset, length, offload, flag)) {
      this.#segments(session, offset, length, offload, flag);
    }
  }

  /** A super-frame that is too long to leave whole. */
  #segments(
    session: Session,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void {
    const segmenter = this.#segmenter;
    if (segmenter.isShort) {
      this.#egress.drain();
      segmenter.release();
    }
    if (!segmenter.cut(offset, length, offload)) {
      this.#counters.add(session.port, Counter.dropError, 1);
      return;
    }
    for (let i = 0; i < segmenter.count; i++) {
      this.#egress.frames.frame(session, segmenter.offsetOf(i), segmenter.lengthOf(i), flag);
    }
    segmenter.forget();
  }

  crossedPacket(localIndex: number, type: number, offset: number, length: number): void {
    const session = this.#crossed.find(localIndex);
    if (session === undefined) this.#unknown++;
    else this.#egress.packets.packet(session, type, offset, length);
  }

  /** A record of ours came to another worker's socket. Opening uses the job list by itself. */
  crossedDatagram(descriptor: number, address: number, offset: number, length: number): void {
    this.#egress.drain();
    if (this.#sockets[descriptor] === 0) return;
    this.#ingress.datagram(descriptor, offset, length, address);
    this.#ingress.open(this.#now);
  }

  crossedRecordLength(): void {} // worker 0 has no such news

  // ---- time

  #tick(now: number): void {
    this.#nextTick = now + TICK_INTERVAL;
    this.#egress.drain(); // keys may move on below: what is staged has to be sealed before
    this.#nextTick = Math.min(this.#nextTick, this.#sessions.tick(now));
    for (const session of this.#sessions) this.#tellRecordLength(session);
  }

  #tellRecordLength(session: Session): void {
    const { recordLength, localIndex } = session;
    if ((this.#recordLengths.get(session) ?? BASE_PATH_MTU) === recordLength) return;
    if (this.#crossing.recordLength(localIndex, recordLength)) {
      this.#recordLengths.set(session, recordLength);
    }
  }

  // ---- commands

  #addSocket(index: number, system: number, kind: DescriptorKind): void {
    try {
      if (kind !== DescriptorKind.udp) throw new RangeError('only UDP sockets have groups');
      this.#io.addDescriptor(index, system, kind);
    } catch {
      this.#options.discard(system);
      this.#notices.friend(NoticeKind.closed, 0, index, 0, -1, 0, 0);
      return;
    }
    this.#sockets[index] = 1;
    if (this.#held) this.#io.hold(index, true);
  }

  #removeSocket(index: number): void {
    if (this.#sockets[index] === 0) return;
    this.#egress.drain();
    for (const session of this.#sessions) {
      if (session.descriptor === index) this.#destroy(session);
    }
    this.#sessions.farewells.hurry(index);
    this.#sockets[index] = 0;
    this.#io.removeDescriptor(index);
  }

  #openSession(open: OpenSession): void {
    if (this.#sockets[open.descriptor] === 0) this.#sessions.refuse(open);
    else if (this.#sessions.open(open, undefined) !== undefined) this.#nextTick = 0; // ping at once
  }

  #destroy(session: Session): void {
    this.#egress.drain();
    this.#sessions.remove(session);
    session.destroy(this.memory);
  }

  #answer(what: Query['what']): unknown {
    if (what === 'sessions') return this.#sessions.reports();
    if (what !== 'io') return [];
    return {
      ...this.#io.counters(),
      ...this.#ingress.drops,
      crossingsFull: this.#crossing.drops,
      crossedUnknown: this.#unknown,
      ...this.#strangers.drops,
    };
  }
}

/** Nothing leaves by a port here. */
const NO_PORTS = {
  endpointFull: (): void => {},
  endpointWaits: (): void => {},
  endpointDrained: (): void => {},
  sessionOf: (): undefined => undefined,
};
