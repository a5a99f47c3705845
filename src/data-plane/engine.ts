/**
 * The data plane of one node: the loop that moves frames between switch ports.
 *
 *            +------------------- one turn --------------------+
 *   poll --> | scan records, open, deliver | frames of clients | --> drain (seal, send)
 *            +-------------------------------------------------+
 *
 * The engine decides nothing by itself that could be decided apart: forwarding
 * is in switch/, keys and windows in links/, ports in switchboard.ts, streams in
 * streams.ts, relays in circuit-traffic.ts, and what comes and goes in attachments.ts. It runs
 * in the worker, or in a test over an in-memory I/O. No frame allocates.
 */
import {
  type BatchedIo,
  type Offload,
  RX_STRIDE,
  Rx,
  RxEvent,
  SLOT_HEADROOM,
} from '../io/contract.ts';
import { StrangerLimit } from '../links/handshake/stranger-limit.ts';
import { DEFAULT_KEEPALIVE, type KeepaliveOptions } from '../links/keepalive.ts';
import { PacketType } from '../links/packet.ts';
import { COMPLETE, type FrameOffload } from '../links/super-frame.ts';
import { Counter, type CounterWriter } from '../switch/counters.ts';
import { FilteringDatabase } from '../switch/filtering-database.ts';
import { Attachments } from './attachments.ts';
import { executeOnBoard } from './board-commands.ts';
import { CircuitTraffic } from './circuit-traffic.ts';
import type { Command, Query } from './commands.ts';
import type { Owner } from './descriptor-owners.ts';
import type { Egress } from './egress/egress.ts';
import { Endpoint } from './endpoint.ts';
import type { DataPlaneEngine } from './engine-contract.ts';
import type { Receiver } from './flow-control.ts';
import { Ingress, type IngressTarget } from './ingress.ts';
import { LiveSessions } from './live-sessions.ts';
import { DataPlaneMemory } from './memory.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import type { LinkSession } from './remote-session.ts';
import { type Crossings, RemoteSessions, type RemoteSessionsTarget } from './remote-sessions.ts';
import { Streams } from './streams.ts';
import { Switchboard } from './switchboard.ts';

/** Milliseconds between two ticks: liveness, ageing, key updates. */
export const TICK_INTERVAL = 400;

export interface EngineOptions {
  readonly io: BatchedIo;
  readonly notices: NoticeWriter;
  readonly counters: CounterWriter;
  /** Closes a system descriptor that there is no place for. */
  readonly discard: (systemDescriptor: number) => void;
  readonly keepalive?: KeepaliveOptions;
  readonly database?: FilteringDatabase;
  /** Only for engines that share one I/O. */
  readonly memory?: DataPlaneMemory;
  /** What to add to `now` for milliseconds since 1970. */
  readonly timeOrigin?: number;
  /** The ways to other workers, which have sessions too. */
  readonly crossings?: (memory: DataPlaneMemory) => Crossings;
}

export class Engine implements DataPlaneEngine, IngressTarget, RemoteSessionsTarget {
  readonly database: FilteringDatabase;
  readonly memory: DataPlaneMemory;
  readonly ingress: Ingress;
  readonly #io: BatchedIo;
  readonly #notices: NoticeWriter;
  readonly #counters: CounterWriter;
  readonly #board: Switchboard;
  readonly #egress: Egress;
  readonly #streams: Streams;
  /** Undefined while there is no other worker. */
  readonly #remotes: RemoteSessions | undefined;
  readonly #attachments: Attachments;
  /** Those of the attachments. */
  readonly #owners: readonly (Owner | undefined)[];
  readonly #sessions: LiveSessions;
  readonly #circuits: CircuitTraffic;
  readonly #strangers: StrangerLimit;
  /** The offload fields of the frame in hand. */
  readonly #offload: FrameOffload = {
    ...COMPLETE,
  };
  readonly #retry = (receiver: Receiver): void => {
    if (receiver instanceof Endpoint) this.#egress.endpoints.writable(receiver);
    else this.#board.flowControl.drained(receiver, this.#now);
  };
  #now = 0;
  #nextTick = 0;

  constructor(options: EngineOptions) {
    this.#io = options.io;
    this.#notices = options.notices;
    this.#counters = options.counters;
    this.memory = options.memory ?? new DataPlaneMemory();
    this.database = options.database ?? new FilteringDatabase();
    this.#strangers = new StrangerLimit(this.database.seed);
    const { memory, database } = this;
    this.#board = new Switchboard({ ...options, memory, database });
    this.#egress = this.#board.egress;
    this.#sessions = new LiveSessions({
      ...options,
      memory,
      strangers: this.#strangers,
      egress: this.#egress,
      keepalive: options.keepalive ?? DEFAULT_KEEPALIVE,
    });
    this.ingress = new Ingress(options.io, this, this.#sessions);
    const makeRoom = (): void => this.#makeRoom();
    const common = { io: options.io, ingress: this.ingress, egress: this.#egress, makeRoom };
    this.#circuits = new CircuitTraffic({ ...common, memory, outputs: this.#board.outputs });
    const crossings = options.crossings?.(memory);
    const { slab } = options.io;
    const { landing } = memory;
    this.#remotes = crossings && new RemoteSessions({ slab, landing, crossings, target: this });
    this.#streams = new Streams({
      ...common,
      chunks: memory.chunks,
      sessionOn: (descriptor) => this.#sessions.on(descriptor),
    });
    this.#attachments = new Attachments({
      ...options,
      memory,
      board: this.#board,
      egress: this.#egress,
      streams: this.#streams,
      sessions: this.#sessions,
      remotes: this.#remotes,
      circuits: this.#circuits,
      strangers: this.#strangers,
    });
    this.#owners = this.#attachments.owners;
  }

  timeout(now: number): number {
    if (this.#remotes !== undefined && !this.#remotes.lieDown()) return 0;
    const { flowControl, impaired } = this.#board;
    const { deadline } = this.ingress;
    const next = Math.min(this.#nextTick, flowControl.deadline, impaired.deadline, deadline);
    return Math.max(0, Math.min(next, this.#sessions.farewells.deadline) - now);
  }

  turn(count: number, now: number): void {
    this.#remotes?.getUp();
    this.#setNow(now);
    const { rx } = this.#io;
    let others = 0;
    for (let i = 0; i < count; i++) {
      const at = i * RX_STRIDE;
      if (rx[at + Rx.event] !== RxEvent.data || !this.#scanData(at)) others++;
    }
    this.ingress.open(now);
    this.#remotes?.receive(this.#board.flowControl, now);
    if (this.#circuits.table.messages > 0) this.#circuits.open(now);
    if (others > 0) {
      for (let i = 0; i < count; i++) this.#other(i * RX_STRIDE);
    }
    if (now >= this.ingress.deadline) this.ingress.giveUp(now, this.#sessions);
    if (now >= this.#board.impaired.deadline) this.#board.impaired.release(now);
    if (now >= this.#nextTick) this.#tick(now);
    if (now >= this.#sessions.farewells.deadline) this.#sessions.farewells.release(now);
    this.#board.talk.tellNews();
    this.#remotes?.publish(); // who has to seal what crosses can begin
    this.#egress.drain();
    this.#board.flowControl.review(this.#board.now, this.#retry);
    this.ingress.release();
    this.#board.releaseCopies();
    this.#streams.compact();
    this.#attachments.endBroken();
    if (this.#remotes === undefined) return;
    this.#remotes.clear();
    this.#remotes.publish();
  }

  #setNow(now: number): void {
    this.#now = this.#egress.now = this.#sessions.now = now;
    this.#board.setNow(now);
  }

  execute(command: Command, now: number): unknown {
    this.#setNow(now);
    switch (command.op) {
      case 'add-descriptor':
        this.#attachments.add(command.descriptor, command.systemDescriptor, command.kind);
        return undefined;
      case 'remove-descriptor':
        this.#attachments.remove(command.descriptor);
        return undefined;
      case 'watch-descriptor':
        this.#attachments.watch(command.descriptor);
        return undefined;
      case 'add-endpoint':
        this.#attachments.addEndpoint(command.descriptor, command.port);
        return undefined;
      case 'send-message':
        this.#attachments.sendMessage(command.descriptor, command.address, command.message);
        return undefined;
      case 'open-session':
        if (this.#attachments.openSession(command)) this.#nextTick = 0; // ping and probe at once
        return undefined;
      case 'open-remote-session': {
        const session = this.#remotes?.open(command);
        if (session !== undefined) this.#board.addSession(session);
        return undefined;
      }
      case 'use-session':
        this.#board.useSession(command.port, this.#attachments.linkSession(command.localIndex));
        return undefined;
      case 'close-session':
        this.#attachments.closeSession(command.localIndex, command.reason);
        return undefined;
      case 'send-packet':
        this.#sessions.send(command);
        return undefined;
      case 'add-circuit':
        this.#attachments.addCircuit(command.descriptor, command.end);
        return undefined;
      case 'join-circuits':
        this.#circuits.table.join(command.one, command.other);
        return undefined;
      case 'part-circuits':
        this.#circuits.table.part(command.one, command.other);
        return undefined;
      case 'query':
        return this.#answer(command.what);
      default:
        executeOnBoard(this.#board, command);
        return undefined;
    }
  }

  drain(): void {
    this.#egress.drain();
    this.#remotes?.publish();
  }

  // ---- what came in

  /** @returns whether the record was one of a link and is dealt with */
  #scanData(at: number): boolean {
    const { rx } = this.#io;
    const descriptor = rx[at + Rx.descriptor];
    const owner = descriptor < 0 ? undefined : this.#owners[descriptor];
    if (owner === undefined) return false;
    if (owner.kind === 'datagrams') {
      this.#scanDatagrams(descriptor, at);
      return true;
    }
    if (owner.kind === 'stream') {
      if (!this.#streams.scan(descriptor)) this.#attachments.finish(descriptor, 0);
      return true;
    }
    return false;
  }

  /** One datagram, or several of one source that the system has joined. */
  #scanDatagrams(descriptor: number, at: number): void {
    const { rx } = this.#io;
    const { ingress } = this;
    const start = rx[at + Rx.offset];
    const length = rx[at + Rx.length];
    const address = start - SLOT_HEADROOM;
    const size = rx[at + Rx.segmentSize] || length || 1;
    for (let from = 0; from === 0 || from < length; from += size) {
      if (ingress.isFull) this.#makeRoom();
      ingress.datagram(descriptor, start + from, Math.min(size, length - from), address);
    }
  }

  /** Opens and delivers early; what that made leaves first, as both use the job list. */
  #makeRoom(): void {
    this.ingress.open(this.#now);
    this.#egress.drain();
  }

  /** Everything but link data: clients' frames, and events. */
  #other(at: number): void {
    const { rx } = this.#io;
    const descriptor = rx[at + Rx.descriptor];
    const owner = descriptor < 0 ? undefined : this.#owners[descriptor];
    if (owner === undefined) return;
    switch (rx[at + Rx.event]) {
      case RxEvent.data:
        if (owner.kind === 'endpoint') this.#fromEndpoint(owner.endpoint, at);
        return;
      case RxEvent.oversized:
        if (owner.kind === 'endpoint') {
          this.#counters.add(owner.endpoint.port, Counter.dropGiant, 1);
        } else this.ingress.drops.malformed++;
        return;
      case RxEvent.malformed:
        if (owner.kind === 'endpoint') {
          this.#counters.add(owner.endpoint.port, Counter.dropMalformed, 1);
        }
        return;
      case RxEvent.writable:
        this.#attachments.writable(descriptor, owner);
        return;
      case RxEvent.accepted:
        this.#attachments.accepted(descriptor, rx[at + Rx.length], rx[at + Rx.offset]);
        return;
      case RxEvent.closed:
        this.#attachments.finish(descriptor, rx[at + Rx.length]);
        return;
    }
  }

  #fromEndpoint(endpoint: Endpoint, at: number): void {
    const { rx } = this.#io;
    const offload = this.#offload;
    offload.offload = rx[at + Rx.offload] as Offload;
    offload.segmentSize = rx[at + Rx.segmentSize];
    offload.checksumStart = rx[at + Rx.checksumStart];
    offload.checksumOffset = rx[at + Rx.checksumOffset];
    this.#board.fromEndpoint(endpoint, rx[at + Rx.offset], rx[at + Rx.length], offload);
  }

  // ---- IngressTarget

  frame(
    session: LinkSession,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    straight: boolean,
  ): void {
    this.#board.fromSession(session, offset, length, offload, straight);
  }

  packet(session: LinkSession, type: number, offset: number, length: number): void {
    if (type === PacketType.bridge) {
      if (this.#board.recorder.count > 0) this.#board.recordIn(session.port, offset, length);
      this.#board.toControl(session.port, offset, length);
      return;
    }
    if (type === PacketType.claim) {
      this.#board.talk.receive(session, offset, length);
      return;
    }
    if (type === PacketType.relay) {
      this.#circuits.packet(session, offset, length);
      return;
    }
    this.#notices.friend(NoticeKind.packet, type, session.localIndex, 0, -1, offset, length);
  }

  elsewhere(descriptor: number, address: number, offset: number, length: number): boolean {
    return this.#remotes?.pass(descriptor, address, offset, length) ?? false;
  }

  /** Opening uses the job list, as sealing does. */
  stray(descriptor: number, address: number, offset: number, length: number): void {
    this.#egress.drain();
    this.ingress.datagram(descriptor, offset, length, address);
    this.ingress.open(this.#now);
  }

  message(descriptor: number, address: number, offset: number, length: number): void {
    const { slab } = this.#io;
    if (address >= 0 && !this.#strangers.admit(slab, address, offset, length, this.#now)) return;
    this.#notices.stranger(NoticeKind.message, descriptor, 0, address, offset, length);
  }

  // ---- time

  #tick(now: number): void {
    this.#nextTick = now + TICK_INTERVAL;
    this.database.collect(now);
    this.#board.talk.tick();
    this.#board.snoop();
    this.#egress.drain(); // keys may move on below: what is staged has to be sealed before
    this.#nextTick = Math.min(this.#nextTick, this.#sessions.tick(now));
    this.#remotes?.tellAddresses(this.#strangers, now);
  }

  #answer(what: Query['what']): unknown {
    if (what === 'impairments') return this.#board.impaired.reports();
    if (what === 'remote-drops') return this.#remotes?.drops() ?? [];
    if (what === 'addresses') return this.database.snapshot(this.#now);
    if (what === 'io') {
      const { counters, own } = this.#board.claims;
      return {
        ...this.#io.counters(),
        ...this.ingress.drops,
        ...this.#strangers.drops,
        ...counters,
        ...this.#board.snoopingReport(),
        hostsRefused: own.refused,
        addressNewsLost: this.#board.addressNewsLost,
        ...this.#circuits.table.counters,
        ...this.#remotes?.report(),
      };
    }
    return this.#sessions.reports();
  }
}
