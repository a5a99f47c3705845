/**
 * Internet addresses, as they lie in the slab and as people write them.
 *
 * Read first: RFC 4291 section 2.2 (text of IPv6) and 2.5.5.2 (IPv4-mapped),
 * RFC 5952 (the canonical text), RFC 4007 section 11 (scopes as %zone).
 *
 *      0               16      18      20              24
 *      | IPv6 or mapped | port  | zero  | scope id      |
 *
 * IPv4 is ::ffff:a.b.c.d and always printed dotted. The port is big-endian, the
 * scope id in the order of the host, since it means nothing outside of it. The two
 * zero octets are written as zero and not looked at; octets behind are ignored.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { endianness, networkInterfaces } from 'node:os';
import { ADDRESS_LENGTH } from './contract.ts';

const HOST_OFFSET = 0;
const HOST_LENGTH = 16;
const PORT_OFFSET = 16;
const RESERVED_OFFSET = 18;
const SCOPE_OFFSET = 20;

/** RFC 4291 section 2.5.5.2: eighty zero bits and sixteen ones. */
const MAPPED_ONES_OFFSET = 10;
const IPV4_OFFSET = 12;

const GROUPS = 8;
const LITTLE_ENDIAN_HOST = endianness() === 'LE';

/** A socket address in words; `host` is numeric, with %scope where it has one. */
export interface SocketAddress {
  readonly host: string;
  /** 0 … 65535. */
  readonly port: number;
}

// ---- accessors for the hot loop

/** Whether the addresses at `a` and `b`, port and scope included, are the same. */
export function addressesEqual(slab: Uint8Array, a: number, b: number): boolean {
  for (let i = ADDRESS_LENGTH - 1; i >= 0; i--) {
    if (slab[a + i] !== slab[b + i]) return false;
  }
  return true;
}

/** Copies ADDRESS_LENGTH octets within the slab. */
export function copyAddress(slab: Uint8Array, from: number, to: number): void {
  for (let i = 0; i < ADDRESS_LENGTH; i++) slab[to + i] = slab[from + i];
}

/** The port of the address at `offset`. */
export function portOf(slab: Uint8Array, offset: number): number {
  return (slab[offset + PORT_OFFSET] << 8) | slab[offset + PORT_OFFSET + 1];
}

/** Whether the address at `offset` is an IPv4 one. */
export function isMapped(slab: Uint8Array, offset: number): boolean {
  for (let i = 0; i < MAPPED_ONES_OFFSET; i++) if (slab[offset + i] !== 0) return false;
  return (slab[offset + MAPPED_ONES_OFFSET] & slab[offset + MAPPED_ONES_OFFSET + 1]) === 0xff;
}

// ---- parse and emit

/** Reads the 24 octets at `offset`; undefined when there are fewer. */
export function parseAddress(bytes: Uint8Array, offset = 0): SocketAddress | undefined {
  if (offset < 0 || offset + ADDRESS_LENGTH > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, ADDRESS_LENGTH);
  const port = view.getUint16(PORT_OFFSET);
  if (isMapped(bytes, offset)) {
    const first = offset + IPV4_OFFSET;
    return { host: bytes.subarray(first, first + 4).join('.'), port };
  }
  const scope = view.getUint32(SCOPE_OFFSET, LITTLE_ENDIAN_HOST);
  const host = ipv6Text(view);
  return { host: scope === 0 ? host : `${host}%${scope}`, port };
}

/**
 * Writes an address at `offset` of `out`.
 * @returns false, with nothing written, when the host is not numeric, its scope is
 *   unknown, the port is out of range or there is no room
 */
export function emitAddress(address: SocketAddress, out: Uint8Array, offset = 0): boolean {
  const { host, port } = address;
  if (!(Number.isInteger(port) && port >= 0 && port <= 0xffff)) return false;
  if (offset < 0 || offset + ADDRESS_LENGTH > out.length) return false;
  const percent = host.indexOf('%');
  const bare = percent < 0 ? host : host.slice(0, percent);
  const four = isIPv4(host);
  if (!four && !isIPv6(bare)) return false;
  const scope = percent < 0 ? 0 : scopeId(host.slice(percent + 1));
  if (scope === undefined) return false;

  const view = new DataView(out.buffer, out.byteOffset + offset, ADDRESS_LENGTH);
  out.fill(0, offset + HOST_OFFSET, offset + HOST_LENGTH);
  if (four) {
    view.setUint16(MAPPED_ONES_OFFSET, 0xffff);
    writeIpv4(host, view, IPV4_OFFSET);
  } else {
    writeIpv6(bare, view);
  }
  view.setUint16(PORT_OFFSET, port);
  view.setUint16(RESERVED_OFFSET, 0);
  view.setUint32(SCOPE_OFFSET, scope, LITTLE_ENDIAN_HOST);
  return true;
}

/** Whether a numeric address is this machine's own: 127.0.0.0/8 (RFC 1122, 3.2.1.3) or ::1. */
export function isLoopback(host: string): boolean {
  return host === '::1' || /^127\.[\d.]+$/.test(host);
}

/** host:port for IPv4, [host]:port for IPv6. */
export function formatAddress({ host, port }: SocketAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The text of the address at `offset`, for a log. */
export function addressText(bytes: Uint8Array, offset = 0): string {
  const address = parseAddress(bytes, offset);
  return address ? formatAddress(address) : 'no address';
}

// ---- text of IPv6

function writeIpv4(text: string, view: DataView, offset: number): void {
  text.split('.').forEach((part, i) => {
    view.setUint8(offset + i, Number(part));
  });
}

/** `text` has passed isIPv6; the octets are zero already. */
function writeIpv6(text: string, view: DataView): void {
  let rest = text;
  let groups = GROUPS;
  if (rest.includes('.')) {
    const last = rest.lastIndexOf(':');
    writeIpv4(rest.slice(last + 1), view, IPV4_OFFSET);
    // Keeps a "::" in front whole, and drops the single colon otherwise.
    rest = rest.slice(0, rest[last - 1] === ':' ? last + 1 : last);
    groups -= 2;
  }
  const [front, back] = rest.split('::');
  const head = front ? front.split(':') : [];
  const tail = back ? back.split(':') : [];
  head.forEach((group, i) => {
    view.setUint16(2 * i, Number.parseInt(group, 16));
  });
  tail.forEach((group, i) => {
    view.setUint16(2 * (groups - tail.length + i), Number.parseInt(group, 16));
  });
}

/** RFC 5952 section 4: lower case, no leading zeros, the longest (first) run of zeros as "::". */
function ipv6Text(view: DataView): string {
  const groups = Array.from({ length: GROUPS }, (_, i) => view.getUint16(HOST_OFFSET + 2 * i));
  let start = -1;
  let length = 1; // section 4.2.2: one group alone is not shortened
  for (let i = 0; i < GROUPS; i++) {
    let end = i;
    while (end < GROUPS && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = Math.max(i, end - 1);
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (start < 0) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** A zone is the number of an interface, or its name on this machine. */
function scopeId(zone: string): number | undefined {
  if (/^\d{1,10}$/.test(zone)) {
    const number = Number(zone);
    return number <= 0xffffffff ? number : undefined;
  }
  for (const entry of networkInterfaces()[zone] ?? []) {
    if (entry.family === 'IPv6' && entry.scopeid) return entry.scopeid;
  }
  return undefined;
}
