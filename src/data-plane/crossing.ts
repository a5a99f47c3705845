/**
 * Between the worker of the ports and one that has sessions: a lane each way, and a bell.
 *
 *   worker 0   --- frames and packets for a session -------------->   worker n
 *              <-- what came out of its records, strays, news -----
 *
 * A message of a lane is a head of four words, and octets. Both ends are threads of one
 * process: words are in the order of the host, the low octet first here.
 *
 *          31      24      16       8       0
 *   word 0  | zero  |offload| flag  | kind  |    flag: STRAIGHT, or the type of a packet
 *   word 1  |        local index            |    of a stray datagram: the descriptor
 *   word 2  | checksum start| segment size  |    news of a path: octets of a record
 *   word 3  |     zero      |checksum offset|
 *
 * What is sent is copied once into the lane, from where it lies, and shown to the other end once
 * a turn; what comes is copied once into the slab, where it stays until the turn is over. A full
 * lane loses Ethernet frames first: packets have a share of it to themselves. Either is told to
 * the caller, who counts it. Before that senders are held back (flow-control.ts): what waits in
 * a lane counts as frames do that wait for an endpoint. The bell is rung only if the other end
 * sleeps:
 *
 *   one who waits:    say that it sleeps, then look whether the lanes are empty
 *   one who sends:    publish, then look whether the other sleeps
 *
 * Whatever the order in which these happen, one of the two sees the other (Atomics are
 * sequentially consistent), so that nothing is left lying.
 */
import { ADDRESS_LENGTH, type BatchedIo, type Offload } from '../io/contract.ts';
import { Lane } from '../io/lane.ts';
import { RELAY_HEADER_LENGTH, writeCircuit } from '../links/relay/relay-packet.ts';
import { COMPLETE, type FrameOffload, SUPER_HEADER_LENGTH } from '../links/super-frame.ts';
import { pieceOctets } from '../links/super-reassembly.ts';
import type { Receiver } from './flow-control.ts';
import type { LandingStrip } from './memory.ts';

/** Octets of a lane: some thirty super-frames, and no more than caches hold. */
const LANE_LENGTH = 2 * 1024 * 1024;
/** Of these, what Ethernet frames leave to packets. */
const PACKETS_SHARE = 256 * 1024;

const Kind = { frame: 1, packet: 2, datagram: 3, recordLength: 4 } as const;

/** Octets that count as one frame: more than 64 of these are too many, as for an endpoint. */
const WAITING_UNIT = 16 * 1024;

const HEAD_WORDS = 4;
const HEAD_LENGTH = HEAD_WORDS * Int32Array.BYTES_PER_ELEMENT;
/** By worker in the memory of sleepers: a cache line each. */
const SLEEPER_STRIDE = 16;

/** What both workers are given to make their ends of. */
export interface CrossingMemory {
  readonly toSessions: SharedArrayBuffer;
  readonly toSwitch: SharedArrayBuffer;
}

export function allocateCrossing(): CrossingMemory {
  return {
    toSessions: Lane.create(LANE_LENGTH).buffer,
    toSwitch: Lane.create(LANE_LENGTH).buffer,
  };
}

/** Who sleeps: one word for each worker. */
export function allocateSleepers(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * SLEEPER_STRIDE * Int32Array.BYTES_PER_ELEMENT);
}

/** What a worker does with what came from another. Offsets are of the slab, until the turn ends. */
export interface CrossingTarget {
  crossedFrame(
    localIndex: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void;
  crossedPacket(localIndex: number, type: number, offset: number, length: number): void;
  /** A datagram that came to the socket of another worker. */
  crossedDatagram(descriptor: number, address: number, offset: number, length: number): void;
  /** Records of a session may have so many octets from now on. */
  crossedRecordLength(localIndex: number, length: number): void;
}

export interface CrossingParts {
  readonly io: BatchedIo;
  readonly landing: LandingStrip;
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
  readonly sleepers: SharedArrayBuffer;
  /** The worker at the other end. */
  readonly other: number;
  /** Wakes it. */
  readonly ring: () => void;
}

/** One worker's end. */
export class Crossing implements Receiver {
  readonly #io: BatchedIo;
  readonly #landing: LandingStrip;
  readonly #in: Lane;
  readonly #out: Lane;
  readonly #sleepers: Int32Array;
  readonly #other: number;
  readonly #ring: () => void;
  /** The offload fields of the frame in hand. */
  readonly #offload: FrameOffload = { ...COMPLETE };
  // The flow control's.
  stalled = false;
  stalledUntil = 0;

  constructor(parts: CrossingParts) {
    this.#io = parts.io;
    this.#landing = parts.landing;
    this.#in = new Lane(parts.incoming);
    this.#out = new Lane(parts.outgoing);
    this.#sleepers = new Int32Array(parts.sleepers);
    this.#other = parts.other * SLEEPER_STRIDE;
    this.#ring = parts.ring;
  }

  // ---- out: each returns false when there is no room

  /** An Ethernet frame; a super-frame may be in pieces still. */
  frame(
    localIndex: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): boolean {
    const at = this.#out.reserve(HEAD_LENGTH + length, PACKETS_SHARE);
    if (at < 0) return false;
    const { words, octets } = this.#out;
    const word = at >> 2;
    words[word] = Kind.frame | (flag << 8) | (offload.offload << 16);
    words[word + 1] = localIndex;
    words[word + 2] = offload.segmentSize | (offload.checksumStart << 16);
    words[word + 3] = offload.checksumOffset;
    const { pieces } = offload;
    let to = at + HEAD_LENGTH;
    if (pieces === undefined) {
      this.#io.copyOut(offset, length, octets, to);
      return true;
    }
    for (let index = 0; index < pieces.count; index++) {
      const skip = index === 0 ? SUPER_HEADER_LENGTH : 0;
      const size = pieceOctets(pieces, index) - skip;
      this.#io.copyOut(pieces.offsets[index] + skip, size, octets, to);
      to += size;
    }
    return true;
  }

  /** An F2F packet that lies in the slab. */
  packet(localIndex: number, type: number, offset: number, length: number): boolean {
    const at = this.#begin(Kind.packet | (type << 8), localIndex, length, 0);
    if (at < 0) return false;
    this.#io.copyOut(offset, length, this.#out.octets, at);
    return true;
  }

  /** An F2F packet from memory of its own; not for the path of frames. */
  control(localIndex: number, type: number, payload: Uint8Array): boolean {
    const at = this.#begin(Kind.packet | (type << 8), localIndex, payload.length, 0);
    if (at < 0) return false;
    this.#out.octets.set(payload, at);
    return true;
  }

  /** A link message in the slab as a packet of a relay. It makes way for other packets. */
  relay(localIndex: number, type: number, number: number, offset: number, length: number): boolean {
    const head = Kind.packet | (type << 8);
    const at = this.#begin(head, localIndex, RELAY_HEADER_LENGTH + length, PACKETS_SHARE);
    if (at < 0) return false;
    writeCircuit(this.#out.octets, at, number);
    this.#io.copyOut(offset, length, this.#out.octets, at + RELAY_HEADER_LENGTH);
    return true;
  }

  /** A datagram for another worker, with the address that lies in the slab. */
  datagram(descriptor: number, address: number, offset: number, length: number): boolean {
    const at = this.#begin(Kind.datagram, descriptor, ADDRESS_LENGTH + length, PACKETS_SHARE);
    if (at < 0) return false;
    this.#io.copyOut(address, ADDRESS_LENGTH, this.#out.octets, at);
    this.#io.copyOut(offset, length, this.#out.octets, at + ADDRESS_LENGTH);
    return true;
  }

  recordLength(localIndex: number, length: number): boolean {
    const at = this.#begin(Kind.recordLength, localIndex, 0, 0);
    if (at < 0) return false;
    this.#out.words[(at - HEAD_LENGTH + 8) >> 2] = length;
    return true;
  }

  /** @returns where the octets go, or -1 */
  #begin(first: number, subject: number, length: number, spare: number): number {
    const at = this.#out.reserve(HEAD_LENGTH + length, spare);
    if (at < 0) return -1;
    const word = at >> 2;
    this.#out.words[word] = first;
    this.#out.words[word + 1] = subject;
    this.#out.words[word + 2] = this.#out.words[word + 3] = 0;
    return at + HEAD_LENGTH;
  }

  /** Shows the other end what was sent, and wakes it if it sleeps. */
  publish(): void {
    if (!this.#out.publish()) return;
    if (Atomics.load(this.#sleepers, this.#other) === 0) return;
    if (Atomics.exchange(this.#sleepers, this.#other, 0) === 1) this.#ring();
  }

  /** What the other end has not taken yet, as if it were frames. */
  get waiting(): number {
    return Math.floor(this.#out.filled / WAITING_UNIT);
  }

  /** Messages that found no room on the way out. */
  get drops(): number {
    return this.#out.drops;
  }

  // ---- in

  get isEmpty(): boolean {
    return this.#in.isEmpty;
  }

  /** Takes what has come, as far as there is room to land; the rest comes in the next turn. */
  receive(target: CrossingTarget): void {
    const lane = this.#in;
    while (this.#landing.hasRoom) {
      const at = lane.next();
      if (at < 0) break;
      this.#land(target, at, lane.length - HEAD_LENGTH);
    }
    lane.release();
  }

  #land(target: CrossingTarget, at: number, length: number): void {
    const { words, octets } = this.#in;
    const word = at >> 2;
    const first = words[word];
    const subject = words[word + 1] >>> 0;
    const flag = (first >>> 8) & 0xff;
    const offset = this.#landing.take(length);
    this.#io.copyIn(octets, at + HEAD_LENGTH, length, offset);
    switch (first & 0xff) {
      case Kind.frame: {
        const fields = this.#offload;
        fields.offload = ((first >>> 16) & 0xff) as Offload;
        fields.segmentSize = words[word + 2] & 0xffff;
        fields.checksumStart = words[word + 2] >>> 16;
        fields.checksumOffset = words[word + 3];
        target.crossedFrame(subject, offset, length, fields, flag);
        return;
      }
      case Kind.packet:
        target.crossedPacket(subject, flag, offset, length);
        return;
      case Kind.datagram: {
        const data = offset + ADDRESS_LENGTH;
        target.crossedDatagram(subject, offset, data, length - ADDRESS_LENGTH);
        return;
      }
      case Kind.recordLength:
        target.crossedRecordLength(subject, words[word + 2]);
        return;
    }
  }
}

/** Says of one worker whether it sleeps, to those who send to it. */
export class Sleeper {
  readonly #sleepers: Int32Array;
  readonly #at: number;

  constructor(sleepers: SharedArrayBuffer, worker: number) {
    this.#sleepers = new Int32Array(sleepers);
    this.#at = worker * SLEEPER_STRIDE;
  }

  /** It is about to sleep: whoever sends from now on wakes it. Look at the lanes afterwards. */
  lieDown(): void {
    Atomics.store(this.#sleepers, this.#at, 1);
  }

  getUp(): void {
    Atomics.store(this.#sleepers, this.#at, 0);
  }
}
