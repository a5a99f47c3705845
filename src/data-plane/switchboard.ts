/**
 * The ports of the switch: who hangs on each, and how a frame gets from one to the others.
 *
 *   frame --> Forwarder (switch/) --> for each egress port
 *                                       link:    to the session that the port sends through
 *                                       TAP:     as it is, a super-frame whole
 *                                       client:  as it is, a super-frame cut into frames
 *
 * No frame allocates.
 */
import { type BatchedIo, DescriptorKind, Offload } from '../io/contract.ts';
import { PacketType, STRAIGHT } from '../links/packet.ts';
import {
  COMPLETE,
  type FrameOffload,
  SUPER_HEADER_LENGTH,
  superFrameHeaders,
} from '../links/super-frame.ts';
import { settle } from '../links/super-reassembly.ts';
import { Direction } from '../switch/capture/pcapng.ts';
import { Counter, type CounterWriter } from '../switch/counters.ts';
import type { FilteringDatabase } from '../switch/filtering-database.ts';
import { Forwarder, type ForwarderSettings, TagAction, Verdict } from '../switch/forwarding.ts';
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import { Origin, PortTrust } from '../switch/port-trust.ts';
import { writeQuery } from '../switch/snooping/query-frames.ts';
import { TokenBuckets } from '../switch/token-buckets.ts';
import { Claims } from './claims.ts';
import { isArpOf, isDhcpReply } from './dhcp-reply.ts';
import { Egress, type EgressObserver } from './egress.ts';
import { Endpoint } from './endpoint.ts';
import { FlowControl, type Receiver } from './flow-control.ts';
import { ImpairedPorts, LateKind } from './impaired-ports.ts';
import { LinkPorts } from './link-ports.ts';
import type { DataPlaneMemory } from './memory.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { Recorder } from './recorder.ts';
import type { LinkSession } from './remote-session.ts';
import { Retagger } from './retagger.ts';
import { Segmenter } from './segmenter.ts';

/** Frames for the control side, a second and port. The tree itself takes 50 BPDUs a second. */
const CONTROL_RATE = 100;

export interface SwitchboardParts {
  readonly io: BatchedIo;
  readonly memory: DataPlaneMemory;
  readonly notices: NoticeWriter;
  readonly counters: CounterWriter;
  readonly database: FilteringDatabase;
  /** What to add to `now` for milliseconds since 1970. */
  readonly timeOrigin?: number;
}

export class Switchboard implements EgressObserver {
  readonly egress: Egress;
  readonly flowControl: FlowControl;
  readonly claims: Claims;
  readonly recorder: Recorder;
  readonly impaired: ImpairedPorts;
  readonly #io: BatchedIo;
  readonly #memory: DataPlaneMemory;
  readonly #notices: NoticeWriter;
  readonly #counters: CounterWriter;
  readonly #database: FilteringDatabase;
  readonly #forwarder: Forwarder;
  readonly #segmenter: Segmenter;
  readonly #retagger: Retagger;
  readonly #controlLimit = new TokenBuckets(PORT_TABLE_LENGTH, CONTROL_RATE);
  /** Frames may have to change on their way out, or to wait. */
  #careful = false;
  #hasVlans = false;
  /** By port: the endpoints of a local port; what a link port sends through. */
  readonly #endpoints: (Endpoint[] | undefined)[] = new Array(PORT_TABLE_LENGTH).fill(undefined);
  readonly #links: LinkPorts;
  /** 1 for a port whose DHCP replies the main thread wants. */
  readonly #dhcpPorts = new Uint8Array(PORT_TABLE_LENGTH);
  /** By port: the address of which it wants ARP packets, too. */
  readonly #arpAddresses = new Uint32Array(PORT_TABLE_LENGTH);
  /** Whose frame is being forwarded; undefined for a friend's. */
  #ingressEndpoint: Endpoint | undefined;
  /** News of addresses that there was no room for. */
  addressNewsLost = 0;
  now = 0;

  constructor({ io, memory, notices, counters, database, timeOrigin = 0 }: SwitchboardParts) {
    this.#io = io;
    this.#memory = memory;
    this.#notices = notices;
    this.#counters = counters;
    this.#database = database;
    this.claims = new Claims(database);
    this.#forwarder = new Forwarder(database, counters, this.claims);
    this.claims.watch(this.#forwarder.trust);
    this.egress = new Egress(io, memory, this);
    this.#links = new LinkPorts(this.egress, counters, (crossing) => this.#waitsFor(crossing));
    this.#segmenter = new Segmenter(io, memory.large);
    this.#retagger = new Retagger(io, memory.large);
    this.flowControl = new FlowControl(io);
    this.impaired = new ImpairedPorts(io, memory.late, counters, (port, offset, length, kind) => {
      if (kind === LateKind.bridge) this.#sendBridge(port, offset, length);
      else this.#toPort(port, offset, length, kind === LateKind.straight ? STRAIGHT : 0);
    });
    this.recorder = new Recorder(io.slab, timeOrigin, () => {
      notices.pending = true;
    });
  }

  // ---- frames in

  /** A frame of a client or a TAP, in the slab until the end of the turn. */
  fromEndpoint(
    endpoint: Endpoint,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
  ): void {
    this.#ingressEndpoint = endpoint;
    const verdict = this.#forward(endpoint.port, offset, length, offload, Origin.local, false);
    this.#ingressEndpoint = undefined;
    if (verdict === Verdict.control) this.toControl(endpoint.port, offset, length);
  }

  /** A frame of a friend; `straight`: for a host of ours only. */
  fromSession(
    session: LinkSession,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    straight: boolean,
  ): void {
    const origin = session.clear ? Origin.clear : Origin.sealed;
    const verdict = this.#forward(session.port, offset, length, offload, origin, straight);
    // Friends send these as sealed `bridge` packets only; as Ethernet they could be anybody's.
    if (verdict === Verdict.control) session.drops.unexpectedClear++;
  }

  /** A frame of ours comes in by a port as if what hangs there had sent it. */
  inject(port: number, frame: Uint8Array): void {
    const slot = this.#borrow(frame);
    if (slot < 0) return;
    const verdict = this.#forward(port, slot, frame.length, COMPLETE, Origin.local, false);
    if (verdict === Verdict.control) this.toControl(port, slot, frame.length);
    this.#giveBack(slot);
  }

  #forward(
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    origin: Origin,
    straight: boolean,
  ): Verdict {
    const { slab } = this.#io;
    const forwarder = this.#forwarder;
    const plain = offload.offload === Offload.none;
    if (this.recorder.count > 0) this.recordIn(port, this.#inOnePlace(offset, offload), length);
    const longest = plain ? length : superFrameHeaders(slab, offset, offload) + offload.segmentSize;
    const verdict = straight
      ? forwarder.deliver(slab, offset, length, port, this.now, longest, origin)
      : forwarder.decide(slab, offset, length, port, this.now, longest, origin);
    const { count, egress } = forwarder;
    if (this.#careful) {
      this.#forwardCarefully(offset, length, offload);
      return verdict;
    }
    let flag = forwarder.straight ? STRAIGHT : 0;
    for (let i = 0; i < count; i++) {
      if (plain) this.#toPort(egress[i], offset, length, flag);
      else this.#superToPort(egress[i], offset, length, offload, flag);
      flag = 0; // behind the first there may be the mirror
    }
    if (plain) return verdict;
    this.#segmenter.forget();
    return verdict;
  }

  /**
   * The same where tags change on the way out, for each of which a copy is made once, or where
   * ports are impaired.
   */
  #forwardCarefully(offset: number, length: number, offload: Readonly<FrameOffload>): void {
    const { count, egress, tagAction } = this.#forwarder;
    for (let action: TagAction = TagAction.keep; action <= TagAction.replace; action++) {
      let at = offset;
      let octets = length;
      let fields = offload;
      let first = action !== TagAction.keep;
      for (let i = 0; i < count; i++) {
        if (tagAction[i] !== action) continue;
        const flag = i === 0 && this.#forwarder.straight ? STRAIGHT : 0;
        if (first) {
          first = false;
          at = this.#retag(action as TagAction, offset, length, offload);
          octets = this.#retagger.length;
          fields = this.#retagger.offload;
        }
        if (at < 0) this.#counters.add(egress[i], Counter.dropError, 1);
        else if (this.impaired.has(egress[i])) this.#delay(egress[i], at, octets, fields, flag);
        else if (fields.offload === Offload.none) this.#toPort(egress[i], at, octets, flag);
        else this.#superToPort(egress[i], at, octets, fields, flag);
      }
      this.#segmenter.forget();
    }
  }

  /** A frame has to wait; a super-frame does as the frames that it stands for. */
  #delay(
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void {
    const kind = flag === STRAIGHT ? LateKind.straight : LateKind.frame;
    if (offload.offload === Offload.none) {
      this.impaired.offer(port, offset, length, kind, this.now);
      return;
    }
    if (!this.#cut(port, offset, length, offload)) return;
    const segmenter = this.#segmenter;
    for (let i = 0; i < segmenter.count; i++) {
      const octets = segmenter.lengthOf(i);
      this.impaired.offer(port, segmenter.offsetOf(i), octets, kind, this.now);
    }
  }

  /** @returns where a copy with another tag is, or -1 */
  #retag(
    action: TagAction,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
  ): number {
    const retagger = this.#retagger;
    if (retagger.isShort(length)) {
      this.egress.drain();
      retagger.release();
    }
    const from = this.#inOnePlace(offset, offload);
    return retagger.copy(action, from, length, this.#forwarder.tci, offload);
  }

  /** Deals with what snooping has to do by itself: forgetting, and asking who wants what. */
  snoop(): void {
    const { snooper } = this.#forwarder;
    if (snooper === undefined) return;
    snooper.age(this.now);
    for (let query = snooper.takeQuery(this.now); query; query = snooper.takeQuery(this.now)) {
      const { scratch } = this.#memory;
      const slot = scratch.take();
      if (slot < 0) return;
      const { family, response, vid, port } = query;
      const length = writeQuery(this.#io.slab, slot, family, response, snooper.address);
      this.#forwarder.originate(vid, port);
      this.#forwardCarefully(slot, length, COMPLETE);
      this.#giveBack(slot);
    }
  }

  /** Whether the main thread is to be told of addresses that come and go. */
  listenAddresses(on: boolean): void {
    const notices = this.#notices;
    this.#database.watch(
      on
        ? (learnt, high, low, vid, port) => {
            if (!notices.address(learnt, high, low, vid, port)) this.addressNewsLost++;
          }
        : undefined,
    );
  }

  /** What was learnt on a port is forgotten. */
  flushPort(port: number): void {
    this.#database.flushPort(port);
    this.#forwarder.snooper?.flushPort(port, this.now);
  }

  /** Counters of snooping; empty while it is off. */
  snoopingReport(): Readonly<Record<string, number>> {
    const { snooper } = this.#forwarder;
    if (snooper === undefined) return {};
    const { groups, memberships, counters } = snooper;
    const { reports, queries, malformed, refused } = counters;
    return {
      snoopingGroups: groups,
      snoopingMembers: memberships,
      snoopingReports: reports,
      snoopingQueries: queries,
      snoopingMalformed: malformed,
      snoopingRefused: refused,
    };
  }

  /**
   * A frame for the control side came in by a port: a BPDU, or one of its kin. So many a second
   * and port are told of; the rest is counted, and costs the main thread nothing.
   */
  toControl(port: number, offset: number, length: number): void {
    if (!this.#controlLimit.take(port, this.now)) {
      this.#counters.add(port, Counter.dropControl, 1);
      return;
    }
    const told = this.#notices.friend(NoticeKind.bridgeFrame, 0, port, 0, -1, offset, length);
    if (!told) this.#counters.add(port, Counter.dropControl, 1);
  }

  /** A frame has come in, for those who capture. */
  recordIn(port: number, offset: number, length: number): void {
    this.recorder.record(port, Direction.inbound, offset, length, this.now);
  }

  // ---- frames out

  #toPort(port: number, offset: number, length: number, flag: number): void {
    if (this.recorder.count > 0) this.#recordOut(port, offset, length);
    this.#transmit(port, offset, length, flag);
  }

  #recordOut(port: number, offset: number, length: number): void {
    if (this.#links.get(port) === undefined && this.#endpoints[port] === undefined) return;
    this.recorder.record(port, Direction.outbound, offset, length, this.now);
  }

  #transmit(port: number, offset: number, length: number, flag: number): void {
    const session = this.#links.get(port);
    if (session !== undefined) {
      this.#links.frame(session, port, offset, length, flag);
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    if (this.#dhcpPorts[port] !== 0 && this.#isForDhcp(port, offset, length)) {
      this.#notices.friend(NoticeKind.dhcpReply, 0, port, 0, -1, offset, length);
    }
    for (let i = 0; i < endpoints.length; i++) {
      this.egress.toEndpoint(endpoints[i], offset, length);
    }
    this.#counters.frameOut(port, length);
  }

  #superToPort(
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void {
    if (this.recorder.count > 0) this.#recordOut(port, this.#inOnePlace(offset, offload), length);
    const { egress } = this;
    const session = this.#links.get(port);
    if (session !== undefined) {
      const at = this.#inOnePlace(offset, offload);
      if (!this.#links.superFrame(session, port, at, length, offload, flag)) {
        this.#segments(port, offset, length, offload, flag);
      }
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    for (let i = 0; i < endpoints.length; i++) {
      if (endpoints[i].tap) {
        egress.superFrameToTap(endpoints[i], offset, length, offload);
        this.#counters.frameOut(port, length);
      } else {
        this.#segments(port, offset, length, offload, 0, endpoints[i]);
      }
    }
  }

  /** Where a super-frame lies in one piece; it is put together if it does not. */
  #inOnePlace(offset: number, offload: Readonly<FrameOffload>): number {
    const { pieces } = offload;
    if (pieces === undefined) return offset;
    settle(this.#io.slab, pieces);
    return pieces.slot + SUPER_HEADER_LENGTH;
  }

  /** Sends the frames that a super-frame consists of, to one endpoint or to the port's session. */
  #segments(
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
    endpoint?: Endpoint,
  ): void {
    if (!this.#cut(port, offset, length, offload)) return;
    const segmenter = this.#segmenter;
    for (let i = 0; i < segmenter.count; i++) {
      const at = segmenter.offsetOf(i);
      const octets = segmenter.lengthOf(i);
      if (endpoint === undefined) this.#transmit(port, at, octets, flag);
      else {
        this.egress.toEndpoint(endpoint, at, octets);
        this.#counters.frameOut(port, octets);
      }
    }
  }

  /** Cuts the super-frame in hand, unless that is done. @returns whether it could be */
  #cut(port: number, offset: number, length: number, offload: Readonly<FrameOffload>): boolean {
    const segmenter = this.#segmenter;
    if (!segmenter.has && segmenter.isShort) {
      this.egress.drain();
      segmenter.release();
    }
    if (segmenter.cut(this.#inOnePlace(offset, offload), length, offload)) return true;
    this.#counters.add(port, Counter.dropError, 1);
    return false;
  }

  /** Sends what is gathered, then gives back the memory of frames that were cut, changed or late. */
  releaseCopies(): void {
    const { impaired } = this;
    if (!this.#segmenter.hasLent && !this.#retagger.hasLent && !impaired.hasLent) return;
    this.egress.drain();
    this.#segmenter.release();
    this.#retagger.release();
    impaired.settle();
  }

  /** A frame of ours leaves by a port whatever its state, sealed where it is a link: BPDUs. */
  sendFrame(port: number, frame: Uint8Array): void {
    const slot = this.#borrow(frame);
    if (slot < 0) return;
    if (this.impaired.count > 0 && this.impaired.has(port)) {
      this.impaired.offer(port, slot, frame.length, LateKind.bridge, this.now);
    } else this.#sendBridge(port, slot, frame.length);
    this.#giveBack(slot);
  }

  #sendBridge(port: number, offset: number, length: number): void {
    if (this.recorder.count > 0) this.#recordOut(port, offset, length);
    const session = this.#links.get(port);
    if (session !== undefined) {
      this.#links.bridge(session, offset, length);
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    for (const endpoint of endpoints) this.egress.toEndpoint(endpoint, offset, length);
    this.#counters.frameOut(port, length);
  }

  /** @returns where in the slab the frame is now, or -1 */
  #borrow(frame: Uint8Array): number {
    const { scratch } = this.#memory;
    const slot = frame.length > scratch.slotLength ? -1 : scratch.take();
    if (slot >= 0) this.#io.slab.set(frame, slot);
    return slot;
  }

  #giveBack(slot: number): void {
    this.egress.drain();
    this.#memory.scratch.give(slot);
  }

  // ---- who hangs where

  configure(settings: ForwarderSettings): void {
    this.#forwarder.applySettings(settings, this.now);
    this.claims.vlanAware = settings.vlans !== undefined;
    this.#hasVlans = settings.vlans !== undefined;
    this.#careful = this.#hasVlans || this.impaired.count > 0;
  }

  /** Impairs what leaves by a port; without settings, no longer. */
  impair(port: number, settings: ImpairmentSettings | undefined): void {
    this.impaired.set(port, settings);
    this.#careful = this.#hasVlans || this.impaired.count > 0;
  }

  listenDhcp(port: number, on: boolean, address: number): void {
    this.#dhcpPorts[port] = on ? 1 : 0;
    this.#arpAddresses[port] = on ? address : 0;
  }

  #isForDhcp(port: number, offset: number, length: number): boolean {
    const { slab } = this.#io;
    const address = this.#arpAddresses[port];
    if (address !== 0 && isArpOf(slab, offset, length, address)) return true;
    return isDhcpReply(slab, offset, length);
  }

  addEndpoint(descriptor: number, kind: DescriptorKind, port: number): Endpoint {
    const endpoint = new Endpoint(descriptor, port, kind === DescriptorKind.tap);
    this.#endpoints[port] = [...(this.#endpoints[port] ?? []), endpoint];
    return endpoint;
  }

  /** What waits for the endpoint is forgotten; a port without any forgets its addresses. */
  removeEndpoint(endpoint: Endpoint): void {
    const { port } = endpoint;
    endpoint.destroy(this.#memory);
    const rest = this.#endpoints[port]?.filter((each) => each !== endpoint) ?? [];
    this.#endpoints[port] = rest.length > 0 ? rest : undefined;
    if (rest.length > 0) return;
    this.flushPort(port);
    this.claims.portGone(port);
  }

  /** A session is there: its port is a link's, and no host there is ours. */
  addSession({ port }: LinkSession): void {
    if (this.#forwarder.trust[port] !== PortTrust.local) return;
    this.#forwarder.setTrust(port, PortTrust.absent);
  }

  /** From now on the port's frames leave through this session. */
  useSession(port: number, session: LinkSession | undefined): void {
    this.#links.set(port, session);
    this.#forwarder.setTrust(port, trustOf(session));
    if (session === undefined) return;
    this.claims.sessionUsed(port, session.clear);
    this.#tellHosts(port, session);
  }

  removeSession(session: LinkSession): void {
    for (const [port, used] of this.#links) {
      if (used !== session) continue;
      this.#links.set(port, undefined);
      this.#forwarder.setTrust(port, PortTrust.absent);
    }
  }

  // ---- claims

  /** A friend says which hosts it has. */
  claim(session: LinkSession, offset: number, length: number): void {
    const { clear } = this.#links.get(session.port) ?? session;
    this.claims.receive(this.#io.slab, offset, length, session.port, !clear);
  }

  /** Ends a turn: friends hear of hosts that are new, or gone. */
  tellNews(): void {
    const { own } = this.claims;
    for (const [port, session] of this.#links) {
      own.tellNews((packet) => this.#links.control(session, PacketType.claim, packet));
      this.claims.told(port);
    }
    own.forgetNews();
  }

  /** Time has passed: looks after our hosts, and tells all of them where that is due. */
  tickClaims(): void {
    this.claims.tick();
    if (this.claims.own.hasNews) this.tellNews();
    for (const [port, session] of this.#links) this.#tellHosts(port, session);
  }

  #tellHosts(port: number, session: LinkSession): void {
    if (!this.claims.takeList(port)) return;
    this.claims.own.tellAll((packet) => {
      this.#links.control(session, PacketType.claim, packet);
    });
  }

  // ---- EgressObserver

  sessionOf(port: number): LinkSession | undefined {
    return this.#links.get(port);
  }

  /** A link message as a packet of a relay. @returns false when it cannot be sent */
  relay(port: number, number: number, offset: number, length: number): boolean {
    const session = this.#links.get(port);
    if (session === undefined || session.circuit !== undefined) return false;
    return this.#links.relay(session, number, offset, length);
  }

  endpointFull(port: number, length: number): void {
    this.#counters.add(port, Counter.dropFull, 1);
    this.#counters.add(port, Counter.framesOut, -1);
    this.#counters.add(port, Counter.octetsOut, -length);
  }

  endpointWaits(endpoint: Endpoint): void {
    this.#waitsFor(endpoint);
  }

  /** Whoever has sent the frame in hand may have to be held back. */
  #waitsFor(receiver: Receiver): void {
    if (this.#ingressEndpoint === undefined) return;
    this.flowControl.queued(receiver, this.#ingressEndpoint, this.now);
  }

  endpointDrained(endpoint: Endpoint): void {
    this.flowControl.drained(endpoint, this.now);
  }
}

function trustOf(session: LinkSession | undefined): PortTrust {
  if (session === undefined) return PortTrust.absent;
  if (!session.clear) return PortTrust.sealed;
  return session.confined ? PortTrust.confined : PortTrust.clear;
}
