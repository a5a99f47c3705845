/**
 * The rows of the send list, each a send record of io/contract.ts: what the next flush hands to
 * the system, and the parts that some payloads are in. Whoever pushes a row leaves what it points at where it is until the flush.
 *
 *   push, pushPart ──> rows, parts ── flush ──> the system ── not all taken ──> Refusals
 *
 * Allocates nothing per row.
 */
import {
  type BatchedIo,
  PART_RECORDS,
  PART_STRIDE,
  Part,
  SEND_RECORDS,
  TX_STRIDE,
  Tx,
} from '../../io/contract.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Session } from '../session.ts';
import type { Refusals } from './refusals.ts';
import { HEADERS_END, HEADERS_START } from './staging-areas.ts';

export class SendRows {
  readonly #io: BatchedIo;
  readonly #refusals: Refusals;
  /** Whose each row is, so that a refusal finds its way. */
  readonly #owners: (Endpoint | Session | undefined)[] = new Array(SEND_RECORDS).fill(undefined);
  #rows = 0;
  #parts = 0;
  /** How far headers of their own are written. */
  #headersFill = HEADERS_START;

  constructor(io: BatchedIo, refusals: Refusals) {
    this.#io = io;
    this.#refusals = refusals;
  }

  /**
   * @param owner hears what the system did not take; undefined: nobody does
   * @param address slab offset of the destination, or -1
   * @param segmentSize 0 for what is no segmented send
   * @returns where its row begins
   */
  push(
    owner: Endpoint | Session | undefined,
    descriptor: number,
    offset: number,
    length: number,
    address: number,
    segmentSize: number,
  ): number {
    if (this.#rows === SEND_RECORDS) this.flush();
    const { tx } = this.#io;
    const at = this.#rows * TX_STRIDE;
    this.#owners[this.#rows] = owner;
    this.#rows++;
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

  // ---- payloads in parts

  /** The next part that is pushed; a row's payload offset is its first part. */
  get nextPart(): number {
    return this.#parts;
  }

  /** Sees to it that one more row, so many parts and so many octets of headers have room. */
  reserve(octets: number, parts: number): void {
    const full =
      this.#headersFill + octets > HEADERS_END ||
      this.#parts + parts > PART_RECORDS ||
      this.#rows === SEND_RECORDS;
    if (full) this.flush();
  }

  /** @returns where so many octets of headers go, which were reserved */
  takeHeaders(octets: number): number {
    const start = this.#headersFill;
    this.#headersFill = start + octets;
    return start;
  }

  pushPart(offset: number, length: number): void {
    const { parts } = this.#io;
    const at = this.#parts * PART_STRIDE;
    this.#parts++;
    parts[at + Part.offset] = offset;
    parts[at + Part.length] = length;
  }

  // ---- sending

  /** Sends all rows, and deals with what the system refused. */
  flush(): void {
    const count = this.#rows;
    if (count === 0) return;
    this.#rows = 0;
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
      if ('localIndex' in owner) this.#refusals.ofSession(owner, at, result, length);
      else this.#refusals.ofEndpoint(owner, at, result, length);
    }
  }

  /** Sends all rows; what the system says of each is the caller's to see. @returns how many */
  flushForResults(): number {
    const count = this.#rows;
    this.#rows = 0;
    this.#io.flush(count);
    return count;
  }
}
