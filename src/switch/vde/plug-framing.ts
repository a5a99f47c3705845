/**
 * Frames on a stream of octets, as vde_plug writes and dpipe joins them.
 *
 * Read first: docs/protocol/vde.md.
 *
 *    0               2
 *   +---------------+----------------------
 *   |    length     |  Ethernet frame …
 *   +---------------+----------------------
 *
 * `length` is in network byte order and counts the frame. Length 0 is skipped.
 * vde_plug stops at 1,521; we take MAX_PLUG_FRAME. A longer frame is passed
 * over whole and counted, so that the stream stays in step.
 */
import { MAX_FRAME_LENGTH } from '../ethernet.ts';
import { TAG_LENGTH } from '../vlan-tag.ts';

export const PLUG_HEADER_LENGTH = 2;

/** The longest frame we take from a stream or put on one. */
export const MAX_PLUG_FRAME = MAX_FRAME_LENGTH + TAG_LENGTH;

/** The length in the two octets at `offset`. */
export function readPlugLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

/** Writes the two octets that go before a frame of `length` octets. */
export function writePlugHeader(bytes: Uint8Array, offset: number, length: number): void {
  bytes[offset] = length >>> 8;
  bytes[offset + 1] = length;
}

/** A frame with its header, in memory of its own. */
export function emitPlugFrame(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PLUG_HEADER_LENGTH + frame.length);
  writePlugHeader(bytes, 0, frame.length);
  bytes.set(frame, PLUG_HEADER_LENGTH);
  return bytes;
}

/** Takes `length` octets of frame at `offset` of `bytes`, valid only until it returns. */
export type PlugSink = (bytes: Uint8Array, offset: number, length: number) => void;

/**
 * Cuts a stream into frames. A frame that lies whole in one chunk is handed on
 * where it is; one that straddles chunks is gathered in one buffer. Nothing that
 * comes in can stop it.
 *
 *   header --(length)--> frame --(all there)--> header
 *      |                                          ^
 *      +-----(too long)----> skip ----(passed)----+
 */
export class PlugDeframer {
  /** Frames that were passed over because they were too long. */
  oversized = 0;

  /** The frame or header in the making, when it straddles chunks. */
  readonly #held = new Uint8Array(PLUG_HEADER_LENGTH + MAX_PLUG_FRAME);
  #fill = 0;
  #skip = 0;

  /** Takes the next chunk of the stream and hands each finished frame to `sink`. */
  push(chunk: Uint8Array, sink: PlugSink): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at);
        this.#skip -= passed;
        at += passed;
      } else if (this.#fill > 0) {
        at = this.#gather(chunk, at, sink);
      } else {
        at = this.#scan(chunk, at, sink);
      }
    }
  }

  /** True between two frames: the stream may end here without loss. */
  get idle(): boolean {
    return this.#fill === 0 && this.#skip === 0;
  }

  /** A frame begins at `at`. @returns where to go on */
  #scan(chunk: Uint8Array, at: number, sink: PlugSink): number {
    const left = chunk.length - at;
    if (left >= PLUG_HEADER_LENGTH) {
      const length = readPlugLength(chunk, at);
      if (length > MAX_PLUG_FRAME) return this.#passOver(length, at + PLUG_HEADER_LENGTH);
      const end = at + PLUG_HEADER_LENGTH + length;
      if (end <= chunk.length) {
        if (length > 0) sink(chunk, at + PLUG_HEADER_LENGTH, length);
        return end;
      }
    }
    this.#held.set(chunk.subarray(at), 0);
    this.#fill = left;
    return chunk.length;
  }

  /** Goes on with the frame that is held. @returns where to go on */
  #gather(chunk: Uint8Array, at: number, sink: PlugSink): number {
    if (this.#fill < PLUG_HEADER_LENGTH) {
      this.#held[this.#fill++] = chunk[at];
      if (this.#fill < PLUG_HEADER_LENGTH) return at + 1;
      const length = readPlugLength(this.#held, 0);
      if (length > MAX_PLUG_FRAME) return this.#passOver(length, at + 1);
      if (length === 0) this.#fill = 0;
      return at + 1;
    }
    const length = readPlugLength(this.#held, 0);
    const missing = PLUG_HEADER_LENGTH + length - this.#fill;
    const taken = Math.min(missing, chunk.length - at);
    this.#held.set(chunk.subarray(at, at + taken), this.#fill);
    this.#fill += taken;
    if (taken === missing) {
      this.#fill = 0;
      sink(this.#held, PLUG_HEADER_LENGTH, length);
    }
    return at + taken;
  }

  #passOver(length: number, at: number): number {
    this.oversized++;
    this.#fill = 0;
    this.#skip = length;
    return at;
  }
}
