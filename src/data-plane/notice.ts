/**
 * Notices: what leaves the data plane for the main thread, through bounded rings.
 *
 * A notice is one message of a ring; integers are little-endian, as both ends
 * are threads of one process.
 *
 *    0       1       2               4               8              12
 *   +-------+-------+---------------+---------------+---------------+
 *   | kind  | flag  |   zero        |   subject     |    value      |
 *   +-------+-------+---------------+---------------+---------------+
 *   |                  address (24 octets, ADDRESS_LENGTH)          |
 *   +---------------------------------------------------------------+
 *   |  payload …
 */
import { ADDRESS_LENGTH } from '../io/contract.ts';

export const NoticeKind = {
  /** A link message outside a session. subject: descriptor; payload: the message. */
  message: 1,
  /** An authentic F2F packet for the main thread. subject: local index; flag: type. */
  packet: 2,
  /** A frame to a reserved bridge address. subject: port; payload: the frame. */
  bridgeFrame: 3,
  /** A connection came in. subject: listener; value: system descriptor. */
  accepted: 4,
  /** A connection attempt succeeded, or a watched descriptor can be written. subject: descriptor. */
  writable: 5,
  /** A descriptor is finished. subject: descriptor; value: errno or 0. */
  closed: 6,
  /** A session fell silent. subject: local index; value: milliseconds of silence. */
  dead: 7,
  /** A session's other end moved. subject: local index; address: the new one. */
  roamed: 8,
  /** A session's bulk packet has left. subject: local index. */
  bulkSent: 9,
  /** The first authentic record of a session came in. subject: local index. */
  alive: 10,
  /** A DHCP reply left by a port. subject: port; payload: the frame. */
  dhcpReply: 11,
  /**
   * The switch has learnt (flag 1) or forgotten (flag 0) an address; only while somebody
   * listens. subject: port; value: VLAN; address: MAC_LENGTH octets of it.
   */
  address: 12,
} as const;
export type NoticeKind = (typeof NoticeKind)[keyof typeof NoticeKind];

const KIND_OFFSET = 0;
const FLAG_OFFSET = 1;
const SUBJECT_OFFSET = 4;
const VALUE_OFFSET = 8;
const ADDRESS_OFFSET = 12;
export const NOTICE_HEADER_LENGTH = ADDRESS_OFFSET + ADDRESS_LENGTH;

export interface Notice {
  readonly kind: number;
  readonly flag: number;
  readonly subject: number;
  readonly value: number;
  /** A copy of ADDRESS_LENGTH octets; zeros where there is none. */
  readonly address: Uint8Array;
  /** A copy. */
  readonly payload: Uint8Array;
}

/** Reads a notice; the result does not refer to `bytes`. */
export function parseNotice(bytes: Uint8Array): Notice | undefined {
  if (bytes.length < NOTICE_HEADER_LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    kind: bytes[KIND_OFFSET],
    flag: bytes[FLAG_OFFSET],
    subject: view.getUint32(SUBJECT_OFFSET, true),
    value: view.getUint32(VALUE_OFFSET, true),
    address: bytes.slice(ADDRESS_OFFSET, NOTICE_HEADER_LENGTH),
    payload: bytes.slice(NOTICE_HEADER_LENGTH),
  };
}

/** Writes the header for the fields given into `out`; the address is left zero. */
export function writeNoticeHeader(
  out: Uint8Array,
  kind: number,
  flag: number,
  subject: number,
  value: number,
): void {
  out.fill(0, 0, NOTICE_HEADER_LENGTH);
  out[KIND_OFFSET] = kind;
  out[FLAG_OFFSET] = flag;
  const view = new DataView(out.buffer, out.byteOffset, NOTICE_HEADER_LENGTH);
  view.setUint32(SUBJECT_OFFSET, subject, true);
  view.setUint32(VALUE_OFFSET, value, true);
}

export function writeNoticeAddress(out: Uint8Array, address: Uint8Array): void {
  out.set(address, ADDRESS_OFFSET);
}
