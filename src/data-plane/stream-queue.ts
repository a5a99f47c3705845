/**
 * What a stream would not take yet, while no session lives on it: the rest of a
 * handshake message, or of a session that was closed. Later messages wait behind
 * it, so that the far end never meets half a message.
 *
 * Not for the path of frames: a session keeps its own backlog in the slab.
 */
import { CHUNK_LENGTH } from './memory.ts';

/** Octets that may wait. More is not asked of a stream before it has a session. */
const LIMIT = CHUNK_LENGTH;

export class StreamQueue {
  readonly #pieces: Uint8Array[] = [];
  #octets = 0;

  get isEmpty(): boolean {
    return this.#octets === 0;
  }

  /** More waits than should: a stream that cannot keep its messages whole has to close. */
  get isOverfull(): boolean {
    return this.#octets > LIMIT;
  }

  /** Octets that go behind those that wait; keeps `bytes`. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#octets += bytes.length;
  }

  /** The octets at the front, at most CHUNK_LENGTH; undefined when nothing waits. */
  front(): Uint8Array | undefined {
    return this.#pieces[0]?.subarray(0, CHUNK_LENGTH);
  }

  /** Forgets the first `count` octets of the front, which have left. */
  drop(count: number): void {
    const [first] = this.#pieces;
    if (first === undefined) return;
    if (count >= first.length) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(count);
    this.#octets -= Math.min(count, first.length);
  }
}
