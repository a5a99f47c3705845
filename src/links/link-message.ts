/**
 * Link messages: what two friends' nodes exchange over any carrier.
 *
 * Read first: docs/protocol/link.md; the F2F thesis, section 3.4 (packet header
 * of one octet type and two octets length in network order).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+-------------------------------+---------------+
 *   |     type      |            length             |  body …
 *   +---------------+-------------------------------+---------------
 *
 * `length` counts the body. On a datagram carrier one datagram is one message
 * and the length must agree with it; on a stream carrier messages follow one
 * another. The body of a record (sealed or clear) begins with:
 *
 *                                                   +---------------+
 *                                                   |     epoch     |
 *   +---------------+---------------+---------------+---------------+
 *   |                    receiver's session index                   |
 *   +---------------------------------------------------------------+
 *   |                                                               |
 *   |                         packet number                         |
 *   +---------------------------------------------------------------+
 *   |  F2F packets, one after another (sealed: then a 16-octet tag) |
 *
 * so a record's header is 16 octets, and all 16 are authenticated. `epoch` is
 * the low octet of the sender's key generation. Trailing octets after the last
 * F2F packet, an unknown type or a length that disagrees make the message
 * malformed: it is counted and dropped. All integers are in network byte order.
 */

export const LinkMessageType = {
  /** Noise message 1, padded so that no answer is longer than it. */
  handshakeInit: 0x01,
  /** Noise message 2. */
  handshakeResponse: 0x02,
  /** Noise message 3. */
  handshakeFinal: 0x03,
  /** A cookie for an initiator that has to prove its address first. */
  cookieReply: 0x04,
  /** Sent instead of an answer when a handshake is refused; carries no secrets. */
  refuse: 0x05,
  /** A record sealed with AEAD. */
  sealedRecord: 0x10,
  /** A record whose F2F packets go in the clear: Ethernet of friends who share no group. */
  clearRecord: 0x11,
} as const;
export type LinkMessageType = (typeof LinkMessageType)[keyof typeof LinkMessageType];

const TYPE_OFFSET = 0;
const LENGTH_OFFSET = 1;
export const LINK_HEADER_LENGTH = 3;

const EPOCH_OFFSET = 3;
export const RECEIVER_OFFSET = 4;
const NUMBER_HIGH_OFFSET = 8;
const NUMBER_LOW_OFFSET = 12;
/** Octets of a record's header, the link header among them. */
export const RECORD_HEADER_LENGTH = 16;

/** The longest body a link message can have. */
export const MAX_BODY_LENGTH = 0xffff;

export interface LinkMessage {
  readonly type: number;
  /** A view into the bytes given to `parseLinkMessage`; not a copy. */
  readonly body: Uint8Array;
}

export function readType(bytes: Uint8Array, offset: number): number {
  return bytes[offset + TYPE_OFFSET];
}

export function readLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + LENGTH_OFFSET] << 8) | bytes[offset + LENGTH_OFFSET + 1];
}

export function readEpoch(bytes: Uint8Array, offset: number): number {
  return bytes[offset + EPOCH_OFFSET];
}

export function readReceiver(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + RECEIVER_OFFSET);
}

export function readNumberHigh(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + NUMBER_HIGH_OFFSET);
}

export function readNumberLow(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + NUMBER_LOW_OFFSET);
}

/** Writes the three octets in front of a body of `length` octets. */
export function writeLinkHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  length: number,
): void {
  bytes[offset + TYPE_OFFSET] = type;
  bytes[offset + LENGTH_OFFSET] = length >>> 8;
  bytes[offset + LENGTH_OFFSET + 1] = length;
}

/** Writes a record's 16-octet header; `length` counts everything after the first three octets. */
export function writeRecordHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  length: number,
  epoch: number,
  receiver: number,
  numberHigh: number,
  numberLow: number,
): void {
  writeLinkHeader(bytes, offset, type, length);
  bytes[offset + EPOCH_OFFSET] = epoch;
  writeUint32(bytes, offset + RECEIVER_OFFSET, receiver);
  writeUint32(bytes, offset + NUMBER_HIGH_OFFSET, numberHigh);
  writeUint32(bytes, offset + NUMBER_LOW_OFFSET, numberLow);
}

/**
 * Splits one datagram, or one whole message from a stream, into type and body.
 * @returns undefined when the length disagrees with `bytes`
 */
export function parseLinkMessage(bytes: Uint8Array): LinkMessage | undefined {
  if (bytes.length < LINK_HEADER_LENGTH) return undefined;
  if (readLength(bytes, 0) !== bytes.length - LINK_HEADER_LENGTH) return undefined;
  return { type: readType(bytes, 0), body: bytes.subarray(LINK_HEADER_LENGTH) };
}

/** A whole link message in memory of its own. */
export function linkMessage(type: LinkMessageType, body: Uint8Array): Uint8Array {
  if (body.length > MAX_BODY_LENGTH) throw new RangeError('a link message carries 65,535 octets');
  const bytes = new Uint8Array(LINK_HEADER_LENGTH + body.length);
  writeLinkHeader(bytes, 0, type, body.length);
  bytes.set(body, LINK_HEADER_LENGTH);
  return bytes;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] << 24) |
      (bytes[offset + 1] << 16) |
      (bytes[offset + 2] << 8) |
      bytes[offset + 3]) >>>
    0
  );
}

function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}
