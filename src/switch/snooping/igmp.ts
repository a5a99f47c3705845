/**
 * The Internet Group Management Protocol as a switch hears it, versions 1 to 3.
 *
 * Read first: RFC 2236 (version 2, with 1 in it), RFC 3376 sections 4 and 4.2 (version 3),
 * RFC 4541 section 2.1.1.
 *
 *    0               1               2               3
 *   +---------------+---------------+-------------------------------+
 *   |     type      |  max response |           checksum            |
 *   +---------------+---------------+-------------------------------+
 *   |                         group                                 |
 *   +-------+-+-----+---------------+-------------------------------+
 *   | zero  |S| QRV |      QQIC     |      number of sources        |  query, version 3
 *   +-------+-+-----+---------------+-------------------------------+
 *
 *   report of version 3: type, zero, checksum, zero, number of records; each of these:
 *   +---------------+---------------+-------------------------------+
 *   |  record type  |   aux words   |      number of sources        |
 *   +---------------+---------------+-------------------------------+
 *   |                         group                                 |
 *   +---------------------------------------------------------------+
 *   |  sources, then auxiliary data …
 *
 * Sources are not told apart: whoever wants some of a group gets all of it. Trailing octets
 * are in the checksum and otherwise ignored; unknown types are `other`. Both checksums must
 * hold (RFC 4541, 2.1.1, 3), or nothing is believed. Offsets are into memory that is only read.
 */
import {
  EVERYBODY,
  Family,
  Found,
  keyOf4,
  type MembershipSink,
  onesSum,
  read16,
  read32,
} from './internet.ts';

const IP_HEADER_LENGTH = 20;
const IP_TOTAL_LENGTH = 2;
const IP_FRAGMENT = 6;
const IP_PROTOCOL = 9;
const IP_SOURCE = 12;
/** More Fragments and the offset: zero in a whole packet. */
const IS_FRAGMENT = 0x3fff;
const PROTOCOL_IGMP = 2;

const Type = { query: 0x11, report1: 0x12, report2: 0x16, leave: 0x17, report3: 0x22 } as const;
const RESPONSE_OFFSET = 1;
const GROUP_OFFSET = 4;
const RECORD_COUNT_OFFSET = 6;
const ROBUSTNESS_OFFSET = 8;
const INTERVAL_OFFSET = 9;
const MESSAGE_LENGTH = 8;
const QUERY_3_LENGTH = 12;

const RECORD_AUX_OFFSET = 1;
const RECORD_SOURCES_OFFSET = 2;
const RECORD_GROUP_OFFSET = 4;
const RECORD_LENGTH = 8;
const WORD = 4;

/** RFC 3376, 4.2.12. */
export const RecordType = {
  isInclude: 1,
  isExclude: 2,
  toInclude: 3,
  toExclude: 4,
  allow: 5,
  block: 6,
} as const;

/** Tenths of a second. */
const TENTH = 100;
const SECOND = 1000;
/** RFC 2236, 8.3 and 4: what a query of version 1, which does not say, stands for. */
const DEFAULT_RESPONSE = 10 * SECOND;
const DEFAULT_ROBUSTNESS = 2;

/**
 * Looks for a message in an IPv4 packet, and tells the sink what it says.
 * @param offset of the IP header
 * @param length octets that there are from there
 */
export function hearIgmp(
  bytes: Uint8Array,
  offset: number,
  length: number,
  sink: MembershipSink,
): Found {
  if (length < IP_HEADER_LENGTH || bytes[offset + IP_PROTOCOL] !== PROTOCOL_IGMP) {
    return Found.other;
  }
  const header = (bytes[offset] & 0x0f) * WORD;
  const total = read16(bytes, offset + IP_TOTAL_LENGTH);
  const isSound =
    bytes[offset] >>> 4 === 4 &&
    header >= IP_HEADER_LENGTH &&
    header + MESSAGE_LENGTH <= total &&
    total <= length &&
    (read16(bytes, offset + IP_FRAGMENT) & IS_FRAGMENT) === 0 &&
    onesSum(bytes, offset, header) === 0xffff &&
    onesSum(bytes, offset + header, total - header) === 0xffff;
  if (!isSound) return Found.malformed;
  const at = offset + header;
  const anonymous = read32(bytes, offset + IP_SOURCE) === 0;
  return hear(bytes, at, total - header, anonymous, sink);
}

function hear(
  bytes: Uint8Array,
  at: number,
  length: number,
  anonymous: boolean,
  sink: MembershipSink,
): Found {
  switch (bytes[at]) {
    case Type.query:
      return hearQuery(bytes, at, length, anonymous, sink);
    case Type.report1:
    case Type.report2:
    case Type.leave: {
      const group = read32(bytes, at + GROUP_OFFSET);
      if (!isGroup(group)) return Found.malformed;
      const key = keyOf4(group);
      if (key === EVERYBODY) return Found.report;
      if (bytes[at] === Type.leave) sink.leave(Family.four, key);
      else sink.join(Family.four, key);
      return Found.report;
    }
    case Type.report3:
      if (!recordsFit(bytes, at, length)) return Found.malformed;
      hearRecords(bytes, at, sink);
      return Found.report;
    default:
      return Found.other;
  }
}

function hearQuery(
  bytes: Uint8Array,
  at: number,
  length: number,
  anonymous: boolean,
  sink: MembershipSink,
): Found {
  const group = read32(bytes, at + GROUP_OFFSET);
  if (group !== 0 && !isGroup(group)) return Found.malformed;
  // RFC 3376, 7.1: 8 octets are version 1 or 2, 12 and more version 3, others nothing.
  if (length > MESSAGE_LENGTH && length < QUERY_3_LENGTH) return Found.malformed;
  const three = length >= QUERY_3_LENGTH;
  const code = bytes[at + RESPONSE_OFFSET];
  const tenths = three ? fromCode(code) : code;
  const key = group === 0 ? EVERYBODY : keyOf4(group);
  // A query for a group that everybody gets changes nothing, but is no general one either.
  if (group !== 0 && key === EVERYBODY) return Found.query;
  const response = tenths === 0 && !three ? DEFAULT_RESPONSE : tenths * TENTH;
  let interval = 0;
  if (three) {
    const robustness = bytes[at + ROBUSTNESS_OFFSET] & 7 || DEFAULT_ROBUSTNESS;
    const seconds = fromCode(bytes[at + INTERVAL_OFFSET]);
    if (seconds > 0) interval = robustness * seconds * SECOND + response;
  }
  sink.query({ family: Family.four, key, anonymous, response, interval });
  return Found.query;
}

/** RFC 3376, 4.1.1: numbers from 128 up have a mantissa and an exponent. */
function fromCode(code: number): number {
  return code < 128 ? code : ((code & 0x0f) | 0x10) << (((code >>> 4) & 7) + 3);
}

function recordsFit(bytes: Uint8Array, at: number, length: number): boolean {
  const count = read16(bytes, at + RECORD_COUNT_OFFSET);
  let record = MESSAGE_LENGTH;
  for (let i = 0; i < count; i++) {
    if (record + RECORD_LENGTH > length) return false;
    if (!isGroup(read32(bytes, at + record + RECORD_GROUP_OFFSET))) return false;
    record += recordLength(bytes, at + record);
  }
  return record <= length;
}

function recordLength(bytes: Uint8Array, at: number): number {
  const sources = read16(bytes, at + RECORD_SOURCES_OFFSET);
  return RECORD_LENGTH + WORD * (sources + bytes[at + RECORD_AUX_OFFSET]);
}

function hearRecords(bytes: Uint8Array, at: number, sink: MembershipSink): void {
  const count = read16(bytes, at + RECORD_COUNT_OFFSET);
  let record = at + MESSAGE_LENGTH;
  for (let i = 0; i < count; i++) {
    const key = keyOf4(read32(bytes, record + RECORD_GROUP_OFFSET));
    const sources = read16(bytes, record + RECORD_SOURCES_OFFSET);
    if (key !== EVERYBODY) hearRecord(bytes[record], sources, Family.four, key, sink);
    record += recordLength(bytes, record);
  }
}

/** What a record of a report says, of IGMPv3 and MLDv2 alike. */
export function hearRecord(
  type: number,
  sources: number,
  family: Family,
  key: number,
  sink: MembershipSink,
): void {
  switch (type) {
    case RecordType.isExclude:
    case RecordType.toExclude:
      sink.join(family, key);
      return;
    case RecordType.isInclude:
    case RecordType.toInclude:
      // Nothing from nobody is how a group is left.
      if (sources > 0) sink.join(family, key);
      else sink.leave(family, key);
      return;
    case RecordType.allow:
      if (sources > 0) sink.join(family, key);
      return;
  }
}

/** 224.0.0.0/4 */
function isGroup(address: number): boolean {
  return address >>> 28 === 0xe;
}
