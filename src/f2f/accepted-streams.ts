/**
 * Streams that somebody opened to us and that are no session yet: each has a
 * little time, and there are never many, so that strangers cannot hold our
 * descriptors by opening and being silent.
 */
import type { Carrier } from '../links/contract.ts';

/** Milliseconds within which an accepted stream has to become a session. */
const ACCEPT_TIMEOUT = 10_000;
/** Milliseconds for the other end to read our refusal and to hang up first. */
const REFUSAL_TIME = 1000;
/** Streams at a time. */
const MAX_ACCEPTED = 64;

export class AcceptedStreams {
  /** In order of age, with what will close them. */
  readonly #timers = new Map<Carrier, NodeJS.Timeout>();
  readonly #closed: (carrier: Carrier) => void;

  /** @param closed hears of each stream that was closed here */
  constructor(closed: (carrier: Carrier) => void) {
    this.#closed = closed;
  }

  add(carrier: Carrier): void {
    this.#watch(carrier, ACCEPT_TIMEOUT);
    if (this.#timers.size <= MAX_ACCEPTED) return;
    // A handshake takes two round trips; who has had the longest has had enough.
    for (const oldest of this.#timers.keys()) {
      this.#close(oldest);
      break;
    }
  }

  /** Closes a stream, but not at once: its end would overtake the reason that we gave. */
  refused(carrier: Carrier): void {
    if (this.#timers.has(carrier)) this.#watch(carrier, REFUSAL_TIME);
  }

  /** It has become a session, or is gone. */
  done(carrier: Carrier): void {
    clearTimeout(this.#timers.get(carrier));
    this.#timers.delete(carrier);
  }

  /** Leaves the streams to whoever closes them all. */
  stop(): void {
    for (const carrier of [...this.#timers.keys()]) this.done(carrier);
  }

  #watch(carrier: Carrier, patience: number): void {
    this.done(carrier);
    const timer = setTimeout(() => this.#close(carrier), patience);
    timer.unref();
    this.#timers.set(carrier, timer);
  }

  #close(carrier: Carrier): void {
    this.done(carrier);
    carrier.close();
    this.#closed(carrier);
  }
}
