/** Cutting by the reference and by the addon, for the tests of offload.ts and of coalescing. */
import fc from 'fast-check';
import { type Offload, SlabLayout } from '../../src/io/contract.ts';
import { nativeBinding } from '../../src/io/native-binding.ts';
import { checkOffload, segment } from '../../src/io/offload.ts';
import { buildFrame, type Frame, superFrameOptions } from './frames.ts';
import type { Rig } from './rig.ts';

const { testing } = nativeBinding();
const ROOM = 1 << 18;

export interface Fields {
  readonly offload: Offload;
  readonly segmentSize: number;
  readonly checksumStart: number;
  readonly checksumOffset: number;
}

type Cut = (bytes: Uint8Array, fields: Fields) => number | Uint8Array;

/** The reference: all frames back to back, or the refusal. */
const cutByReference: Cut = (bytes, fields) => {
  const slab = new Uint8Array(bytes.length + ROOM).fill(0xa5);
  slab.set(bytes);
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  const output = bytes.length;
  const count = segment(
    slab,
    0,
    bytes.length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
    output,
    ROOM,
  );
  if (count < 0) return count;
  const headers = checkOffload(
    slab,
    0,
    bytes.length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
  );
  return slab.slice(output, output + count * headers + (bytes.length - headers));
};

/** The same by the addon, of which `length` octets of output are wanted. */
function cutNatively(rig: Rig, bytes: Uint8Array, fields: Fields, length: number) {
  const { slab } = rig.io;
  const input = SlabLayout.free;
  const output = input + (1 << 20);
  slab.set(bytes, input);
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  const count = rig.io.segment(
    input,
    bytes.length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
    output,
    ROOM,
  );
  return count < 0 ? count : slab.slice(output, output + length);
}

export const cutEither = (rig: Rig, bytes: Uint8Array, fields: Fields) => {
  const expected = cutByReference(bytes, fields);
  const length = typeof expected === 'number' ? 0 : expected.length;
  return [expected, cutNatively(rig, bytes, fields, length)] as const;
};

export function fieldsOf(
  { offload, checksumStart, checksumOffset }: Frame,
  segmentSize: number,
): Fields {
  return { offload, segmentSize, checksumStart, checksumOffset };
}

export function checkByReference(bytes: Uint8Array, fields: Fields): number {
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  return checkOffload(bytes, 0, bytes.length, offload, segmentSize, checksumStart, checksumOffset);
}

export function checkNatively(
  bytes: Uint8Array,
  fields: Fields,
  contiguous = bytes.length,
): number {
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  return testing.checkOffload(
    bytes,
    contiguous,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
  );
}

export const concat = (pieces: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(pieces));

/** Octets changed at random in the headers, and a frame longer or shorter than it says. */
export const damaged = fc
  .tuple(
    superFrameOptions(200),
    fc.array(fc.tuple(fc.nat(160), fc.nat(0xff)), { maxLength: 3 }),
    fc.integer({ min: -250, max: 3 }),
  )
  .map(([options, changes, growth]) => {
    const frame = buildFrame(options);
    const length = Math.max(0, frame.bytes.length + Math.max(growth, -frame.bytes.length));
    const bytes = new Uint8Array(growth < -3 ? frame.bytes.length : length);
    bytes.set(frame.bytes.subarray(0, bytes.length));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return { bytes, frame };
  });
