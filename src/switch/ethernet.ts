/**
 * The Ethernet frame, without preamble and frame check sequence.
 *
 * Read first: IEEE 802.3-2018, clause 3.2.
 *
 *    0               6               12      14
 *   +---------------+---------------+-------+----------------------
 *   |  destination  |    source     | type  |  payload …
 *   +---------------+---------------+-------+----------------------
 *
 * `type` is an EtherType from 0x0600 up and a length below that (3.2.6). A
 * length is not checked against the frame: a bridge passes what it does not
 * know. Trailing octets (padding) belong to the payload.
 */
import { MAC_LENGTH } from './mac-address.ts';

export const DESTINATION_OFFSET = 0;
export const SOURCE_OFFSET = MAC_LENGTH;
export const TYPE_OFFSET = 2 * MAC_LENGTH;

/** Octets of both addresses. */
export const ADDRESSES_LENGTH = 2 * MAC_LENGTH;

/**
 * Octets of the header of an untagged frame, and so the shortest frame we pass.
 * 3.2.8 pads to 60 octets, but virtual machines do not, and VDE never asked for it.
 */
export const HEADER_LENGTH = TYPE_OFFSET + 2;

/** The longest frame we take in, header included (ours; the standard's is 1,518 less the FCS). */
export const MAX_FRAME_LENGTH = 9216;

export const EtherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  /** Customer VLAN tag (802.1Q-2018, table 9-1). */
  vlan: 0x8100,
  ipv6: 0x86dd,
} as const;

export interface EthernetFrame {
  /** Views into the parsed bytes; not copies. */
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly etherType: number;
  readonly payload: Uint8Array;
}

/** The type field; the TPID when the frame is tagged. */
export function readType(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + TYPE_OFFSET] << 8) | bytes[offset + TYPE_OFFSET + 1];
}

/** @returns undefined for a runt */
export function parseFrame(bytes: Uint8Array): EthernetFrame | undefined {
  if (bytes.length < HEADER_LENGTH) return undefined;
  return {
    destination: bytes.subarray(DESTINATION_OFFSET, SOURCE_OFFSET),
    source: bytes.subarray(SOURCE_OFFSET, TYPE_OFFSET),
    etherType: readType(bytes, 0),
    payload: bytes.subarray(HEADER_LENGTH),
  };
}

export function frameLength(frame: EthernetFrame): number {
  return HEADER_LENGTH + frame.payload.length;
}

/** Writes a frame at `offset` of `out`, which must have room. @returns octets written */
export function emitFrame(frame: EthernetFrame, out: Uint8Array, offset: number): number {
  out.set(frame.destination, offset + DESTINATION_OFFSET);
  out.set(frame.source, offset + SOURCE_OFFSET);
  out[offset + TYPE_OFFSET] = frame.etherType >>> 8;
  out[offset + TYPE_OFFSET + 1] = frame.etherType;
  out.set(frame.payload, offset + HEADER_LENGTH);
  return frameLength(frame);
}
