/**
 * Records of sessions, as they are staged. Packets are copied one behind another into a record,
 * so that small ones share it; records of one session lie side by side in its staging area.
 *
 *   room ── open ──> | header | packet | packet | … | tag | header | …
 *                        ^ written when the record is closed; sealed in `drain`
 *
 * `drain` closes what is open, seals all, and sends. A session has at most one record open.
 * Records of a relayed session become packets of the session with the friend who relays it.
 *
 * Allocates nothing per frame.
 */
import { type BatchedIo, SlabLayout, TAG_LENGTH } from '../../io/contract.ts';
import {
  LINK_HEADER_LENGTH,
  LinkMessageType,
  RECORD_HEADER_LENGTH,
  writeRecordHeader,
} from '../../links/link-message.ts';
import { PACKET_HEADER_LENGTH, PacketType, writePacketHeader } from '../../links/packet.ts';
import {
  RELAY_HEADER_LENGTH,
  RELAY_OVERHEAD,
  writeCircuit,
} from '../../links/relay/relay-packet.ts';
import { answerNumber } from '../circuits.ts';
import { type Session, STAGED_RECORDS } from '../session.ts';
import type { EgressObserver } from './observer.ts';
import { SealJobs } from './seal-jobs.ts';
import type { SendRows } from './send-rows.ts';
import type { SessionSends } from './session-sends.ts';
import { STAGING_AREAS, STAGING_LENGTH } from './staging-areas.ts';
import { isPatienceOver } from './stream-backlog.ts';

/** Octets of the longest record: its length is a 16-bit field. */
const LONGEST_RECORD = 64 * 1024;

export class SessionRecords {
  readonly #io: BatchedIo;
  readonly #observer: EgressObserver;
  readonly #rows: SendRows;
  readonly #sends: SessionSends;
  readonly #jobs: SealJobs;
  /** Sessions with something staged; the first `#activeCount` are valid. */
  readonly #active: (Session | undefined)[] = new Array(STAGING_AREAS).fill(undefined);
  #activeCount = 0;
  #areas = 0;
  /** Relayed sessions whose records are sealed and have to go into those of others. */
  readonly #relayed: Session[] = [];
  now = 0;

  constructor(io: BatchedIo, observer: EgressObserver, rows: SendRows, sends: SessionSends) {
    this.#io = io;
    this.#observer = observer;
    this.#rows = rows;
    this.#sends = sends;
    this.#jobs = new SealJobs(io);
  }

  // ---- packets into records

  /** A packet that lies in the slab. @returns where its payload lies now, or -1 */
  append(
    session: Session,
    recordType: number,
    type: number,
    offset: number,
    length: number,
  ): number {
    const at = this.room(session, recordType, length);
    if (at < 0) return at;
    const slab = this.#io.slab;
    writePacketHeader(slab, at, type, length);
    slab.copyWithin(at + PACKET_HEADER_LENGTH, offset, offset + length);
    session.stagingFill += PACKET_HEADER_LENGTH + length;
    return at + PACKET_HEADER_LENGTH;
  }

  /** @returns where a packet with `payload` octets may be written in a record of the type, or -1 */
  room(session: Session, recordType: number, payload: number): number {
    const needed = PACKET_HEADER_LENGTH + payload;
    if (session.recordStart >= 0) {
      const at = session.staging + session.stagingFill;
      if (session.recordType === recordType && at + needed <= session.recordLimit) return at;
      this.close(session);
    }
    const tag = recordType === LinkMessageType.sealedRecord ? TAG_LENGTH : 0;
    const least = RECORD_HEADER_LENGTH + needed + tag;
    const length = session.datagram ? session.recordLength : Math.max(session.recordLength, least);
    if (least > length || length > LONGEST_RECORD) {
      session.drops.giant++;
      return -1;
    }
    return this.open(session, recordType, length);
  }

  /** Begins a record of at most `length` octets. @returns where its first packet goes */
  open(session: Session, type: number, length: number): number {
    const full =
      session.recordCount === STAGED_RECORDS || session.stagingFill + length > STAGING_LENGTH;
    const jobsFull = !this.#jobs.hasRoom(this.#activeCount);
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

  /** Ends the open record, if there is one: it gets its number and its header. */
  close(session: Session): void {
    const start = session.recordStart;
    if (start < 0) return;
    session.recordStart = -1;
    const { slab } = this.#io;
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
      this.#jobs.push(session, start, body);
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

  // ---- records onto the way

  /** Seals and sends all that was gathered. Staging and the send list are empty afterwards. */
  drain(): void {
    if (this.#activeCount > 0) this.#drainSessions();
    // Their records are packets of other sessions, which nobody relays: once more is enough.
    if (this.#relayed.length > 0) {
      this.#rows.flush();
      this.#relayRecords();
      if (this.#activeCount > 0) this.#drainSessions();
    }
    this.#rows.flush();
  }

  /** Seals what is staged, which is this session's alone, and takes it out. @returns its octets */
  takeOut(session: Session): Uint8Array {
    this.close(session);
    this.#jobs.seal();
    const octets = this.#io.slab.slice(session.staging, session.staging + session.stagingFill);
    session.staging = -1;
    session.stagingFill = 0;
    session.recordCount = 0;
    this.#active[0] = undefined;
    this.#activeCount = 0;
    this.#areas = 0;
    return octets;
  }

  #drainSessions(): void {
    const count = this.#activeCount;
    for (let i = 0; i < count; i++) this.close(this.#active[i] as Session);
    this.#jobs.seal();
    for (let i = 0; i < count; i++) {
      const session = this.#active[i] as Session;
      this.#active[i] = undefined;
      if (session.circuit !== undefined) this.#relayed.push(session);
      else if (session.datagram) this.#sends.datagrams(session);
      else this.#sends.stream(session);
      session.staging = -1;
      session.stagingFill = 0;
      if (session.circuit === undefined) session.recordCount = 0;
    }
    this.#activeCount = 0;
    this.#areas = 0;
  }

  // ---- relays

  /**
   * A link message that lies in the slab, as a packet of another session.
   * @param number of the circuit, as in packets that we send
   * @returns false when it is too long for a record
   */
  relay(session: Session, number: number, offset: number, length: number): boolean {
    if (session.datagram && RELAY_OVERHEAD + length > session.recordLength) return false;
    if (isPatienceOver(session)) {
      session.drops.full++;
      return true;
    }
    const payload = RELAY_HEADER_LENGTH + length;
    const at = this.room(session, LinkMessageType.sealedRecord, payload);
    if (at < 0) return false;
    const { slab } = this.#io;
    writePacketHeader(slab, at, PacketType.relay, payload);
    writeCircuit(slab, at + PACKET_HEADER_LENGTH, number);
    slab.copyWithin(at + PACKET_HEADER_LENGTH + RELAY_HEADER_LENGTH, offset, offset + length);
    session.stagingFill += PACKET_HEADER_LENGTH + payload;
    return true;
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
}
