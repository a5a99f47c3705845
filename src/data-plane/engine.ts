/**
 * The data plane of one node: the loop that moves frames between switch ports.
 *
 *            +------------------- one turn --------------------+
 *   poll --> | scan records, open, deliver | frames of clients | --> drain (seal, send)
 *            +-------------------------------------------------+
 *
 * The engine decides nothing by itself that could be decided apart: forwarding
 * is in switch/, keys and windows in links/. It owns the tables that join
 * descriptors, ports and sessions. It runs in the worker, or in a test over an
 * in-memory I/O. No frame allocates.
 */
import { constants } from 'node:os';
import { copyAddress } from '../io/address.ts';
import {
  type BatchedIo,
  DescriptorKind,
  KEY_SLOTS,
  MAX_DESCRIPTORS,
  RX_STRIDE,
  Rx,
  RxEvent,
  SLOT_HEADROOM,
} from '../io/contract.ts';
import { DEFAULT_KEEPALIVE, type KeepaliveOptions } from '../links/keepalive.ts';
import { LINK_HEADER_LENGTH, MAX_BODY_LENGTH, readLength } from '../links/link-message.ts';
import { PacketType } from '../links/packet.ts';
import { Counter, type CounterWriter } from '../switch/counters.ts';
import { FilteringDatabase } from '../switch/filtering-database.ts';
import { Forwarder, Verdict } from '../switch/forwarding.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import type { Command, OpenSession } from './commands.ts';
import { Egress, type EgressObserver } from './egress.ts';
import { Endpoint } from './endpoint.ts';
import { FlowControl } from './flow-control.ts';
import { Ingress, type IngressTarget } from './ingress.ts';
import { CHUNK_LENGTH, DataPlaneMemory, PiecePool } from './memory.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { PingPayload } from './ping-payload.ts';
import { describeSession, type SessionReport } from './report.ts';
import { Session } from './session.ts';
import { StreamQueue } from './stream-queue.ts';

/** Milliseconds between two ticks: liveness, ageing, key updates. */
export const TICK_INTERVAL = 400;

/** Entries of the filtering database looked at in one tick (the whole table in about 6 s). */
const AGEING_BUDGET = 1024;

/** The low bits of a session's local index are its place in the table. */
export const SESSION_TABLE_LENGTH = 1024;
const SESSION_MASK = SESSION_TABLE_LENGTH - 1;

/** What a descriptor belongs to. */
type Owner =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint }
  | { readonly kind: 'datagrams' }
  | { readonly kind: 'listener' }
  | StreamOwner
  /** Added, but not yet said what for. */
  | { readonly kind: 'frames' };

interface StreamOwner {
  readonly kind: 'stream';
  readonly area: number;
  readonly queue: StreamQueue;
  consumed: number;
  connecting: boolean;
}

export interface EngineOptions {
  readonly io: BatchedIo;
  readonly notices: NoticeWriter;
  readonly counters: CounterWriter;
  /** Closes a system descriptor that there is no place for. */
  readonly discard: (systemDescriptor: number) => void;
  readonly keepalive?: KeepaliveOptions;
  readonly database?: FilteringDatabase;
}

export class Engine implements IngressTarget, EgressObserver {
  readonly database: FilteringDatabase;
  readonly memory = new DataPlaneMemory();
  readonly ingress: Ingress;
  readonly #io: BatchedIo;
  readonly #notices: NoticeWriter;
  readonly #counters: CounterWriter;
  readonly #keepalive: KeepaliveOptions;
  readonly #discard: (systemDescriptor: number) => void;
  readonly #forwarder: Forwarder;
  readonly #egress: Egress;
  readonly #keySlots = new PiecePool(0, 1, KEY_SLOTS);
  readonly #owners: (Owner | undefined)[] = new Array(MAX_DESCRIPTORS).fill(undefined);
  readonly #sessions: (Session | undefined)[] = new Array(SESSION_TABLE_LENGTH).fill(undefined);
  readonly #liveSessions = new Set<Session>();
  /** By port: the endpoints of a VDE port, or the session that a link port sends through. */
  readonly #endpoints: (Endpoint[] | undefined)[] = new Array(PORT_TABLE_LENGTH).fill(undefined);
  readonly #links: (Session | undefined)[] = new Array(PORT_TABLE_LENGTH).fill(undefined);
  readonly #flowControl: FlowControl;
  /** Whose frame is being forwarded; undefined for a friend's. */
  #ingressEndpoint: Endpoint | undefined;
  readonly #ping = new PingPayload();
  /** Streams with consumed octets at the front of their areas. */
  readonly #touchedStreams: number[] = [];
  readonly #retry = (endpoint: Endpoint): void => this.#egress.endpointWritable(endpoint);
  #now = 0;
  #nextTick = 0;

  constructor(options: EngineOptions) {
    this.#io = options.io;
    this.#notices = options.notices;
    this.#counters = options.counters;
    this.#keepalive = options.keepalive ?? DEFAULT_KEEPALIVE;
    this.database = options.database ?? new FilteringDatabase();
    this.#discard = options.discard;
    this.#forwarder = new Forwarder(this.database, options.counters);
    this.#egress = new Egress(options.io, this.memory, this);
    this.ingress = new Ingress(options.io, this);
    this.#flowControl = new FlowControl(options.io);
  }

  /** Milliseconds that the next poll may wait. */
  timeout(now: number): number {
    return Math.max(0, Math.min(this.#nextTick, this.#flowControl.deadline) - now);
  }

  /** Deals with the `count` receive records of a poll. */
  turn(count: number, now: number): void {
    this.#now = this.#egress.now = now;
    const { rx } = this.#io;
    let others = 0;
    for (let i = 0; i < count; i++) {
      const at = i * RX_STRIDE;
      if (rx[at + Rx.event] !== RxEvent.data || !this.#scanData(at)) others++;
    }
    this.ingress.open(now);
    if (others > 0) {
      for (let i = 0; i < count; i++) this.#other(i * RX_STRIDE);
    }
    if (now >= this.#nextTick) this.#tick(now);
    this.#egress.drain();
    this.#flowControl.review(now, this.#retry);
    this.ingress.release();
    if (this.#touchedStreams.length > 0) this.#compactStreams();
  }

  /** Carries out a command between two turns. @returns the answer to a query */
  execute(command: Command, now: number): unknown {
    this.#now = this.#egress.now = now;
    switch (command.op) {
      case 'add-descriptor':
        this.#addDescriptor(command.descriptor, command.systemDescriptor, command.kind);
        return undefined;
      case 'remove-descriptor':
        this.#removeDescriptor(command.descriptor);
        return undefined;
      case 'watch-descriptor':
        if (this.#owners[command.descriptor] !== undefined) {
          this.#io.watchWritable(command.descriptor);
        }
        return undefined;
      case 'add-endpoint':
        this.#addEndpoint(command.descriptor, command.port);
        return undefined;
      case 'send-message':
        this.#sendMessage(command.descriptor, command.address, command.message);
        return undefined;
      case 'open-session':
        this.#openSession(command);
        return undefined;
      case 'use-session':
        this.#links[command.port] = this.session(command.localIndex);
        return undefined;
      case 'close-session':
        this.#closeSession(command.localIndex, command.reason);
        return undefined;
      case 'send-packet': {
        const session = this.session(command.localIndex);
        if (session === undefined) return undefined;
        if (command.priority === 'control') {
          this.#egress.controlToSession(session, command.type, command.payload);
        } else {
          session.bulk = command;
          this.#sendBulk(session);
        }
        return undefined;
      }
      case 'send-frame':
        this.#sendFrame(command.port, command.frame);
        return undefined;
      case 'configure':
        this.#forwarder.applySettings(command.settings, now);
        return undefined;
      case 'flush-port':
        this.database.flushPort(command.port);
        return undefined;
      case 'query':
        return this.#answer(command.what);
    }
  }

  /** Sends what commands have gathered. */
  drain(): void {
    this.#egress.drain();
  }

  // ---- what came in

  /** @returns whether the record was one of a link and is dealt with */
  #scanData(at: number): boolean {
    const { rx } = this.#io;
    const descriptor = rx[at + Rx.descriptor];
    const owner = descriptor < 0 ? undefined : this.#owners[descriptor];
    if (owner === undefined) return false;
    if (this.ingress.isFull) this.#makeRoom();
    if (owner.kind === 'datagrams') {
      const offset = rx[at + Rx.offset];
      this.ingress.datagram(descriptor, offset, rx[at + Rx.length], offset - SLOT_HEADROOM);
      return true;
    }
    if (owner.kind === 'stream') {
      this.#scanStream(descriptor, owner);
      return true;
    }
    return false;
  }

  #scanStream(descriptor: number, owner: StreamOwner): void {
    const { slab, fill } = this.#io;
    const end = owner.area + fill[descriptor];
    let offset = owner.area + owner.consumed;
    while (end - offset >= LINK_HEADER_LENGTH) {
      const length = LINK_HEADER_LENGTH + readLength(slab, offset);
      if (offset + length > end) break;
      if (this.ingress.isFull) this.#makeRoom();
      if (!this.ingress.streamMessage(descriptor, offset, length)) {
        this.#makeRoom(); // what came before the nonsense still counts
        this.#finish(descriptor, 0);
        return;
      }
      offset += length;
    }
    if (owner.consumed === 0 && offset > owner.area) this.#touchedStreams.push(descriptor);
    owner.consumed = offset - owner.area;
  }

  /** Opens and delivers early; what that made leaves first, as both use the job list. */
  #makeRoom(): void {
    this.ingress.open(this.#now);
    this.#egress.drain();
  }

  /** Moves what a stream has not consumed to the front of its area. */
  #compactStreams(): void {
    const { slab, fill } = this.#io;
    for (const descriptor of this.#touchedStreams) {
      const owner = this.#owners[descriptor];
      if (owner?.kind !== 'stream') continue;
      const rest = fill[descriptor] - owner.consumed;
      if (rest > 0) {
        slab.copyWithin(owner.area, owner.area + owner.consumed, owner.area + fill[descriptor]);
      }
      fill[descriptor] = rest;
      owner.consumed = 0;
    }
    this.#touchedStreams.length = 0;
  }

  /** Everything but link data: clients' frames, and events. */
  #other(at: number): void {
    const { rx } = this.#io;
    const descriptor = rx[at + Rx.descriptor];
    const owner = descriptor < 0 ? undefined : this.#owners[descriptor];
    if (owner === undefined) return;
    switch (rx[at + Rx.event]) {
      case RxEvent.data:
        if (owner.kind === 'endpoint') {
          this.#ingressEndpoint = owner.endpoint;
          this.#forward(owner.endpoint.port, rx[at + Rx.offset], rx[at + Rx.length]);
          this.#ingressEndpoint = undefined;
        }
        return;
      case RxEvent.oversized:
        if (owner.kind === 'endpoint') {
          this.#counters.add(owner.endpoint.port, Counter.dropGiant, 1);
        } else this.ingress.drops.malformed++;
        return;
      case RxEvent.writable:
        this.#writable(descriptor, owner);
        return;
      case RxEvent.accepted:
        this.#accepted(descriptor, at);
        return;
      case RxEvent.closed:
        this.#finish(descriptor, rx[at + Rx.length]);
        return;
    }
  }

  #writable(descriptor: number, owner: Owner): void {
    if (owner.kind === 'endpoint') {
      this.#egress.endpointWritable(owner.endpoint);
      return;
    }
    if (owner.kind !== 'stream') return;
    if (owner.connecting) {
      owner.connecting = false;
      this.#notices.friend(NoticeKind.writable, 0, descriptor, 0, -1, 0, 0);
    }
    this.#sendQueued(descriptor, owner);
    for (const session of this.#liveSessions) {
      if (session.descriptor !== descriptor) continue;
      this.#egress.streamWritable(session);
      this.#sendBulk(session);
    }
  }

  #accepted(descriptor: number, at: number): void {
    const { rx } = this.#io;
    const system = rx[at + Rx.length];
    const address = rx[at + Rx.offset];
    if (!this.#notices.stranger(NoticeKind.accepted, descriptor, system, address, 0, 0)) {
      this.#discard(system);
    }
  }

  /** Nothing more will come from a descriptor; the main thread decides what follows. */
  #finish(descriptor: number, errno: number): void {
    this.#notices.friend(NoticeKind.closed, 0, descriptor, errno, -1, 0, 0);
    this.#removeDescriptor(descriptor);
  }

  /** Lets the bulk packet go if nothing else waits for the session. */
  #sendBulk(session: Session): void {
    const { bulk } = session;
    if (bulk === undefined || session.waiting > 0) return;
    session.bulk = undefined;
    this.#egress.controlToSession(session, bulk.type, bulk.payload);
    this.#notices.friend(NoticeKind.bulkSent, 0, session.localIndex, 0, -1, 0, 0);
  }

  // ---- forwarding

  /** @param session the friend's session that it came by; undefined for a client's frame */
  #forward(port: number, offset: number, length: number, session?: Session): void {
    const { slab } = this.#io;
    const forwarder = this.#forwarder;
    const verdict = forwarder.decide(slab, offset, length, port, this.#now);
    for (let i = 0; i < forwarder.count; i++) this.#toPort(forwarder.egress[i], offset, length);
    if (verdict === Verdict.control) {
      // Friends send these as sealed `bridge` packets only; as Ethernet they could be anybody's.
      if (session !== undefined) {
        session.drops.unexpectedClear++;
        return;
      }
      const told = this.#notices.friend(NoticeKind.bridgeFrame, 0, port, 0, -1, offset, length);
      if (!told) this.#counters.add(port, Counter.dropControl, 1);
    }
  }

  #toPort(port: number, offset: number, length: number): void {
    const session = this.#links[port];
    if (session !== undefined) {
      this.#egress.frameToSession(session, offset, length);
      this.#counters.frameOut(port, length);
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    for (let i = 0; i < endpoints.length; i++) {
      this.#egress.toEndpoint(endpoints[i], offset, length);
    }
    this.#counters.frameOut(port, length);
  }

  // ---- IngressTarget

  session(localIndex: number): Session | undefined {
    const session = this.#sessions[localIndex & SESSION_MASK];
    return session?.localIndex === localIndex ? session : undefined;
  }

  frame(session: Session, offset: number, length: number): void {
    this.#forward(session.port, offset, length, session);
  }

  packet(session: Session, type: number, offset: number, length: number): void {
    if (type === PacketType.bridge) {
      this.#notices.friend(NoticeKind.bridgeFrame, 0, session.port, 0, -1, offset, length);
      return;
    }
    this.#notices.friend(NoticeKind.packet, type, session.localIndex, 0, -1, offset, length);
  }

  message(descriptor: number, address: number, offset: number, length: number): void {
    this.#notices.stranger(NoticeKind.message, descriptor, 0, address, offset, length);
  }

  ping(session: Session, offset: number, length: number): void {
    this.#egress.packetToSession(session, PacketType.pong, offset, length);
  }

  pong(session: Session, offset: number, length: number): void {
    if (!this.#ping.read(this.#io.slab, offset, length)) {
      session.drops.malformed++;
      return;
    }
    session.keepalive.pong(this.#ping.sequence, this.#ping.sentAt, this.#now);
  }

  probe(session: Session, offset: number, length: number): void {
    if (length < 2) {
      session.drops.malformed++;
      return;
    }
    this.#egress.packetToSession(session, PacketType.probeAcknowledgement, offset, 2);
  }

  probeAcknowledged(session: Session, offset: number, length: number): void {
    const { slab } = this.#io;
    if (length !== 2) {
      session.drops.malformed++;
      return;
    }
    session.pathMtu.acknowledged((slab[offset] << 8) | slab[offset + 1], this.#now);
    this.#probe(session, this.#now);
  }

  alive(session: Session): boolean {
    return this.#notices.friend(NoticeKind.alive, 0, session.localIndex, 0, -1, 0, 0);
  }

  roamed(session: Session, address: number): void {
    copyAddress(this.#io.slab, address, session.address);
    session.pathMtu.pathChanged(this.#now);
    this.#notices.friend(NoticeKind.roamed, 0, session.localIndex, 0, address, 0, 0);
  }

  // ---- EgressObserver

  endpointFull(port: number, length: number): void {
    this.#counters.add(port, Counter.dropFull, 1);
    this.#counters.add(port, Counter.framesOut, -1);
    this.#counters.add(port, Counter.octetsOut, -length);
  }

  endpointWaits(endpoint: Endpoint): void {
    if (this.#ingressEndpoint === undefined) return;
    this.#flowControl.queued(endpoint, this.#ingressEndpoint, this.#now);
  }

  endpointDrained(endpoint: Endpoint): void {
    this.#flowControl.drained(endpoint, this.#now);
  }

  // ---- time

  #tick(now: number): void {
    this.#nextTick = now + TICK_INTERVAL;
    this.database.age(now, AGEING_BUDGET);
    this.#egress.drain(); // keys may move on below: what is staged has to be sealed before
    for (const session of this.#liveSessions) this.#tickSession(session, now);
  }

  #tickSession(session: Session, now: number): void {
    session.keys.tick(now);
    session.reassembly.expire(now);
    if (session.keepalive.isDead(now)) {
      if (session.deadNoticed) return;
      const silence = Math.round(session.keepalive.silence(now));
      session.deadNoticed = this.#notices.friend(
        NoticeKind.dead,
        0,
        session.localIndex,
        silence,
        -1,
        0,
        0,
      );
      return;
    }
    session.deadNoticed = false;
    if (session.keepalive.isPingDue(now)) {
      const payload = this.#ping.write(session.keepalive.ping(now), now);
      this.#egress.controlToSession(session, PacketType.ping, payload);
    }
    this.#probe(session, now);
  }

  /** Sends the next probe of the path MTU if one is due. */
  #probe(session: Session, now: number): void {
    if (!session.datagram) return;
    const size = session.pathMtu.tick(now);
    if (size > 0) this.#egress.probe(session, size);
  }

  // ---- commands

  #addDescriptor(index: number, system: number, kind: DescriptorKind): void {
    const stream = kind === DescriptorKind.stream;
    const area = stream ? this.memory.chunks.take() : -1;
    try {
      if (!stream) this.#io.addDescriptor(index, system, kind);
      else if (area < 0) throw new RangeError('no memory is left for a stream');
      else this.#io.addDescriptor(index, system, kind, { offset: area, length: CHUNK_LENGTH });
    } catch {
      this.#discard(system);
      if (area >= 0) this.memory.chunks.give(area);
      this.#notices.friend(NoticeKind.closed, 0, index, 0, -1, 0, 0);
      return;
    }
    this.#owners[index] = ownerOf(kind, area);
  }

  #removeDescriptor(index: number): void {
    const owner = this.#owners[index];
    if (owner === undefined) return;
    this.#egress.drain();
    for (const session of this.#liveSessions) {
      if (session.descriptor === index) this.#destroySession(session);
    }
    if (owner.kind === 'endpoint') this.#flowControl.removed(owner.endpoint);
    this.#owners[index] = undefined;
    this.#io.removeDescriptor(index);
    if (owner.kind === 'stream') this.memory.chunks.give(owner.area);
    if (owner.kind !== 'endpoint') return;
    owner.endpoint.destroy(this.memory);
    const { port } = owner.endpoint;
    const rest = this.#endpoints[port]?.filter((endpoint) => endpoint !== owner.endpoint) ?? [];
    this.#endpoints[port] = rest.length > 0 ? rest : undefined;
    if (rest.length === 0) this.database.flushPort(port);
  }

  #addEndpoint(descriptor: number, port: number): void {
    if (this.#owners[descriptor]?.kind !== 'frames') return;
    const endpoint = new Endpoint(descriptor, port);
    this.#owners[descriptor] = { kind: 'endpoint', endpoint };
    this.#endpoints[port] = [...(this.#endpoints[port] ?? []), endpoint];
  }

  #sendMessage(descriptor: number, address: Uint8Array | undefined, message: Uint8Array): void {
    const owner = this.#owners[descriptor];
    if (owner?.kind === 'stream') {
      this.#sendOnStream(descriptor, owner, message);
      return;
    }
    if (owner === undefined || message.length > this.memory.scratch.slotLength) return;
    const slot = this.memory.scratch.take();
    const addressSlot = address === undefined ? -1 : this.memory.addresses.take();
    if (slot >= 0 && (address === undefined || addressSlot >= 0)) {
      this.#io.slab.set(message, slot);
      if (address !== undefined) this.#io.slab.set(address, addressSlot);
      this.#egress.message(descriptor, addressSlot, slot, message.length);
      this.#egress.drain();
    }
    if (slot >= 0) this.memory.scratch.give(slot);
    if (addressSlot >= 0) this.memory.addresses.give(addressSlot);
  }

  #sendOnStream(descriptor: number, owner: StreamOwner, message: Uint8Array): void {
    if (message.length > LINK_HEADER_LENGTH + MAX_BODY_LENGTH) return;
    owner.queue.push(message);
    this.#sendQueued(descriptor, owner);
    if (owner.queue.isOverfull) this.#finish(descriptor, constants.errno.ENOBUFS);
  }

  /** Sends what waits for a stream outside of sessions, as far as the stream takes it. */
  #sendQueued(descriptor: number, owner: StreamOwner): void {
    const { queue } = owner;
    if (queue.isEmpty) return;
    const session = this.#sessionOn(descriptor);
    const chunk = this.memory.chunks.take();
    if (chunk < 0) {
      this.#io.watchWritable(descriptor);
      return;
    }
    for (let front = queue.front(); front !== undefined; front = queue.front()) {
      this.#io.slab.set(front, chunk);
      let taken = front.length;
      if (session !== undefined) this.#egress.streamMessage(session, chunk, front.length);
      else taken = Math.max(0, this.#egress.streamOctets(descriptor, chunk, front.length));
      queue.drop(taken);
      if (taken < front.length) {
        this.#io.watchWritable(descriptor);
        break;
      }
    }
    this.memory.chunks.give(chunk);
  }

  #sessionOn(descriptor: number): Session | undefined {
    for (const session of this.#liveSessions) if (session.descriptor === descriptor) return session;
    return undefined;
  }

  #openSession(open: OpenSession): void {
    const owner = this.#owners[open.descriptor];
    const place = open.localIndex & SESSION_MASK;
    if (owner === undefined || this.#sessions[place] !== undefined) {
      this.#notices.friend(NoticeKind.dead, 0, open.localIndex, 0, -1, 0, 0);
      return;
    }
    const session = new Session(
      this.#io,
      this.memory,
      this.#keySlots,
      open,
      this.#keepalive,
      this.#now,
    );
    this.#sessions[place] = session;
    this.#liveSessions.add(session);
    this.#nextTick = 0; // ping and probe at once
    if (owner.kind === 'stream') this.#sendQueued(open.descriptor, owner);
  }

  #closeSession(localIndex: number, reason: string | undefined): void {
    const session = this.session(localIndex);
    if (session === undefined) return;
    if (reason !== undefined) {
      this.#egress.controlToSession(session, PacketType.close, new TextEncoder().encode(reason));
    }
    this.#destroySession(session);
  }

  #destroySession(session: Session): void {
    this.#egress.drain();
    this.#sessions[session.localIndex & SESSION_MASK] = undefined;
    this.#liveSessions.delete(session);
    for (let port = 0; port < this.#links.length; port++) {
      if (this.#links[port] === session) this.#links[port] = undefined;
    }
    const owner = this.#owners[session.descriptor];
    if (owner?.kind === 'stream' && session.waiting > 0) {
      owner.queue.push(this.#io.slab.slice(session.backlogStart, session.backlogEnd));
    }
    session.destroy(this.memory);
  }

  #sendFrame(port: number, frame: Uint8Array): void {
    const session = this.#links[port];
    if (session !== undefined) {
      this.#egress.controlToSession(session, PacketType.bridge, frame);
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined || frame.length > this.memory.scratch.slotLength) return;
    const slot = this.memory.scratch.take();
    if (slot < 0) return;
    this.#io.slab.set(frame, slot);
    for (const endpoint of endpoints) this.#egress.toEndpoint(endpoint, slot, frame.length);
    this.#egress.drain();
    this.memory.scratch.give(slot);
    this.#counters.frameOut(port, frame.length);
  }

  #answer(what: 'addresses' | 'sessions' | 'io'): unknown {
    if (what === 'addresses') return this.database.snapshot(this.#now);
    if (what === 'io') return { ...this.#io.counters(), ...this.ingress.drops };
    const reports: SessionReport[] = [];
    for (const session of this.#liveSessions) reports.push(describeSession(session));
    return reports;
  }
}

function ownerOf(kind: DescriptorKind, area: number): Owner {
  switch (kind) {
    case DescriptorKind.stream:
      return { kind: 'stream', area, queue: new StreamQueue(), consumed: 0, connecting: true };
    case DescriptorKind.udp:
      return { kind: 'datagrams' };
    case DescriptorKind.listener:
      return { kind: 'listener' };
    default:
      return { kind: 'frames' };
  }
}
