/**
 * What a ping carries and a pong brings back.
 *
 *   | sequence (4, network order) | sent at (8, a double, our own clock) |
 *
 * The other end returns it untouched and understands nothing of it.
 */

const SEQUENCE_OFFSET = 0;
const SENT_AT_OFFSET = 4;
export const PING_LENGTH = 12;

/** Writes and reads without allocating: one object serves a whole data plane. */
export class PingPayload {
  readonly #bytes = new Uint8Array(PING_LENGTH);
  readonly #view = new DataView(this.#bytes.buffer);
  sequence = 0;
  sentAt = 0;

  /** @returns the payload, valid until the next call */
  write(sequence: number, sentAt: number): Uint8Array {
    this.#view.setUint32(SEQUENCE_OFFSET, sequence);
    this.#view.setFloat64(SENT_AT_OFFSET, sentAt);
    return this.#bytes;
  }

  /** Reads into `sequence` and `sentAt`. @returns whether it was a ping of ours by length */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    if (length !== PING_LENGTH) return false;
    for (let i = 0; i < PING_LENGTH; i++) this.#bytes[i] = bytes[offset + i];
    this.sequence = this.#view.getUint32(SEQUENCE_OFFSET);
    this.sentAt = this.#view.getFloat64(SENT_AT_OFFSET);
    return true;
  }
}
