/**
 * The options of a DHCP message.
 *
 * Read first: RFC 2132 (sections 2 and 9.3), RFC 3396 (an option in several parts).
 *
 *    0      1        2
 *    | code | length | value, `length` octets |  next option …
 *
 * Code 0 (Pad) and 255 (End) are one octet long. What stands behind End is ignored; End
 * may be missing where the room ends with an option, as some servers have it. Parts of one
 * option are joined in the order in which they come. Unknown codes are kept as octets.
 */
import { formatIpv4, isHostAddress, readIpv4 } from './ipv4.ts';

const PAD = 0;
const END = 255;
const OPTION_HEADER_LENGTH = 2;
/** The longest value of one part. */
const LONGEST_PART = 255;

/** RFC 2132, by section. */
export const Option = {
  subnetMask: 1, // 3.3
  router: 3, // 3.5
  domainNameServer: 6, // 3.8
  hostName: 12, // 3.14
  domainName: 15, // 3.17
  interfaceMtu: 26, // 5.1
  requestedAddress: 50, // 9.1
  leaseTime: 51, // 9.2
  overload: 52, // 9.3
  messageType: 53, // 9.6
  serverIdentifier: 54, // 9.7
  parameterRequestList: 55, // 9.8
  maximumMessageSize: 57, // 9.10
  renewalTime: 58, // 9.11
  rebindingTime: 59, // 9.12
  clientIdentifier: 61, // 9.14
} as const;

export type Options = ReadonlyMap<number, Uint8Array>;

/**
 * Reads one field of options and adds them to `into`.
 * @returns false when an option runs out of the field
 */
export function parseOptions(field: Uint8Array, into: Map<number, Uint8Array>): boolean {
  let at = 0;
  while (at < field.length && field[at] !== END) {
    const code = field[at];
    if (code === PAD) {
      at++;
      continue;
    }
    const start = at + OPTION_HEADER_LENGTH;
    if (start > field.length || start + field[at + 1] > field.length) return false;
    const end = start + field[at + 1];
    const before = into.get(code);
    const part = field.subarray(start, end);
    into.set(code, before === undefined ? part : Buffer.concat([before, part]));
    at = end;
  }
  return true;
}

/** Octets of the options with their End. @param options values of at most 255 octets */
export function optionsLength(options: Options): number {
  let length = 1;
  for (const value of options.values()) length += OPTION_HEADER_LENGTH + value.length;
  return length;
}

/** Writes the options and End at `offset` of `out`. @returns octets written */
export function emitOptions(options: Options, out: Uint8Array, offset: number): number {
  let at = offset;
  for (const [code, value] of options) {
    if (value.length > LONGEST_PART) throw new RangeError(`option ${code} is too long`);
    out[at] = code;
    out[at + 1] = value.length;
    out.set(value, at + OPTION_HEADER_LENGTH);
    at += OPTION_HEADER_LENGTH + value.length;
  }
  out[at] = END;
  return at + 1 - offset;
}

// ---- values; each is undefined when the option is missing or of another form

export function readNumber(options: Options, code: number, length: 1 | 2 | 4): number | undefined {
  const value = options.get(code);
  if (value?.length !== length) return undefined;
  return value.reduce((number, octet) => number * 256 + octet, 0);
}

/** One address, whatever it is. */
export function readAddress(options: Options, code: number): number | undefined {
  return readNumber(options, code, 4);
}

/** Addresses that hosts can have, in their order, as text; others in the list are left out. */
export function readHostAddresses(options: Options, code: number): readonly string[] {
  const value = options.get(code);
  if (value === undefined || value.length % 4 !== 0) return [];
  const addresses = Array.from({ length: value.length / 4 }, (_, i) => readIpv4(value, 4 * i));
  return addresses.filter(isHostAddress).map(formatIpv4);
}

/** RFC 1035 section 2.3.1 and RFC 1123 section 2.1, with the underscore that people use. */
const DOMAIN = /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i;
const LONGEST_DOMAIN = 253;

/**
 * A domain name that may be written into a file of the system: letters, digits, hyphens and
 * dots. RFC 2132 section 2: zeros at the end are not part of it.
 */
export function readDomain(options: Options, code: number): string | undefined {
  const value = options.get(code);
  if (value === undefined) return undefined;
  const text = Buffer.from(value).toString('latin1').replace(/\0+$/, '').replace(/\.$/, '');
  return text.length <= LONGEST_DOMAIN && DOMAIN.test(text) ? text : undefined;
}
