/**
 * What becomes of that which the system would not take.
 *
 *   endpoint, full        --> it waits, or is dropped
 *   stream, full or short --> the rest waits (stream-backlog.ts)
 *   datagrams, full       --> dropped
 *   datagrams, too large  --> dropped, and the path is narrower
 *   segments              --> dropped, and none are tried any more
 */
import { constants } from 'node:os';
import { type BatchedIo, Offload, Tx } from '../../io/contract.ts';
import { BASE_PATH_MTU } from '../../links/path-mtu.ts';
import type { Endpoint } from '../endpoint.ts';
import type { DataPlaneMemory } from '../memory.ts';
import type { Session } from '../session.ts';
import type { EgressObserver } from './observer.ts';
import type { StreamBacklog } from './stream-backlog.ts';

const { EAGAIN, ENOBUFS, EMSGSIZE, EIO, EINVAL, ENOTSUP } = constants.errno;

export class Refusals {
  readonly #io: BatchedIo;
  readonly #memory: DataPlaneMemory;
  readonly #observer: EgressObserver;
  readonly #backlog: StreamBacklog;
  /** Cleared when the system turns out not to segment UDP. */
  segmentation = true;
  now = 0;

  constructor(
    io: BatchedIo,
    memory: DataPlaneMemory,
    observer: EgressObserver,
    backlog: StreamBacklog,
  ) {
    this.#io = io;
    this.#memory = memory;
    this.#observer = observer;
    this.#backlog = backlog;
  }

  /** @param at its row */
  ofEndpoint(endpoint: Endpoint, at: number, result: number, length: number): void {
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

  /** @param at its row */
  ofSession(session: Session, at: number, result: number, length: number): void {
    const { tx } = this.#io;
    const offset = tx[at + Tx.payloadOffset];
    if (!session.datagram) {
      const taken = Math.max(result, 0);
      if (taken > 0 || isFull(result)) {
        this.#backlog.keep(session, offset + taken, length - taken, taken === 0);
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
      this.segmentation = false;
    }
  }
}

/** Whether a result says that there is no room now. */
export function isFull(result: number): boolean {
  return result === -EAGAIN || result === -ENOBUFS;
}
