/**
 * How a frame gets from one port of the switch to the others.
 *
 *   frame --> Forwarder (switch/) --> for each egress port: PortOutputs
 *                                       with another tag:    a copy (retagger.ts)
 *                                       of an impaired port: it waits (impaired-ports.ts)
 *
 * No frame allocates.
 */
import { type BatchedIo, Offload } from '../io/contract.ts';
import { STRAIGHT } from '../links/packet.ts';
import { COMPLETE, type FrameOffload, superFrameHeaders } from '../links/super-frame.ts';
import { Direction } from '../switch/capture/pcapng.ts';
import { Counter, type CounterWriter } from '../switch/counters.ts';
import type { FilteringDatabase } from '../switch/filtering-database.ts';
import type { ForwarderSettings } from '../switch/forwarder-settings.ts';
import { Forwarder } from '../switch/forwarding.ts';
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import { Origin, PortTrust } from '../switch/port-trust.ts';
import { writeQuery } from '../switch/snooping/query-frames.ts';
import { TagAction } from '../switch/tag-action.ts';
import { TokenBuckets } from '../switch/token-buckets.ts';
import { Verdict } from '../switch/verdict.ts';
import { ClaimTalk } from './claim-talk.ts';
import { Claims } from './claims.ts';
import type { Egress } from './egress/egress.ts';
import type { Endpoint } from './endpoint.ts';
import type { FlowControl } from './flow-control.ts';
import type { ImpairedPorts } from './impaired-ports.ts';
import type { DataPlaneMemory } from './memory.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { PortOutputs, type PortOutputsParts } from './port-outputs.ts';
import type { Recorder } from './recorder.ts';
import type { LinkSession } from './remote-session.ts';
import { Retagger } from './retagger.ts';
import { inOnePlace } from './segmenter.ts';

/** Frames for the control side, a second and port. The tree itself takes 50 BPDUs a second. */
const CONTROL_RATE = 100;

export interface SwitchboardParts extends PortOutputsParts {
  readonly database: FilteringDatabase;
}

export class Switchboard {
  readonly outputs: PortOutputs;
  readonly egress: Egress;
  readonly flowControl: FlowControl;
  readonly claims: Claims;
  readonly talk: ClaimTalk;
  readonly recorder: Recorder;
  readonly impaired: ImpairedPorts;
  readonly #io: BatchedIo;
  readonly #memory: DataPlaneMemory;
  readonly #notices: NoticeWriter;
  readonly #counters: CounterWriter;
  readonly #database: FilteringDatabase;
  readonly #forwarder: Forwarder;
  readonly #retagger: Retagger;
  readonly #controlLimit = new TokenBuckets(PORT_TABLE_LENGTH, CONTROL_RATE);
  /** Frames may have to change on their way out, or to wait. */
  #careful = false;
  #hasVlans = false;
  /** News of addresses that there was no room for. */
  addressNewsLost = 0;
  /** Whole milliseconds, as `PortOutputs.now`. */
  now = 0;

  constructor(parts: SwitchboardParts) {
    const { io, memory, notices, counters, database } = parts;
    this.#io = io;
    this.#memory = memory;
    this.#notices = notices;
    this.#counters = counters;
    this.#database = database;
    this.claims = new Claims(database);
    this.#forwarder = new Forwarder(database, counters, this.claims);
    this.claims.watch(this.#forwarder.trust);
    this.#retagger = new Retagger(io, memory.large);
    const outputs = new PortOutputs(parts);
    this.outputs = outputs;
    this.egress = outputs.egress;
    this.flowControl = outputs.flowControl;
    this.recorder = outputs.recorder;
    this.impaired = outputs.impaired;
    this.talk = new ClaimTalk(io.slab, this.claims, outputs.links);
  }

  /** A turn begins. */
  setNow(now: number): void {
    this.outputs.moment = now;
    this.now = this.outputs.now = this.claims.now = Math.floor(now);
  }

  // ---- frames in

  /** A frame of a client or a TAP, in the slab until the end of the turn. */
  fromEndpoint(
    endpoint: Endpoint,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
  ): void {
    this.outputs.sender = endpoint;
    const verdict = this.#forward(endpoint.port, offset, length, offload, Origin.local, false);
    this.outputs.sender = undefined;
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
    const { outputs } = this;
    const forwarder = this.#forwarder;
    const plain = offload.offload === Offload.none;
    if (this.recorder.count > 0) this.recordIn(port, inOnePlace(slab, offset, offload), length);
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
      if (plain) outputs.frame(egress[i], offset, length, flag);
      else outputs.superFrame(egress[i], offset, length, offload, flag);
      flag = 0; // behind the first there may be the mirror
    }
    if (!plain) outputs.endSuperFrame();
    return verdict;
  }

  /**
   * The same where tags change on the way out, for each of which a copy is made once, or where
   * ports are impaired.
   */
  #forwardCarefully(offset: number, length: number, offload: Readonly<FrameOffload>): void {
    const { outputs } = this;
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
        else if (this.impaired.has(egress[i])) outputs.delay(egress[i], at, octets, fields, flag);
        else if (fields.offload === Offload.none) outputs.frame(egress[i], at, octets, flag);
        else outputs.superFrame(egress[i], at, octets, fields, flag);
      }
      outputs.endSuperFrame();
    }
  }

  /** @returns where a copy with another tag is, or -1 */
  #retag(
    action: TagAction,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
  ): number {
    const { slab } = this.#io;
    const retagger = this.#retagger;
    if (retagger.isShort(length)) {
      this.egress.drain();
      retagger.release();
    }
    const from = inOnePlace(slab, offset, offload);
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
    this.recorder.record(port, Direction.inbound, offset, length, this.outputs.moment);
  }

  // ---- frames out

  /** Sends what is gathered, then gives back the memory of frames that were cut, changed or late. */
  releaseCopies(): void {
    if (!this.outputs.hasLent && !this.#retagger.hasLent) return;
    this.egress.drain();
    this.outputs.release();
    this.#retagger.release();
  }

  /** A frame of ours leaves by a port whatever its state, sealed where it is a link: BPDUs. */
  sendFrame(port: number, frame: Uint8Array): void {
    const slot = this.#borrow(frame);
    if (slot < 0) return;
    this.outputs.bridge(port, slot, frame.length);
    this.#giveBack(slot);
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

  /** What waits for the endpoint is forgotten; a port without any forgets its addresses. */
  removeEndpoint(endpoint: Endpoint): void {
    const { port } = endpoint;
    if (this.outputs.removeEndpoint(endpoint)) return;
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
    this.outputs.links.set(port, session);
    this.#forwarder.setTrust(port, trustOf(session));
    if (session === undefined) return;
    this.talk.sessionUsed(port, session);
  }

  removeSession(session: LinkSession): void {
    for (const [port, used] of this.outputs.links) {
      if (used !== session) continue;
      this.outputs.links.set(port, undefined);
      this.#forwarder.setTrust(port, PortTrust.absent);
    }
  }
}

function trustOf(session: LinkSession | undefined): PortTrust {
  if (session === undefined) return PortTrust.absent;
  if (!session.clear) return PortTrust.sealed;
  return session.confined ? PortTrust.confined : PortTrust.clear;
}
