/**
 * The sending half of a turn: frames and packets are gathered, then sealed and
 * sent in one go.
 *
 * To an endpoint a frame goes as a send record that points at where it lies.
 * To a session it is copied behind others into the session's staging area, so
 * that small frames share a record, and records of one session lie side by side
 * (one GSO send, one write). `drain` closes the open records, seals them all,
 * sends everything and deals with what the system refused.
 *
 * Allocates nothing per frame.
 */
import { constants } from 'node:os';
import {
  type BatchedIo,
  JOB_RECORDS,
  JOB_STRIDE,
  Job,
  Offload,
  PART_RECORDS,
  PART_STRIDE,
  Part,
  SEND_RECORDS,
  SlabLayout,
  TAG_LENGTH,
  TX_STRIDE,
  Tx,
} from '../io/contract.ts';
import { FRAGMENT_HEADER_LENGTH, MAX_FRAGMENTS, writeFragmentHeader } from '../links/fragment.ts';
import {
  LINK_HEADER_LENGTH,
  LinkMessageType,
  RECORD_HEADER_LENGTH,
  writeRecordHeader,
} from '../links/link-message.ts';
import { clampMss } from '../links/mss-clamp.ts';
import { PACKET_HEADER_LENGTH, PacketType, writePacketHeader } from '../links/packet.ts';
import { BASE_PATH_MTU } from '../links/path-mtu.ts';
import { RELAY_HEADER_LENGTH, RELAY_OVERHEAD, writeCircuit } from '../links/relay/relay-packet.ts';
import {
  type FrameOffload,
  MAX_SUPER_FRAGMENTS,
  MAX_SUPER_FRAME,
  SUPER_HEADER_LENGTH,
  superFrameHeaders,
  writeSuperHeader,
} from '../links/super-frame.ts';
import { pieceOctets } from '../links/super-reassembly.ts';
import { answerNumber } from './circuits.ts';
import type { Endpoint } from './endpoint.ts';
import { CHUNK_LENGTH, type DataPlaneMemory } from './memory.ts';
import type { LinkSession } from './remote-session.ts';
import { type Session, STAGED_RECORDS } from './session.ts';

/** Octets of one staging area: a super-frame with the headers of its records. */
const STAGING_LENGTH = 72 * 1024;
/** Octets of the longest record: its length is a 16-bit field. */
const LONGEST_RECORD = 64 * 1024;
const STAGING_AREAS = Math.floor(SlabLayout.arenaLength / STAGING_LENGTH) - 1;
/** The last area: headers of records whose payload is sent from where it lies. */
const HEADERS_START = SlabLayout.arena + STAGING_AREAS * STAGING_LENGTH;

/** UDP_SEGMENT: at most 64 segments, and 65,000 octets with headers to spare. */
const MAX_SEGMENTS = 64;
const MAX_SEGMENTED_OCTETS = 65_000;

/** Octets waiting for a stream beyond which Ethernet frames are dropped; control may fill the rest. */
const STREAM_PATIENCE = 64 * 1024;

const { EAGAIN, ENOBUFS, EMSGSIZE, EIO, EINVAL, ENOTSUP } = constants.errno;

/** What the engine hears of frames that could not leave. */
export interface EgressObserver {
  /** A frame for an endpoint of `port` was dropped for want of room. */
  endpointFull(port: number, length: number): void;
  /** A frame has to wait for the endpoint. */
  endpointWaits(endpoint: Endpoint): void;
  /** Frames that waited for the endpoint have left. */
  endpointDrained(endpoint: Endpoint): void;
  /** The session that a link port sends through. */
  sessionOf(port: number): LinkSession | undefined;
}

export class Egress {
  readonly #io: BatchedIo;
  readonly #memory: DataPlaneMemory;
  readonly #observer: EgressObserver;
  /** Whose each send record is, so that a refusal finds its way. */
  readonly #owners: (Endpoint | Session | undefined)[] = new Array(SEND_RECORDS).fill(undefined);
  /** Sessions with something staged; the first `#activeCount` are valid. */
  readonly #active: (Session | undefined)[] = new Array(STAGING_AREAS).fill(undefined);
  #activeCount = 0;
  /** Relayed sessions whose records are sealed and have to go into those of others. */
  readonly #relayed: Session[] = [];
  #broken: number[] = [];
  #sends = 0;
  #jobs = 0;
  #areas = 0;
  /** Parts listed, and how far headers of their own are written. */
  #parts = 0;
  #headersFill = HEADERS_START;
  /** Cleared when the system turns out not to segment UDP. */
  #segmentation = true;
  now = 0;

  constructor(io: BatchedIo, memory: DataPlaneMemory, observer: EgressObserver) {
    this.#io = io;
    this.#memory = memory;
    this.#observer = observer;
  }

  /** A frame in the slab to an endpoint; it must stay where it is until `drain`. */
  toEndpoint(endpoint: Endpoint, offset: number, length: number): void {
    if (endpoint.waiting > 0) {
      if (endpoint.queue(this.#memory, this.#io.slab, offset, length)) {
        this.#observer.endpointWaits(endpoint);
      } else {
        this.#observer.endpointFull(endpoint.port, length);
      }
      return;
    }
    this.#pushSend(endpoint, endpoint.descriptor, offset, length, -1, 0);
  }

  /**
   * An Ethernet frame to a session, in the clear or sealed as the session says.
   * @param flag STRAIGHT, if it is for a host of the friend only
   */
  frameToSession(session: Session, offset: number, length: number, flag = 0): void {
    if (length > session.largestFrame) {
      session.drops.giant++;
      return;
    }
    if (this.#isPatienceOver(session)) {
      session.drops.full++;
      return;
    }
    const type = session.clear ? LinkMessageType.clearRecord : LinkMessageType.sealedRecord;
    const overhead = RECORD_HEADER_LENGTH + PACKET_HEADER_LENGTH + (session.clear ? 0 : TAG_LENGTH);
    const limit = session.recordLength;
    if (length + overhead <= limit) {
      const at = this.#append(session, type, PacketType.ethernet | flag, offset, length);
      const longest = session.pathMtu.hoped - overhead;
      if (at >= 0 && session.datagram) clampMss(this.#io.slab, at, length, longest);
    } else {
      const piece = limit - overhead - FRAGMENT_HEADER_LENGTH;
      this.#fragment(session, type, offset, length, piece, PacketType.fragment | flag);
    }
    if (session.clear) session.clearOctetsOut += length;
  }

  /**
   * A super-frame to a session whose other end takes such. It must stay where it is until
   * `drain`: it is sealed straight from there.
   * @param flag as above
   * @returns false when it is too long to cross whole
   */
  superFrameToSession(
    session: Session,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag = 0,
  ): boolean {
    const total = SUPER_HEADER_LENGTH + length;
    const tag = session.clear ? 0 : TAG_LENGTH;
    const limit = session.recordLength;
    const overhead = RECORD_HEADER_LENGTH + PACKET_HEADER_LENGTH + tag;
    const whole = total + overhead <= limit;
    const piece = whole ? total : limit - overhead - FRAGMENT_HEADER_LENGTH;
    const count = Math.ceil(total / piece);
    const needed = total + count * (overhead + FRAGMENT_HEADER_LENGTH);
    if (length > MAX_SUPER_FRAME || count > MAX_SUPER_FRAGMENTS || needed > STAGING_LENGTH) {
      return false;
    }
    const longest = superFrameHeaders(this.#io.slab, offset, offload) + offload.segmentSize;
    if (longest > session.largestFrame) {
      session.drops.giant++;
      return true;
    }
    if (this.#isPatienceOver(session, needed)) {
      session.drops.full++;
      return true;
    }
    if (session.clear && session.datagram && session.circuit === undefined && !whole) {
      this.#clearPieces(session, offset, length, piece, count, offload, flag);
      session.clearOctetsOut += length;
      return true;
    }
    this.#closeRecord(session);
    // Its records should leave in one send.
    if (session.stagingFill + needed > STAGING_LENGTH) this.drain();
    const id = session.nextFragmentId;
    if (!whole) session.nextFragmentId = (id + 1) & 0xffff;
    const { slab } = this.#io;
    const type = session.clear ? LinkMessageType.clearRecord : LinkMessageType.sealedRecord;
    for (let index = 0; index < count; index++) {
      const position = index * piece;
      const data = Math.min(piece, total - position);
      const fragment = whole ? 0 : FRAGMENT_HEADER_LENGTH;
      const at = this.#open(session, type, overhead + fragment + data);
      const kind = whole ? PacketType.superFrame : PacketType.superFragment;
      writePacketHeader(slab, at, kind | flag, fragment + data);
      let fill = at + PACKET_HEADER_LENGTH;
      if (!whole) writeFragmentHeader(slab, fill, id, index, count, position, total);
      fill += fragment;
      const fields = index === 0 ? SUPER_HEADER_LENGTH : 0;
      if (index === 0) writeSuperHeader(slab, fill, offload);
      fill += fields;
      const from = offset + position + fields - SUPER_HEADER_LENGTH;
      const octets = data - fields;
      if (session.clear) slab.copyWithin(fill, from, from + octets);
      else {
        session.moreOffset = from;
        session.moreLength = octets;
      }
      session.stagingFill = fill + octets - session.staging;
      this.#closeRecord(session);
    }
    if (session.clear) session.clearOctetsOut += length;
    return true;
  }

  /**
   * The pieces of a super-frame in the clear: only headers are written, and the frame is
   * sent from where it lies.
   */
  #clearPieces(
    session: Session,
    offset: number,
    length: number,
    piece: number,
    count: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void {
    // These are listed at once, so what is staged has to leave first.
    if (session.staging >= 0) this.drain();
    const total = SUPER_HEADER_LENGTH + length;
    const id = session.nextFragmentId;
    session.nextFragmentId = (id + 1) & 0xffff;
    const { slab } = this.#io;
    const headers = RECORD_HEADER_LENGTH + PACKET_HEADER_LENGTH + FRAGMENT_HEADER_LENGTH;
    const size = headers + piece;
    const perSend = this.#segmentation
      ? Math.min(MAX_SEGMENTS, Math.floor(MAX_SEGMENTED_OCTETS / size))
      : 1;
    for (let first = 0; first < count; first += perSend) {
      const end = Math.min(count, first + perSend);
      this.#reserve((end - first) * (headers + SUPER_HEADER_LENGTH), 2 * (end - first));
      const parts = this.#parts;
      let octets = 0;
      for (let index = first; index < end; index++) {
        const position = index * piece;
        const data = Math.min(piece, total - position);
        const start = this.#headersFill;
        const fields = index === 0 ? SUPER_HEADER_LENGTH : 0;
        this.#writeClearHeader(session, start, FRAGMENT_HEADER_LENGTH + data);
        const packet = start + RECORD_HEADER_LENGTH;
        const kind = PacketType.superFragment | flag;
        writePacketHeader(slab, packet, kind, FRAGMENT_HEADER_LENGTH + data);
        const fragment = packet + PACKET_HEADER_LENGTH;
        writeFragmentHeader(slab, fragment, id, index, count, position, total);
        if (index === 0) writeSuperHeader(slab, start + headers, offload);
        this.#headersFill += headers + fields;
        this.#pushPart(start, headers + fields);
        this.#pushPart(offset + position + fields - SUPER_HEADER_LENGTH, data - fields);
        octets += headers + data;
      }
      const segment = end - first > 1 ? size : 0;
      const at = this.#pushSend(
        session,
        session.descriptor,
        parts,
        octets,
        session.address,
        segment,
      );
      this.#io.tx[at + Tx.partCount] = 2 * (end - first);
    }
  }

  /** The header of a clear record whose packets have so many octets, its number taken. */
  #writeClearHeader(session: Session, start: number, payload: number): void {
    const { slab } = this.#io;
    const rest = RECORD_HEADER_LENGTH - LINK_HEADER_LENGTH + PACKET_HEADER_LENGTH + payload;
    const high = session.clearNumberHigh;
    const low = session.clearNumberLow;
    const { clearRecord } = LinkMessageType;
    writeRecordHeader(slab, start, clearRecord, rest, 0, session.remoteIndex, high, low);
    session.clearNumberLow = (low + 1) >>> 0;
    if (session.clearNumberLow === 0) session.clearNumberHigh = (high + 1) >>> 0;
    session.recordsOut++;
  }

  /** Sees to it that so many octets of headers and so many parts can be listed. */
  #reserve(octets: number, parts: number): void {
    const full =
      this.#headersFill + octets > HEADERS_START + STAGING_LENGTH ||
      this.#parts + parts > PART_RECORDS ||
      this.#sends === SEND_RECORDS;
    if (full) this.drain();
  }

  #pushPart(offset: number, length: number): void {
    const { parts } = this.#io;
    const at = this.#parts * PART_STRIDE;
    this.#parts++;
    parts[at + Part.offset] = offset;
    parts[at + Part.length] = length;
  }

  /** A super-frame to a TAP; it must stay where it is until `drain`. */
  superFrameToTap(
    endpoint: Endpoint,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
  ): void {
    if (endpoint.waiting > 0) {
      this.#observer.endpointFull(endpoint.port, length);
      return;
    }
    const { pieces } = offload;
    const { tx } = this.#io;
    let at: number;
    if (pieces === undefined) {
      at = this.#pushSend(endpoint, endpoint.descriptor, offset, length, -1, 0);
    } else {
      this.#reserve(0, pieces.count);
      const first = this.#parts;
      for (let index = 0; index < pieces.count; index++) {
        const skip = index === 0 ? SUPER_HEADER_LENGTH : 0;
        this.#pushPart(pieces.offsets[index] + skip, pieceOctets(pieces, index) - skip);
      }
      at = this.#pushSend(endpoint, endpoint.descriptor, first, length, -1, 0);
      tx[at + Tx.partCount] = pieces.count;
    }
    tx[at + Tx.segmentSize] = offload.segmentSize;
    tx[at + Tx.offload] = offload.offload;
    tx[at + Tx.checksumStart] = offload.checksumStart;
    tx[at + Tx.checksumOffset] = offload.checksumOffset;
  }

  /** So much waits for a stream that Ethernet frames are dropped, or would with `more` octets. */
  #isPatienceOver(session: Session, more = 0): boolean {
    if (session.datagram) return false;
    return session.waiting + session.stagingFill + more > STREAM_PATIENCE + CHUNK_LENGTH / 4;
  }

  /** An F2F packet that lies in the slab, sealed. */
  packetToSession(session: Session, type: number, offset: number, length: number): void {
    this.#append(session, LinkMessageType.sealedRecord, type, offset, length);
  }

  /** An F2F packet from memory of its own, sealed; for control, not for the path of frames. */
  controlToSession(session: Session, type: number, payload: Uint8Array): void {
    const at = this.#room(session, LinkMessageType.sealedRecord, payload.length);
    if (at < 0) return;
    writePacketHeader(this.#io.slab, at, type, payload.length);
    this.#io.slab.set(payload, at + PACKET_HEADER_LENGTH);
    session.stagingFill += PACKET_HEADER_LENGTH + payload.length;
  }

  /**
   * A link message that lies in the slab, as a packet of another session.
   * @param number of the circuit, as in packets that we send
   * @returns false when it is too long for a record
   */
  relay(session: Session, number: number, offset: number, length: number): boolean {
    if (session.datagram && RELAY_OVERHEAD + length > session.recordLength) return false;
    if (this.#isPatienceOver(session)) {
      session.drops.full++;
      return true;
    }
    const payload = RELAY_HEADER_LENGTH + length;
    const at = this.#room(session, LinkMessageType.sealedRecord, payload);
    if (at < 0) return false;
    const { slab } = this.#io;
    writePacketHeader(slab, at, PacketType.relay, payload);
    writeCircuit(slab, at + PACKET_HEADER_LENGTH, number);
    slab.copyWithin(at + PACKET_HEADER_LENGTH + RELAY_HEADER_LENGTH, offset, offset + length);
    session.stagingFill += PACKET_HEADER_LENGTH + payload;
    return true;
  }

  /** A sealed record of exactly `size` octets that only asks whether it arrives. */
  probe(session: Session, size: number): void {
    this.#closeRecord(session);
    const padding = size - RECORD_HEADER_LENGTH - PACKET_HEADER_LENGTH - TAG_LENGTH;
    const at = this.#open(session, LinkMessageType.sealedRecord, size);
    const slab = this.#io.slab;
    writePacketHeader(slab, at, PacketType.probe, padding);
    slab.fill(0, at + PACKET_HEADER_LENGTH, at + PACKET_HEADER_LENGTH + padding);
    slab[at + PACKET_HEADER_LENGTH] = size >>> 8;
    slab[at + PACKET_HEADER_LENGTH + 1] = size;
    session.stagingFill += PACKET_HEADER_LENGTH + padding;
    this.#closeRecord(session);
  }

  /** A link message outside a session, from memory of its own. */
  message(descriptor: number, address: number, offset: number, length: number): void {
    this.#pushSend(undefined, descriptor, offset, length, address, 0);
  }

  /**
   * Octets for a stream without a session, at once.
   * @returns how many the system took, or a negated errno
   */
  streamOctets(descriptor: number, offset: number, length: number): number {
    this.drain();
    this.#pushSend(undefined, descriptor, offset, length, -1, 0);
    this.#sends = 0;
    this.#io.flush(1);
    return this.#io.tx[Tx.result];
  }

  /** A link message for the stream that a session lives on, behind what waits there. */
  streamMessage(session: Session, offset: number, length: number): void {
    this.drain();
    if (session.backlog >= 0) {
      this.#keep(session, offset, length, true);
      return;
    }
    this.#pushSend(session, session.descriptor, offset, length, -1, 0);
    this.#flush();
  }

  /** An endpoint can take frames again. */
  endpointWritable(endpoint: Endpoint): void {
    this.drain();
    const count = Math.min(endpoint.waiting, 64);
    for (let i = 0; i < count; i++) {
      this.#pushSend(
        endpoint,
        endpoint.descriptor,
        endpoint.offsetAt(i),
        endpoint.lengthAt(i),
        -1,
        0,
      );
    }
    const sends = this.#sends;
    this.#sends = 0;
    this.#io.flush(sends);
    let taken = 0;
    while (taken < sends && !isFull(this.#io.tx[taken * TX_STRIDE + Tx.result])) taken++;
    endpoint.drop(this.#memory, taken);
    this.#observer.endpointDrained(endpoint);
    if (endpoint.waiting > 0) this.#io.watchWritable(endpoint.descriptor);
  }

  /** A stream can take octets again. */
  streamWritable(session: Session): void {
    if (session.backlog < 0) return;
    this.drain();
    const { tx } = this.#io;
    this.#pushSend(undefined, session.descriptor, session.backlogStart, session.waiting, -1, 0);
    this.#sends = 0;
    this.#io.flush(1);
    const result = tx[Tx.result];
    if (result > 0) session.backlogStart += result;
    if (session.waiting > 0) {
      this.#io.watchWritable(session.descriptor);
    } else {
      this.#memory.chunks.give(session.backlog);
      session.backlog = -1;
      session.backlogStart = session.backlogEnd = 0;
    }
  }

  /** Seals and sends all that was gathered. Staging and the send list are empty afterwards. */
  drain(): void {
    if (this.#activeCount > 0) this.#drainSessions();
    // Their records are packets of other sessions, which nobody relays: once more is enough.
    if (this.#relayed.length > 0) {
      this.#flush();
      this.#relayRecords();
      if (this.#activeCount > 0) this.#drainSessions();
    }
    this.#flush();
  }

  /** Puts the sealed records of relayed sessions into those of the friends who relay them. */
  #relayRecords(): void {
    const sessions = this.#relayed.splice(0);
    for (const session of sessions) {
      const { circuit, ownStaging: start } = session;
      const outer = circuit === undefined ? undefined : this.#observer.sessionOf(circuit.port);
      if (circuit === undefined || outer === undefined || outer.circuit !== undefined) {
        session.drops.sendErrors += session.recordCount;
      } else {
        const number = answerNumber(circuit.number);
        let from = start;
        for (let index = 0; index < session.recordCount; index++) {
          const size = session.recordEnds[index] - from;
          const passed =
            outer.crossing === undefined
              ? this.relay(outer, number, from, size)
              : outer.relay(number, from, size);
          // A probe that does not fit is as good as lost; what is no probe tells that the way shrank.
          if (!passed && size <= session.recordLength) session.pathMtu.tooLarge(size, this.now);
          from = session.recordEnds[index];
        }
      }
      session.recordCount = 0;
    }
  }

  #drainSessions(): void {
    const count = this.#activeCount;
    for (let i = 0; i < count; i++) this.#closeRecord(this.#active[i] as Session);
    if (this.#jobs > 0) {
      this.#io.seal(this.#jobs);
      this.#blankUnsealed();
      this.#jobs = 0;
    }
    for (let i = 0; i < count; i++) {
      const session = this.#active[i] as Session;
      this.#active[i] = undefined;
      if (session.circuit !== undefined) this.#relayed.push(session);
      else if (session.datagram) this.#sendDatagrams(session);
      else this.#sendStream(session);
      session.staging = -1;
      session.stagingFill = 0;
      if (session.circuit === undefined) session.recordCount = 0;
    }
    this.#activeCount = 0;
    this.#areas = 0;
  }

  /** What could not be sealed must not leave readable: the other end drops the zeros as forged. */
  #blankUnsealed(): void {
    const { slab, jobs } = this.#io;
    for (let at = 0; at < this.#jobs * JOB_STRIDE; at += JOB_STRIDE) {
      if (jobs[at + Job.result] >= 0) continue;
      const start = jobs[at + Job.outputOffset];
      const text = jobs[at + Job.inputLength] + jobs[at + Job.moreLength];
      slab.fill(0, start, start + text + TAG_LENGTH);
    }
  }

  /** @returns where the payload lies now, or -1 */
  #append(
    session: Session,
    recordType: number,
    type: number,
    offset: number,
    length: number,
  ): number {
    const at = this.#room(session, recordType, length);
    if (at < 0) return at;
    const slab = this.#io.slab;
    writePacketHeader(slab, at, type, length);
    slab.copyWithin(at + PACKET_HEADER_LENGTH, offset, offset + length);
    session.stagingFill += PACKET_HEADER_LENGTH + length;
    return at + PACKET_HEADER_LENGTH;
  }

  #fragment(
    session: Session,
    type: number,
    offset: number,
    length: number,
    piece: number,
    kind: number,
  ): void {
    const count = Math.ceil(length / piece);
    if (count > MAX_FRAGMENTS) {
      session.drops.giant++;
      return;
    }
    const id = session.nextFragmentId;
    session.nextFragmentId = (id + 1) & 0xffff;
    const slab = this.#io.slab;
    for (let index = 0; index < count; index++) {
      const position = index * piece;
      const data = Math.min(piece, length - position);
      const at = this.#room(session, type, FRAGMENT_HEADER_LENGTH + data);
      if (at < 0) return;
      const body = at + PACKET_HEADER_LENGTH;
      writePacketHeader(slab, at, kind, FRAGMENT_HEADER_LENGTH + data);
      writeFragmentHeader(slab, body, id, index, count, position, length);
      slab.copyWithin(body + FRAGMENT_HEADER_LENGTH, offset + position, offset + position + data);
      session.stagingFill += PACKET_HEADER_LENGTH + FRAGMENT_HEADER_LENGTH + data;
    }
  }

  /** @returns where a packet with `payload` octets may be written in a record of the type, or -1 */
  #room(session: Session, recordType: number, payload: number): number {
    const needed = PACKET_HEADER_LENGTH + payload;
    if (session.recordStart >= 0) {
      const at = session.staging + session.stagingFill;
      if (session.recordType === recordType && at + needed <= session.recordLimit) return at;
      this.#closeRecord(session);
    }
    const tag = recordType === LinkMessageType.sealedRecord ? TAG_LENGTH : 0;
    const least = RECORD_HEADER_LENGTH + needed + tag;
    const length = session.datagram ? session.recordLength : Math.max(session.recordLength, least);
    if (least > length || length > LONGEST_RECORD) {
      session.drops.giant++;
      return -1;
    }
    return this.#open(session, recordType, length);
  }

  /** Begins a record of at most `length` octets. @returns where its first packet goes */
  #open(session: Session, type: number, length: number): number {
    const full =
      session.recordCount === STAGED_RECORDS || session.stagingFill + length > STAGING_LENGTH;
    const jobsFull = this.#jobs + this.#activeCount + 1 >= JOB_RECORDS;
    if (full || jobsFull || (session.staging < 0 && this.#areas === STAGING_AREAS)) this.drain();
    if (session.staging < 0) {
      if (session.circuit !== undefined) session.staging = session.ownStaging;
      else {
        session.staging = SlabLayout.arena + this.#areas * STAGING_LENGTH;
        this.#areas++;
      }
      this.#active[this.#activeCount++] = session;
    }
    session.recordStart = session.staging + session.stagingFill;
    session.recordType = type;
    const tag = type === LinkMessageType.sealedRecord ? TAG_LENGTH : 0;
    session.recordLimit = session.recordStart + length - tag;
    session.stagingFill += RECORD_HEADER_LENGTH;
    return session.recordStart + RECORD_HEADER_LENGTH;
  }

  #closeRecord(session: Session): void {
    const start = session.recordStart;
    if (start < 0) return;
    session.recordStart = -1;
    const { slab, jobs } = this.#io;
    const body = session.staging + session.stagingFill - start - RECORD_HEADER_LENGTH;
    const sealed = session.recordType === LinkMessageType.sealedRecord;
    const rest = RECORD_HEADER_LENGTH - LINK_HEADER_LENGTH + body + (sealed ? TAG_LENGTH : 0);
    const { remoteIndex } = session;
    if (sealed) {
      const keys = session.keys.send;
      const high = keys.numberHigh;
      const low = keys.numberLow;
      const epoch = keys.epoch & 0xff;
      writeRecordHeader(slab, start, session.recordType, rest, epoch, remoteIndex, high, low);
      const at = this.#jobs * JOB_STRIDE;
      this.#jobs++;
      jobs[at + Job.keySlot] = session.keys.sendSlot;
      jobs[at + Job.aadOffset] = start;
      jobs[at + Job.aadLength] = RECORD_HEADER_LENGTH;
      jobs[at + Job.inputOffset] = start + RECORD_HEADER_LENGTH;
      jobs[at + Job.inputLength] = body - session.moreLength;
      jobs[at + Job.outputOffset] = start + RECORD_HEADER_LENGTH;
      jobs[at + Job.numberHigh] = high;
      jobs[at + Job.numberLow] = low;
      jobs[at + Job.moreOffset] = session.moreOffset;
      jobs[at + Job.moreLength] = session.moreLength;
      session.moreLength = 0;
      keys.advance();
      session.stagingFill += TAG_LENGTH;
    } else {
      const high = session.clearNumberHigh;
      const low = session.clearNumberLow;
      writeRecordHeader(slab, start, session.recordType, rest, 0, remoteIndex, high, low);
      session.clearNumberLow = (low + 1) >>> 0;
      if (session.clearNumberLow === 0) session.clearNumberHigh = (high + 1) >>> 0;
    }
    session.recordEnds[session.recordCount++] = session.staging + session.stagingFill;
    session.recordsOut++;
  }

  /** Hands over the records of a datagram session: runs of equal size as one segmented send. */
  #sendDatagrams(session: Session): void {
    const ends = session.recordEnds;
    let start = session.staging;
    let index = 0;
    while (index < session.recordCount) {
      const size = ends[index] - start;
      let end = ends[index];
      let next = index + 1;
      // A record larger than the path is known to let through is a probe, and travels alone.
      if (this.#segmentation && size <= session.recordLength) {
        while (
          next < session.recordCount &&
          next - index < MAX_SEGMENTS &&
          ends[next] - start <= MAX_SEGMENTED_OCTETS
        ) {
          const following = ends[next] - end;
          if (following > size) break;
          end = ends[next];
          next++;
          if (following < size) break; // a shorter segment ends the send
        }
      }
      const segment = next - index > 1 ? size : 0;
      this.#pushSend(session, session.descriptor, start, end - start, session.address, segment);
      start = end;
      index = next;
    }
  }

  #sendStream(session: Session): void {
    const length = session.stagingFill;
    if (length === 0) return;
    if (session.backlog >= 0) this.#keep(session, session.staging, length, true);
    else this.#pushSend(session, session.descriptor, session.staging, length, -1, 0);
  }

  /** Octets of a stream that have to wait. `whole`: they begin with a record, so may be dropped. */
  #keep(session: Session, offset: number, length: number, whole: boolean): void {
    if (session.backlog < 0) {
      session.backlog = this.#memory.chunks.take();
      if (session.backlog < 0) {
        session.drops.full++;
        if (!whole) this.#broken.push(session.descriptor);
        return;
      }
      session.backlogStart = session.backlogEnd = session.backlog;
      this.#io.watchWritable(session.descriptor);
    }
    const { slab } = this.#io;
    if (session.backlogEnd + length > session.backlog + CHUNK_LENGTH) {
      slab.copyWithin(session.backlog, session.backlogStart, session.backlogEnd);
      session.backlogEnd -= session.backlogStart - session.backlog;
      session.backlogStart = session.backlog;
    }
    if (whole && session.backlogEnd + length > session.backlog + CHUNK_LENGTH) {
      session.drops.full += Math.max(1, session.recordCount);
      return;
    }
    slab.copyWithin(session.backlogEnd, offset, offset + length);
    session.backlogEnd += length;
  }

  /** Streams that lost octets in the middle of a message since the last call, if any. */
  takeBroken(): readonly number[] | undefined {
    if (this.#broken.length === 0) return undefined;
    const broken = this.#broken;
    this.#broken = [];
    return broken;
  }

  /** @returns where its record begins */
  #pushSend(
    owner: Endpoint | Session | undefined,
    descriptor: number,
    offset: number,
    length: number,
    address: number,
    segmentSize: number,
  ): number {
    if (this.#sends === SEND_RECORDS) this.#flush();
    const { tx } = this.#io;
    const at = this.#sends * TX_STRIDE;
    this.#owners[this.#sends] = owner;
    this.#sends++;
    tx[at + Tx.descriptor] = descriptor;
    tx[at + Tx.headerOffset] = 0;
    tx[at + Tx.headerLength] = 0;
    tx[at + Tx.payloadOffset] = offset;
    tx[at + Tx.payloadLength] = length;
    tx[at + Tx.address] = address;
    tx[at + Tx.segmentSize] = segmentSize;
    tx[at + Tx.offload] = 0;
    tx[at + Tx.partCount] = 0;
    return at;
  }

  #flush(): void {
    const count = this.#sends;
    if (count === 0) return;
    this.#sends = 0;
    this.#parts = 0;
    this.#headersFill = HEADERS_START;
    if (this.#io.flush(count) === 0) return;
    const { tx } = this.#io;
    for (let i = 0; i < count; i++) {
      const at = i * TX_STRIDE;
      const result = tx[at + Tx.result];
      const length = tx[at + Tx.payloadLength];
      if (result === length) continue;
      const owner = this.#owners[i];
      if (owner === undefined) continue;
      if ('localIndex' in owner) this.#refusedSession(owner, at, result, length);
      else this.#refusedEndpoint(owner, at, result, length);
    }
  }

  #refusedEndpoint(endpoint: Endpoint, at: number, result: number, length: number): void {
    const { tx } = this.#io;
    const offset = tx[at + Tx.payloadOffset];
    // What waits has no place for fields, and the parts of a payload do not outlast the turn.
    const plain = tx[at + Tx.offload] === Offload.none && tx[at + Tx.partCount] === 0;
    if (plain && isFull(result)) {
      const first = endpoint.waiting === 0;
      if (endpoint.queue(this.#memory, this.#io.slab, offset, length)) {
        if (first) this.#io.watchWritable(endpoint.descriptor);
        return;
      }
    }
    this.#observer.endpointFull(endpoint.port, length);
  }

  #refusedSession(session: Session, at: number, result: number, length: number): void {
    const { tx } = this.#io;
    const offset = tx[at + Tx.payloadOffset];
    if (!session.datagram) {
      const taken = Math.max(result, 0);
      if (taken > 0 || isFull(result)) {
        this.#keep(session, offset + taken, length - taken, taken === 0);
      } else {
        session.drops.sendErrors++;
      }
      return;
    }
    const segment = tx[at + Tx.segmentSize];
    const size = segment > 0 ? segment : length;
    if (isFull(result)) session.drops.full++;
    else if (result !== -EMSGSIZE || size <= session.recordLength) session.drops.sendErrors++;
    // Segments that the interface is too narrow for are EINVAL to some kernels.
    if (result === -EMSGSIZE || (result === -EINVAL && segment > BASE_PATH_MTU)) {
      session.pathMtu.tooLarge(size, this.now);
    } else if (segment > 0 && (result === -EIO || result === -EINVAL || result === -ENOTSUP)) {
      this.#segmentation = false;
    }
  }
}

function isFull(result: number): boolean {
  return result === -EAGAIN || result === -ENOBUFS;
}
