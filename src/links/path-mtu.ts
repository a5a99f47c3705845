/**
 * Datagram Packetization Layer Path MTU Discovery, for one session. Pure.
 *
 * Read first: RFC 8899 sections 5.1 (BASE_PLPMTU, MAX_PROBES), 5.2 (the states)
 * and 4.3 (black holes). Sizes are octets of a whole link message, the payload
 * of a UDP datagram.
 *
 *   [base] --probe acknowledged--> [search] --largest refused--> [complete]
 *      ^                              |                             |
 *      +------- black hole -----------+------- every 10 minutes ----+
 *
 * Instead of a binary search we try the sizes that paths really have, ascending:
 * one lost probe costs a second, and there are few of them.
 */

/** RFC 8899, 5.1.2: 1,200 octets must pass everywhere we work. */
export const BASE_PATH_MTU = 1200;

/**
 * Payloads of a UDP datagram on: PPPoE and tunnels in tunnels (1280 … 1420 IP),
 * Ethernet over IPv6 and IPv4, jumbo frames, and loopback (a 9,216-octet frame whole).
 */
const CANDIDATES: readonly number[] = [1232, 1372, 1424, 1452, 1472, 8952, 9280];

/** RFC 8899, 5.1.2: MAX_PROBES, sends of one size before it counts as refused. */
const MAX_PROBES = 3;
/** The same for a size that has worked: congestion must not look like a black hole. */
const MAX_CONFIRMING_PROBES = 8;
/** Milliseconds to wait for an acknowledgement; RFC 8899 PROBE_TIMER (ours is shorter: we know the RTT). */
const PROBE_TIMEOUT = 500;
/** RFC 8899, 5.1.1: PMTU_RAISE_TIMER, 600 seconds. */
const RAISE_INTERVAL = 600_000;
/** How often the size in use is confirmed; RFC 8899 CONFIRMATION_TIMER. */
const CONFIRM_INTERVAL = 10_000;

export class PathMtu {
  readonly #base: number;
  readonly #candidates: readonly number[];
  #current: number;
  /** Index of the candidate now tried; their count when the search is over. */
  #candidate = 0;
  #attempts = 0;
  #deadline: number;
  #searchAgainAt = 0;
  #confirming = false;
  #waiting = false;

  /** @param overhead octets that something in between adds to each message: a relay */
  constructor(now: number, overhead = 0) {
    this.#deadline = now;
    this.#base = this.#current = BASE_PATH_MTU - overhead;
    this.#candidates = overhead === 0 ? CANDIDATES : CANDIDATES.map((size) => size - overhead);
  }

  /** Octets of the largest link message known to pass. */
  get current(): number {
    return this.#current;
  }

  get deadline(): number {
    return this.#deadline;
  }

  /** @returns the size to probe now, or 0 when there is nothing to do yet */
  tick(now: number): number {
    if (now < this.#deadline) return 0;
    const patience = this.#confirming ? MAX_CONFIRMING_PROBES : MAX_PROBES;
    if (this.#waiting && this.#attempts >= patience) this.#refused(now);
    if (this.#candidate < this.#candidates.length && !this.#confirming) {
      return this.#probe(this.#candidates[this.#candidate], now);
    }
    if (!this.#confirming && this.#searchAgainAt > 0 && now >= this.#searchAgainAt) {
      this.#candidate = this.#candidates.findIndex((size) => size > this.#current);
      if (this.#candidate < 0) this.#candidate = this.#candidates.length;
      this.#searchAgainAt = now + RAISE_INTERVAL;
      if (this.#candidate < this.#candidates.length)
        return this.#probe(this.#candidates[this.#candidate], now);
    }
    if (this.#current > this.#base && (this.#confirming || now >= this.#deadline)) {
      this.#confirming = true;
      return this.#probe(this.#current, now);
    }
    this.#deadline = now + CONFIRM_INTERVAL;
    return 0;
  }

  /** A probe of `size` octets arrived at the other end. */
  acknowledged(size: number, now: number): void {
    if (this.#confirming) {
      if (size !== this.#current) return;
      this.#confirming = false;
      this.#settle(now, CONFIRM_INTERVAL);
      return;
    }
    if (this.#candidate >= this.#candidates.length || size !== this.#candidates[this.#candidate])
      return;
    this.#current = size;
    this.#candidate++;
    if (this.#candidate >= this.#candidates.length) this.#complete(now);
    else this.#settle(now, 0);
  }

  /** The system refused a message of this size outright (EMSGSIZE): no need to wait. */
  tooLarge(size: number, now: number): void {
    if (size > this.#base && size <= this.#current) {
      this.pathChanged(now);
      return;
    }
    if (!this.#waiting || this.#confirming) return;
    if (this.#candidate < this.#candidates.length && size === this.#candidates[this.#candidate]) {
      this.#refused(now);
    }
  }

  /**
   * What was known may hold no longer: the path leads elsewhere, or the size in use
   * is refused (RFC 8899, 4.3). Falls back to what passes everywhere and searches anew.
   */
  pathChanged(now: number): void {
    this.#confirming = false;
    this.#current = this.#base;
    this.#candidate = 0;
    this.#searchAgainAt = 0;
    this.#settle(now, 0);
  }

  #probe(size: number, now: number): number {
    this.#attempts++;
    this.#waiting = true;
    this.#deadline = now + PROBE_TIMEOUT;
    return size;
  }

  #refused(now: number): void {
    if (this.#confirming) {
      this.pathChanged(now); // RFC 8899, 4.3: a black hole
      return;
    }
    this.#complete(now);
  }

  #complete(now: number): void {
    this.#candidate = this.#candidates.length;
    this.#searchAgainAt = now + RAISE_INTERVAL;
    this.#settle(now, CONFIRM_INTERVAL);
  }

  #settle(now: number, wait: number): void {
    this.#attempts = 0;
    this.#waiting = false;
    this.#deadline = now + wait;
  }
}
