/**
 * What can be set about the Filtering Database, its ranges and first values.
 *
 * Read first: IEEE 802.1D-2004, 7.9.2 and table 7-5.
 */

/** Ageing time (802.1D-2004, table 7-5: 300 s recommended; VDE: 100 s, and so ours). */
export const DEFAULT_AGEING_TIME = 100_000;

/** The greatest ageing time, milliseconds (802.1D-2004, table 7-5). */
export const MAX_AGEING_TIME = 1_000_000_000;

/** How long an address must have been on a port before it may move (VDE's default), milliseconds. */
export const DEFAULT_MIN_PERSISTENCE = 3_000;

/** How long one round through all entries, looking for old ones, takes (VDE's default), milliseconds. */
export const DEFAULT_COLLECTION_INTERVAL = 2_000;

/** Slots when nothing else is asked for (ours). */
export const DEFAULT_CAPACITY = 16_384;

/** Dynamic addresses one port may hold (ours). */
export const DEFAULT_PORT_LIMIT = 1024;

export const MIN_CAPACITY = 16;
const MAX_CAPACITY = 1 << 22;

/** What can be changed while the database is in use. */
export interface FilteringParameters {
  /** Slots, rounded up to a power of two; three quarters of them are used. 16 … 4,194,304. */
  readonly capacity?: number;
  /** Milliseconds after which an unseen address is forgotten. 1 … MAX_AGEING_TIME. */
  readonly ageingTime?: number;
  /** Milliseconds on a port before an address may move. From 0 up. */
  readonly minPersistence?: number;
  /** Milliseconds of one round of `collect`. 1 … MAX_AGEING_TIME. */
  readonly collectionInterval?: number;
  /** Dynamic addresses per port, from 1 up. */
  readonly portLimit?: number;
}

export interface FilteringDatabaseOptions extends FilteringParameters {
  /** 32 random bits for the hash, so that nobody outside can aim at one chain of slots. */
  readonly seed?: number;
}

/** The power of two from `capacity` up; RangeError when out of range, as below. */
export function checkedCapacity(capacity: number): number {
  if (!(capacity >= MIN_CAPACITY && capacity <= MAX_CAPACITY)) {
    throw new RangeError(`an address table has ${MIN_CAPACITY} to ${MAX_CAPACITY} slots`);
  }
  return 2 ** (32 - Math.clz32(Math.ceil(capacity) - 1));
}

export function checkedAgeingTime(milliseconds: number): number {
  if (!(milliseconds >= 1 && milliseconds <= MAX_AGEING_TIME)) {
    throw new RangeError(`the ageing time is 1 to ${MAX_AGEING_TIME} ms`);
  }
  return milliseconds;
}

export function checkedCollectionInterval(milliseconds: number): number {
  if (!(milliseconds >= 1 && milliseconds <= MAX_AGEING_TIME)) {
    throw new RangeError(`a round through the addresses takes 1 to ${MAX_AGEING_TIME} ms`);
  }
  return milliseconds;
}

export function checkedPersistence(milliseconds: number): number {
  if (!(milliseconds >= 0 && milliseconds <= MAX_AGEING_TIME)) {
    throw new RangeError(`the least time on a port is 0 to ${MAX_AGEING_TIME} ms`);
  }
  return milliseconds;
}

export function checkedPortLimit(addresses: number): number {
  if (!(addresses >= 1)) throw new RangeError('a port holds one address or more');
  return addresses;
}
