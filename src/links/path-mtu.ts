/**
 * Datagram Packetization Layer Path MTU Discovery, for one session. Pure.
 *
 * Read first: RFC 8899 sections 5.1 (BASE_PLPMTU, MAX_PROBES), 5.2 (the states)
 * and 4.3 (black holes). Sizes are octets of a whole link message, the payload
 * of a UDP datagram.
 *
 *   [searching] -- the largest acknowledged, or three rounds --> [found] <--+
 *      ^  ^                                                      |  |       | acknowledged
 *      |  +-------------------- every 10 minutes ----------------+  +--> [confirming]
 *      +------------------------- black hole --------------------------------+
 *
 * Instead of a binary search we try the sizes that paths really have, all of them at once,
 * the largest first: so the first answer says what passes, a round trip after the session
 * began. A round that leaves some unanswered is repeated with these.
 */

/** RFC 8899, 5.1.2: 1,200 octets must pass everywhere we work. */
export const BASE_PATH_MTU = 1200;

/**
 * Payloads of a UDP datagram on: PPPoE and tunnels in tunnels (1280 … 1420 IP),
 * Ethernet over IPv6 and IPv4, jumbo frames, and loopback (a 9,216-octet frame whole).
 */
const CANDIDATES: readonly number[] = [1232, 1372, 1424, 1452, 1472, 8952, 9280];

/**
 * What is hoped for while nobody has answered yet: Ethernet over IPv6. Only TCP's segments
 * are made to fit it (mss-clamp.ts), and what does not pass after all is cut in two.
 */
const HOPED_PATH_MTU = 1452;

/** RFC 8899, 5.1.2: MAX_PROBES, rounds in which a size is sent before it counts as refused. */
const MAX_PROBES = 3;
/** The same for a size that has worked: congestion must not look like a black hole. */
const MAX_CONFIRMING_PROBES = 8;
/** Milliseconds to wait for acknowledgements; RFC 8899 PROBE_TIMER (ours is shorter: we know the RTT). */
const PROBE_TIMEOUT = 500;
/** RFC 8899, 5.1.1: PMTU_RAISE_TIMER, 600 seconds. */
const RAISE_INTERVAL = 600_000;
/** How often the size in use is confirmed; RFC 8899 CONFIRMATION_TIMER. */
const CONFIRM_INTERVAL = 10_000;

type State = 'searching' | 'found' | 'confirming';

export class PathMtu {
  readonly #base: number;
  readonly #hoped: number;
  readonly #candidates: readonly number[];
  #state: State = 'searching';
  #current: number;
  /** Candidates from here on are refused; those before may pass. */
  #limit: number;
  /** Index of the last candidate sent in this round; those down to `#lowest` are still to be. */
  #next: number;
  #lowest = 0;
  /** A bit for each candidate of which a probe is or was under way in this search. */
  #asked = 0;
  /** Rounds of this search, or probes of the size in use. */
  #attempts = 0;
  /** Something of this search was acknowledged. */
  #answered = false;
  /** The other end has been heard to probe. */
  #prompted = false;
  #deadline: number;
  #searchAgainAt = 0;

  /** @param overhead octets that something in between adds to each message: a relay */
  constructor(now: number, overhead = 0) {
    this.#deadline = now;
    this.#base = this.#current = BASE_PATH_MTU - overhead;
    this.#hoped = HOPED_PATH_MTU - overhead;
    this.#candidates = overhead === 0 ? CANDIDATES : CANDIDATES.map((size) => size - overhead);
    this.#limit = this.#candidates.length;
    this.#next = 0;
  }

  /** Octets of the largest link message known to pass. */
  get current(): number {
    return this.#current;
  }

  /** The same, but what is hoped for until the first round has been waited for. */
  get hoped(): number {
    const isOpen = this.#state === 'searching' && this.#attempts <= 1 && !this.#answered;
    return isOpen ? Math.max(this.#current, this.#hoped) : this.#current;
  }

  get deadline(): number {
    return this.#deadline;
  }

  /** To be called until nothing is left. @returns a size to probe now, or 0 */
  tick(now: number): number {
    if (this.#next > this.#lowest) return this.#ask(--this.#next);
    if (now < this.#deadline) return 0;
    switch (this.#state) {
      case 'searching':
        if (this.#attempts < MAX_PROBES) return this.#round(now);
        this.#found(now);
        return 0;
      case 'found':
        if (now >= this.#searchAgainAt && this.#above() < this.#candidates.length) {
          this.#search(now);
          return this.#round(now);
        }
        this.#deadline = now + CONFIRM_INTERVAL;
        if (this.#current === this.#base) return 0;
        this.#state = 'confirming';
        this.#attempts = 0;
        return this.#confirm(now);
      case 'confirming':
        if (this.#attempts < MAX_CONFIRMING_PROBES) return this.#confirm(now);
        this.pathChanged(now); // RFC 8899, 4.3: a black hole
        return this.#round(now);
    }
  }

  /** A probe of `size` octets arrived at the other end. */
  acknowledged(size: number, now: number): void {
    if (this.#state === 'confirming') {
      if (size !== this.#current) return;
      this.#state = 'found';
      this.#deadline = now + CONFIRM_INTERVAL;
      return;
    }
    const index = this.#candidates.indexOf(size);
    if (this.#state !== 'searching' || !this.#isAsked(index) || index >= this.#limit) return;
    this.#answered = true;
    if (size > this.#current) this.#current = size;
    this.#endIfKnown(now);
  }

  /** The system refused a message of this size outright (EMSGSIZE): no need to wait. */
  tooLarge(size: number, now: number): void {
    if (size > this.#base && size <= this.#current) {
      this.pathChanged(now);
      return;
    }
    const index = this.#candidates.indexOf(size);
    if (this.#state !== 'searching' || !this.#isAsked(index)) return;
    this.#limit = Math.min(this.#limit, index);
    this.#endIfKnown(now);
  }

  /**
   * The other end probes, so it has the session now. What we sent before may have come too
   * early: if nothing of it was acknowledged, the first such call begins the search anew.
   */
  prompted(now: number): void {
    if (this.#prompted) return;
    this.#prompted = true;
    if (this.#state === 'searching' && !this.#answered) this.#search(now);
  }

  /**
   * What was known may hold no longer: the path leads elsewhere, or the size in use
   * is refused (RFC 8899, 4.3). Falls back to what passes everywhere and searches anew.
   */
  pathChanged(now: number): void {
    this.#current = this.#base;
    this.#search(now);
  }

  #search(now: number): void {
    this.#state = 'searching';
    this.#limit = this.#candidates.length;
    this.#next = this.#lowest = 0;
    this.#asked = 0;
    this.#attempts = 0;
    this.#answered = false;
    this.#deadline = now;
  }

  /** @returns the first size of a round, the others follow */
  #round(now: number): number {
    this.#attempts++;
    this.#next = this.#limit;
    this.#lowest = this.#above();
    this.#deadline = now + PROBE_TIMEOUT;
    return this.tick(now);
  }

  #ask(index: number): number {
    this.#asked |= 1 << index;
    return this.#candidates[index];
  }

  #isAsked(index: number): boolean {
    return index >= 0 && (this.#asked & (1 << index)) !== 0;
  }

  #confirm(now: number): number {
    this.#attempts++;
    this.#deadline = now + PROBE_TIMEOUT;
    return this.#current;
  }

  /** Index of the first candidate that is more than the size in use. */
  #above(): number {
    let index = 0;
    while (index < this.#candidates.length && this.#candidates[index] <= this.#current) index++;
    return index;
  }

  /** What is left of a round is what would be news; without that the search is over. */
  #endIfKnown(now: number): void {
    this.#lowest = this.#above();
    this.#next = Math.max(this.#lowest, Math.min(this.#next, this.#limit));
    if (this.#lowest >= this.#limit) this.#found(now);
  }

  #found(now: number): void {
    this.#state = 'found';
    this.#next = this.#lowest;
    this.#searchAgainAt = now + RAISE_INTERVAL;
    this.#deadline = now + CONFIRM_INTERVAL;
  }
}
