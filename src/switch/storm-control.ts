/**
 * Storm control: how many frames a second one port may have flooded.
 *
 * A port has one bucket (token-buckets.ts) for each class of frames, and one for all that
 * it has flooded, whatever the class:
 *
 *   broadcast --> [bucket] --+
 *   multicast --> [bucket] --+--> [all] --> flood
 *   unknown   --> [bucket] --+
 *
 * A frame that finds no credit in one of its two buckets is dropped, and costs nothing in
 * the other.
 */
import { PORT_TABLE_LENGTH } from './port.ts';
import { MAX_BUCKET_RATE, TokenBuckets } from './token-buckets.ts';

/** The greatest rate, frames a second. */
export const MAX_STORM_RATE = MAX_BUCKET_RATE;

/** Which bucket a flooded frame takes from, besides that for all. */
export const StormClass = {
  /** To ff:ff:ff:ff:ff:ff. */
  broadcast: 0,
  /** To any other group. */
  multicast: 1,
  /** To one station that nobody knows. */
  unknown: 2,
  /** The bucket that all of them take from; no frame is of this class alone. */
  all: 3,
} as const;
export type StormClass = (typeof StormClass)[keyof typeof StormClass];

const CLASSES = 4;

/** Limits of one port by class, frames a second; absent: none. Plain JSON. */
export interface StormLimits {
  readonly broadcast?: number;
  readonly multicast?: number;
  readonly unknown?: number;
}

export class StormControl {
  readonly #buckets = new TokenBuckets(PORT_TABLE_LENGTH * CLASSES);
  /** How many classes of a port are limited: with none, there is nothing to look at. */
  readonly #limited = new Uint8Array(PORT_TABLE_LENGTH);

  /**
   * Sets the rate of a class of a port, in flooded frames a second: 0 is no limit, more than
   * MAX_STORM_RATE counts as that. A changed rate begins with a full bucket.
   */
  setRate(port: number, stormClass: StormClass, rate: number, now: number): void {
    const bucket = port * CLASSES + stormClass;
    const before = this.#buckets.rateOf(bucket);
    this.#buckets.setRate(bucket, rate, now);
    const after = this.#buckets.rateOf(bucket);
    this.#limited[port] += Number(after > 0) - Number(before > 0);
  }

  /**
   * Sets all rates of all ports.
   * @param rates of a port whatever the class, by port; ports beyond its end have no limit
   * @param limits by class, by port; the same
   */
  configure(
    rates: Int32Array | undefined,
    limits: readonly (StormLimits | undefined)[] | undefined,
    now: number,
  ): void {
    for (let port = 1; port < PORT_TABLE_LENGTH; port++) {
      const of = limits?.[port];
      this.setRate(port, StormClass.all, rates?.[port] ?? 0, now);
      this.setRate(port, StormClass.broadcast, of?.broadcast ?? 0, now);
      this.setRate(port, StormClass.multicast, of?.multicast ?? 0, now);
      this.setRate(port, StormClass.unknown, of?.unknown ?? 0, now);
    }
  }

  /** Takes one frame's credits. @returns false when there are none: drop the frame */
  take(port: number, stormClass: StormClass, now: number): boolean {
    if (this.#limited[port] === 0) return true;
    const buckets = this.#buckets;
    const own = port * CLASSES + stormClass;
    const all = port * CLASSES + StormClass.all;
    if (!buckets.has(own, now) || !buckets.has(all, now)) return false;
    buckets.pay(own);
    buckets.pay(all);
    return true;
  }
}
