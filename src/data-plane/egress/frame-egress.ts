/** Ethernet frames to sessions, in the clear or sealed as the session says; long ones in pieces. */
import { type BatchedIo, TAG_LENGTH } from '../../io/contract.ts';
import {
  FRAGMENT_HEADER_LENGTH,
  MAX_FRAGMENTS,
  writeFragmentHeader,
} from '../../links/fragment.ts';
import { LinkMessageType, RECORD_HEADER_LENGTH } from '../../links/link-message.ts';
import { clampMss } from '../../links/mss-clamp.ts';
import { PACKET_HEADER_LENGTH, PacketType, writePacketHeader } from '../../links/packet.ts';
import type { Session } from '../session.ts';
import type { SessionRecords } from './session-records.ts';
import { isPatienceOver } from './stream-backlog.ts';

export class FrameEgress {
  readonly #io: BatchedIo;
  readonly #records: SessionRecords;

  constructor(io: BatchedIo, records: SessionRecords) {
    this.#io = io;
    this.#records = records;
  }

  /**
   * A frame in the slab; it is copied.
   * @param flag STRAIGHT, if it is for a host of the friend only
   */
  frame(session: Session, offset: number, length: number, flag = 0): void {
    if (length > session.largestFrame) {
      session.drops.giant++;
      return;
    }
    if (isPatienceOver(session)) {
      session.drops.full++;
      return;
    }
    const type = session.clear ? LinkMessageType.clearRecord : LinkMessageType.sealedRecord;
    const overhead = RECORD_HEADER_LENGTH + PACKET_HEADER_LENGTH + (session.clear ? 0 : TAG_LENGTH);
    const limit = session.recordLength;
    if (length + overhead <= limit) {
      const at = this.#records.append(session, type, PacketType.ethernet | flag, offset, length);
      const longest = session.pathMtu.hoped - overhead;
      if (at >= 0 && session.datagram) clampMss(this.#io.slab, at, length, longest);
    } else {
      const piece = limit - overhead - FRAGMENT_HEADER_LENGTH;
      this.#fragment(session, type, offset, length, piece, PacketType.fragment | flag);
    }
    if (session.clear) session.clearOctetsOut += length;
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
      const at = this.#records.room(session, type, FRAGMENT_HEADER_LENGTH + data);
      if (at < 0) return;
      const body = at + PACKET_HEADER_LENGTH;
      writePacketHeader(slab, at, kind, FRAGMENT_HEADER_LENGTH + data);
      writeFragmentHeader(slab, body, id, index, count, position, length);
      slab.copyWithin(body + FRAGMENT_HEADER_LENGTH, offset + position, offset + position + data);
      session.stagingFill += PACKET_HEADER_LENGTH + FRAGMENT_HEADER_LENGTH + data;
    }
  }
}
