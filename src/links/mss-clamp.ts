/**
 * Keeps TCP from sending frames that a link would have to cut: lowers the Maximum
 * Segment Size that a SYN announces.
 *
 * Read first: RFC 9293 section 3.7.1 and RFC 6691 (what the option counts: the payload
 * and TCP options, so the MTU less the fixed headers), RFC 1624 (the checksum follows).
 * Without an option a peer assumes 536 or 1,220 octets, which pass everywhere.
 */

const TYPE_OFFSET = 12;
const TYPE_TAG = 0x8100;
const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
const IP_OFFSET = 14;
const VLAN_TAG_LENGTH = 4;
const IPV4_HEADER_LENGTH = 20;
const IPV6_HEADER_LENGTH = 40;
const PROTOCOL_TCP = 6;
const TCP_HEADER_LENGTH = 20;
const TCP_FLAGS = 13;
const TCP_CHECKSUM = 16;
const SYN = 0x02;
const OPTION_END = 0;
const OPTION_NO_OPERATION = 1;
const OPTION_MSS = 2;
/** Longer than any SYN: headers, at most 60 octets of each, and a little data (RFC 7413). */
const LONGEST_SYN = 256;

/**
 * Lowers the option of a SYN in place if its answerers' frames would be longer than `frame`
 * octets. Looks at headers only; everything else is left alone.
 */
export function clampMss(bytes: Uint8Array, offset: number, length: number, frame: number): void {
  if (length > LONGEST_SYN || length < IP_OFFSET + IPV4_HEADER_LENGTH + TCP_HEADER_LENGTH) {
    return;
  }
  let ip = IP_OFFSET;
  let type = read16(bytes, offset + TYPE_OFFSET);
  if (type === TYPE_TAG) {
    type = read16(bytes, offset + TYPE_OFFSET + VLAN_TAG_LENGTH);
    ip += VLAN_TAG_LENGTH;
  }
  const at = offset + ip;
  let tcp: number;
  /** Where the packet ends: padding behind it is not in the sum. */
  let end: number;
  if (type === TYPE_IPV4) {
    if (bytes[at + 9] !== PROTOCOL_TCP || (read16(bytes, at + 6) & 0x1fff) !== 0) return;
    const header = (bytes[at] & 0x0f) * 4;
    if (header < IPV4_HEADER_LENGTH) return;
    tcp = ip + header;
    end = ip + read16(bytes, at + 2);
  } else if (type === TYPE_IPV6) {
    if (bytes[at + 6] !== PROTOCOL_TCP) return;
    tcp = ip + IPV6_HEADER_LENGTH;
    end = tcp + read16(bytes, at + 4);
  } else return;
  if (length < tcp + TCP_HEADER_LENGTH || (bytes[offset + tcp + TCP_FLAGS] & SYN) === 0) return;
  // Options of IPv4 are rare enough that the answers will not have them.
  const fixed = type === TYPE_IPV4 ? ip + IPV4_HEADER_LENGTH : tcp;
  lower(bytes, offset + tcp, offset + Math.min(length, end), frame - fixed - TCP_HEADER_LENGTH);
}

function lower(bytes: Uint8Array, tcp: number, end: number, most: number): void {
  const options = Math.min(end, tcp + (bytes[tcp + 12] >>> 4) * 4);
  let at = tcp + TCP_HEADER_LENGTH;
  while (at < options) {
    const kind = bytes[at];
    if (kind === OPTION_END) return;
    if (kind === OPTION_NO_OPERATION) {
      at++;
      continue;
    }
    const octets = at + 1 < options ? bytes[at + 1] : 0;
    if (octets < 2 || at + octets > options) return;
    if (kind === OPTION_MSS && octets === 4) {
      const old = read16(bytes, at + 2);
      if (old <= most) return;
      // An option at an odd place adds to the sum with its octets the other way round.
      const odd = (at - tcp) % 2 !== 0;
      update(bytes, tcp + TCP_CHECKSUM, odd ? swap(old) : old, odd ? swap(most) : most);
      bytes[at + 2] = most >>> 8;
      bytes[at + 3] = most;
      return;
    }
    at += octets;
  }
}

/** RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). */
function update(bytes: Uint8Array, at: number, old: number, now: number): void {
  let sum = (~read16(bytes, at) & 0xffff) + (~old & 0xffff) + now;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  bytes[at] = (~sum >>> 8) & 0xff;
  bytes[at + 1] = ~sum & 0xff;
}

function swap(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}
