/**
 * pcapng, the file format of Wireshark: the blocks that a capture of Ethernet frames needs.
 *
 * Read first: draft-ietf-opsawg-pcapng, section 3 (blocks and options), 4.1 (Section Header),
 * 4.2 (Interface Description), 4.3 (Enhanced Packet), 4.6 (Interface Statistics).
 *
 *    0        4        8                               length - 4
 *   +--------+--------+-------------------------------+--------+
 *   |  type  | length | body, then options             | length |
 *   +--------+--------+-------------------------------+--------+
 *
 *   Section Header         magic, version 1.0, length of the section (unknown)
 *   Interface Description  link type, 0, snaplen
 *   Enhanced Packet        interface, time (high, low), captured, original, octets, padding
 *   Interface Statistics   interface, time (high, low)
 *
 *   option                 code (16 bits), length (16 bits), value, padding; code 0 ends them
 *
 * Everything is padded to 32 bits. The magic tells the byte order; we write the low octet
 * first. Interfaces are numbered from 0 in the order of their descriptions, and a description
 * may come at any place before its first packet. Times are microseconds since 1970.
 *
 * Each block has a function for its length and one that writes it into the caller's buffer,
 * which has to have room; it returns the octets written.
 */

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
export const INTERFACE_STATISTICS = 5;
export const ENHANCED_PACKET = 6;

const MAGIC = 0x1a2b3c4d;
const VERSION_MAJOR = 1;
/** LINKTYPE_ETHERNET of the registry of link types. */
const LINK_TYPE_ETHERNET = 1;
/** if_tsresol: a negative power of ten. */
const MICROSECONDS = 6;

const Option = {
  /** Section: what wrote it. */
  application: 4,
  name: 2,
  description: 3,
  resolution: 9,
  /** Packet: the direction, in the lowest two bits. */
  flags: 2,
  /** Packet: how many were lost before it. */
  packetDrops: 4,
  received: 4,
  dropped: 5,
} as const;

/** Type and length in front, length behind. */
const BLOCK_LENGTH = 12;
export const BLOCK_HEADER_LENGTH = 8;
const SECTION_BODY = 16;
const INTERFACE_BODY = 8;
const PACKET_BODY = 20;
const STATISTICS_BODY = 12;
const OPTION_HEADER = 4;
/** The option that ends a list. */
const END_LENGTH = OPTION_HEADER;
const COUNTER_OPTION = OPTION_HEADER + 8;
const FLAGS_OPTION = OPTION_HEADER + 4;

/** Octets of an Enhanced Packet Block besides those of the packet. */
export const PACKET_OVERHEAD =
  BLOCK_LENGTH + PACKET_BODY + FLAGS_OPTION + COUNTER_OPTION + END_LENGTH;

/** The values of epb_flags, bits 0 and 1. */
export const Direction = { inbound: 1, outbound: 2 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

export interface InterfaceDescription {
  readonly name: string;
  /** Absent or empty: none. */
  readonly description?: string;
  /** Octets of a packet that are kept at most; 0 for all. */
  readonly snaplen: number;
}

/** What is told of a packet besides its octets. */
export interface PacketFacts {
  /** The number of an interface. */
  readonly interface: number;
  readonly direction: Direction;
  /** Microseconds since 1970; a whole number below 2^53. */
  readonly time: number;
  /** Octets it had on the way. */
  readonly originalLength: number;
  /** Packets lost since the one before; 0 goes unsaid. */
  readonly dropped: number;
}

export interface InterfaceStatistics {
  readonly interface: number;
  /** As in PacketFacts. */
  readonly time: number;
  readonly received: number;
  readonly dropped: number;
}

const UTF8 = new TextEncoder();

export function sectionHeaderLength(application: string): number {
  return BLOCK_LENGTH + SECTION_BODY + textLength(application) + END_LENGTH;
}

/** @param application what writes the file, such as "Kith 1.0" */
export function writeSectionHeader(out: Uint8Array, offset: number, application: string): number {
  const length = sectionHeaderLength(application);
  let at = writeFrame(out, offset, SECTION_HEADER, length);
  at = write32(out, at, MAGIC);
  at = write16(out, at, VERSION_MAJOR);
  at = write16(out, at, 0);
  // The section may go on for ever: -1 in 64 bits.
  at = write32(out, write32(out, at, 0xffff_ffff), 0xffff_ffff);
  at = writeText(out, at, Option.application, application);
  write32(out, at, 0);
  return length;
}

export function interfaceLength({ name, description = '' }: InterfaceDescription): number {
  const texts = textLength(name) + textLength(description);
  return BLOCK_LENGTH + INTERFACE_BODY + texts + 2 * OPTION_HEADER + END_LENGTH;
}

export function writeInterface(
  out: Uint8Array,
  offset: number,
  described: InterfaceDescription,
): number {
  const length = interfaceLength(described);
  let at = writeFrame(out, offset, INTERFACE_DESCRIPTION, length);
  at = write16(out, at, LINK_TYPE_ETHERNET);
  at = write16(out, at, 0);
  at = write32(out, at, described.snaplen);
  at = writeText(out, at, Option.name, described.name);
  at = writeText(out, at, Option.description, described.description ?? '');
  at = write16(out, at, Option.resolution);
  at = write16(out, at, 1);
  at = write32(out, at, MICROSECONDS);
  write32(out, at, 0);
  return length;
}

/** @param captured octets of the packet that are there */
export function packetLength(captured: number, dropped: number): number {
  const body = BLOCK_LENGTH + PACKET_BODY + padded(captured);
  return body + FLAGS_OPTION + (dropped > 0 ? COUNTER_OPTION : 0) + END_LENGTH;
}

export function writePacket(
  out: Uint8Array,
  offset: number,
  facts: PacketFacts,
  packet: Uint8Array,
): number {
  const { dropped } = facts;
  const length = packetLength(packet.length, dropped);
  let at = writeFrame(out, offset, ENHANCED_PACKET, length);
  at = write32(out, at, facts.interface);
  at = writeTime(out, at, facts.time);
  at = write32(out, at, packet.length);
  at = write32(out, at, facts.originalLength);
  out.set(packet, at);
  at = pad(out, at, packet.length);
  at = write16(out, at, Option.flags);
  at = write16(out, at, 4);
  at = write32(out, at, facts.direction);
  if (dropped > 0) at = writeCounter(out, at, Option.packetDrops, dropped);
  write32(out, at, 0);
  return length;
}

export const STATISTICS_LENGTH = BLOCK_LENGTH + STATISTICS_BODY + 2 * COUNTER_OPTION + END_LENGTH;

export function writeStatistics(
  out: Uint8Array,
  offset: number,
  statistics: InterfaceStatistics,
): number {
  let at = writeFrame(out, offset, INTERFACE_STATISTICS, STATISTICS_LENGTH);
  at = write32(out, at, statistics.interface);
  at = writeTime(out, at, statistics.time);
  at = writeCounter(out, at, Option.received, statistics.received);
  at = writeCounter(out, at, Option.dropped, statistics.dropped);
  write32(out, at, 0);
  return STATISTICS_LENGTH;
}

// ---- pieces of blocks; each returns the offset behind what it wrote

/** Type, length, and the length at the end. @returns where the body begins */
function writeFrame(out: Uint8Array, offset: number, type: number, length: number): number {
  write32(out, offset + length - 4, length);
  return write32(out, write32(out, offset, type), length);
}

function writeTime(out: Uint8Array, offset: number, time: number): number {
  const high = Math.floor(time / 0x1_0000_0000);
  return write32(out, write32(out, offset, high), time % 0x1_0000_0000);
}

function writeCounter(out: Uint8Array, offset: number, code: number, value: number): number {
  let at = write16(out, offset, code);
  at = write16(out, at, 8);
  at = write32(out, at, value % 0x1_0000_0000);
  return write32(out, at, Math.floor(value / 0x1_0000_0000));
}

/** An empty text takes no room. */
function textLength(text: string): number {
  return text === '' ? 0 : OPTION_HEADER + padded(UTF8.encode(text).length);
}

function writeText(out: Uint8Array, offset: number, code: number, text: string): number {
  if (text === '') return offset;
  const octets = UTF8.encode(text);
  let at = write16(out, offset, code);
  at = write16(out, at, octets.length);
  out.set(octets, at);
  return pad(out, at, octets.length);
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Zeros behind `length` octets at `offset`. */
function pad(out: Uint8Array, offset: number, length: number): number {
  const end = offset + padded(length);
  out.fill(0, offset + length, end);
  return end;
}

function write16(out: Uint8Array, offset: number, value: number): number {
  out[offset] = value;
  out[offset + 1] = value >>> 8;
  return offset + 2;
}

function write32(out: Uint8Array, offset: number, value: number): number {
  out[offset] = value;
  out[offset + 1] = value >>> 8;
  out[offset + 2] = value >>> 16;
  out[offset + 3] = value >>> 24;
  return offset + 4;
}
