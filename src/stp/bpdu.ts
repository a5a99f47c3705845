/**
 * Bridge Protocol Data Units: Configuration, Topology Change Notification, RST.
 *
 * Read first: IEEE 802.1D-2004 clause 9 (9.2 encoding, 9.3 formats, 9.3.4
 * validation), 7.12.3 (the group address), IEEE 802.2 (LLC).
 *
 * The frame, which is an 802.3 frame with a length and not a type:
 *
 *    0                  6               12       14   15   16   17
 *    | 01:80:C2:00:00:00 | source address | length | 42 | 42 | 03 | BPDU … | zeros up to 60
 *
 * The BPDU, big-endian, offsets from its first octet:
 *
 *    0            2         3      4       5        13         17          25
 *    | protocol 0 | version | type | flags | root 8 | cost 4   | bridge 8  |
 *    25       27            29        31           33              35
 *    | port 2 | message age | max age | hello time | forward delay | version 1 length |
 *
 *    a TCN ends after the type, a Configuration BPDU after the forward delay.
 *
 *    flags   80                  40        20         10       0c        02       01
 *            | TC acknowledgment | agreement | forwarding | learning | port role | proposal | TC |
 *
 * Octets behind a BPDU are ignored (padding, or a later version's parts). An
 * unknown type, a foreign protocol identifier or a short BPDU is a fault; a later
 * version of a known type is read as the version we know (9.3.4).
 */
import type { BridgeIdentifier } from './priority-vector.ts';

const DESTINATION_OFFSET = 0;
const SOURCE_OFFSET = 6;
const LENGTH_OFFSET = 12;
const LLC_OFFSET = 14;

/** Octets before the BPDU. */
export const HEADER_LENGTH = 17;
const ADDRESS_LENGTH = 6;
const LLC_LENGTH = 3;
/** Smallest Ethernet frame without its check sequence. */
const MINIMUM_FRAME_LENGTH = 60;
/** A larger value in the length field is a type (IEEE 802.3, 3.2.6). */
const MAXIMUM_LLC_LENGTH = 1500;

/** Bridge Group Address, Table 7-10. */
export const BRIDGE_GROUP_ADDRESS: Readonly<Uint8Array> = Uint8Array.of(
  0x01,
  0x80,
  0xc2,
  0x00,
  0x00,
  0x00,
);
/** DSAP, SSAP (Table 7-12) and the control octet of an unnumbered frame. */
const LLC: Readonly<Uint8Array> = Uint8Array.of(0x42, 0x42, 0x03);

const PROTOCOL_IDENTIFIER = HEADER_LENGTH + 0;
const VERSION = HEADER_LENGTH + 2;
const TYPE = HEADER_LENGTH + 3;
const FLAGS = HEADER_LENGTH + 4;
const ROOT_IDENTIFIER = HEADER_LENGTH + 5;
const ROOT_PATH_COST = HEADER_LENGTH + 13;
const BRIDGE_IDENTIFIER = HEADER_LENGTH + 17;
const PORT_IDENTIFIER = HEADER_LENGTH + 25;
const MESSAGE_AGE = HEADER_LENGTH + 27;
const MAX_AGE = HEADER_LENGTH + 29;
const HELLO_TIME = HEADER_LENGTH + 31;
const FORWARD_DELAY = HEADER_LENGTH + 33;
const VERSION_1_LENGTH = HEADER_LENGTH + 35;

const TCN_LENGTH = 4;
const CONFIGURATION_LENGTH = 35;
const RST_LENGTH = 36;

const TYPE_CONFIGURATION = 0x00;
const TYPE_RST = 0x02;
const TYPE_TCN = 0x80;

const VERSION_STP = 0;
const VERSION_RSTP = 2;

const FLAG_TOPOLOGY_CHANGE = 0x01;
const FLAG_PROPOSAL = 0x02;
const ROLE_SHIFT = 2;
const ROLE_MASK = 0x03;
const FLAG_LEARNING = 0x10;
const FLAG_FORWARDING = 0x20;
const FLAG_AGREEMENT = 0x40;
const FLAG_TOPOLOGY_CHANGE_ACK = 0x80;

/** Times are sent in units of 1/256 s (9.2.8). */
const TIME_UNITS = 256;
const MAXIMUM_TIME_UNITS = 0xffff;

/** Port roles as the flags tell them (9.2.9); Alternate and Backup share a code. */
const ROLES = ['unknown', 'alternate', 'root', 'designated'] as const;
export type BpduRole = (typeof ROLES)[number];

/** What Configuration and RST BPDUs both say. Times are seconds. */
interface BpduParameters {
  readonly topologyChange: boolean;
  readonly topologyChangeAcknowledgment: boolean;
  readonly rootBridge: BridgeIdentifier;
  readonly rootPathCost: number;
  readonly designatedBridge: BridgeIdentifier;
  readonly designatedPort: number;
  readonly messageAge: number;
  readonly maxAge: number;
  readonly helloTime: number;
  readonly forwardDelay: number;
}

export interface TopologyChangeNotification {
  readonly kind: 'tcn';
}

export interface ConfigurationBpdu extends BpduParameters {
  readonly kind: 'configuration';
}

export interface RstBpdu extends BpduParameters {
  readonly kind: 'rst';
  readonly role: BpduRole;
  readonly proposal: boolean;
  readonly learning: boolean;
  readonly forwarding: boolean;
  readonly agreement: boolean;
}

export type Bpdu = TopologyChangeNotification | ConfigurationBpdu | RstBpdu;

/** Why a frame is no BPDU that we may look at. */
export const BPDU_FAULTS = [
  'not-a-bpdu', // other destination, or LLC of something else
  'truncated', // the frame ends before its length field says
  'length', // too short for its type
  'protocol-identifier', // not spanning tree
  'version', // an RST BPDU that claims a version before RSTP
  'type', // unknown
  'message-age', // a Configuration BPDU as old as its Max Age
] as const;
export type BpduFault = (typeof BPDU_FAULTS)[number];

function readTime(view: DataView, offset: number): number {
  return view.getUint16(offset) / TIME_UNITS;
}

function matches(bytes: Uint8Array, offset: number, expected: Readonly<Uint8Array>): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[offset + i] !== expected[i]) return false;
  return true;
}

/**
 * Reads a whole frame.
 * @param frame from the destination address on; only read, nothing of it is kept
 * @returns the BPDU, or the first fault found; never throws
 */
export function parseBpdu(frame: Uint8Array): Bpdu | BpduFault {
  if (frame.length < HEADER_LENGTH) return 'truncated';
  if (!matches(frame, DESTINATION_OFFSET, BRIDGE_GROUP_ADDRESS)) return 'not-a-bpdu';
  if (!matches(frame, LLC_OFFSET, LLC)) return 'not-a-bpdu';
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const llcLength = view.getUint16(LENGTH_OFFSET);
  if (llcLength > MAXIMUM_LLC_LENGTH) return 'not-a-bpdu';
  if (llcLength > frame.length - LLC_OFFSET) return 'truncated';
  const length = llcLength - LLC_LENGTH;
  if (length < TCN_LENGTH) return 'length';
  if (view.getUint16(PROTOCOL_IDENTIFIER) !== 0) return 'protocol-identifier';

  switch (frame[TYPE]) {
    case TYPE_TCN:
      return { kind: 'tcn' };
    case TYPE_CONFIGURATION: {
      if (length < CONFIGURATION_LENGTH) return 'length';
      const parameters = parseParameters(view);
      if (parameters.messageAge >= parameters.maxAge) return 'message-age';
      return { kind: 'configuration', ...parameters };
    }
    case TYPE_RST: {
      if (frame[VERSION] < VERSION_RSTP) return 'version';
      if (length < RST_LENGTH) return 'length';
      const flags = frame[FLAGS];
      return {
        kind: 'rst',
        ...parseParameters(view),
        role: ROLES[(flags >> ROLE_SHIFT) & ROLE_MASK],
        proposal: (flags & FLAG_PROPOSAL) !== 0,
        learning: (flags & FLAG_LEARNING) !== 0,
        forwarding: (flags & FLAG_FORWARDING) !== 0,
        agreement: (flags & FLAG_AGREEMENT) !== 0,
      };
    }
    default:
      return 'type';
  }
}

function parseParameters(view: DataView): BpduParameters {
  const flags = view.getUint8(FLAGS);
  return {
    topologyChange: (flags & FLAG_TOPOLOGY_CHANGE) !== 0,
    topologyChangeAcknowledgment: (flags & FLAG_TOPOLOGY_CHANGE_ACK) !== 0,
    rootBridge: view.getBigUint64(ROOT_IDENTIFIER),
    rootPathCost: view.getUint32(ROOT_PATH_COST),
    designatedBridge: view.getBigUint64(BRIDGE_IDENTIFIER),
    designatedPort: view.getUint16(PORT_IDENTIFIER),
    messageAge: readTime(view, MESSAGE_AGE),
    maxAge: readTime(view, MAX_AGE),
    helloTime: readTime(view, HELLO_TIME),
    forwardDelay: readTime(view, FORWARD_DELAY),
  };
}

/** Octets of the BPDU alone, without frame header and padding. */
function bpduLength(bpdu: Bpdu): number {
  if (bpdu.kind === 'tcn') return TCN_LENGTH;
  return bpdu.kind === 'rst' ? RST_LENGTH : CONFIGURATION_LENGTH;
}

/** Octets of the frame that carries `bpdu`, padding included. */
export function byteLength(bpdu: Bpdu): number {
  return Math.max(MINIMUM_FRAME_LENGTH, HEADER_LENGTH + bpduLength(bpdu));
}

function writeTime(view: DataView, offset: number, seconds: number): void {
  view.setUint16(offset, Math.min(Math.round(seconds * TIME_UNITS), MAXIMUM_TIME_UNITS));
}

function flagsOf(bpdu: ConfigurationBpdu | RstBpdu): number {
  let flags = bpdu.topologyChange ? FLAG_TOPOLOGY_CHANGE : 0;
  if (bpdu.topologyChangeAcknowledgment) flags |= FLAG_TOPOLOGY_CHANGE_ACK;
  if (bpdu.kind === 'configuration') return flags;
  flags |= ROLES.indexOf(bpdu.role) << ROLE_SHIFT;
  if (bpdu.proposal) flags |= FLAG_PROPOSAL;
  if (bpdu.learning) flags |= FLAG_LEARNING;
  if (bpdu.forwarding) flags |= FLAG_FORWARDING;
  if (bpdu.agreement) flags |= FLAG_AGREEMENT;
  return flags;
}

/**
 * Writes the whole frame, every octet of it, padding included.
 * @param source the 6 octets of the sending port's own address
 * @param out has byteLength(bpdu) octets of room at `offset`
 * @returns octets written
 */
export function emitBpdu(
  bpdu: Bpdu,
  source: Readonly<Uint8Array>,
  out: Uint8Array,
  offset = 0,
): number {
  const total = byteLength(bpdu);
  const frame = out.subarray(offset, offset + total);
  if (frame.length < total) throw new RangeError(`a BPDU frame needs ${total} octets of room`);
  frame.fill(0);
  frame.set(BRIDGE_GROUP_ADDRESS, DESTINATION_OFFSET);
  frame.set(source.subarray(0, ADDRESS_LENGTH), SOURCE_OFFSET);
  const view = new DataView(frame.buffer, frame.byteOffset, total);
  view.setUint16(LENGTH_OFFSET, LLC_LENGTH + bpduLength(bpdu));
  frame.set(LLC, LLC_OFFSET);
  if (bpdu.kind === 'tcn') {
    frame[TYPE] = TYPE_TCN;
    return total;
  }
  frame[VERSION] = bpdu.kind === 'rst' ? VERSION_RSTP : VERSION_STP;
  frame[TYPE] = bpdu.kind === 'rst' ? TYPE_RST : TYPE_CONFIGURATION;
  frame[FLAGS] = flagsOf(bpdu);
  view.setBigUint64(ROOT_IDENTIFIER, bpdu.rootBridge);
  view.setUint32(ROOT_PATH_COST, bpdu.rootPathCost);
  view.setBigUint64(BRIDGE_IDENTIFIER, bpdu.designatedBridge);
  view.setUint16(PORT_IDENTIFIER, bpdu.designatedPort);
  writeTime(view, MESSAGE_AGE, bpdu.messageAge);
  writeTime(view, MAX_AGE, bpdu.maxAge);
  writeTime(view, HELLO_TIME, bpdu.helloTime);
  writeTime(view, FORWARD_DELAY, bpdu.forwardDelay);
  if (bpdu.kind === 'rst') frame[VERSION_1_LENGTH] = 0;
  return total;
}
