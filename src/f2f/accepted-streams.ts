/**
 * Streams that somebody opened to us and that are no session yet: each has a
 * little time, and there are never many, so that strangers cannot hold our
 * descriptors by opening and being silent.
 */
import type { Carrier } from '../links/contract.ts';
import { carrierNetwork } from './carrier-network.ts';

/** Milliseconds within which an accepted stream has to become a session. */
const ACCEPT_TIMEOUT = 10_000;
/** Milliseconds for the other end to read our refusal and to hang up first. */
const REFUSAL_TIME = 1000;
/** Streams at a time. */
const MAX_ACCEPTED = 64;
/** Of these, those of one network: an IPv4 /24 or an IPv6 /56. */
const MAX_ACCEPTED_PER_NETWORK = 16;

interface Waiting {
  readonly timer: NodeJS.Timeout;
  readonly network: string;
}

export class AcceptedStreams {
  /** In order of age, with what will close them. */
  readonly #waiting = new Map<Carrier, Waiting>();
  readonly #closed: (carrier: Carrier) => void;

  /** @param closed hears of each stream that was closed here */
  constructor(closed: (carrier: Carrier) => void) {
    this.#closed = closed;
  }

  add(carrier: Carrier): void {
    this.#watch(carrier, ACCEPT_TIMEOUT);
    // A handshake takes two round trips; who has had the longest has had enough.
    const network = carrierNetwork(carrier);
    const neighbours = [...this.#waiting].filter(([, each]) => each.network === network);
    if (neighbours.length > MAX_ACCEPTED_PER_NETWORK) this.#close(neighbours[0][0]);
    else if (this.#waiting.size > MAX_ACCEPTED) {
      const [oldest] = this.#waiting.keys();
      this.#close(oldest);
    }
  }

  /** Closes a stream, but not at once: its end would overtake the reason that we gave. */
  refused(carrier: Carrier): void {
    if (this.#waiting.has(carrier)) this.#watch(carrier, REFUSAL_TIME);
  }

  /** It has become a session, or is gone. */
  done(carrier: Carrier): void {
    clearTimeout(this.#waiting.get(carrier)?.timer);
    this.#waiting.delete(carrier);
  }

  /** Leaves the streams to whoever closes them all. */
  stop(): void {
    for (const carrier of [...this.#waiting.keys()]) this.done(carrier);
  }

  #watch(carrier: Carrier, patience: number): void {
    this.done(carrier);
    const timer = setTimeout(() => this.#close(carrier), patience);
    timer.unref();
    this.#waiting.set(carrier, { timer, network: carrierNetwork(carrier) });
  }

  #close(carrier: Carrier): void {
    this.done(carrier);
    carrier.close();
    this.#closed(carrier);
  }
}
