/**
 * The sliding window that lets each packet number through once.
 *
 * Read first: RFC 6479 (a ring of blocks, so that moving the window clears whole
 * words instead of shifting bits); RFC 9147 section 4.5.1.
 *
 *     ring of 2^k words of 32 bits, one bit per packet number
 *
 *        word  …  w-2      w-1       w  (the highest number seen lies here)
 *            ───┬────────┬────────┬────────┬───
 *      too old  │ 1101…  │ 1111…  │ 1010…  │  not yet seen
 *            ───┴────────┴────────┴────────┴───
 *
 * One word is always partly ahead of the highest number, so the window is one
 * word shorter than the ring. Numbers are 64 bits, given as two unsigned 32-bit
 * halves; no call allocates. Because the ring's length divides 2^27, the place of
 * a number in the ring depends on its low half only.
 *
 * `check` before opening a record, `commit` after it has proved authentic: a
 * forged number must never move the window.
 */

const WORD_SHIFT = 5;
const WORD_BITS = 1 << WORD_SHIFT;
const BIT_MASK = WORD_BITS - 1;

/** 2^32: what one step of the high half is worth. */
const HIGH_UNIT = 0x1_0000_0000;

/** Bits of the ring unless the caller wants otherwise; the window is 32 fewer. */
export const DEFAULT_RING_BITS = 4096;

export class ReplayWindow {
  readonly #words: Uint32Array;
  readonly #wordMask: number;
  /** How far below the highest number another may lie. */
  readonly #reach: number;
  #topHigh = 0;
  #topLow = 0;

  /** @param ringBits a power of two, at least 64 */
  constructor(ringBits = DEFAULT_RING_BITS) {
    if (ringBits < 2 * WORD_BITS || (ringBits & (ringBits - 1)) !== 0) {
      throw new RangeError('a replay window is a power of two, at least 64');
    }
    this.#words = new Uint32Array(ringBits >>> WORD_SHIFT);
    this.#wordMask = this.#words.length - 1;
    this.#reach = ringBits - WORD_BITS;
  }

  /** Numbers below the highest one by this much or more are too old. */
  get length(): number {
    return this.#reach;
  }

  /** Whether the number is neither too old nor seen. Changes nothing. */
  check(high: number, low: number): boolean {
    if (high > this.#topHigh || (high === this.#topHigh && low > this.#topLow)) return true;
    // Exact: a difference beyond 2^53 is rounded, but is far out of reach either way.
    const behind = (this.#topHigh - high) * HIGH_UNIT + (this.#topLow - low);
    if (behind >= this.#reach) return false;
    const word = this.#words[(low >>> WORD_SHIFT) & this.#wordMask];
    return (word & (1 << (low & BIT_MASK))) === 0;
  }

  /** Marks the number as seen, moving the window if it is the highest. Only after `check` said yes. */
  commit(high: number, low: number): void {
    if (high > this.#topHigh || (high === this.#topHigh && low > this.#topLow)) {
      this.#moveTo(high, low);
    }
    this.#words[(low >>> WORD_SHIFT) & this.#wordMask] |= 1 << (low & BIT_MASK);
  }

  /** Forgets all numbers: a new session. */
  reset(): void {
    this.#words.fill(0);
    this.#topHigh = 0;
    this.#topLow = 0;
  }

  #moveTo(high: number, low: number): void {
    const from = this.#topLow >>> WORD_SHIFT;
    const ahead = (high - this.#topHigh) * (HIGH_UNIT / WORD_BITS) + ((low >>> WORD_SHIFT) - from);
    if (ahead >= this.#words.length) {
      this.#words.fill(0);
    } else {
      for (let i = 1; i <= ahead; i++) this.#words[(from + i) & this.#wordMask] = 0;
    }
    this.#topHigh = high;
    this.#topLow = low;
  }
}
