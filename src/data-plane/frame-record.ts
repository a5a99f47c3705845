/**
 * A captured frame on its way from the data plane to the main thread, as one message of a
 * SharedRing. Both ends are the same process, so the byte order is the host's affair; this is
 * the low octet first.
 *
 *    0                8                12       14      15     16
 *   +----------------+----------------+--------+-------+------+--------
 *   | time, a double | octets it had  |  port  | which | zero | octets …
 *   |                |                |        |  way  |      |
 *   +----------------+----------------+--------+-------+------+--------
 */
import type { Direction } from '../switch/capture/pcapng.ts';

const TIME_OFFSET = 0;
const LENGTH_OFFSET = 8;
const PORT_OFFSET = 12;
const DIRECTION_OFFSET = 14;
export const RECORD_HEADER_LENGTH = 16;

export interface FrameRecord {
  /** Milliseconds since 1970, with a fraction. */
  readonly time: number;
  /** Octets the frame had, which may be more than are here. */
  readonly originalLength: number;
  readonly port: number;
  readonly direction: Direction;
  /** A view into the message. */
  readonly octets: Uint8Array;
}

export function writeRecordHeader(
  header: DataView,
  time: number,
  length: number,
  port: number,
  direction: Direction,
): void {
  header.setFloat64(TIME_OFFSET, time, true);
  header.setUint32(LENGTH_OFFSET, length, true);
  header.setUint16(PORT_OFFSET, port, true);
  header.setUint16(DIRECTION_OFFSET, direction, true);
}

/** Takes a message apart, which our own recorder wrote. */
export function parseRecord(message: Uint8Array): FrameRecord {
  const view = new DataView(message.buffer, message.byteOffset, RECORD_HEADER_LENGTH);
  return {
    time: view.getFloat64(TIME_OFFSET, true),
    originalLength: view.getUint32(LENGTH_OFFSET, true),
    port: view.getUint16(PORT_OFFSET, true),
    direction: view.getUint8(DIRECTION_OFFSET) as Direction,
    octets: message.subarray(RECORD_HEADER_LENGTH),
  };
}
