/**
 * Multicast Listener Discovery as a switch hears it, versions 1 and 2: IGMP's counterpart in
 * ICMPv6.
 *
 * Read first: RFC 2710 section 3 (version 1), RFC 3810 sections 5.1 and 5.2 (version 2),
 * RFC 3590 (sources), RFC 4541 section 3.
 *
 *    0               1               2               3
 *   +---------------+---------------+-------------------------------+
 *   |     type      |     code      |           checksum            |
 *   +---------------+---------------+-------------------------------+
 *   |     max response code         |             zero              |
 *   +-------------------------------+-------------------------------+
 *   |                     group, 16 octets                          |
 *   +-------+-+-----+---------------+-------------------------------+
 *   | zero  |S| QRV |      QQIC     |      number of sources        |  query, version 2
 *   +-------+-+-----+---------------+-------------------------------+
 *
 *   report of version 2: type, zero, checksum, zero, number of records; each of these:
 *   record type, aux words, number of sources, group of 16 octets, sources, auxiliary data
 *
 * In front of it stands a hop-by-hop header with Router Alert, and the hop limit is 1; without
 * these it is not from this link and not believed. Sources are not told apart. Trailing octets
 * are in the checksum and otherwise ignored.
 */
import { hearRecord } from './igmp.ts';
import {
  EVERYBODY,
  Family,
  Found,
  keyOf6,
  type MembershipSink,
  onesSum,
  read16,
  read32,
} from './internet.ts';

const IP_HEADER_LENGTH = 40;
const IP_PAYLOAD_LENGTH = 4;
const IP_NEXT_HEADER = 6;
const IP_HOP_LIMIT = 7;
const IP_SOURCE = 8;
const HOP_BY_HOP = 0;
const EXTENSION_UNIT = 8;
export const ICMPV6 = 58;

const Type = { query: 130, report1: 131, done: 132, report2: 143 } as const;
const RESPONSE_OFFSET = 4;
const RECORD_COUNT_OFFSET = 6;
const GROUP_OFFSET = 8;
const ROBUSTNESS_OFFSET = 24;
const INTERVAL_OFFSET = 25;
const MESSAGE_LENGTH = 24;
const QUERY_2_LENGTH = 28;
const REPORT_2_LENGTH = 8;

const ADDRESS_LENGTH = 16;
const RECORD_AUX_OFFSET = 1;
const RECORD_SOURCES_OFFSET = 2;
const RECORD_GROUP_OFFSET = 4;
const RECORD_LENGTH = 20;
const AUX_WORD = 4;

const SECOND = 1000;
const DEFAULT_ROBUSTNESS = 2;

/**
 * Looks for a message in an IPv6 packet, and tells the sink what it says.
 * @param offset of the IP header
 * @param length octets that there are from there
 */
export function hearMld(
  bytes: Uint8Array,
  offset: number,
  length: number,
  sink: MembershipSink,
): Found {
  if (length < IP_HEADER_LENGTH + EXTENSION_UNIT) return Found.other;
  if (bytes[offset + IP_NEXT_HEADER] !== HOP_BY_HOP) return Found.other;
  const extension = offset + IP_HEADER_LENGTH;
  if (bytes[extension] !== ICMPV6) return Found.other;
  const before = (bytes[extension + 1] + 1) * EXTENSION_UNIT;
  const payload = read16(bytes, offset + IP_PAYLOAD_LENGTH);
  if (IP_HEADER_LENGTH + before + 1 > length) return Found.other;
  const at = extension + before;
  const type = bytes[at];
  const isOurs =
    type === Type.query || type === Type.report1 || type === Type.done || type === Type.report2;
  if (!isOurs) return Found.other;
  const size = payload - before;
  const least = type === Type.report2 ? REPORT_2_LENGTH : MESSAGE_LENGTH;
  const isSound =
    bytes[offset] >>> 4 === 6 &&
    size >= least &&
    IP_HEADER_LENGTH + payload <= length &&
    bytes[offset + IP_HOP_LIMIT] === 1 &&
    icmpSum(bytes, offset + IP_SOURCE, at, size) === 0xffff;
  if (!isSound) return Found.malformed;
  const anonymous = isUnspecified(bytes, offset + IP_SOURCE);
  const near = isLinkLocal(bytes, offset + IP_SOURCE);
  if (type === Type.query) return near ? hearQuery(bytes, at, size, sink) : Found.malformed;
  // While a host makes sure of its address it reports from none (RFC 3590).
  return near || anonymous ? hearReport(bytes, at, size, sink) : Found.malformed;
}

/** The sum of a message and of the pseudo-header in front (RFC 8200, 8.1). */
export function icmpSum(
  bytes: Uint8Array,
  addresses: number,
  message: number,
  length: number,
): number {
  const pseudoHeader = onesSum(bytes, addresses, 2 * ADDRESS_LENGTH, length + ICMPV6);
  return onesSum(bytes, message, length, pseudoHeader);
}

function hearReport(bytes: Uint8Array, at: number, length: number, sink: MembershipSink): Found {
  if (bytes[at] === Type.report2) {
    if (!recordsFit(bytes, at, length)) return Found.malformed;
    hearRecords(bytes, at, sink);
    return Found.report;
  }
  if (bytes[at + GROUP_OFFSET] !== 0xff) return Found.malformed;
  const key = keyOf6(read32(bytes, at + GROUP_OFFSET + 12));
  if (key === EVERYBODY) return Found.report;
  if (bytes[at] === Type.done) sink.leave(Family.six, key);
  else sink.join(Family.six, key);
  return Found.report;
}

function hearQuery(bytes: Uint8Array, at: number, length: number, sink: MembershipSink): Found {
  const general = isUnspecified(bytes, at + GROUP_OFFSET);
  if (!general && bytes[at + GROUP_OFFSET] !== 0xff) return Found.malformed;
  // RFC 3810, 8.1: 24 octets are version 1, 28 and more version 2, others nothing.
  if (length > MESSAGE_LENGTH && length < QUERY_2_LENGTH) return Found.malformed;
  const two = length >= QUERY_2_LENGTH;
  const code = read16(bytes, at + RESPONSE_OFFSET);
  const key = general ? EVERYBODY : keyOf6(read32(bytes, at + GROUP_OFFSET + 12));
  if (!general && key === EVERYBODY) return Found.query;
  const response = two ? fromCode(code) : code;
  let interval = 0;
  if (two) {
    const robustness = bytes[at + ROBUSTNESS_OFFSET] & 7 || DEFAULT_ROBUSTNESS;
    const octet = bytes[at + INTERVAL_OFFSET];
    const seconds = octet < 128 ? octet : ((octet & 0x0f) | 0x10) << (((octet >>> 4) & 7) + 3);
    if (seconds > 0) interval = robustness * seconds * SECOND + response;
  }
  sink.query({ family: Family.six, key, anonymous: false, response, interval });
  return Found.query;
}

/** RFC 3810, 5.1.3: numbers from 32,768 up have a mantissa and an exponent. */
function fromCode(code: number): number {
  return code < 0x8000 ? code : ((code & 0x0fff) | 0x1000) << (((code >>> 12) & 7) + 3);
}

function recordsFit(bytes: Uint8Array, at: number, length: number): boolean {
  const count = read16(bytes, at + RECORD_COUNT_OFFSET);
  let record = REPORT_2_LENGTH;
  for (let i = 0; i < count; i++) {
    if (record + RECORD_LENGTH > length) return false;
    if (bytes[at + record + RECORD_GROUP_OFFSET] !== 0xff) return false;
    record += recordLength(bytes, at + record);
  }
  return record <= length;
}

function recordLength(bytes: Uint8Array, at: number): number {
  const sources = read16(bytes, at + RECORD_SOURCES_OFFSET);
  return RECORD_LENGTH + ADDRESS_LENGTH * sources + AUX_WORD * bytes[at + RECORD_AUX_OFFSET];
}

function hearRecords(bytes: Uint8Array, at: number, sink: MembershipSink): void {
  const count = read16(bytes, at + RECORD_COUNT_OFFSET);
  let record = at + REPORT_2_LENGTH;
  for (let i = 0; i < count; i++) {
    const key = keyOf6(read32(bytes, record + RECORD_GROUP_OFFSET + 12));
    const sources = read16(bytes, record + RECORD_SOURCES_OFFSET);
    if (key !== EVERYBODY) hearRecord(bytes[record], sources, Family.six, key, sink);
    record += recordLength(bytes, record);
  }
}

/** fe80::/10 */
function isLinkLocal(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === 0xfe && (bytes[offset + 1] & 0xc0) === 0x80;
}

function isUnspecified(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < ADDRESS_LENGTH; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}
