/**
 * Frames to VDE clients and TAPs: each is a row that points at where the frame lies. If the
 * system will not take one, it waits at the endpoint, and those that come later behind it.
 */
import { type BatchedIo, TX_STRIDE, Tx } from '../../io/contract.ts';
import { type FrameOffload, SUPER_HEADER_LENGTH } from '../../links/super-frame.ts';
import { pieceOctets } from '../../links/super-reassembly.ts';
import type { Endpoint } from '../endpoint.ts';
import type { DataPlaneMemory } from '../memory.ts';
import type { EgressObserver } from './observer.ts';
import { isFull } from './refusals.ts';
import type { SendRows } from './send-rows.ts';
import type { SessionRecords } from './session-records.ts';

/** Frames that waited which are sent at a time. */
const WAITING_PER_SEND = 64;

export class EndpointEgress {
  readonly #io: BatchedIo;
  readonly #memory: DataPlaneMemory;
  readonly #observer: EgressObserver;
  readonly #rows: SendRows;
  readonly #records: SessionRecords;

  constructor(
    io: BatchedIo,
    memory: DataPlaneMemory,
    observer: EgressObserver,
    rows: SendRows,
    records: SessionRecords,
  ) {
    this.#io = io;
    this.#memory = memory;
    this.#observer = observer;
    this.#rows = rows;
    this.#records = records;
  }

  /** A frame in the slab; it must stay where it is until `drain`. */
  frame(endpoint: Endpoint, offset: number, length: number): void {
    if (endpoint.waiting > 0) {
      if (endpoint.queue(this.#memory, this.#io.slab, offset, length)) {
        this.#observer.endpointWaits(endpoint);
      } else {
        this.#observer.endpointFull(endpoint.port, length);
      }
      return;
    }
    this.#rows.push(endpoint, endpoint.descriptor, offset, length, -1, 0);
  }

  /** A super-frame to a TAP; it must stay where it is until `drain`. */
  superFrame(
    endpoint: Endpoint,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
  ): void {
    if (endpoint.waiting > 0) {
      this.#observer.endpointFull(endpoint.port, length);
      return;
    }
    const rows = this.#rows;
    const { pieces } = offload;
    const { tx } = this.#io;
    let at: number;
    if (pieces === undefined) {
      at = rows.push(endpoint, endpoint.descriptor, offset, length, -1, 0);
    } else {
      rows.reserve(0, pieces.count);
      const first = rows.nextPart;
      for (let index = 0; index < pieces.count; index++) {
        const skip = index === 0 ? SUPER_HEADER_LENGTH : 0;
        rows.pushPart(pieces.offsets[index] + skip, pieceOctets(pieces, index) - skip);
      }
      at = rows.push(endpoint, endpoint.descriptor, first, length, -1, 0);
      tx[at + Tx.partCount] = pieces.count;
    }
    tx[at + Tx.segmentSize] = offload.segmentSize;
    tx[at + Tx.offload] = offload.offload;
    tx[at + Tx.checksumStart] = offload.checksumStart;
    tx[at + Tx.checksumOffset] = offload.checksumOffset;
  }

  /** An endpoint can take frames again. */
  writable(endpoint: Endpoint): void {
    this.#records.drain();
    const { descriptor } = endpoint;
    const count = Math.min(endpoint.waiting, WAITING_PER_SEND);
    for (let i = 0; i < count; i++) {
      this.#rows.push(endpoint, descriptor, endpoint.offsetAt(i), endpoint.lengthAt(i), -1, 0);
    }
    const sends = this.#rows.flushForResults();
    let taken = 0;
    while (taken < sends && !isFull(this.#io.tx[taken * TX_STRIDE + Tx.result])) taken++;
    endpoint.drop(this.#memory, taken);
    this.#observer.endpointDrained(endpoint);
    if (endpoint.waiting > 0) this.#io.watchWritable(descriptor);
  }
}
