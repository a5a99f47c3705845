/**
 * Liveness of one session: when to ping, what the round trip is, when to give up.
 *
 * Pure. Read first: RFC 6298 section 2 for the smoothing (SRTT, alpha = 1/8).
 *
 *            tick: ping due                    silence >= failAfter
 *   [alive] ----------------> ping sent … ----------------------------> [dead]
 *      ^                          |
 *      +---- any authentic record +
 *
 * A session is alive while authentic records come in; pings make sure that they
 * do, and measure. Unanswered pings alone never kill a session that still hears.
 */

export interface KeepaliveOptions {
  /** Milliseconds between pings. */
  readonly interval: number;
  /** Milliseconds of silence after which the session is dead. */
  readonly failAfter: number;
}

/** Found within three intervals; a ping may be lost, and the answer to the next take 0.6 s. */
export const DEFAULT_KEEPALIVE: KeepaliveOptions = { interval: 800, failAfter: 2200 };

/** RFC 6298 (2.3): SRTT <- (1 - 1/8) * SRTT + 1/8 * R'. */
const RTT_GAIN = 1 / 8;
/** Weight of one ping in the loss estimate: about the last sixteen count. */
const LOSS_GAIN = 1 / 16;

export class Keepalive {
  readonly #options: KeepaliveOptions;
  #lastHeard: number;
  #nextPing: number;
  #sequence = 0;
  #outstanding = false;
  /** Smoothed round trip in milliseconds; NaN before the first answer. */
  rtt = Number.NaN;
  /** Smallest round trip seen, in milliseconds. */
  minimumRtt = Number.NaN;
  /** Estimated fraction of lost pings, 0 … 1. */
  loss = 0;

  constructor(options: KeepaliveOptions, now: number) {
    this.#options = options;
    this.#lastHeard = now;
    this.#nextPing = now;
  }

  /** An authentic record came in. */
  heard(now: number): void {
    this.#lastHeard = now;
  }

  /** Milliseconds since the last authentic record. */
  silence(now: number): number {
    return now - this.#lastHeard;
  }

  isDead(now: number): boolean {
    return now >= this.deadAt;
  }

  /** When the session is dead, if nothing is heard until then. */
  get deadAt(): number {
    return this.#lastHeard + this.#options.failAfter;
  }

  isPingDue(now: number): boolean {
    return now >= this.#nextPing;
  }

  /** A ping goes out now. @returns its sequence number, to be put into it */
  ping(now: number): number {
    // The first may have come before the other end had the session.
    if (this.#outstanding && this.#sequence > 1) this.loss += (1 - this.loss) * LOSS_GAIN;
    this.#outstanding = true;
    this.#nextPing = now + this.#options.interval;
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  /** The answer to ping `sequence`, sent at `sentAt`. Answers to older pings only tell the time. */
  pong(sequence: number, sentAt: number, now: number): void {
    const sample = now - sentAt;
    if (!(sample >= 0) || sample > 60_000) return;
    if (sequence === this.#sequence && this.#outstanding) {
      this.#outstanding = false;
      this.loss -= this.loss * LOSS_GAIN;
    }
    this.rtt = Number.isNaN(this.rtt) ? sample : this.rtt + (sample - this.rtt) * RTT_GAIN;
    this.minimumRtt = Number.isNaN(this.minimumRtt) ? sample : Math.min(this.minimumRtt, sample);
  }

  /** The next time at which anything is to be done. */
  deadline(): number {
    return Math.min(this.#nextPing, this.deadAt);
  }
}
