/** How a port is impaired: what an operator chooses, and the limits of it. */

/** The longest delay and jitter, milliseconds. */
export const MAX_DELAY = 60_000;
/** The least and the greatest rate, bits a second. */
export const MIN_RATE = 1000;
export const MAX_RATE = 100_000_000_000;
/** The least and the greatest queue, octets; and what it is when nobody says. */
export const MIN_QUEUE = 1514;
export const MAX_QUEUE = 16 * 1024 * 1024;
export const DEFAULT_QUEUE = 256 * 1024;

/** Bursts of losses; each probability is for one frame. */
export interface BurstSettings {
  /** That a burst begins. */
  readonly begin: number;
  /** That a burst ends. */
  readonly end: number;
  /** That a frame in a burst is lost. */
  readonly loss: number;
}

/** Whatever is absent does not happen. Structured clone carries it. */
export interface ImpairmentSettings {
  /** Milliseconds that each frame takes longer, 0 … MAX_DELAY. */
  readonly delay?: number;
  /** Milliseconds by which the delay varies, both ways and evenly, 0 … MAX_DELAY. */
  readonly jitter?: number;
  /** That a frame is lost, 0 … 1; with bursts, between them. */
  readonly loss?: number;
  readonly burst?: BurstSettings;
  /** That a frame arrives twice, 0 … 1. */
  readonly duplicate?: number;
  /** That a frame goes without the delay and overtakes those that wait, 0 … 1. */
  readonly reorder?: number;
  /** Bits a second, MIN_RATE … MAX_RATE. */
  readonly rate?: number;
  /** Octets that may wait for the rate, MIN_QUEUE … MAX_QUEUE. */
  readonly queue?: number;
  /** An unsigned 32-bit number: what chance is made of. */
  readonly seed?: number;
}
