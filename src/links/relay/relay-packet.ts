/**
 * Relays: how two friends of one node get a link through it.
 *
 * Ours; docs/protocol/link.md, section "Relays". A *circuit* leads from a caller over the
 * relay to a callee; it has a number on each of the two links, given by whoever opened it
 * there. The payload of a packet of type `relay`, which carries one link message:
 *
 *    0                   1
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
 *   +-+-----------------------------+
 *   |R|          number             |  link message …
 *   +-+-----------------------------+
 *
 * R is 0 if the sender of this packet has given the number, 1 if its receiver has. The
 * payload of a packet of type `relayControl`, which opens and closes circuits:
 *
 *    0                   1                   2
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
 *   +---------------+-+-----------------------------+
 *   |     kind      |R|          number             |  open: UID of the callee, 20 octets
 *   +---------------+-+-----------------------------+
 *
 * Network byte order. Another length or an unknown kind makes a packet malformed.
 */
import { TAG_LENGTH } from '../../io/contract.ts';
import { RECORD_HEADER_LENGTH } from '../link-message.ts';
import { PACKET_HEADER_LENGTH } from '../packet.ts';

export const RELAY_HEADER_LENGTH = 2;

/** Set in a number that the receiver of a packet has given. */
export const RECEIVERS = 0x8000;

/** Octets that a relay adds to a link message: a sealed record with one packet around it. */
export const RELAY_OVERHEAD =
  RECORD_HEADER_LENGTH + PACKET_HEADER_LENGTH + RELAY_HEADER_LENGTH + TAG_LENGTH;

export const RelayKind = {
  /** Caller to relay: lead me to this friend of yours. */
  open: 1,
  /** Relay to callee: somebody calls. Who, its handshake tells. */
  offer: 2,
  /** Relay to caller: go ahead. */
  opened: 3,
  /** Relay to caller: no. Not why. */
  refused: 4,
  /** Anybody: it is over. */
  closed: 5,
} as const;
export type RelayKind = (typeof RelayKind)[keyof typeof RelayKind];

const KIND_OFFSET = 0;
const NUMBER_OFFSET = 1;
const UID_OFFSET = NUMBER_OFFSET + RELAY_HEADER_LENGTH;
const UID_LENGTH = 20;

export interface RelayControl {
  readonly kind: RelayKind;
  /** With R as in the packet. */
  readonly number: number;
  /** Of the callee, in hexadecimal; '' but in `open`. */
  readonly callee: string;
}

/** The number of the circuit that a packet is of, with R as in the packet. */
export function readCircuit(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

export function writeCircuit(bytes: Uint8Array, offset: number, number: number): void {
  bytes[offset] = number >>> 8;
  bytes[offset + 1] = number;
}

/** @returns undefined when it is malformed */
export function parseRelayControl(bytes: Uint8Array): RelayControl | undefined {
  const kind = bytes[KIND_OFFSET];
  const isOpen = kind === RelayKind.open;
  if (bytes.length !== UID_OFFSET + (isOpen ? UID_LENGTH : 0)) return undefined;
  if (kind < RelayKind.open || kind > RelayKind.closed) return undefined;
  return {
    kind: kind as RelayKind,
    number: readCircuit(bytes, NUMBER_OFFSET),
    callee: isOpen ? Buffer.from(bytes.subarray(UID_OFFSET)).toString('hex') : '',
  };
}

/** A packet in memory of its own. */
export function relayControl(kind: RelayKind, number: number, callee = ''): Uint8Array {
  const uid = Buffer.from(callee, 'hex');
  const bytes = new Uint8Array(UID_OFFSET + uid.length);
  bytes[KIND_OFFSET] = kind;
  writeCircuit(bytes, NUMBER_OFFSET, number);
  bytes.set(uid, UID_OFFSET);
  return bytes;
}
