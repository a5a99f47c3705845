/**
 * Records, sealed and opened one at a time: the readable reference of what the
 * addon does in batches, and what carries the last message of the handshake.
 *
 * Read first: link-message.ts (the header), RFC 9147 section 4; RFC 8446 section
 * 5.3 (the nonce: the packet number, padded to the left, XORed with the IV).
 *
 *     16 octets of header = additional data │ sealed F2F packets │ 16 octets of tag
 */

import { type CipherId, TAG_LENGTH } from '../io/contract.ts';
import type { CryptoSuite } from './handshake/crypto-suite.ts';
import {
  LINK_HEADER_LENGTH,
  LinkMessageType,
  MAX_BODY_LENGTH,
  RECORD_HEADER_LENGTH,
  readLength,
  readNumberHigh,
  readNumberLow,
  readType,
  writeRecordHeader,
} from './link-message.ts';
import type { RecordKey } from './record-keys.ts';

/** Octets of F2F packets that one sealed record can carry. */
export const MAX_RECORD_PLAINTEXT =
  MAX_BODY_LENGTH - (RECORD_HEADER_LENGTH - LINK_HEADER_LENGTH) - TAG_LENGTH;

export interface RecordAddress {
  /** The sender's epoch; its low octet travels. */
  readonly epoch: number;
  /** The receiver's session index. */
  readonly receiver: number;
  readonly numberHigh: number;
  readonly numberLow: number;
}

/** The AEAD nonce of a packet number. */
export function recordNonce(iv: Uint8Array, numberHigh: number, numberLow: number): Uint8Array {
  const nonce = iv.slice();
  const view = new DataView(nonce.buffer);
  const low = nonce.length - 4;
  const high = nonce.length - 8;
  view.setUint32(high, view.getUint32(high) ^ numberHigh);
  view.setUint32(low, view.getUint32(low) ^ numberLow);
  return nonce;
}

/** A whole `sealedRecord` link message around `packets`. */
export function sealRecord(
  suite: CryptoSuite,
  cipher: CipherId,
  key: RecordKey,
  address: RecordAddress,
  packets: Uint8Array,
): Uint8Array {
  if (packets.length > MAX_RECORD_PLAINTEXT) throw new RangeError('too long for one record');
  const message = new Uint8Array(RECORD_HEADER_LENGTH + packets.length + TAG_LENGTH);
  const { epoch, receiver, numberHigh, numberLow } = address;
  writeRecordHeader(
    message,
    0,
    LinkMessageType.sealedRecord,
    message.length - LINK_HEADER_LENGTH,
    epoch & 0xff,
    receiver,
    numberHigh,
    numberLow,
  );
  const header = message.subarray(0, RECORD_HEADER_LENGTH);
  const nonce = recordNonce(key.iv, numberHigh, numberLow);
  message.set(suite.seal(cipher, key.key, nonce, header, packets), RECORD_HEADER_LENGTH);
  return message;
}

/**
 * Opens a whole `sealedRecord` link message with the key of its epoch. Whether
 * receiver, epoch and number are acceptable is the caller's to see to.
 * @returns the F2F packets, or undefined when it is no sealed record or the tag does not hold
 */
export function openRecord(
  suite: CryptoSuite,
  cipher: CipherId,
  key: RecordKey,
  message: Uint8Array,
): Uint8Array | undefined {
  if (message.length < RECORD_HEADER_LENGTH + TAG_LENGTH) return undefined;
  if (readType(message, 0) !== LinkMessageType.sealedRecord) return undefined;
  if (readLength(message, 0) !== message.length - LINK_HEADER_LENGTH) return undefined;
  const header = message.subarray(0, RECORD_HEADER_LENGTH);
  const nonce = recordNonce(key.iv, readNumberHigh(message, 0), readNumberLow(message, 0));
  return suite.open(cipher, key.key, nonce, header, message.subarray(RECORD_HEADER_LENGTH));
}
