/** The octets of one send record of the in-memory I/O, put together. */
import { MAX_PARTS, PART_RECORDS, PART_STRIDE, Part, Tx } from './contract.ts';

/**
 * A copy of header and payload.
 * @param record one send record
 * @returns undefined for what lies outside the slab or is not as long as the record says
 */
export function gather(
  slab: Uint8Array,
  record: Int32Array,
  parts: Int32Array,
): Uint8Array | undefined {
  const payloadLength = record[Tx.payloadLength];
  if (payloadLength < 0 || payloadLength > slab.length) return undefined;
  const payload = pieces(record, parts);
  const header: Piece = [record[Tx.headerOffset], record[Tx.headerLength]];
  const all = payload && [header, ...payload].filter(([, length]) => length !== 0);
  if (!all?.every(([offset, length]) => isInside(slab, offset, length))) return undefined;
  const bytes = Buffer.concat(
    all.map(([offset, length]) => slab.subarray(offset, offset + length)),
  );
  return bytes.length === header[1] + payloadLength ? Uint8Array.from(bytes) : undefined;
}

/** Offset and length. */
type Piece = readonly [number, number];

/** Where the payload lies; undefined when it lists parts that there are not. */
function pieces(record: Int32Array, parts: Int32Array): Piece[] | undefined {
  const first = record[Tx.payloadOffset];
  const count = record[Tx.partCount];
  if (count === 0) return [[first, record[Tx.payloadLength]]];
  if (count < 0 || count > MAX_PARTS || first < 0 || first + count > PART_RECORDS) return undefined;
  return Array.from({ length: count }, (_, i) => {
    const at = (first + i) * PART_STRIDE;
    return [parts[at + Part.offset], parts[at + Part.length]];
  });
}

function isInside(slab: Uint8Array, offset: number, length: number): boolean {
  return offset >= 0 && length >= 0 && offset + length <= slab.length;
}
