/**
 * Message 4: the responder's confirmation, in the first sealed record.
 *
 * Read first: docs/protocol/link.md, "Message 4"; link-message.ts; the F2F
 * thesis, section 3.4 (packet header).
 *
 *   16 octets of record header: epoch 0, packet number 0
 *   +---------------+-------------------------------+---------------
 *   |     0x01      |            length             |  fields of handshake-payload.ts
 *   +---------------+-------------------------------+---------------   } sealed
 *   16 octets of tag
 *
 * The record holds this one packet; anything behind it makes it malformed. Packet
 * number 0 of epoch 0 is the handshake's in both directions: data begins at 1.
 */

import type { CipherId } from '../../io/contract.ts';
import {
  RECORD_HEADER_LENGTH,
  readEpoch,
  readNumberHigh,
  readNumberLow,
  readReceiver,
} from '../link-message.ts';
import { PACKET_HEADER_LENGTH, PacketType, parsePackets, writePacketHeader } from '../packet.ts';
import { recordKey } from '../record-keys.ts';
import { openRecord, sealRecord } from '../record-layer.ts';
import type { CryptoSuite } from './crypto-suite.ts';
import {
  emitPayload,
  type HandshakePayload,
  PADDING_MULTIPLE,
  parsePayload,
} from './handshake-payload.ts';

/** The packet number of the first record that is not the handshake's. */
export const FIRST_RECORD_NUMBER = 1;

const CONFIRM_ADDRESS = { epoch: 0, numberHigh: 0, numberLow: 0 } as const;

/** Whether a link message is a record that only a handshake can want: epoch 0, number 0. */
export function isConfirmRecord(message: Uint8Array, receiver: number): boolean {
  return (
    message.length >= RECORD_HEADER_LENGTH &&
    readReceiver(message, 0) === receiver &&
    readEpoch(message, 0) === CONFIRM_ADDRESS.epoch &&
    readNumberHigh(message, 0) === CONFIRM_ADDRESS.numberHigh &&
    readNumberLow(message, 0) === CONFIRM_ADDRESS.numberLow
  );
}

/** The whole sealed link message. `secret` is the responder's traffic secret of epoch 0. */
export function sealConfirm(
  suite: CryptoSuite,
  cipher: CipherId,
  secret: Uint8Array,
  receiver: number,
  payload: HandshakePayload,
): Uint8Array {
  const fields = emitPayload(payload, PADDING_MULTIPLE);
  const packet = new Uint8Array(PACKET_HEADER_LENGTH + fields.length);
  writePacketHeader(packet, 0, PacketType.confirm, fields.length);
  packet.set(fields, PACKET_HEADER_LENGTH);
  const key = recordKey(suite.hmac, secret);
  const address = { ...CONFIRM_ADDRESS, receiver };
  return sealRecord(suite, cipher, key, address, packet);
}

/** @returns undefined when the tag does not hold, 'malformed' when it does and the inside makes no sense */
export function openConfirm(
  suite: CryptoSuite,
  cipher: CipherId,
  secret: Uint8Array,
  message: Uint8Array,
): HandshakePayload | 'malformed' | undefined {
  const packets = openRecord(suite, cipher, recordKey(suite.hmac, secret), message);
  if (packets === undefined) return undefined;
  const [confirm, ...more] = parsePackets(packets) ?? [];
  if (confirm?.type !== PacketType.confirm || more.length > 0) return 'malformed';
  return parsePayload(confirm.payload) ?? 'malformed';
}
