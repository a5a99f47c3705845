/**
 * Which frames are replies of a DHCP server: RFC 2131 section 4.1, UDP to port 68,
 * over IPv4 (RFC 791) in an untagged Ethernet frame. A look, not a parser: whoever
 * gets the frame checks it.
 */

const ETHER_TYPE_OFFSET = 12;
const ETHER_TYPE_IPV4 = 0x0800;
const IP_OFFSET = 14;
const FRAGMENT_OFFSET = IP_OFFSET + 6;
const PROTOCOL_OFFSET = IP_OFFSET + 9;
const PROTOCOL_UDP = 17;
const CLIENT_PORT = 68;
const UDP_HEADER_LENGTH = 8;

/** Whether the frame at `offset` of `slab`, which is only read, goes to a DHCP client. */
export function isDhcpReply(slab: Uint8Array, offset: number, length: number): boolean {
  if (length < IP_OFFSET + 20 + UDP_HEADER_LENGTH) return false;
  if (read16(slab, offset + ETHER_TYPE_OFFSET) !== ETHER_TYPE_IPV4) return false;
  if (slab[offset + PROTOCOL_OFFSET] !== PROTOCOL_UDP) return false;
  // Neither a later fragment nor one with more to come: such a reply has 300 octets or so.
  if ((read16(slab, offset + FRAGMENT_OFFSET) & 0x3fff) !== 0) return false;
  const udp = IP_OFFSET + (slab[offset + IP_OFFSET] & 0x0f) * 4;
  if (length < udp + UDP_HEADER_LENGTH) return false;
  return read16(slab, offset + udp + 2) === CLIENT_PORT;
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}
