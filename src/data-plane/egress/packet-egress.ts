/** F2F packets to sessions, all sealed: control, what the main thread sends, relays, probes. */
import { type BatchedIo, TAG_LENGTH } from '../../io/contract.ts';
import { LinkMessageType, RECORD_HEADER_LENGTH } from '../../links/link-message.ts';
import { PACKET_HEADER_LENGTH, PacketType, writePacketHeader } from '../../links/packet.ts';
import type { Session } from '../session.ts';
import type { SessionRecords } from './session-records.ts';

export class PacketEgress {
  readonly #io: BatchedIo;
  readonly #records: SessionRecords;

  constructor(io: BatchedIo, records: SessionRecords) {
    this.#io = io;
    this.#records = records;
  }

  /** A packet that lies in the slab. */
  packet(session: Session, type: number, offset: number, length: number): void {
    this.#records.append(session, LinkMessageType.sealedRecord, type, offset, length);
  }

  /** A packet from memory of its own; not for the path of frames. */
  control(session: Session, type: number, payload: Uint8Array): void {
    const at = this.#records.room(session, LinkMessageType.sealedRecord, payload.length);
    if (at < 0) return;
    writePacketHeader(this.#io.slab, at, type, payload.length);
    this.#io.slab.set(payload, at + PACKET_HEADER_LENGTH);
    session.stagingFill += PACKET_HEADER_LENGTH + payload.length;
  }

  /** As in SessionRecords. */
  relay(session: Session, number: number, offset: number, length: number): boolean {
    return this.#records.relay(session, number, offset, length);
  }

  /** A record of exactly `size` octets that only asks whether it arrives. */
  probe(session: Session, size: number): void {
    this.#records.close(session);
    const padding = size - RECORD_HEADER_LENGTH - PACKET_HEADER_LENGTH - TAG_LENGTH;
    const at = this.#records.open(session, LinkMessageType.sealedRecord, size);
    const slab = this.#io.slab;
    writePacketHeader(slab, at, PacketType.probe, padding);
    slab.fill(0, at + PACKET_HEADER_LENGTH, at + PACKET_HEADER_LENGTH + padding);
    slab[at + PACKET_HEADER_LENGTH] = size >>> 8;
    slab[at + PACKET_HEADER_LENGTH + 1] = size;
    session.stagingFill += PACKET_HEADER_LENGTH + padding;
    this.#records.close(session);
  }

  /**
   * A record with one packet, under a number of its own, for whoever sends it later. What is
   * staged leaves first.
   * @returns undefined when it is too long
   */
  recordApart(session: Session, type: number, payload: Uint8Array): Uint8Array | undefined {
    this.#records.drain();
    this.control(session, type, payload);
    return session.staging < 0 ? undefined : this.#records.takeOut(session);
  }
}
