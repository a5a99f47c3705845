/**
 * What the local index of a session says: its place in a table and, where sessions are spread
 * over workers, which of them has it. Others write it into their records, by which the kernel
 * steers them (io/steering.ts).
 *
 *   31                             10 9                 0
 *   |  random: hard to guess         | place in a table |    one worker
 *
 *   31                    13 12     10 9                 0
 *   |  random              | worker   | place in a table |   several
 *
 * Worker 0 has the ports of the switch and every session that is not of a UDP socket; the others
 * have sessions and nothing else.
 */
import type { Steering } from '../io/steering.ts';
import { LinkMessageType, RECEIVER_OFFSET } from '../links/link-message.ts';

export const PLACE_BITS = 10;
const WORKER_BITS = 3;

/** Sessions of one worker. */
export const SESSION_TABLE_LENGTH = 1 << PLACE_BITS;
/** The most workers that an index can tell apart. */
export const MOST_WORKERS = 1 << WORKER_BITS;
const WORKER_MASK = MOST_WORKERS - 1;
/** Sessions of all workers: what of an index is no more than so is different for each. */
export const ALL_SESSIONS = SESSION_TABLE_LENGTH * MOST_WORKERS;

/** The worker that has the session of a local index. */
export function workerOf(localIndex: number, workers: number): number {
  const named = (localIndex >>> PLACE_BITS) & WORKER_MASK;
  return named < workers ? named : 0;
}

/** A local index in which nothing but the random bits are random. */
export function localIndex(random: number, worker: number, place: number, workers: number): number {
  const low = workers > 1 ? (worker << PLACE_BITS) | place : place;
  const fixed = workers > 1 ? PLACE_BITS + WORKER_BITS : PLACE_BITS;
  return (((random >>> fixed) << fixed) | low) >>> 0;
}

/** Both kinds of records differ in the lowest bit of their type. */
const RECORD_MASK = 0xff & ~(LinkMessageType.sealedRecord ^ LinkMessageType.clearRecord);

/** Records go to the worker that their receiver's index names, handshakes to worker 0. */
export const RECORD_STEERING: Steering = {
  mark: LinkMessageType.sealedRecord,
  markMask: RECORD_MASK,
  offset: RECEIVER_OFFSET,
  shift: PLACE_BITS,
  mask: WORKER_MASK,
};
