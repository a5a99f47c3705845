/**
 * Frames for a rehearsal: what hosts send most, between made-up stations.
 *
 * Read first: RFC 791 section 3.1 and RFC 9293 section 3.1 for the headers.
 */
import { type BatchedIo, Offload, Tx } from '../io/contract.ts';

/** The first 32 bits of the stations' addresses; the last 16 are their number. */
export const STATIONS = 0x02000000;

const ETHERNET = 14;
const IP = 20;
const TCP = 20;
const PROTOCOL_ICMP = 1;
const PROTOCOL_TCP = 6;
const ACK = 0x10;
const SYN = 0x02;
/** Maximum Segment Size, 1460. */
const MSS_OPTION = [2, 4, 0x05, 0xb4];
const CHECKSUM_OFFSET = 16;
const SEGMENT = 1400;

/** A frame of so many octets: the shortest opens a connection, that of a ping is one. */
export function frameBetween(from: number, to: number, length: number): Uint8Array {
  const protocol = length === 98 ? PROTOCOL_ICMP : PROTOCOL_TCP;
  const bytes = packet(from, to, length, protocol);
  if (length === 60) {
    bytes.set([0x60, SYN], ETHERNET + IP + 12);
    bytes.set(MSS_OPTION, ETHERNET + IP + TCP);
  }
  return bytes;
}

/**
 * A super-frame with so many octets of payload leaves by a descriptor that is taken for a TAP.
 * @param scratch slab offset of memory for it
 */
export function sendSuperFrame(
  io: BatchedIo,
  descriptor: number,
  scratch: number,
  [from, to]: readonly [number, number],
  payload: number,
): void {
  const headers = ETHERNET + IP + TCP;
  const bytes = packet(from, to, headers + payload, PROTOCOL_TCP);
  io.slab.set(bytes, scratch);
  const { tx } = io;
  tx[Tx.descriptor] = descriptor;
  tx[Tx.headerOffset] = tx[Tx.headerLength] = tx[Tx.partCount] = 0;
  tx[Tx.payloadOffset] = scratch;
  tx[Tx.payloadLength] = bytes.length;
  tx[Tx.address] = -1;
  tx[Tx.segmentSize] = SEGMENT;
  tx[Tx.offload] = Offload.tcp4;
  tx[Tx.checksumStart] = ETHERNET + IP;
  tx[Tx.checksumOffset] = CHECKSUM_OFFSET;
  io.flush(1);
}

function packet(from: number, to: number, length: number, protocol: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, STATIONS);
  view.setUint16(4, to);
  view.setUint32(6, STATIONS);
  view.setUint16(10, from);
  view.setUint16(12, 0x0800);
  view.setUint8(ETHERNET, 0x45);
  view.setUint16(ETHERNET + 2, length - ETHERNET);
  view.setUint8(ETHERNET + 8, 64);
  view.setUint8(ETHERNET + 9, protocol);
  view.setUint32(ETHERNET + 12, 0xc0000200 + from);
  view.setUint32(ETHERNET + 16, 0xc0000200 + to);
  if (protocol === PROTOCOL_TCP) bytes.set([0x50, ACK], ETHERNET + IP + 12);
  return bytes;
}
