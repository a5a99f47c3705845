/**
 * When a flight is sent again: after 250 ms, then after twice as long each time
 * up to 2 s. The timeout of the whole handshake is not its business.
 *
 * Compare RFC 9147 section 5.8 and RFC 6298; the steps are ours.
 */

/** Milliseconds before the first repetition. */
export const FIRST_INTERVAL = 250;
/** Milliseconds between repetitions at most. */
export const LAST_INTERVAL = 2_000;

export class Retransmission {
  readonly #repeats: boolean;
  #interval = FIRST_INTERVAL;
  #at = Number.POSITIVE_INFINITY;
  #sentAt = 0;
  #repeated = false;

  /** @param repeats false on a stream, and for a responder: then the flight is never due */
  constructor(repeats: boolean) {
    this.#repeats = repeats;
  }

  /** When the flight is due again. */
  get at(): number {
    return this.#at;
  }

  /** A new flight has been sent. */
  start(now: number): void {
    this.#interval = FIRST_INTERVAL;
    this.#sentAt = now;
    this.#repeated = false;
    this.#at = this.#repeats ? now + FIRST_INTERVAL : Number.POSITIVE_INFINITY;
  }

  /** Whether the flight has to go again now; if so, the next time is set. */
  isDue(now: number): boolean {
    if (now < this.#at) return false;
    this.#interval = Math.min(2 * this.#interval, LAST_INTERVAL);
    this.#at = now + this.#interval;
    this.#repeated = true;
    return true;
  }

  /** The flight was sent again for another reason than time. */
  repeated(): void {
    this.#repeated = true;
  }

  /**
   * Milliseconds from sending to now, for the answer that has just come.
   * @returns undefined when the flight was repeated: it is unknown which one was answered (Karn)
   */
  roundTrip(now: number): number | undefined {
    return this.#repeated ? undefined : now - this.#sentAt;
  }
}
