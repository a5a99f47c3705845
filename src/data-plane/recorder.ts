/**
 * Copies frames for captures that run, each into a bounded ring of its own that the main
 * thread empties. A full ring drops the copy and counts it; the frame goes its way.
 *
 * While no capture runs, `count` is 0 and nobody calls anything here.
 */
import { SharedRing } from '../io/ring.ts';
import type { Direction } from '../switch/capture/pcapng.ts';
import { RECORD_HEADER_LENGTH, writeRecordHeader } from './frame-record.ts';

export interface CaptureFilter {
  /** The port whose frames are wanted; 0 for all. */
  readonly port: number;
  /** Octets of each frame that are kept at most. */
  readonly snaplen: number;
}

interface Capture extends CaptureFilter {
  readonly id: number;
  readonly ring: SharedRing;
}

export class Recorder {
  readonly #captures: Capture[] = [];
  readonly #slab: Uint8Array;
  readonly #timeOrigin: number;
  readonly #wake: () => void;
  readonly #header = new Uint8Array(RECORD_HEADER_LENGTH);
  readonly #fields = new DataView(this.#header.buffer);
  /** Captures that run. */
  count = 0;

  /**
   * @param timeOrigin what to add to `now` for milliseconds since 1970
   * @param wake lets the main thread know that there is something in a ring
   */
  constructor(slab: Uint8Array, timeOrigin: number, wake: () => void) {
    this.#slab = slab;
    this.#timeOrigin = timeOrigin;
    this.#wake = wake;
  }

  start(id: number, buffer: SharedArrayBuffer, { port, snaplen }: CaptureFilter): void {
    this.#captures.push({ id, ring: new SharedRing(buffer), port, snaplen });
    this.count = this.#captures.length;
  }

  stop(id: number): void {
    const at = this.#captures.findIndex((each) => each.id === id);
    if (at >= 0) this.#captures.splice(at, 1);
    this.count = this.#captures.length;
  }

  /** A frame in the slab. */
  record(port: number, direction: Direction, offset: number, length: number, now: number): void {
    for (const capture of this.#captures) {
      if (capture.port !== 0 && capture.port !== port) continue;
      const kept = this.#slab.subarray(offset, offset + Math.min(length, capture.snaplen));
      writeRecordHeader(this.#fields, this.#timeOrigin + now, length, port, direction);
      capture.ring.push([this.#header, kept]);
      this.#wake();
    }
  }
}
