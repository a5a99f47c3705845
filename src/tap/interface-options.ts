/**
 * What people say of an interface, checked: its name, addresses, MAC address, MTU and
 * network namespace. Each check comes with the phrase that completes "it must be …".
 *
 * Read first: dev_valid_name of Linux (names); RFC 4632 and RFC 4291 section 2.3 (prefixes);
 * IEEE 802-2014, 8.4 (local MAC addresses); ip-netns(8) (namespaces).
 */
import { isIPv4, isIPv6 } from 'node:net';
import { emitAddress, parseAddress } from '../io/address.ts';
import { ADDRESS_LENGTH } from '../io/contract.ts';
import type { InterfaceAddress } from '../io/system-contract.ts';
import { HEADER_LENGTH, MAX_FRAME_LENGTH } from '../switch/ethernet.ts';
import { isMulticast, parseMac } from '../switch/mac-address.ts';

/** The interface that is made when no other is asked for. */
export const DEFAULT_NAME = 'kith0';

/** IFNAMSIZ less the closing zero. */
const LONGEST_NAME = 15;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:%d)?[A-Za-z0-9._-]*$/;
/** The directories beside the interfaces in /proc/sys/net/ipv4/conf. */
const RESERVED_NAMES: readonly string[] = ['all', 'default'];

export const NAME_ALLOWED = `1 to ${LONGEST_NAME} letters, digits, '.', '_' or '-', beginning with a letter or digit, such as kith0; a %d in it becomes the lowest free number, and all and default are the system's`;

/** Whether it can name an interface, or is a pattern with one %d that the system completes. */
export function isInterfaceName(text: string): boolean {
  return text.length <= LONGEST_NAME && NAME.test(text) && !RESERVED_NAMES.includes(text);
}

// ---- MTU

/** RFC 791: what every host takes. */
export const MIN_MTU = 576;
/** RFC 8200 section 5. */
export const MIN_IPV6_MTU = 1280;
const TAG_LENGTH = 4;
/** A frame of it, with a VLAN tag, is the longest that the switch takes. */
export const MAX_MTU = MAX_FRAME_LENGTH - HEADER_LENGTH - TAG_LENGTH;
/** Ethernet's. A link finds out itself what it has to split. */
export const DEFAULT_MTU = 1500;

/**
 * The MTU that a DHCP server wants, as far as an interface can have it: below 1,280 the
 * kernel takes away its IPv6 addresses.
 */
export function leasedMtu(octets: number, addresses: readonly InterfaceAddress[]): number {
  const six = addresses.some(({ host }) => host.includes(':'));
  return Math.min(Math.max(octets, six ? MIN_IPV6_MTU : MIN_MTU), MAX_MTU);
}

// ---- MAC addresses

/** U/L bit: set in a locally administered address (802-2014, 8.4). */
const LOCAL_BIT = 0x02;

export const MAC_ALLOWED =
  'a locally administered address of one station: six octets of which the first ends in 2, 6, a or e, such as 02:00:00:00:00:01';

/** @returns six octets, or undefined */
export function parseStationMac(text: string): Uint8Array | undefined {
  const mac = parseMac(text);
  if (mac === undefined || isMulticast(mac, 0) || (mac[0] & LOCAL_BIT) === 0) return undefined;
  return mac;
}

// ---- IP addresses

export const ADDRESS_ALLOWED =
  'the address of a host with its prefix, such as 10.0.0.1/24 or fd00::1/64';

/** Stands for whatever address a DHCP server gives. */
export const DHCP = 'dhcp';
/** Addresses of one interface that can be asked for. */
export const MOST_TAP_ADDRESSES = 16;

const IPV4_BITS = 32;
const IPV6_BITS = 128;
const IPV4_OFFSET = 12;
/** RFC 3021: a network of two addresses has neither a network nor a broadcast address. */
const POINT_TO_POINT_PREFIX = 31;

/**
 * Reads an address with its prefix.
 * @returns the phrase that completes "it must be …" when a host cannot have it
 */
export function parseHostAddress(text: string): InterfaceAddress | string {
  const [, host, digits] = /^([^/%]+)\/(\d{1,3})$/.exec(text) ?? [];
  if (host === undefined) return ADDRESS_ALLOWED;
  const four = isIPv4(host);
  if (!four && !isIPv6(host)) return ADDRESS_ALLOWED;
  const prefix = Number(digits);
  const bits = four ? IPV4_BITS : IPV6_BITS;
  if (prefix < 1 || prefix > bits) return `${ADDRESS_ALLOWED}, with a prefix of 1 to ${bits}`;
  const octets = new Uint8Array(ADDRESS_LENGTH);
  emitAddress({ host, port: 0 }, octets);
  const normal = parseAddress(octets)?.host ?? host;
  if (!four && isIPv4(normal)) return `${ADDRESS_ALLOWED}; write ${normal} as IPv4`;
  const bytes = four ? octets.subarray(IPV4_OFFSET, IPV4_OFFSET + 4) : octets.subarray(0, 16);
  const fault = four ? ipv4Fault(bytes, prefix) : ipv6Fault(bytes);
  return fault === undefined ? { host: normal, prefix } : `${ADDRESS_ALLOWED}; ${normal} ${fault}`;
}

export function formatHostAddress({ host, prefix }: InterfaceAddress): string {
  return `${host}/${prefix}`;
}

function ipv4Fault(octets: Uint8Array, prefix: number): string | undefined {
  const value = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
  if (octets[0] === 0) return 'is no host';
  if (octets[0] === 127) return 'is a loopback address';
  if (octets[0] >= 224) return 'is no address of one host';
  if (prefix >= POINT_TO_POINT_PREFIX) return undefined;
  const hostMask = 0xffffffff >>> prefix;
  if ((value & hostMask) >>> 0 === 0) return 'is the network itself';
  if ((value & hostMask) >>> 0 === hostMask) return 'is the broadcast address of its network';
  return undefined;
}

function ipv6Fault(octets: Uint8Array): string | undefined {
  if (octets[0] === 0xff) return 'is a group';
  const low = octets.subarray(0, 15).every((octet) => octet === 0);
  if (low && octets[15] === 0) return 'is no host';
  if (low && octets[15] === 1) return 'is the loopback address';
  return undefined;
}

// ---- network namespaces

/** Where `ip netns` keeps them. */
const NAMESPACE_DIRECTORY = '/run/netns';
const NAMESPACE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const NAMESPACE_PATH = /^\/[^\0]{1,1023}$/;

export const NAMESPACE_ALLOWED =
  'a name that `ip netns list` shows, or the path of a namespace such as /proc/4711/ns/net';

/** @returns undefined when it is neither a name nor an absolute path */
export function namespacePath(text: string): string | undefined {
  if (NAMESPACE_NAME.test(text)) return `${NAMESPACE_DIRECTORY}/${text}`;
  return NAMESPACE_PATH.test(text) ? text : undefined;
}
