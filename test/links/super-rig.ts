/** Super-frames cut into pieces by hand, and memory that notices what is given back wrongly. */
import type { ExecutionContext } from 'ava';
import {
  FRAGMENT_HEADER_LENGTH,
  type FrameSlots,
  writeFragmentHeader,
} from '../../src/links/fragment.ts';
import {
  COMPLETE,
  type FrameOffload,
  SUPER_HEADER_LENGTH,
  writeSuperHeader,
} from '../../src/links/super-frame.ts';
import { buildFrame, type Frame, type FrameOptions, piecesOf } from '../io/frames.ts';

/** A pool that notices a slot given twice, or one that was never its own. */
export class CheckedSlots implements FrameSlots {
  readonly slotLength: number;
  readonly #free: number[];
  readonly #t: ExecutionContext;

  constructor(t: ExecutionContext, count: number, slotLength: number) {
    this.#t = t;
    this.slotLength = slotLength;
    this.#free = Array.from({ length: count }, (_, i) => i * slotLength);
  }

  get available(): number {
    return this.#free.length;
  }

  take(): number {
    return this.#free.pop() ?? -1;
  }

  give(offset: number): void {
    if (offset % this.slotLength !== 0 || this.#free.includes(offset)) {
      this.#t.fail(`slot ${offset} is not lent`);
    }
    this.#free.push(offset);
  }
}

/** The fields of a frame that is cut into segments of so many octets. */
export function fieldsOf(frame: Frame, segmentSize: number): FrameOffload {
  const { offload, checksumStart, checksumOffset } = frame;
  return { offload, segmentSize, checksumStart, checksumOffset };
}

/** A super-frame behind its fields: the payload of a packet. */
export function withFields(bytes: Uint8Array, fields: FrameOffload): Uint8Array {
  const all = new Uint8Array(SUPER_HEADER_LENGTH + bytes.length);
  writeSuperHeader(all, 0, fields);
  all.set(bytes, SUPER_HEADER_LENGTH);
  return all;
}

/** One piece: the payload of a packet. */
export function piece(
  id: number,
  index: number,
  count: number,
  position: number,
  total: number,
  data: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(FRAGMENT_HEADER_LENGTH + data.length);
  writeFragmentHeader(bytes, 0, id, index, count, position, total);
  bytes.set(data, FRAGMENT_HEADER_LENGTH);
  return bytes;
}

/** Cuts octets into pieces of `length`, the last one with the rest. */
export function cut(bytes: Uint8Array, length: number, id = 1): Uint8Array[] {
  const count = Math.ceil(bytes.length / length);
  return Array.from({ length: count }, (_, index) => {
    const at = index * length;
    return piece(id, index, count, at, bytes.length, bytes.subarray(at, at + length));
  });
}

/** The lengths of pieces that cut `total` octets into 2 to 64. */
export function pieceLengths(total: number): { readonly min: number; readonly max: number } {
  return { min: Math.max(9, Math.ceil(total / 64)), max: Math.max(9, total - 1) };
}

/**
 * What should be had of a super-frame: a frame for each run of segments, of which every octet
 * has come.
 * @param has by segment
 */
export function runsOf(
  options: FrameOptions,
  segmentSize: number,
  has: readonly boolean[],
): { readonly options: FrameOptions; readonly segments: number }[] {
  const single = piecesOf(options, segmentSize);
  const runs: { options: FrameOptions; segments: number }[] = [];
  for (let first = 0; first < single.length; first++) {
    if (!has[first]) continue;
    let end = first;
    while (end < single.length && has[end]) end++;
    const parts = single.slice(first, end);
    const payload = Uint8Array.from(
      Buffer.concat(parts.map((each) => each.payload ?? new Uint8Array(0))),
    );
    // Numbers and CWR are those of the first of them, FIN and PSH those of the last.
    const flags = (parts[0].flags ?? 0) | ((parts.at(-1)?.flags ?? 0) & 0x09);
    runs.push({
      options: { ...parts[0], payload, flags, partial: parts.length > 1 },
      segments: parts.length,
    });
    first = end;
  }
  return runs;
}

/** A frame with what it still needs. */
export interface Given {
  readonly bytes: Uint8Array;
  readonly fields: FrameOffload;
}

/** Which segments came whole, octet by octet. */
function segmentsLeft(
  payloadStart: number,
  payload: number,
  segmentSize: number,
  length: number,
  lost: (index: number) => boolean,
): boolean[] {
  const has = new Array<boolean>(Math.ceil(payload / segmentSize)).fill(!lost(0));
  for (let i = 0; i < payload; i++) {
    const index = Math.floor((SUPER_HEADER_LENGTH + payloadStart + i) / length);
    if (lost(index)) has[Math.floor(i / segmentSize)] = false;
  }
  return has;
}

/**
 * What should be had of a super-frame that is cut into pieces of `length` octets, bytes and
 * fields to the last octet.
 */
export function leftOf(
  options: FrameOptions,
  segmentSize: number,
  length: number,
  lost: (index: number) => boolean,
): Given[] {
  const { headers } = buildFrame(options);
  if (SUPER_HEADER_LENGTH + headers > length) return [];
  const payload = options.payload?.length ?? 0;
  const has = segmentsLeft(headers, payload, segmentSize, length, lost);
  return runsOf(options, segmentSize, has).map((run) => {
    const frame = buildFrame(run.options);
    const fields = run.segments > 1 ? fieldsOf(frame, segmentSize) : { ...COMPLETE };
    return { bytes: frame.bytes, fields };
  });
}
