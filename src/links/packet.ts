/**
 * F2F packets: the components of a node share one link through them.
 *
 * Read first: the F2F thesis, sections 3.4 and 3.4.1; docs/protocol/link.md.
 *
 *    0                   1                   2
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
 *   +---------------+-------------------------------+
 *   |     type      |            length             |  payload …
 *   +---------------+-------------------------------+
 *
 * `length` counts the payload and is in network byte order. Packets follow one
 * another inside a record; fewer than three octets left, or a length that runs
 * past the record, end the record as malformed. A packet of unknown type is
 * skipped and counted (thesis, section 3.5: unclaimed packets are discarded).
 */

export const PacketType = {
  /** The responder's confirmation, first packet of a session (docs/protocol/link.md). */
  confirm: 0x01,
  /** One Ethernet frame without FCS. The only type allowed in a clear record, with fragment. */
  ethernet: 0x02,
  /** A piece of an Ethernet frame that did not fit into one record. */
  fragment: 0x03,
  /** Eight octets that come back in a pong. */
  ping: 0x04,
  pong: 0x05,
  /** Padding to a size that is being tried (RFC 8899); two octets of size, then zeros. */
  probe: 0x06,
  /** Two octets: the size of a probe that arrived. */
  probeAcknowledgement: 0x07,
  /** A frame to the reserved bridge addresses: BPDUs travel sealed, whatever the mode. */
  bridge: 0x08,
  /** The session ends; the payload is a reason in UTF-8. */
  close: 0x09,
  /** A super-frame with its fields (super-frame.ts); like Ethernet, allowed in a clear record. */
  superFrame: 0x0a,
  /** A piece of one. */
  superFragment: 0x0b,
  /** Asks who made the session to make another in its place: our policy has changed. No payload. */
  renew: 0x0c,
  /** Addresses of hosts of the sender (claim.ts). */
  claim: 0x0d,
  /** A link message for a friend of the receiver, or of the sender (relay/relay-packet.ts). */
  relay: 0x0e,
  /** Opens and closes the circuits of those. */
  relayControl: 0x0f,
} as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/**
 * In the type of `ethernet`, `fragment`, `superFrame` and `superFragment`: the frame is for a
 * host of the receiver, and goes to that host or nowhere.
 */
export const STRAIGHT = 0x40;

const TYPE_OFFSET = 0;
const LENGTH_OFFSET = 1;
export const PACKET_HEADER_LENGTH = 3;

export function packetType(bytes: Uint8Array, offset: number): number {
  return bytes[offset + TYPE_OFFSET];
}

export function packetLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + LENGTH_OFFSET] << 8) | bytes[offset + LENGTH_OFFSET + 1];
}

export function writePacketHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  length: number,
): void {
  bytes[offset + TYPE_OFFSET] = type;
  bytes[offset + LENGTH_OFFSET] = length >>> 8;
  bytes[offset + LENGTH_OFFSET + 1] = length;
}

export interface Packet {
  readonly type: number;
  /** A view, not a copy. */
  readonly payload: Uint8Array;
}

/** The packets of a record's plaintext, or undefined when they do not fill it exactly. */
export function parsePackets(bytes: Uint8Array): Packet[] | undefined {
  const packets: Packet[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < PACKET_HEADER_LENGTH) return undefined;
    const end = offset + PACKET_HEADER_LENGTH + packetLength(bytes, offset);
    if (end > bytes.length) return undefined;
    packets.push({
      type: packetType(bytes, offset),
      payload: bytes.subarray(offset + PACKET_HEADER_LENGTH, end),
    });
    offset = end;
  }
  return packets;
}
