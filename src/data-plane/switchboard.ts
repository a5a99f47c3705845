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
import { Counter, type CounterWriter } from '../switch/counters.ts';
import type { FilteringDatabase } from '../switch/filtering-database.ts';
import { Forwarder, type ForwarderSettings, Verdict } from '../switch/forwarding.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import { Origin, PortTrust } from '../switch/port-trust.ts';
import { Claims } from './claims.ts';
import { isDhcpReply } from './dhcp-reply.ts';
import { Egress, type EgressObserver } from './egress.ts';
import { Endpoint } from './endpoint.ts';
import { FlowControl } from './flow-control.ts';
import type { DataPlaneMemory } from './memory.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { Segmenter } from './segmenter.ts';
import type { Session } from './session.ts';

export interface SwitchboardParts {
  readonly io: BatchedIo;
  readonly memory: DataPlaneMemory;
  readonly notices: NoticeWriter;
  readonly counters: CounterWriter;
  readonly database: FilteringDatabase;
}

export class Switchboard implements EgressObserver {
  readonly egress: Egress;
  readonly flowControl: FlowControl;
  readonly claims: Claims;
  readonly #io: BatchedIo;
  readonly #memory: DataPlaneMemory;
  readonly #notices: NoticeWriter;
  readonly #counters: CounterWriter;
  readonly #database: FilteringDatabase;
  readonly #forwarder: Forwarder;
  readonly #segmenter: Segmenter;
  /** By port: the endpoints of a local port, or the session that a link port sends through. */
  readonly #endpoints: (Endpoint[] | undefined)[] = new Array(PORT_TABLE_LENGTH).fill(undefined);
  readonly #links: (Session | undefined)[] = new Array(PORT_TABLE_LENGTH).fill(undefined);
  /** 1 for a port whose DHCP replies the main thread wants. */
  readonly #dhcpPorts = new Uint8Array(PORT_TABLE_LENGTH);
  /** Whose frame is being forwarded; undefined for a friend's. */
  #ingressEndpoint: Endpoint | undefined;
  now = 0;

  constructor({ io, memory, notices, counters, database }: SwitchboardParts) {
    this.#io = io;
    this.#memory = memory;
    this.#notices = notices;
    this.#counters = counters;
    this.#database = database;
    this.claims = new Claims(database);
    this.#forwarder = new Forwarder(database, counters, this.claims);
    this.claims.watch(this.#forwarder.trust);
    this.egress = new Egress(io, memory, this);
    this.#segmenter = new Segmenter(io, memory.large);
    this.flowControl = new FlowControl(io);
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
    if (verdict === Verdict.control) this.#toControl(endpoint.port, offset, length);
  }

  /** A frame of a friend; `straight`: for a host of ours only. */
  fromSession(
    session: Session,
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
    if (verdict === Verdict.control) this.#toControl(port, slot, frame.length);
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
    const longest = plain ? length : superFrameHeaders(slab, offset, offload) + offload.segmentSize;
    const verdict = straight
      ? forwarder.deliver(slab, offset, length, port, this.now, longest, origin)
      : forwarder.decide(slab, offset, length, port, this.now, longest, origin);
    const { count, egress } = forwarder;
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

  #toControl(port: number, offset: number, length: number): void {
    const told = this.#notices.friend(NoticeKind.bridgeFrame, 0, port, 0, -1, offset, length);
    if (!told) this.#counters.add(port, Counter.dropControl, 1);
  }

  // ---- frames out

  #toPort(port: number, offset: number, length: number, flag: number): void {
    const session = this.#links[port];
    if (session !== undefined) {
      this.egress.frameToSession(session, offset, length, flag);
      this.#counters.frameOut(port, length);
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    if (this.#dhcpPorts[port] !== 0 && isDhcpReply(this.#io.slab, offset, length)) {
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
    const { egress } = this;
    const session = this.#links[port];
    if (session !== undefined) {
      const at = this.#inOnePlace(offset, offload);
      if (session.superFrames && egress.superFrameToSession(session, at, length, offload, flag)) {
        this.#counters.frameOut(port, length);
      } else this.#segments(port, offset, length, offload, flag);
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
    const segmenter = this.#segmenter;
    if (!segmenter.has && segmenter.isShort) this.releaseSegments();
    if (!segmenter.cut(this.#inOnePlace(offset, offload), length, offload)) {
      this.#counters.add(port, Counter.dropError, 1);
      return;
    }
    for (let i = 0; i < segmenter.count; i++) {
      const at = segmenter.offsetOf(i);
      const octets = segmenter.lengthOf(i);
      if (endpoint === undefined) this.#toPort(port, at, octets, flag);
      else {
        this.egress.toEndpoint(endpoint, at, octets);
        this.#counters.frameOut(port, octets);
      }
    }
  }

  /** Sends what is gathered, then gives back the memory of frames that were cut. */
  releaseSegments(): void {
    if (!this.#segmenter.hasLent) return;
    this.egress.drain();
    this.#segmenter.release();
  }

  /** A frame of ours leaves by a port whatever its state, sealed where it is a link: BPDUs. */
  sendFrame(port: number, frame: Uint8Array): void {
    const session = this.#links[port];
    if (session !== undefined) {
      this.egress.controlToSession(session, PacketType.bridge, frame);
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    const slot = this.#borrow(frame);
    if (slot < 0) return;
    for (const endpoint of endpoints) this.egress.toEndpoint(endpoint, slot, frame.length);
    this.#giveBack(slot);
    this.#counters.frameOut(port, frame.length);
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
  }

  listenDhcp(port: number, on: boolean): void {
    this.#dhcpPorts[port] = on ? 1 : 0;
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
    this.#database.flushPort(port);
    this.claims.portGone(port);
  }

  /** A session is there: its port is a link's, and no host there is ours. */
  addSession({ port }: Session): void {
    if (this.#forwarder.trust[port] !== PortTrust.local) return;
    this.#forwarder.setTrust(port, PortTrust.absent);
  }

  /** From now on the port's frames leave through this session. */
  useSession(port: number, session: Session | undefined): void {
    this.#links[port] = session;
    this.#forwarder.setTrust(port, trustOf(session));
    if (session === undefined) return;
    this.claims.sessionUsed(port, session.clear);
    this.#tellHosts(port, session);
  }

  removeSession(session: Session): void {
    for (let port = 0; port < this.#links.length; port++) {
      if (this.#links[port] !== session) continue;
      this.#links[port] = undefined;
      this.#forwarder.setTrust(port, PortTrust.absent);
    }
  }

  // ---- claims

  /** A friend says which hosts it has. */
  claim(session: Session, offset: number, length: number): void {
    const { clear } = this.#links[session.port] ?? session;
    this.claims.receive(this.#io.slab, offset, length, session.port, !clear);
  }

  /** Ends a turn: friends hear of hosts that are new, or gone. */
  tellNews(): void {
    const { own } = this.claims;
    for (let port = 0; port < this.#links.length; port++) {
      const session = this.#links[port];
      if (session === undefined) continue;
      own.tellNews((packet) => this.egress.controlToSession(session, PacketType.claim, packet));
      this.claims.told(port);
    }
    own.forgetNews();
  }

  /** Time has passed: looks after our hosts, and tells all of them where that is due. */
  tickClaims(): void {
    this.claims.tick();
    if (this.claims.own.hasNews) this.tellNews();
    for (let port = 0; port < this.#links.length; port++) {
      const session = this.#links[port];
      if (session !== undefined) this.#tellHosts(port, session);
    }
  }

  #tellHosts(port: number, session: Session): void {
    if (!this.claims.takeList(port)) return;
    this.claims.own.tellAll((packet) => {
      this.egress.controlToSession(session, PacketType.claim, packet);
    });
  }

  // ---- EgressObserver

  sessionOf(port: number): Session | undefined {
    return this.#links[port];
  }

  endpointFull(port: number, length: number): void {
    this.#counters.add(port, Counter.dropFull, 1);
    this.#counters.add(port, Counter.framesOut, -1);
    this.#counters.add(port, Counter.octetsOut, -length);
  }

  endpointWaits(endpoint: Endpoint): void {
    if (this.#ingressEndpoint === undefined) return;
    this.flowControl.queued(endpoint, this.#ingressEndpoint, this.now);
  }

  endpointDrained(endpoint: Endpoint): void {
    this.flowControl.drained(endpoint, this.now);
  }
}

function trustOf(session: Session | undefined): PortTrust {
  if (session === undefined) return PortTrust.absent;
  if (!session.clear) return PortTrust.sealed;
  return session.confined ? PortTrust.confined : PortTrust.clear;
}
