/**
 * Counts what goes by in a stream of pcapng: packets, their octets, and how many were lost.
 *
 * Read first: pcapng.ts. For streams that we wrote ourselves, in any pieces: the low octet
 * comes first. Blocks of other types are passed over.
 */
import { BLOCK_HEADER_LENGTH, ENHANCED_PACKET } from './pcapng.ts';

const ORIGINAL_LENGTH_OFFSET = 24;
const CAPTURED_LENGTH_OFFSET = 20;
const PACKET_OFFSET = 28;
const TRAILER_LENGTH = 4;
/** Option epb_dropcount: code and length as one number. */
const DROP_COUNT = 0x0008_0004;
/** No block of ours is longer; a stream with such is none of ours. */
const LONGEST_BLOCK = 1 << 20;

export class PcapngScanner {
  packets = 0;
  /** Octets the packets had on the way. */
  octets = 0;
  /** Packets that the stream says were lost. */
  dropped = 0;
  #rest: Uint8Array = new Uint8Array(0);
  #broken = false;

  /** Looks at the next piece of the stream, which is only read. */
  take(piece: Uint8Array): void {
    if (this.#broken) return;
    const bytes = this.#rest.length === 0 ? piece : joined(this.#rest, piece);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at + BLOCK_HEADER_LENGTH <= bytes.length) {
      const length = view.getUint32(at + 4, true);
      if (length < BLOCK_HEADER_LENGTH + TRAILER_LENGTH || length > LONGEST_BLOCK) {
        this.#broken = true;
        return;
      }
      if (at + length > bytes.length) break;
      if (view.getUint32(at, true) === ENHANCED_PACKET) this.#packet(view, at, length);
      at += length;
    }
    this.#rest = bytes.slice(at);
  }

  #packet(view: DataView, start: number, length: number): void {
    const end = start + length - TRAILER_LENGTH;
    if (start + PACKET_OFFSET > end) return;
    this.packets++;
    this.octets += view.getUint32(start + ORIGINAL_LENGTH_OFFSET, true);
    const captured = view.getUint32(start + CAPTURED_LENGTH_OFFSET, true);
    let at = start + PACKET_OFFSET + Math.ceil(captured / 4) * 4;
    while (at + 4 <= end) {
      const option = view.getUint32(at, true);
      if (option === 0) return;
      if (option === DROP_COUNT && at + 12 <= end) this.dropped += view.getUint32(at + 4, true);
      at += 4 + Math.ceil((option >>> 16) / 4) * 4;
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
