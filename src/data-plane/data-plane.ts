/**
 * The data plane as the main thread sees it: descriptors, sessions, ports.
 *
 * There is one worker, or one with the ports and others that have sessions: commands go to whom
 * they concern (routes.ts), and what the workers tell is put together.
 *
 * It hands out descriptor indices, turns notices into calls, and is the carrier
 * host of the link providers. It holds no policy.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DescriptorKind } from '../io/contract.ts';
import { DescriptorKind as Kind, MAX_DESCRIPTORS } from '../io/contract.ts';
import { SharedRing } from '../io/ring.ts';
import type { SystemSockets } from '../io/system-contract.ts';
import type { CarrierHost, DescriptorEvents } from '../links/contract.ts';
import { CounterReader } from '../switch/counters.ts';
import type { FilteringEntry } from '../switch/filtering-database.ts';
import type { ForwarderSettings } from '../switch/forwarder-settings.ts';
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import { formatMac } from '../switch/mac-address.ts';
import type { CircuitEnd } from './circuits.ts';
import type { Command, OpenSession, PacketPriority, Query } from './commands.ts';
import type { EngineThread } from './engine-thread.ts';
import { FAREWELL_TIME } from './farewells.ts';
import { RECORD_STEERING } from './local-index.ts';
import { type Notice, NoticeKind, parseNotice } from './notice.ts';
import type { CaptureFilter } from './recorder.ts';
import { addDrops, type ImpairmentReport, type RemoteDrops, type SessionReport } from './report.ts';
import { route } from './routes.ts';

/** What the data plane tells the rest of the node. */
export interface DataPlaneEvents {
  /** A frame to a reserved bridge address came in on a port. */
  bridgeFrame(port: number, frame: Uint8Array): void;
  /** An authentic packet that is not the data plane's. */
  packet(localIndex: number, type: number, payload: Uint8Array): void;
  /** A session has been silent for so many milliseconds, or could not be opened. */
  sessionDead(localIndex: number, silence: number): void;
  sessionRoamed(localIndex: number, address: Uint8Array): void;
  /** The first authentic record of a session came in: the other end has it too. */
  sessionAlive(localIndex: number): void;
  /** The bulk packet of a session has left. */
  bulkSent(localIndex: number): void;
  /** The last report of a session whose Ethernet went in the clear; told when `sessions` is asked. */
  sessionEnded(report: SessionReport): void;
  /** A DHCP reply, or an ARP packet that is wanted, left by a port that `listenDhcp` named. */
  dhcpReply(port: number, frame: Uint8Array): void;
  /** The switch has learnt or forgotten an address; told while `listenAddresses` is on. */
  addressNews(news: AddressNews): void;
  /** The worker died: the node cannot go on. */
  failed(error: Error): void;
}

/** An address that came or went. */
export interface AddressNews {
  readonly learnt: boolean;
  readonly mac: string;
  readonly vlan: number;
  readonly port: number;
}

/** Notices taken in one turn of the event loop, so that timers and clients get theirs. */
const NOTICES_PER_TURN = 256;

/** Octets of the ring of a capture. */
const CAPTURE_RING_LENGTH = 4 * 1024 * 1024;

/** Captures that may run at a time. */
const MOST_CAPTURES = 8;

/** A capture that runs. Each message of the ring is a record (frame-record.ts). */
export interface FrameCapture {
  readonly ring: SharedRing;
  /** May be called again. */
  stop(): void;
}

export interface CaptureEvents {
  /** There may be something in the ring. */
  recorded(): void;
  /** Nothing more will come: the data plane has ended. */
  ended(): void;
}

/** Descriptor indices that accepted connections cannot take. */
const RESERVED_INDICES = 64;

export class DataPlane implements CarrierHost {
  readonly sockets: SystemSockets;
  readonly counters: CounterReader;
  readonly #threads: readonly EngineThread[];
  readonly #events: DataPlaneEvents;
  readonly #descriptors = new Map<number, DescriptorEvents>();
  /** Descriptors of which every worker has a socket. */
  readonly #groups = new Set<number>();
  readonly #answers = new Map<number, (answer: unknown) => void>();
  readonly #captures = new Map<number, CaptureEvents>();
  #nextCapture = 0;
  #nextIndex = 0;
  #nextQuery = 0;
  /** Threads whose rings have more than a turn's worth. */
  readonly #draining = new Set<EngineThread>();
  #lastWords: Promise<void> = Promise.resolve();
  #stopped = false;

  /** @param threads that of the ports first */
  constructor(
    threads: EngineThread | readonly EngineThread[],
    sockets: SystemSockets,
    events: DataPlaneEvents,
  ) {
    this.#threads = 'post' in threads ? [threads] : threads;
    this.sockets = sockets;
    this.counters = new CounterReader(...this.#threads.map(({ counters }) => counters));
    this.#events = events;
    for (const thread of this.#threads) {
      thread.onNotices = () => this.#drain(thread);
      thread.onAnswer = (id, answer) => {
        this.#answers.get(id)?.(answer);
        this.#answers.delete(id);
      };
      thread.onFailure = (error) => events.failed(error);
    }
  }

  get implementation(): string {
    return this.#threads[0].implementation;
  }

  /** Workers, that of the ports among them. */
  get workers(): number {
    return this.#threads.length;
  }

  /** Whether sessions on a descriptor may live in any worker, and not only in that of the ports. */
  isShared(descriptor: number): boolean {
    return this.#groups.has(descriptor);
  }

  /** Notices dropped for want of room, by whose fault it may have been. */
  get noticesDropped(): { readonly strangers: number; readonly friends: number } {
    let strangers = 0;
    let friends = 0;
    for (const thread of this.#threads) {
      strangers += thread.strangers.drops;
      friends += thread.friends.drops;
    }
    return { strangers, friends };
  }

  // ---- CarrierHost

  adopt(
    systemDescriptors: number | readonly number[],
    kind: DescriptorKind,
    events: DescriptorEvents,
  ): number {
    const all = typeof systemDescriptors === 'number' ? [systemDescriptors] : systemDescriptors;
    if (this.#stopped) for (const each of all) this.sockets.closeDescriptor(each);
    const descriptor = this.#freeIndex();
    this.#descriptors.set(descriptor, events);
    if (all.length > 1) this.#groups.add(descriptor);
    for (const [worker, systemDescriptor] of all.entries()) {
      this.#postTo(worker, { op: 'add-descriptor', descriptor, systemDescriptor, kind });
    }
    return descriptor;
  }

  openDatagrams(host: string, port: number): readonly number[] {
    const { workers } = this;
    if (workers === 1) return [this.sockets.openUdp(host, port)];
    return this.sockets.openUdpGroup(host, port, workers, RECORD_STEERING);
  }

  watch(descriptor: number): void {
    this.#post({ op: 'watch-descriptor', descriptor });
  }

  send(descriptor: number, address: Uint8Array | undefined, message: Uint8Array): void {
    if (!this.#descriptors.has(descriptor)) return;
    this.#post({
      op: 'send-message',
      descriptor,
      message,
      ...(address === undefined ? {} : { address }),
    });
  }

  release(descriptor: number): void {
    if (!this.#descriptors.delete(descriptor)) return;
    this.#groups.delete(descriptor);
    this.#post({ op: 'remove-descriptor', descriptor });
  }

  // ---- endpoints of VDE clients

  /** Joins a client's datagram socket to a port. @returns a handle for `removeEndpoint` */
  addEndpoint(port: number, systemDescriptor: number): number {
    const descriptor = this.adopt(systemDescriptor, Kind.unixDatagram, {});
    this.#post({ op: 'add-endpoint', descriptor, port });
    return descriptor;
  }

  /** Joins a TAP to a port. `closed` is called when the device has gone by itself. */
  addTap(port: number, systemDescriptor: number, closed: (errno: number) => void): number {
    const descriptor = this.adopt(systemDescriptor, Kind.tap, { closed });
    this.#post({ op: 'add-endpoint', descriptor, port });
    return descriptor;
  }

  removeEndpoint(handle: number): void {
    this.release(handle);
  }

  // ---- circuits of relays

  /** A circuit through a friend that ends here. @returns its descriptor, for `send` and `release` */
  addCircuit(end: CircuitEnd, events: DescriptorEvents): number {
    const descriptor = this.#freeIndex();
    this.#descriptors.set(descriptor, events);
    this.#post({ op: 'add-circuit', descriptor, end });
    return descriptor;
  }

  /** Passes the link messages of one friend on to another, both ways. */
  joinCircuits(one: CircuitEnd, other: CircuitEnd): void {
    this.#post({ op: 'join-circuits', one, other });
  }

  partCircuits(one: CircuitEnd, other: CircuitEnd): void {
    this.#post({ op: 'part-circuits', one, other });
  }

  // ---- sessions and ports

  /** The friend of a port is none any more: what it claimed is nobody's. */
  forgetClaims(port: number): void {
    this.#post({ op: 'forget-claims', port });
  }

  openSession(open: Omit<OpenSession, 'op'>): void {
    this.#post({ op: 'open-session', ...open });
  }

  useSession(port: number, localIndex: number): void {
    this.#post({ op: 'use-session', port, localIndex });
  }

  closeSession(localIndex: number, reason?: string): void {
    this.#post({ op: 'close-session', localIndex, ...(reason === undefined ? {} : { reason }) });
    if (reason !== undefined) this.#lastWords = sleep(FAREWELL_TIME);
  }

  /** Resolves when the reasons of all sessions that were closed have been said for the last time. */
  lastWords(): Promise<void> {
    return this.#lastWords;
  }

  sendPacket(
    localIndex: number,
    type: number,
    payload: Uint8Array,
    priority: PacketPriority,
  ): void {
    this.#post({ op: 'send-packet', localIndex, type, payload, priority });
  }

  sendFrame(port: number, frame: Uint8Array): void {
    this.#post({ op: 'send-frame', port, frame });
  }

  /** Lets a frame in by `port` as if what is attached there had sent it. */
  injectFrame(port: number, frame: Uint8Array): void {
    this.#post({ op: 'inject-frame', port, frame });
  }

  /**
   * Whether `dhcpReply` is wanted for a port.
   * @param address an IPv4 address: with ARP packets of who has it or asks for it; 0 for none
   */
  listenDhcp(port: number, on: boolean, address: number): void {
    this.#post({ op: 'listen-dhcp', port, on, address });
  }

  /** Whether `addressNews` is wanted. What is lost under a flood is counted (`addressNewsLost`). */
  listenAddresses(on: boolean): void {
    this.#post({ op: 'listen-addresses', on });
  }

  configure(settings: ForwarderSettings): void {
    this.#post({ op: 'configure', settings });
  }

  flushPort(port: number): void {
    this.#post({ op: 'flush-port', port });
  }

  /** Impairs what leaves by a port; without settings, no longer. */
  impair(port: number, settings: ImpairmentSettings | undefined): void {
    this.#post({ op: 'impair', port, ...(settings === undefined ? {} : { settings }) });
  }

  // ---- captures

  /** @returns undefined when as many run as may */
  startCapture({ port, snaplen }: CaptureFilter, events: CaptureEvents): FrameCapture | undefined {
    if (this.#captures.size >= MOST_CAPTURES || this.#stopped) return undefined;
    const id = this.#nextCapture++;
    const ring = SharedRing.create(CAPTURE_RING_LENGTH);
    this.#captures.set(id, events);
    this.#post({ op: 'start-capture', id, ring: ring.buffer, port, snaplen });
    const stop = (): void => {
      if (this.#captures.delete(id)) this.#post({ op: 'stop-capture', id });
    };
    return { ring, stop };
  }

  // ---- questions

  async addresses(): Promise<readonly FilteringEntry[]> {
    return (await this.#query('addresses')) as FilteringEntry[];
  }

  /** The sessions there are. Those that are gone and were clear go to `sessionEnded` first. */
  async sessions(): Promise<readonly SessionReport[]> {
    const remote = this.workers > 1 ? this.#query('remote-drops') : [];
    const [drops, ...answers] = await Promise.all([remote, ...this.#queryAll('sessions')]);
    const reports = (answers as SessionReport[][]).flat();
    for (const report of reports) if (report.ended) this.#events.sessionEnded(report);
    const live = reports.filter(({ ended }) => !ended);
    return this.workers === 1 ? live : addDrops(live, drops as RemoteDrops[]);
  }

  async impairments(): Promise<readonly ImpairmentReport[]> {
    return (await this.#query('impairments')) as ImpairmentReport[];
  }

  async ioCounters(): Promise<Readonly<Record<string, number>>> {
    const sum: Record<string, number> = {};
    for (const counters of await Promise.all(this.#queryAll('io'))) {
      for (const [name, value] of Object.entries(counters as Record<string, number>)) {
        sum[name] = (sum[name] ?? 0) + value;
      }
    }
    return sum;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    this.#descriptors.clear();
    this.#groups.clear();
    for (const { strangers } of this.#threads) {
      strangers.drain((bytes) => {
        // A connection that came in and was not fetched is closed by nobody else.
        const notice = parseNotice(bytes);
        if (notice?.kind === NoticeKind.accepted) this.sockets.closeDescriptor(notice.value);
      });
    }
    for (const answer of this.#answers.values()) answer([]);
    this.#answers.clear();
    for (const capture of this.#captures.values()) capture.ended();
    this.#captures.clear();
  }

  #post(command: Command): void {
    if (this.workers === 1) this.#postTo(0, command);
    else route(command, this.workers, (worker, each) => this.#postTo(worker, each));
  }

  #postTo(worker: number, command: Command): void {
    if (!this.#stopped) this.#threads[worker].post(command);
  }

  #query(what: Query['what'], worker = 0): Promise<unknown> {
    if (this.#stopped) return Promise.resolve([]);
    const id = this.#nextQuery++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#postTo(worker, { op: 'query', id, what });
    });
  }

  #queryAll(what: Query['what']): Promise<unknown>[] {
    return this.#threads.map((_, worker) => this.#query(what, worker));
  }

  /** Indices are used round and round, so that a late notice hardly ever meets a new owner. */
  #freeIndex(): number {
    for (let i = 0; i < MAX_DESCRIPTORS; i++) {
      const index = (this.#nextIndex + i) % MAX_DESCRIPTORS;
      if (this.#descriptors.has(index)) continue;
      this.#nextIndex = index + 1;
      return index;
    }
    throw new RangeError('no descriptor index is left');
  }

  #drain(thread: EngineThread): void {
    for (const capture of this.#captures.values()) capture.recorded();
    let taken = 0;
    const friends: Notice[] = [];
    thread.friends.drain((bytes) => {
      const notice = parseNotice(bytes);
      if (notice !== undefined) friends.push(notice);
    }, NOTICES_PER_TURN);
    // Strangers in between: what a stream said comes before the news that it is closed.
    taken += thread.strangers.drain((bytes) => {
      const notice = parseNotice(bytes);
      if (notice !== undefined) this.#dispatch(notice);
    }, NOTICES_PER_TURN);
    taken += friends.length;
    for (const notice of friends) this.#dispatch(notice);
    if (taken >= NOTICES_PER_TURN && !this.#draining.has(thread)) {
      this.#draining.add(thread);
      setImmediate(() => {
        this.#draining.delete(thread);
        if (!this.#stopped) this.#drain(thread);
      });
    }
  }

  #dispatch(notice: Notice): void {
    const { subject, value } = notice;
    switch (notice.kind) {
      case NoticeKind.message:
        this.#descriptors.get(subject)?.message?.(notice.payload, notice.address);
        return;
      case NoticeKind.packet:
        this.#events.packet(subject, notice.flag, notice.payload);
        return;
      case NoticeKind.bridgeFrame:
        this.#events.bridgeFrame(subject, notice.payload);
        return;
      case NoticeKind.accepted: {
        const accepted = this.#descriptors.get(subject)?.accepted;
        // Strangers may connect; the last indices are kept for clients and friends.
        const full = this.#descriptors.size >= MAX_DESCRIPTORS - RESERVED_INDICES;
        if (accepted === undefined || full) this.sockets.closeDescriptor(value);
        else accepted(value, notice.address);
        return;
      }
      case NoticeKind.writable:
        this.#descriptors.get(subject)?.writable?.();
        return;
      case NoticeKind.closed: {
        const events = this.#descriptors.get(subject);
        this.#descriptors.delete(subject);
        // One of a group is of no use without the others.
        if (this.#groups.delete(subject))
          this.#post({ op: 'remove-descriptor', descriptor: subject });
        events?.closed?.(value);
        return;
      }
      case NoticeKind.dead:
        this.#events.sessionDead(subject, value);
        return;
      case NoticeKind.alive:
        this.#events.sessionAlive(subject);
        return;
      case NoticeKind.dhcpReply:
        this.#events.dhcpReply(subject, notice.payload);
        return;
      case NoticeKind.address: {
        const mac = formatMac(notice.address);
        this.#events.addressNews({ learnt: notice.flag === 1, mac, vlan: value, port: subject });
        return;
      }
      case NoticeKind.bulkSent:
        this.#events.bulkSent(subject);
        return;
      case NoticeKind.roamed:
        this.#events.sessionRoamed(subject, notice.address);
        return;
    }
  }
}
