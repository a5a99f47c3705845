/**
 * Super-frames to sessions whose other end takes such: whole, or in pieces that are a record
 * each. What is sealed is read straight from where the frame lies; in the clear over datagrams
 * only headers are written, and the system gathers them with the frame.
 *
 *   | record header | packet header | fragment header | fields, in the first | octets … |
 */
import { type BatchedIo, TAG_LENGTH, Tx } from '../../io/contract.ts';
import { FRAGMENT_HEADER_LENGTH, writeFragmentHeader } from '../../links/fragment.ts';
import {
  LINK_HEADER_LENGTH,
  LinkMessageType,
  RECORD_HEADER_LENGTH,
  writeRecordHeader,
} from '../../links/link-message.ts';
import { PACKET_HEADER_LENGTH, PacketType, writePacketHeader } from '../../links/packet.ts';
import {
  type FrameOffload,
  MAX_SUPER_FRAGMENTS,
  MAX_SUPER_FRAME,
  SUPER_HEADER_LENGTH,
  superFrameHeaders,
  writeSuperHeader,
} from '../../links/super-frame.ts';
import type { Session } from '../session.ts';
import type { SendRows } from './send-rows.ts';
import type { SessionRecords } from './session-records.ts';
import type { SessionSends } from './session-sends.ts';
import { STAGING_LENGTH } from './staging-areas.ts';
import { isPatienceOver } from './stream-backlog.ts';

export class SuperFrameEgress {
  readonly #io: BatchedIo;
  readonly #rows: SendRows;
  readonly #records: SessionRecords;
  readonly #sends: SessionSends;

  constructor(io: BatchedIo, rows: SendRows, records: SessionRecords, sends: SessionSends) {
    this.#io = io;
    this.#rows = rows;
    this.#records = records;
    this.#sends = sends;
  }

  /**
   * A super-frame in the slab. It must stay where it is until `drain`.
   * @param flag STRAIGHT, if it is for a host of the friend only
   * @returns false when it is too long to cross whole
   */
  superFrame(
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
    if (isPatienceOver(session, needed)) {
      session.drops.full++;
      return true;
    }
    if (session.clear && session.datagram && session.circuit === undefined && !whole) {
      this.#clearPieces(session, offset, length, piece, count, offload, flag);
      session.clearOctetsOut += length;
      return true;
    }
    this.#records.close(session);
    // Its records should leave in one send.
    if (session.stagingFill + needed > STAGING_LENGTH) this.#records.drain();
    const id = session.nextFragmentId;
    if (!whole) session.nextFragmentId = (id + 1) & 0xffff;
    const { slab } = this.#io;
    const type = session.clear ? LinkMessageType.clearRecord : LinkMessageType.sealedRecord;
    for (let index = 0; index < count; index++) {
      const position = index * piece;
      const data = Math.min(piece, total - position);
      const fragment = whole ? 0 : FRAGMENT_HEADER_LENGTH;
      const at = this.#records.open(session, type, overhead + fragment + data);
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
      this.#records.close(session);
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
    if (session.staging >= 0) this.#records.drain();
    const total = SUPER_HEADER_LENGTH + length;
    const id = session.nextFragmentId;
    session.nextFragmentId = (id + 1) & 0xffff;
    const { slab } = this.#io;
    const headers = RECORD_HEADER_LENGTH + PACKET_HEADER_LENGTH + FRAGMENT_HEADER_LENGTH;
    const size = headers + piece;
    const rows = this.#rows;
    const perSend = this.#sends.perSend(size);
    for (let first = 0; first < count; first += perSend) {
      const end = Math.min(count, first + perSend);
      rows.reserve((end - first) * (headers + SUPER_HEADER_LENGTH), 2 * (end - first));
      const parts = rows.nextPart;
      let octets = 0;
      for (let index = first; index < end; index++) {
        const position = index * piece;
        const data = Math.min(piece, total - position);
        const fields = index === 0 ? SUPER_HEADER_LENGTH : 0;
        const start = rows.takeHeaders(headers + fields);
        this.#writeClearHeader(session, start, FRAGMENT_HEADER_LENGTH + data);
        const packet = start + RECORD_HEADER_LENGTH;
        const kind = PacketType.superFragment | flag;
        writePacketHeader(slab, packet, kind, FRAGMENT_HEADER_LENGTH + data);
        const fragment = packet + PACKET_HEADER_LENGTH;
        writeFragmentHeader(slab, fragment, id, index, count, position, total);
        if (index === 0) writeSuperHeader(slab, start + headers, offload);
        rows.pushPart(start, headers + fields);
        rows.pushPart(offset + position + fields - SUPER_HEADER_LENGTH, data - fields);
        octets += headers + data;
      }
      const segment = end - first > 1 ? size : 0;
      const at = rows.push(session, session.descriptor, parts, octets, session.address, segment);
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
}
