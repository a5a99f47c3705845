/**
 * The receiving half of a turn for sessions: records are found, opened in one
 * batch, and their packets given to whom they are for.
 *
 *   scan:  link message -> handshake?  -> notice to the main thread
 *                       -> sealed      -> known session, not seen before -> job
 *                       -> clear       -> known session in clear mode    -> list
 *   open:  one call for all jobs
 *   then:  each record's packets, in order of arrival
 *
 * Nothing that a peer sends throws: what makes no sense is counted where it
 * belongs and dropped. Records of a datagram lie in their receive slot, those of
 * a stream in its area; both stay there until the turn is over.
 */

import { addressesEqual } from '../io/address.ts';
import { type BatchedIo, JOB_RECORDS, JOB_STRIDE, Job, TAG_LENGTH } from '../io/contract.ts';
import {
  LINK_HEADER_LENGTH,
  LinkMessageType,
  RECORD_HEADER_LENGTH,
  readEpoch,
  readLength,
  readNumberHigh,
  readNumberLow,
  readReceiver,
  readType,
} from '../links/link-message.ts';
import {
  PACKET_HEADER_LENGTH,
  PacketType,
  packetLength,
  packetType,
  STRAIGHT,
} from '../links/packet.ts';
import { COMPLETE, type FrameOffload } from '../links/super-frame.ts';
import { KeptUntilSent } from './kept-until-sent.ts';
import type { Session } from './session.ts';
import { SuperFrameIngress } from './super-frame-ingress.ts';

/** The sessions of the worker, and what those hear of a friend's own care for them. */
export interface IngressSessions {
  /** The live session of a local index, if any. */
  session(localIndex: number): Session | undefined;
  ping(session: Session, offset: number, length: number): void;
  pong(session: Session, offset: number, length: number): void;
  probe(session: Session, offset: number, length: number): void;
  probeAcknowledged(session: Session, offset: number, length: number): void;
  /** The first authentic record came in: the other end has the session too. @returns whether it was told */
  alive(session: Session): boolean;
  /** An authentic record came from elsewhere than where we send. */
  roamed(session: Session, address: number): void;
}

/** What the engine does with what came out of records. */
export interface IngressTarget {
  /** An Ethernet frame from a session, in the slab; `straight`: for a host of ours only. */
  frame(
    session: Session,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    straight: boolean,
  ): void;
  /** Sends what is gathered: nothing points into the memory of frames any more. */
  drain(): void;
  /** A packet that is not for the session itself. */
  packet(session: Session, type: number, offset: number, length: number): void;
  /** A link message outside any session. `address` is a slab offset, -1 on a stream. */
  message(descriptor: number, address: number, offset: number, length: number): void;
  /** A record whose session is not here. @returns whether another worker has been given it */
  elsewhere(descriptor: number, address: number, offset: number, length: number): boolean;
}

/** Things that never reached a session, or that no session is to blame for. */
export interface IngressDrops {
  /** Not a link message: too short, or its length disagrees. */
  malformed: number;
  /** A record for a session that is not there. */
  unknownSession: number;
  /** Super-frames given up before their time: their session held most, and memory was out. */
  superFramesReclaimed: number;
}

export class Ingress {
  readonly drops: IngressDrops = { malformed: 0, unknownSession: 0, superFramesReclaimed: 0 };
  readonly #io: BatchedIo;
  readonly #target: IngressTarget;
  readonly #known: IngressSessions;
  // The records of this batch, column by column; results are copied out of the
  // job list because sealing uses the same list.
  readonly #sessions: (Session | undefined)[] = new Array(JOB_RECORDS).fill(undefined);
  readonly #starts = new Int32Array(JOB_RECORDS);
  readonly #addresses = new Int32Array(JOB_RECORDS);
  readonly #results = new Int32Array(JOB_RECORDS);
  /** Octets after the header of a clear record; -1 for a sealed one. */
  readonly #clearLengths = new Int32Array(JOB_RECORDS);
  #sealedCount = 0;
  /** Slots of frames put together in this turn. */
  readonly #whole = new KeptUntilSent<number>();
  readonly #superFrames: SuperFrameIngress;
  /** Whose friend was last seen to be at `#homeAddress`: joined datagrams have one source. */
  #home: Session | undefined;
  #homeAddress = -1;
  #count = 0;
  #now = 0;

  constructor(io: BatchedIo, target: IngressTarget, sessions: IngressSessions) {
    this.#io = io;
    this.#target = target;
    this.#known = sessions;
    this.#superFrames = new SuperFrameIngress(io.slab, target, this.drops);
  }

  /** When `giveUp` wants to be called. */
  get deadline(): number {
    return this.#superFrames.deadline;
  }

  get isFull(): boolean {
    return this.#count === JOB_RECORDS;
  }

  /** One datagram. `address` is the slab offset of where it came from. */
  datagram(descriptor: number, offset: number, length: number, address: number): void {
    const { slab } = this.#io;
    if (
      length < LINK_HEADER_LENGTH ||
      readLength(slab, offset) !== length - LINK_HEADER_LENGTH ||
      !this.#scan(descriptor, offset, length, address)
    ) {
      this.drops.malformed++;
    }
  }

  /**
   * One whole message of a stream.
   * @returns false when it is nonsense: a stream does not recover from that
   */
  streamMessage(descriptor: number, offset: number, length: number): boolean {
    if (this.#scan(descriptor, offset, length, -1)) return true;
    this.drops.malformed++;
    return false;
  }

  /** Opens what was scanned and delivers it. */
  open(now: number): void {
    const count = this.#count;
    if (count === 0) return;
    // Small integers need no memory of their own when they are handed on.
    this.#now = this.#superFrames.now = Math.floor(now);
    const sealed = this.#sealedCount;
    if (sealed > 0) this.#io.open(sealed);
    const { jobs } = this.#io;
    for (let i = 0; i < sealed; i++) this.#results[i] = jobs[i * JOB_STRIDE + Job.result];
    this.#count = this.#sealedCount = 0;
    let job = 0;
    for (let i = 0; i < count; i++) {
      const session = this.#sessions[i];
      this.#sessions[i] = undefined;
      if (session === undefined) continue;
      const body = this.#starts[i] + RECORD_HEADER_LENGTH;
      if (this.#clearLengths[i] < 0) {
        this.#deliver(session, this.#starts[i], this.#results[job++], this.#addresses[i]);
      } else {
        session.recordsIn++;
        this.#packets(session, body, body + this.#clearLengths[i], false);
      }
    }
    this.#home = undefined; // the next turn has other addresses in the same places
  }

  #scan(descriptor: number, offset: number, length: number, address: number): boolean {
    const { slab } = this.#io;
    const type = readType(slab, offset);
    if (type !== LinkMessageType.sealedRecord && type !== LinkMessageType.clearRecord) {
      if (type < LinkMessageType.handshakeInit || type > LinkMessageType.refuse) return false;
      this.#target.message(descriptor, address, offset, length);
      return true;
    }
    if (length < RECORD_HEADER_LENGTH) return false;
    const session = this.#known.session(readReceiver(slab, offset));
    if (session === undefined || session.descriptor !== descriptor) {
      // The confirmation of a handshake is a record whose session is not open yet.
      const first = readNumberHigh(slab, offset) === 0 && readNumberLow(slab, offset) === 0;
      if (first && type === LinkMessageType.sealedRecord) {
        this.#target.message(descriptor, address, offset, length);
      } else if (address < 0 || !this.#target.elsewhere(descriptor, address, offset, length)) {
        this.drops.unknownSession++;
      }
      return true;
    }
    if (type === LinkMessageType.clearRecord) this.#clear(session, offset, length, address);
    else this.#sealed(session, offset, length, address);
    return true;
  }

  #sealed(session: Session, offset: number, length: number, address: number): void {
    const { slab, jobs } = this.#io;
    const body = length - RECORD_HEADER_LENGTH;
    if (body < TAG_LENGTH) {
      session.drops.malformed++;
      return;
    }
    const high = readNumberHigh(slab, offset);
    const low = readNumberLow(slab, offset);
    if (!session.replay.check(high, low)) {
      session.drops.replayed++;
      return;
    }
    const slot = session.keys.receiveSlot(readEpoch(slab, offset));
    if (slot < 0) {
      session.drops.forged++;
      return;
    }
    const index = this.#count++;
    const at = this.#sealedCount * JOB_STRIDE;
    this.#sealedCount++;
    jobs[at + Job.keySlot] = slot;
    jobs[at + Job.aadOffset] = offset;
    jobs[at + Job.aadLength] = RECORD_HEADER_LENGTH;
    jobs[at + Job.inputOffset] = offset + RECORD_HEADER_LENGTH;
    jobs[at + Job.inputLength] = body;
    jobs[at + Job.outputOffset] = offset + RECORD_HEADER_LENGTH;
    jobs[at + Job.numberHigh] = high;
    jobs[at + Job.numberLow] = low;
    jobs[at + Job.moreLength] = 0;
    this.#sessions[index] = session;
    this.#starts[index] = offset;
    this.#addresses[index] = address;
    this.#clearLengths[index] = -1;
  }

  #clear(session: Session, offset: number, length: number, address: number): void {
    if (!session.clear || (address >= 0 && !this.#isHome(session, address))) {
      session.drops.unexpectedClear++;
      return;
    }
    const index = this.#count++;
    this.#sessions[index] = session;
    this.#starts[index] = offset;
    this.#clearLengths[index] = length - RECORD_HEADER_LENGTH;
  }

  #deliver(session: Session, start: number, length: number, address: number): void {
    if (length < 0) {
      session.drops.forged++;
      return;
    }
    const { slab } = this.#io;
    const high = readNumberHigh(slab, start);
    const low = readNumberLow(slab, start);
    // Checked again: the same number may stand twice in one batch.
    if (!session.replay.check(high, low)) {
      session.drops.replayed++;
      return;
    }
    session.replay.commit(high, low);
    session.keys.received(readEpoch(slab, start), this.#now);
    session.keepalive.heard(this.#now);
    // Told again with the next record if it could not be told now.
    if (!session.alive) session.alive = this.#known.alive(session);
    session.recordsIn++;
    if (high > session.highestHigh || (high === session.highestHigh && low >= session.highestLow)) {
      session.highestHigh = high;
      session.highestLow = low;
      if (address >= 0 && !this.#isHome(session, address)) {
        this.#known.roamed(session, address);
        this.#home = undefined;
      }
    }
    const body = start + RECORD_HEADER_LENGTH;
    this.#packets(session, body, body + length, true);
  }

  /** Whether the address at a slab offset is the one where the session's friend is. */
  #isHome(session: Session, address: number): boolean {
    if (session === this.#home && address === this.#homeAddress) return true;
    if (!addressesEqual(this.#io.slab, address, session.address)) return false;
    this.#home = session;
    this.#homeAddress = address;
    return true;
  }

  /** The F2F packets between two slab offsets. In the clear, only Ethernet is believed. */
  #packets(session: Session, from: number, to: number, sealed: boolean): void {
    const { slab } = this.#io;
    let offset = from;
    while (offset < to) {
      if (to - offset < PACKET_HEADER_LENGTH) {
        session.drops.malformed++;
        return;
      }
      const first = packetType(slab, offset);
      const straight = (first & STRAIGHT) !== 0;
      const type = first & ~STRAIGHT;
      const length = packetLength(slab, offset);
      const payload = offset + PACKET_HEADER_LENGTH;
      offset = payload + length;
      if (offset > to) {
        session.drops.malformed++;
        return;
      }
      if (type === PacketType.ethernet) this.#frame(session, payload, length, sealed, straight);
      else if (type === PacketType.fragment) {
        this.#fragment(session, payload, length, sealed, straight);
      } else if (type === PacketType.superFragment) {
        this.#superFrames.piece(session, payload, length, sealed, straight);
      } else if (type === PacketType.superFrame) {
        this.#superFrames.whole(session, payload, length, sealed, straight);
      } else if (sealed) this.#control(session, first, payload, length);
      else session.drops.unexpectedClear++;
    }
  }

  #frame(
    session: Session,
    offset: number,
    length: number,
    sealed: boolean,
    straight: boolean,
  ): void {
    if (!sealed) session.clearOctetsIn += length;
    this.#target.frame(session, offset, length, COMPLETE, straight);
  }

  #fragment(
    session: Session,
    offset: number,
    length: number,
    sealed: boolean,
    straight: boolean,
  ): void {
    const { reassembly } = session;
    const malformed = reassembly.malformed;
    const slot = reassembly.accept(this.#io.slab, offset, length, this.#now);
    if (reassembly.malformed !== malformed) session.drops.malformed++;
    if (slot < 0) return;
    // The frame stays in its slot until the next turn, when what was sent has left.
    this.#frame(session, slot, reassembly.lastLength, sealed, straight);
    this.#whole.keep(slot, session);
  }

  /** Makes do with the super-frames that have waited long enough for their pieces. */
  giveUp(now: number, sessions: Iterable<Session>): void {
    this.#superFrames.giveUp(now, sessions);
  }

  /** Gives back the memory of frames that were put together; after the drain of a turn. */
  release(): void {
    this.#superFrames.release();
    if (this.#whole.count > 0) this.#whole.giveBack(giveFrame);
  }

  #control(session: Session, type: number, offset: number, length: number): void {
    switch (type) {
      case PacketType.ping:
        this.#known.ping(session, offset, length);
        return;
      case PacketType.pong:
        this.#known.pong(session, offset, length);
        return;
      case PacketType.probe:
        this.#known.probe(session, offset, length);
        return;
      case PacketType.probeAcknowledgement:
        this.#known.probeAcknowledged(session, offset, length);
        return;
      case PacketType.confirm: // a repeat of what the handshake has seen
        return;
      default:
        this.#target.packet(session, type, offset, length);
    }
  }
}

function giveFrame({ reassembly }: Session, slot: number): void {
  reassembly.release(slot);
}
