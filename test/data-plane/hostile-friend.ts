/** Makes authentic records by hand: a friend who knows the keys and means ill. */
import { CipherId } from '../../src/io/contract.ts';
import type { FrameNeeds } from '../../src/io/memory-tap.ts';
import { FRAGMENT_HEADER_LENGTH, writeFragmentHeader } from '../../src/links/fragment.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';
import { PACKET_HEADER_LENGTH, PacketType, writePacketHeader } from '../../src/links/packet.ts';
import { nextSecret, recordKey } from '../../src/links/record-keys.ts';
import { sealRecord } from '../../src/links/record-layer.ts';
import { SUPER_HEADER_LENGTH, writeSuperHeader } from '../../src/links/super-frame.ts';
import { secret } from './node.ts';

export interface RecordOptions {
  readonly receiver: number;
  readonly number: number;
  /** Seed of the traffic secret; what the left end of a pair sends by is 1. */
  readonly seed?: number;
  readonly epoch?: number;
  readonly numberHigh?: number;
}

/** A sealed record with `plaintext`, whatever that may be. */
export function authenticRecord(plaintext: Uint8Array, options: RecordOptions): Uint8Array {
  const { receiver, number, seed = 1, epoch = 0, numberHigh = 0 } = options;
  let traffic = secret(seed);
  for (let i = 0; i < epoch; i++) traffic = nextSecret(nodeSuite.hmac, traffic);
  const key = recordKey(nodeSuite.hmac, traffic);
  const address = { epoch, receiver, numberHigh, numberLow: number };
  return sealRecord(nodeSuite, CipherId.chacha20poly1305, key, address, plaintext);
}

/** One F2F packet as octets. */
export function packet(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PACKET_HEADER_LENGTH + payload.length);
  writePacketHeader(bytes, 0, type, payload.length);
  bytes.set(payload, PACKET_HEADER_LENGTH);
  return bytes;
}

/** The payload of a super-frame packet: any fields, then any octets. */
export function superFramePayload(fields: FrameNeeds, bytes: Uint8Array): Uint8Array {
  const payload = new Uint8Array(SUPER_HEADER_LENGTH + bytes.length);
  writeSuperHeader(payload, 0, fields);
  payload.set(bytes, SUPER_HEADER_LENGTH);
  return payload;
}

/** The pieces of such a payload, each an authentic record, with numbers from `number` on. */
export function superPieces(
  payload: Uint8Array,
  length: number,
  id: number,
  options: RecordOptions,
): Uint8Array[] {
  const count = Math.ceil(payload.length / length);
  return Array.from({ length: count }, (_, index) => {
    const at = index * length;
    const data = payload.subarray(at, at + length);
    const piece = new Uint8Array(FRAGMENT_HEADER_LENGTH + data.length);
    writeFragmentHeader(piece, 0, id, index, count, at, payload.length);
    piece.set(data, FRAGMENT_HEADER_LENGTH);
    const content = packet(PacketType.superFragment, piece);
    return authenticRecord(content, { ...options, number: options.number + index });
  });
}
