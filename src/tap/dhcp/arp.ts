/**
 * ARP for IPv4 over Ethernet, and what a look for a duplicate address needs of it.
 *
 * Read first: RFC 826; RFC 5227 section 1.1 (probe, announcement) and 2.1.1 (conflict).
 *
 *    0             6        12       14      16      18     19     20
 *    | destination | source | 0x0806 | htype | ptype | hlen | plen | operation |
 *    22               28          32               38
 *    | sender MAC 6   | sender IP | target MAC 6   | target IP |
 *
 * Big-endian. A probe asks for an address from nobody (sender IP 0.0.0.0), so that it
 * spoils no cache; an announcement asks for the sender's own. Octets behind the target IP
 * are padding. Anything but Ethernet and IPv4 is malformed.
 */
import {
  ADDRESSES_LENGTH,
  EtherType,
  HEADER_LENGTH,
  SOURCE_OFFSET,
} from '../../switch/ethernet.ts';
import { MAC_LENGTH } from '../../switch/mac-address.ts';
import { ANY_ADDRESS, readIpv4, writeIpv4 } from './ipv4.ts';

const HARDWARE_TYPE_OFFSET = HEADER_LENGTH;
const PROTOCOL_TYPE_OFFSET = HEADER_LENGTH + 2;
const HARDWARE_LENGTH_OFFSET = HEADER_LENGTH + 4;
const PROTOCOL_LENGTH_OFFSET = HEADER_LENGTH + 5;
const OPERATION_OFFSET = HEADER_LENGTH + 6;
const SENDER_MAC_OFFSET = HEADER_LENGTH + 8;
const SENDER_OFFSET = SENDER_MAC_OFFSET + MAC_LENGTH;
const TARGET_MAC_OFFSET = SENDER_OFFSET + 4;
const TARGET_OFFSET = TARGET_MAC_OFFSET + MAC_LENGTH;
export const ARP_FRAME_LENGTH = TARGET_OFFSET + 4;

const ETHERNET = 1;
const IPV4_LENGTH = 4;
export const ArpOperation = { request: 1, reply: 2 } as const;

export interface ArpPacket {
  readonly operation: number;
  /** Six octets; of what is parsed, a view of the frame. */
  readonly senderMac: Uint8Array;
  readonly sender: number;
  readonly target: number;
}

/** Whether a frame says that it is ARP; it may be malformed all the same. */
export function isArp(frame: Uint8Array): boolean {
  return frame.length >= HEADER_LENGTH && read16(frame, ADDRESSES_LENGTH) === EtherType.arp;
}

/** Reads a frame of which `isArp` holds. @returns undefined when it is malformed */
export function parseArp(frame: Uint8Array): ArpPacket | undefined {
  if (
    frame.length < ARP_FRAME_LENGTH ||
    read16(frame, HARDWARE_TYPE_OFFSET) !== ETHERNET ||
    read16(frame, PROTOCOL_TYPE_OFFSET) !== EtherType.ipv4 ||
    frame[HARDWARE_LENGTH_OFFSET] !== MAC_LENGTH ||
    frame[PROTOCOL_LENGTH_OFFSET] !== IPV4_LENGTH
  ) {
    return undefined;
  }
  return {
    operation: read16(frame, OPERATION_OFFSET),
    senderMac: frame.subarray(SENDER_MAC_OFFSET, SENDER_OFFSET),
    sender: readIpv4(frame, SENDER_OFFSET),
    target: readIpv4(frame, TARGET_OFFSET),
  };
}

/** Asks everybody whether they have `address`. @param mac six octets, who asks */
export function probeFrame(mac: Uint8Array, address: number): Uint8Array {
  return requestFrame(mac, ANY_ADDRESS, address);
}

/** Tells everybody that `address` is at `mac` now. */
export function announcementFrame(mac: Uint8Array, address: number): Uint8Array {
  return requestFrame(mac, address, address);
}

function requestFrame(mac: Uint8Array, sender: number, target: number): Uint8Array {
  const frame = new Uint8Array(ARP_FRAME_LENGTH);
  frame.fill(0xff, 0, MAC_LENGTH);
  frame.set(mac.subarray(0, MAC_LENGTH), SOURCE_OFFSET);
  write16(frame, ADDRESSES_LENGTH, EtherType.arp);
  write16(frame, HARDWARE_TYPE_OFFSET, ETHERNET);
  write16(frame, PROTOCOL_TYPE_OFFSET, EtherType.ipv4);
  frame[HARDWARE_LENGTH_OFFSET] = MAC_LENGTH;
  frame[PROTOCOL_LENGTH_OFFSET] = IPV4_LENGTH;
  write16(frame, OPERATION_OFFSET, ArpOperation.request);
  frame.set(mac.subarray(0, MAC_LENGTH), SENDER_MAC_OFFSET);
  writeIpv4(frame, SENDER_OFFSET, sender);
  writeIpv4(frame, TARGET_OFFSET, target);
  return frame;
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}
