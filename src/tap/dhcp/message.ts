/**
 * The DHCP message.
 *
 * Read first: RFC 2131 section 2 (figure 1 and table 1), RFC 2132 section 9.3 (overload),
 * RFC 1542 section 2.1 (300 octets at least).
 *
 *    0    1       2      3      4     8      10      12       16       20       24
 *    | op | htype | hlen | hops | xid | secs | flags | ciaddr | yiaddr | siaddr | giaddr |
 *    28          44         108        236            240
 *    | chaddr 16 | sname 64 | file 128 | magic cookie | options …
 *
 *    flags   8000 broadcast, the rest zero
 *
 * Big-endian. `sname` and `file` hold options too where the option overload says so, and
 * are ignored otherwise. Only Ethernet is understood (htype 1, hlen 6). Octets behind the
 * End option are ignored.
 */
import { MAC_LENGTH } from '../../switch/mac-address.ts';
import { readIpv4, writeIpv4 } from './ipv4.ts';
import {
  emitOptions,
  Option,
  type Options,
  optionsLength,
  parseOptions,
  readNumber,
} from './options.ts';

const OP_OFFSET = 0;
const HARDWARE_TYPE_OFFSET = 1;
const HARDWARE_LENGTH_OFFSET = 2;
const XID_OFFSET = 4;
const SECS_OFFSET = 8;
const FLAGS_OFFSET = 10;
const CLIENT_ADDRESS_OFFSET = 12;
const YOUR_ADDRESS_OFFSET = 16;
const HARDWARE_ADDRESS_OFFSET = 28;
const SNAME_OFFSET = 44;
const FILE_OFFSET = 108;
const COOKIE_OFFSET = 236;
const OPTIONS_OFFSET = 240;

/** RFC 1542 section 2.1: relays drop what is shorter. */
export const MINIMUM_MESSAGE_LENGTH = 300;

const ETHERNET = 1;
/** RFC 2131 section 3: 99, 130, 83, 99. */
const MAGIC_COOKIE = 0x63825363;
const BROADCAST_FLAG = 0x8000;
/** Bits of the option overload. */
const FILE_OVERLOADED = 1;
const SNAME_OVERLOADED = 2;

export const Op = { request: 1, reply: 2 } as const;
export type Op = (typeof Op)[keyof typeof Op];

/** RFC 2132 section 9.6. */
export const MessageType = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

export interface DhcpMessage {
  readonly op: Op;
  readonly xid: number;
  /** Seconds since the client began; 0 … 65535. */
  readonly seconds: number;
  /** Whether replies are to be broadcast. */
  readonly broadcast: boolean;
  /** ciaddr: what the client has. */
  readonly clientAddress: number;
  /** yiaddr: what it gets. */
  readonly yourAddress: number;
  /** chaddr: six octets of its own memory. */
  readonly hardwareAddress: Uint8Array;
  /** Whatever options there are, the message type among them. Views of the message. */
  readonly options: Options;
}

export type MessageFault = 'truncated' | 'not-dhcp' | 'malformed';

/** @returns the message, or the first fault; never throws */
export function parseMessage(bytes: Uint8Array): DhcpMessage | MessageFault {
  if (bytes.length < OPTIONS_OFFSET) return 'truncated';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const op = bytes[OP_OFFSET];
  if (op !== Op.request && op !== Op.reply) return 'not-dhcp';
  if (view.getUint32(COOKIE_OFFSET) !== MAGIC_COOKIE) return 'not-dhcp';
  if (bytes[HARDWARE_TYPE_OFFSET] !== ETHERNET || bytes[HARDWARE_LENGTH_OFFSET] !== MAC_LENGTH) {
    return 'not-dhcp';
  }
  const options = parseAllOptions(bytes);
  if (options === undefined || options.get(Option.messageType)?.length !== 1) return 'malformed';
  return {
    op,
    xid: view.getUint32(XID_OFFSET),
    seconds: view.getUint16(SECS_OFFSET),
    broadcast: (view.getUint16(FLAGS_OFFSET) & BROADCAST_FLAG) !== 0,
    clientAddress: readIpv4(bytes, CLIENT_ADDRESS_OFFSET),
    yourAddress: readIpv4(bytes, YOUR_ADDRESS_OFFSET),
    hardwareAddress: bytes.slice(HARDWARE_ADDRESS_OFFSET, HARDWARE_ADDRESS_OFFSET + MAC_LENGTH),
    options,
  };
}

/** RFC 2131 section 4.1: the options field first, then `file`, then `sname`. */
function parseAllOptions(bytes: Uint8Array): Options | undefined {
  const options = new Map<number, Uint8Array>();
  if (!parseOptions(bytes.subarray(OPTIONS_OFFSET), options)) return undefined;
  const overload = readNumber(options, Option.overload, 1) ?? 0;
  const file = bytes.subarray(FILE_OFFSET, COOKIE_OFFSET);
  if ((overload & FILE_OVERLOADED) !== 0 && !parseOptions(file, options)) return undefined;
  const sname = bytes.subarray(SNAME_OFFSET, FILE_OFFSET);
  if ((overload & SNAME_OVERLOADED) !== 0 && !parseOptions(sname, options)) return undefined;
  return options;
}

/** Octets of the message, filled up to the minimum. */
export function messageLength(message: DhcpMessage): number {
  return Math.max(MINIMUM_MESSAGE_LENGTH, OPTIONS_OFFSET + optionsLength(message.options));
}

/**
 * Writes a message, every octet of it.
 * @param out has messageLength(message) octets of room at `offset`
 * @returns octets written
 */
export function emitMessage(message: DhcpMessage, out: Uint8Array, offset = 0): number {
  const length = messageLength(message);
  const bytes = out.subarray(offset, offset + length);
  if (bytes.length < length) throw new RangeError(`the message needs ${length} octets of room`);
  bytes.fill(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  bytes[OP_OFFSET] = message.op;
  bytes[HARDWARE_TYPE_OFFSET] = ETHERNET;
  bytes[HARDWARE_LENGTH_OFFSET] = MAC_LENGTH;
  view.setUint32(XID_OFFSET, message.xid);
  view.setUint16(SECS_OFFSET, message.seconds);
  view.setUint16(FLAGS_OFFSET, message.broadcast ? BROADCAST_FLAG : 0);
  writeIpv4(bytes, CLIENT_ADDRESS_OFFSET, message.clientAddress);
  writeIpv4(bytes, YOUR_ADDRESS_OFFSET, message.yourAddress);
  bytes.set(message.hardwareAddress.subarray(0, MAC_LENGTH), HARDWARE_ADDRESS_OFFSET);
  view.setUint32(COOKIE_OFFSET, MAGIC_COOKIE);
  emitOptions(message.options, bytes, OPTIONS_OFFSET);
  return length;
}
