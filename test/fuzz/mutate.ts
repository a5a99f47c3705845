/** Makes new inputs of old ones. The same numbers give the same inputs. */

/** Numbers from 0 (included) to 1 (excluded). */
export type Chance = () => number;

/** Octets that lie on the edges of lengths, types and signs. */
const EDGES = [
  0x00, 0x01, 0x02, 0x03, 0x09, 0x0a, 0x0b, 0x0c, 0x10, 0x11, 0x7f, 0x80, 0xc0, 0xfe, 0xff,
];

/** The most changes to one input. */
const MOST_CHANGES = 8;
/** Octets that one change inserts or copies at most. */
const LONGEST_PIECE = 64;

type Change = (bytes: Uint8Array, chance: Chance, corpus: readonly Uint8Array[]) => Uint8Array;

const below = (chance: Chance, limit: number): number => Math.floor(chance() * limit);

const CHANGES: readonly Change[] = [
  // One bit.
  (bytes, chance) => {
    if (bytes.length > 0) bytes[below(chance, bytes.length)]! ^= 1 << below(chance, 8);
    return bytes;
  },
  // One octet: an edge, or any.
  (bytes, chance) => {
    if (bytes.length === 0) return bytes;
    const edge = chance() < 0.5;
    bytes[below(chance, bytes.length)] = edge
      ? EDGES[below(chance, EDGES.length)]!
      : below(chance, 256);
    return bytes;
  },
  // A number of two octets: a little more or less, or any.
  (bytes, chance) => {
    if (bytes.length < 2) return bytes;
    const at = below(chance, bytes.length - 1);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const near = view.getUint16(at) + below(chance, 9) - 4;
    view.setUint16(at, chance() < 0.7 ? near & 0xffff : below(chance, 0x10000));
    return bytes;
  },
  // The end cut off.
  (bytes, chance) => bytes.slice(0, below(chance, bytes.length + 1)),
  // A piece taken out.
  (bytes, chance) => {
    const from = below(chance, bytes.length + 1);
    const to = Math.min(bytes.length, from + below(chance, LONGEST_PIECE));
    return join(bytes.subarray(0, from), bytes.subarray(to));
  },
  // A piece put in: noise, or a copy of what is there.
  (bytes, chance) => {
    const at = below(chance, bytes.length + 1);
    const length = 1 + below(chance, LONGEST_PIECE);
    const from = below(chance, bytes.length + 1);
    const piece =
      chance() < 0.5
        ? Uint8Array.from({ length }, () => below(chance, 256))
        : bytes.slice(from, from + length);
    return join(bytes.subarray(0, at), piece, bytes.subarray(at));
  },
  // A run of one octet.
  (bytes, chance) => {
    const from = below(chance, bytes.length + 1);
    return bytes.fill(
      EDGES[below(chance, EDGES.length)]!,
      from,
      from + below(chance, LONGEST_PIECE),
    );
  },
  // The head of this one and the tail of another.
  (bytes, chance, corpus) => {
    const other = corpus[below(chance, corpus.length)];
    if (other === undefined) return bytes;
    const at = below(chance, Math.min(bytes.length, other.length) + 1);
    return join(bytes.subarray(0, at), other.subarray(at));
  },
  // Another one behind it.
  (bytes, chance, corpus) => join(bytes, corpus[below(chance, corpus.length)] ?? bytes),
];

/** A changed copy of one of the corpus, of at most `longest` octets. */
export function mutate(corpus: readonly Uint8Array[], chance: Chance, longest: number): Uint8Array {
  let bytes = (corpus[below(chance, corpus.length)] ?? new Uint8Array(0)).slice();
  for (let count = 1 + below(chance, MOST_CHANGES); count > 0; count--) {
    bytes = CHANGES[below(chance, CHANGES.length)]!(bytes, chance, corpus).slice(0, longest);
  }
  return bytes;
}

function join(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(pieces));
}
