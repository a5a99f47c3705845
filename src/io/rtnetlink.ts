/**
 * The few messages of rtnetlink with which an interface is set up.
 *
 * Read first: netlink(7), rtnetlink(7); linux/netlink.h, linux/rtnetlink.h, linux/if_link.h,
 * linux/if_addr.h. Numbers are in the order of the host, addresses in network order.
 *
 *      0        4      6      8         12        16
 *      | length | type | flags| sequence | port id | body, padded to 4 octets |
 *
 * A body begins with a fixed structure, and then come attributes, each padded alike:
 *
 *      0        2      4
 *      | length | type | value … |
 *
 * An answer is either an error message, whose number is 0 for "done", or what was asked
 * for. Trailing octets and unknown attributes are passed over.
 */
import { endianness } from 'node:os';
import { emitAddress } from './address.ts';
import { ADDRESS_LENGTH } from './contract.ts';
import { Errno } from './errno.ts';
import type { InterfaceAddress } from './system-contract.ts';

const LITTLE_ENDIAN_HOST = endianness() === 'LE';

const LENGTH_OFFSET = 0;
const TYPE_OFFSET = 4;
const FLAGS_OFFSET = 6;
const HEADER_LENGTH = 16;
const ATTRIBUTE_HEADER_LENGTH = 4;

/** Types: linux/netlink.h and linux/rtnetlink.h. */
const NLMSG_ERROR = 2;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWROUTE = 24;

const NLM_F_REQUEST = 0x001;
const NLM_F_ACK = 0x004;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;

/** struct ifinfomsg: family, pad, type (2), index (4), flags (4), change (4). */
const LINK_BODY_LENGTH = 16;
const LINK_INDEX_OFFSET = 4;
const LINK_FLAGS_OFFSET = 8;
const LINK_CHANGE_OFFSET = 12;
const IFF_UP = 1;

/** IFLA_* of linux/if_link.h. */
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_GSO_MAX_SEGS = 40;
const IFLA_GSO_MAX_SIZE = 41;

/** struct ifaddrmsg: family, prefix length, flags, scope, index (4). */
const ADDRESS_BODY_LENGTH = 8;
const ADDRESS_PREFIX_OFFSET = 1;
const ADDRESS_INDEX_OFFSET = 4;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;

/** struct rtmsg: family, two lengths, tos, table, protocol, scope, type, flags (4). */
const ROUTE_BODY_LENGTH = 12;
const ROUTE_TABLE_OFFSET = 4;
const ROUTE_PROTOCOL_OFFSET = 5;
const ROUTE_TYPE_OFFSET = 7;
const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RTN_UNICAST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;

const AF_INET = 2;
const AF_INET6 = 10;

/** Where the host lies in a canonical address, by family. */
const IPV4_OFFSET = 12;
const IPV4_LENGTH = 4;
const IPV6_LENGTH = 16;

/** An IPv4 network without room for a broadcast address (RFC 3021). */
const POINT_TO_POINT_PREFIX = 31;

interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

/** What the kernel answered. */
export type RouteAnswer =
  /** It is done (0), or it was refused: a negated errno. */
  | { readonly kind: 'result'; readonly result: number }
  /** The interface that was asked for. */
  | { readonly kind: 'link'; readonly index: number };

// ---- requests

/** Asks for an interface by its name. */
export function emitGetLink(name: string): Uint8Array {
  const body = new Uint8Array(LINK_BODY_LENGTH);
  return message(RTM_GETLINK, 0, body, [nameAttribute(name)]);
}

/** What a link message can set. */
export interface LinkChange {
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  readonly superFrame?: { readonly octets: number; readonly segments: number };
  readonly up?: boolean;
}

/** Changes an interface that has the index. */
export function emitSetLink(index: number, change: LinkChange): Uint8Array {
  const body = new Uint8Array(LINK_BODY_LENGTH);
  const view = new DataView(body.buffer);
  view.setInt32(LINK_INDEX_OFFSET, index, LITTLE_ENDIAN_HOST);
  if (change.up !== undefined) {
    view.setUint32(LINK_FLAGS_OFFSET, change.up ? IFF_UP : 0, LITTLE_ENDIAN_HOST);
    view.setUint32(LINK_CHANGE_OFFSET, IFF_UP, LITTLE_ENDIAN_HOST);
  }
  const attributes: Attribute[] = [];
  if (change.mac !== undefined) attributes.push({ type: IFLA_ADDRESS, value: change.mac });
  if (change.mtu !== undefined) attributes.push({ type: IFLA_MTU, value: word(change.mtu) });
  if (change.superFrame !== undefined) {
    attributes.push({ type: IFLA_GSO_MAX_SEGS, value: word(change.superFrame.segments) });
    attributes.push({ type: IFLA_GSO_MAX_SIZE, value: word(change.superFrame.octets) });
  }
  return message(RTM_SETLINK, NLM_F_ACK, body, attributes);
}

/** Adds an address, or takes over one that is there. The host has been checked. */
export function emitNewAddress(index: number, address: InterfaceAddress): Uint8Array {
  const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  return message(RTM_NEWADDR, flags, addressBody(index, address), addressAttributes(address));
}

export function emitRemoveAddress(index: number, address: InterfaceAddress): Uint8Array {
  const [local] = addressAttributes(address);
  return message(RTM_DELADDR, NLM_F_ACK, addressBody(index, address), [local]);
}

/** The default route of the gateway's family. */
export function emitDefaultRoute(index: number, gateway: string): Uint8Array {
  const octets = hostOctets(gateway);
  const body = new Uint8Array(ROUTE_BODY_LENGTH);
  body[0] = familyOf(octets);
  body[ROUTE_TABLE_OFFSET] = RT_TABLE_MAIN;
  body[ROUTE_PROTOCOL_OFFSET] = RTPROT_STATIC;
  body[ROUTE_TYPE_OFFSET] = RTN_UNICAST;
  return message(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body, [
    { type: RTA_GATEWAY, value: octets },
    { type: RTA_OIF, value: word(index) },
  ]);
}

// ---- answers

/** Octets that hold any answer we look at: an interface has many attributes, an error few. */
export const MAX_ANSWER_LENGTH = 16_384;

/** @returns undefined for what is no answer to any request above */
export function parseRouteAnswer(bytes: Uint8Array): RouteAnswer | undefined {
  if (bytes.length < HEADER_LENGTH + 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const type = view.getUint16(TYPE_OFFSET, LITTLE_ENDIAN_HOST);
  if (type === NLMSG_ERROR) {
    return { kind: 'result', result: view.getInt32(HEADER_LENGTH, LITTLE_ENDIAN_HOST) };
  }
  if (type !== RTM_NEWLINK || bytes.length < HEADER_LENGTH + LINK_BODY_LENGTH) return undefined;
  const index = view.getInt32(HEADER_LENGTH + LINK_INDEX_OFFSET, LITTLE_ENDIAN_HOST);
  return { kind: 'link', index };
}

// ---- pieces

function message(
  type: number,
  flags: number,
  body: Uint8Array,
  attributes: readonly Attribute[],
): Uint8Array {
  let length = HEADER_LENGTH + padded(body.length);
  for (const { value } of attributes) length += padded(ATTRIBUTE_HEADER_LENGTH + value.length);
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  view.setUint32(LENGTH_OFFSET, length, LITTLE_ENDIAN_HOST);
  view.setUint16(TYPE_OFFSET, type, LITTLE_ENDIAN_HOST);
  view.setUint16(FLAGS_OFFSET, NLM_F_REQUEST | flags, LITTLE_ENDIAN_HOST);
  out.set(body, HEADER_LENGTH);
  let offset = HEADER_LENGTH + padded(body.length);
  for (const { type: attribute, value } of attributes) {
    view.setUint16(offset, ATTRIBUTE_HEADER_LENGTH + value.length, LITTLE_ENDIAN_HOST);
    view.setUint16(offset + 2, attribute, LITTLE_ENDIAN_HOST);
    out.set(value, offset + ATTRIBUTE_HEADER_LENGTH);
    offset += padded(ATTRIBUTE_HEADER_LENGTH + value.length);
  }
  return out;
}

/** NLMSG_ALIGN and RTA_ALIGN. */
function padded(length: number): number {
  return (length + 3) & ~3;
}

function word(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, LITTLE_ENDIAN_HOST);
  return out;
}

function nameAttribute(name: string): Attribute {
  return { type: IFLA_IFNAME, value: new TextEncoder().encode(`${name}\0`) };
}

function addressBody(index: number, { host, prefix }: InterfaceAddress): Uint8Array {
  const body = new Uint8Array(ADDRESS_BODY_LENGTH);
  body[0] = familyOf(hostOctets(host));
  body[ADDRESS_PREFIX_OFFSET] = prefix;
  new DataView(body.buffer).setInt32(ADDRESS_INDEX_OFFSET, index, LITTLE_ENDIAN_HOST);
  return body;
}

/** The local address comes first. An IPv4 network gets its broadcast address, as with "brd +". */
function addressAttributes({ host, prefix }: InterfaceAddress): Attribute[] {
  const octets = hostOctets(host);
  const attributes = [
    { type: IFA_LOCAL, value: octets },
    { type: IFA_ADDRESS, value: octets },
  ];
  if (octets.length === IPV4_LENGTH && prefix < POINT_TO_POINT_PREFIX) {
    attributes.push({ type: IFA_BROADCAST, value: broadcastOf(octets, prefix) });
  }
  return attributes;
}

function broadcastOf(octets: Uint8Array, prefix: number): Uint8Array {
  return octets.map((octet, i) => octet | (0xff >> Math.min(8, Math.max(0, prefix - 8 * i))));
}

function familyOf(octets: Uint8Array): number {
  return octets.length === IPV4_LENGTH ? AF_INET : AF_INET6;
}

/** @throws RangeError for a host that is not numeric: a caller's mistake */
function hostOctets(host: string): Uint8Array {
  const canonical = new Uint8Array(ADDRESS_LENGTH);
  if (!emitAddress({ host, port: 0 }, canonical)) {
    throw new RangeError(`${host} is no numeric address`);
  }
  if (host.includes(':')) return canonical.slice(0, IPV6_LENGTH);
  return canonical.slice(IPV4_OFFSET, IPV4_OFFSET + IPV4_LENGTH);
}

/** What a result says when the thing to be taken away is not there. */
export const NOT_THERE = -Errno.EADDRNOTAVAIL;
