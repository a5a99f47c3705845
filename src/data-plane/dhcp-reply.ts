/**
 * Which frames a DHCP client has to see: replies of a server (RFC 2131 section 4.1, UDP to
 * port 68 over IPv4, RFC 791), and ARP packets about the address that it is about to use
 * (RFC 5227 section 2.1.1), in untagged Ethernet frames. A look, not a parser: whoever gets
 * the frame checks it.
 */

const ETHER_TYPE_OFFSET = 12;
const ETHER_TYPE_IPV4 = 0x0800;
const IP_OFFSET = 14;
const FRAGMENT_OFFSET = IP_OFFSET + 6;
const PROTOCOL_OFFSET = IP_OFFSET + 9;
const PROTOCOL_UDP = 17;
const CLIENT_PORT = 68;
const UDP_HEADER_LENGTH = 8;
const ETHER_TYPE_ARP = 0x0806;
const ARP_SENDER_OFFSET = 28;
const ARP_TARGET_OFFSET = 38;
const ARP_END = 42;

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

/**
 * Whether the frame is an ARP packet whose sender has `address`, or asks for it without an
 * address of its own.
 */
export function isArpOf(
  slab: Uint8Array,
  offset: number,
  length: number,
  address: number,
): boolean {
  if (length < ARP_END || read16(slab, offset + ETHER_TYPE_OFFSET) !== ETHER_TYPE_ARP) return false;
  const sender = read32(slab, offset + ARP_SENDER_OFFSET);
  return (
    sender === address || (sender === 0 && read32(slab, offset + ARP_TARGET_OFFSET) === address)
  );
}

function read32(bytes: Uint8Array, offset: number): number {
  return ((read16(bytes, offset) << 16) | read16(bytes, offset + 2)) >>> 0;
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}
