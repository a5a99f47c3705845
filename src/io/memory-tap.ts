/**
 * A TAP of the memory network, with both its sides: the node's, which MemoryIo reads and
 * writes, and the host's, which a test plays in place of a kernel's network stack.
 *
 *   host stack   hostSend -> receive   MemoryIo, poll
 *             hostReceive <- send      MemoryIo, flush
 */
import { MAX_SUPER_FRAME_LENGTH, Offload, RxEvent } from './contract.ts';
import { Errno } from './errno.ts';
import { checkOffload, completeChecksum } from './offload.ts';

/** As long a queue as a Linux TAP has, in octets of full frames. */
const CAPACITY = 500 * 1514;

/** What a frame still needs, as a virtio-net header says it. */
export interface FrameNeeds {
  readonly offload: Offload;
  readonly segmentSize: number;
  /** With `Offload.none` and a positive start, only the checksum is left to be completed. */
  readonly checksumStart: number;
  readonly checksumOffset: number;
}

export interface MemoryFrame extends FrameNeeds {
  /** A copy of its own. */
  readonly bytes: Uint8Array;
}

const COMPLETE: FrameNeeds = {
  offload: Offload.none,
  segmentSize: 0,
  checksumStart: 0,
  checksumOffset: 0,
};

export class MemoryTap {
  readonly type = 'tap';
  readonly name: string;
  /** The host has removed the interface. */
  deleted = false;
  readonly #onClose: () => void;
  readonly #toNode: MemoryFrame[] = [];
  readonly #toHost: MemoryFrame[] = [];
  #waiting = 0;

  constructor(name: string, onClose: () => void) {
    this.name = name;
    this.#onClose = onClose;
  }

  // ---- the host's side

  /** The host sends a frame, which is copied: complete, or with what it still needs. */
  hostSend(bytes: Uint8Array, needs: FrameNeeds = COMPLETE): void {
    this.#toNode.push({ ...needs, bytes: bytes.slice() });
  }

  /** The oldest frame that the node has sent, taken off; undefined when there is none. */
  hostReceive(): MemoryFrame | undefined {
    const frame = this.#toHost.shift();
    if (frame) this.#waiting -= frame.bytes.length;
    return frame;
  }

  /** The interface goes away; the node is told of the end. */
  delete(): void {
    this.deleted = true;
  }

  // ---- the node's side

  get isWritable(): boolean {
    return this.#waiting < CAPACITY;
  }

  receive(): MemoryFrame | undefined {
    return this.#toNode.shift();
  }

  /** Takes over `bytes`. Octets taken, or a negated errno. */
  send(bytes: Uint8Array, needs: FrameNeeds = COMPLETE): number {
    if (this.deleted) return -Errno.ENODEV;
    if (bytes.length === 0) return -Errno.EINVAL;
    if (!this.isWritable) return -Errno.EAGAIN;
    this.#waiting += bytes.length;
    this.#toHost.push({ ...needs, bytes });
    return bytes.length;
  }

  close(): void {
    this.#onClose();
  }
}

/** Octets of all headers of a super-frame, or 0 when its fields do not fit it. */
export function headersOf(bytes: Uint8Array, needs: FrameNeeds): number {
  const { offload, segmentSize, checksumStart, checksumOffset } = needs;
  return checkOffload(bytes, 0, bytes.length, offload, segmentSize, checksumStart, checksumOffset);
}

/** What a receive record says of a frame. */
export interface LandedFrame extends FrameNeeds {
  readonly event: (typeof RxEvent)[keyof typeof RxEvent];
}

/**
 * Puts a frame into the slab, where there must be room for the longest. What the host left to be
 * done is done here unless it is to be cut into two or more.
 */
export function landFrame(frame: MemoryFrame, slab: Uint8Array, at: number): LandedFrame {
  const { bytes, offload, segmentSize, checksumStart, checksumOffset } = frame;
  if (bytes.length > MAX_SUPER_FRAME_LENGTH) return { ...COMPLETE, event: RxEvent.oversized };
  slab.set(bytes, at);
  if (offload !== Offload.none) {
    const headers = headersOf(bytes, frame);
    if (headers === 0) return { ...COMPLETE, event: RxEvent.malformed };
    if (headers + segmentSize < bytes.length) {
      return { offload, segmentSize, checksumStart, checksumOffset, event: RxEvent.data };
    }
  }
  const good =
    checksumStart === 0 || completeChecksum(slab, at, bytes.length, checksumStart, checksumOffset);
  return { ...COMPLETE, event: good ? RxEvent.data : RxEvent.malformed };
}
