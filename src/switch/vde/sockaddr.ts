/**
 * The Unix socket address that VDE requests and replies carry.
 *
 * Read first: unix(7); docs/protocol/vde.md.
 *
 *    0       2                                                     110
 *   +-------+------------------------------------------------------+
 *   |family | path, ended by a zero octet unless it fills the field |
 *   +-------+------------------------------------------------------+
 *
 * `family` is host-endian, as the structure never leaves the machine. Octets
 * after the first zero are ignored. A path that begins with a zero octet is an
 * abstract or missing name, which cannot be checked for its owner: it is a fault.
 */
import { endianness } from 'node:os';

const FAMILY_OFFSET = 0;
const PATH_OFFSET = 2;

/** AF_UNIX on Linux. */
const FAMILY_UNIX = 1;

/** Octets of `sun_path` (unix(7)). */
export const SUN_PATH_LENGTH = 108;

/** Octets of the structure. */
export const SOCKADDR_LENGTH = PATH_OFFSET + SUN_PATH_LENGTH;

/** The longest path we hand out or bind: with a closing zero octet, for those who read it as a C string. */
export const MAX_PATH_LENGTH = SUN_PATH_LENGTH - 1;

/** Whether this machine is little-endian, for every host-endian field of VDE. */
export const HOST_LITTLE_ENDIAN = endianness() === 'LE';

/** Why an address was refused. */
export type SockaddrFault = 'truncated' | 'family' | 'unnamed' | 'encoding';

export interface UnixAddress {
  readonly path: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the address at `offset`; trailing bytes are the caller's. */
export function parseSockaddr(bytes: Uint8Array, offset: number): UnixAddress | SockaddrFault {
  if (bytes.length < offset + SOCKADDR_LENGTH) return 'truncated';
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, SOCKADDR_LENGTH);
  if (view.getUint16(FAMILY_OFFSET, HOST_LITTLE_ENDIAN) !== FAMILY_UNIX) return 'family';
  const field = bytes.subarray(offset + PATH_OFFSET, offset + SOCKADDR_LENGTH);
  const zero = field.indexOf(0);
  if (zero === 0) return 'unnamed';
  try {
    return { path: utf8.decode(zero < 0 ? field : field.subarray(0, zero)) };
  } catch {
    return 'encoding';
  }
}

/** True when `path` fits an address with its closing zero. */
export function fitsSockaddr(path: string): boolean {
  const length = Buffer.byteLength(path);
  return length > 0 && length <= MAX_PATH_LENGTH;
}

/** Writes SOCKADDR_LENGTH octets at `offset` of `out`. RangeError for a path that does not fit. */
export function emitSockaddr(address: UnixAddress, out: Uint8Array, offset: number): number {
  if (!fitsSockaddr(address.path)) throw new RangeError('a socket path has 1 to 107 octets');
  const view = new DataView(out.buffer, out.byteOffset + offset, SOCKADDR_LENGTH);
  view.setUint16(FAMILY_OFFSET, FAMILY_UNIX, HOST_LITTLE_ENDIAN);
  out.fill(0, offset + PATH_OFFSET, offset + SOCKADDR_LENGTH);
  out.set(Buffer.from(address.path), offset + PATH_OFFSET);
  return SOCKADDR_LENGTH;
}
