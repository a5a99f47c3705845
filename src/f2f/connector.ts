/**
 * Looks for friends who are not connected, and for better ways to those who are.
 *
 *   connect --> dial all addresses --> established
 *      ^              | none answers
 *      +--- wait -----+   back-off, with jitter
 *
 * Of a friend there is one attempt at a time: `friend.attempt`.
 */
import type { Clock } from '../clock.ts';
import type { LinkProvider } from '../links/contract.ts';
import { DialError, type DialledSession, dial } from './dialler.ts';
import type { Friend } from './friend.ts';
import type { Facts, HandshakeDriver } from './handshake-driver.ts';

/** Milliseconds between attempts at a better provider than the one in use. */
const UPGRADE_INTERVAL = 30_000;

export interface ConnectorOptions {
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly log: { debug(details: object, message: string): void };
  readonly driver: Pick<HandshakeDriver, 'initiate'>;
  readonly providers: ReadonlyMap<string, LinkProvider>;
  readonly facts: () => Facts;
  readonly friends: () => Iterable<Friend>;
  /** Whether somebody is a friend still. */
  readonly isFriend: (friend: Friend) => boolean;
  readonly established: (dialled: DialledSession) => void;
  /** Whether an address may be dialled now; all may if left out. */
  readonly mayDial?: ((url: string) => boolean) | undefined;
  /** Milliseconds between attempts at a better provider; 30 s if left out. */
  readonly upgradeInterval?: number | undefined;
}

export class Connector {
  readonly #options: ConnectorOptions;
  readonly #upgradeTimer: NodeJS.Timeout;
  #closed = false;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    const { upgradeInterval = UPGRADE_INTERVAL } = options;
    this.#upgradeTimer = setInterval(() => this.#upgrade(), upgradeInterval);
    this.#upgradeTimer.unref();
  }

  /** Begins no attempt any more. Those under way are ended with `idle`. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#upgradeTimer);
  }

  /** Dials a friend now, unless that is being done. */
  connect(friend: Friend): void {
    if (this.#closed || friend.attempt !== undefined || !this.#options.isFriend(friend)) return;
    if (friend.candidates.length === 0) return;
    clearTimeout(friend.retryTimer);
    friend.retryTimer = undefined;
    const attempt = new AbortController();
    friend.attempt = attempt;
    this.dial(friend, friend.addresses, friend.learntAddresses, attempt.signal).then(
      (dialled) => {
        if (friend.attempt === attempt) friend.attempt = undefined;
        friend.unreached = undefined;
        this.#options.established(dialled);
      },
      (error: Error) => {
        if (friend.attempt !== attempt) return;
        friend.attempt = undefined;
        const refusal = error instanceof DialError ? error.refusal : undefined;
        friend.unreached = refusal === undefined ? error.message : undefined;
        friend.unproven = error instanceof DialError ? error.unproven : undefined;
        if (friend.current === undefined) {
          friend.failed(error.message, this.#options.clock.now(), refusal);
        }
        this.retryLater(friend);
      },
    );
  }

  /** @param last addresses to be tried after all others */
  dial(
    friend: Friend,
    addresses: readonly string[],
    last: readonly string[],
    signal: AbortSignal,
  ): Promise<DialledSession> {
    const { providers, driver, established, mayDial = () => true } = this.#options;
    const { ticketSecret } = friend;
    const facts = {
      ...this.#options.facts(),
      expectedUid: friend.uid,
      ...(ticketSecret === undefined ? {} : { ticketSecret }),
    };
    return dial({
      addresses: addresses.filter(mayDial),
      last: last.filter(mayDial),
      providers,
      driver,
      facts,
      signal,
      late: established,
    });
  }

  /** Dials a friend after a while, longer each time. */
  retryLater(friend: Friend): void {
    if (this.#closed || friend.current !== undefined) return;
    const [octet] = this.#options.random(1);
    const wait = friend.backOff.next(octet / 256);
    friend.retryAt = this.#options.clock.now() + wait;
    friend.retryTimer = setTimeout(() => this.connect(friend), wait);
  }

  /** Stops dialling a friend. */
  idle(friend: Friend): void {
    clearTimeout(friend.retryTimer);
    friend.retryTimer = undefined;
    const { attempt } = friend;
    friend.attempt = undefined;
    attempt?.abort(new Error('not needed any more'));
  }

  /** Tries addresses of better providers than the one in use. */
  #upgrade(): void {
    const { providers, log, established, mayDial = () => true } = this.#options;
    for (const friend of this.#options.friends()) {
      const { current } = friend;
      if (current === undefined || friend.attempt !== undefined) continue;
      const better = friend.candidates.filter((url) => {
        const provider = providers.get(url.slice(0, url.indexOf(':')));
        if (provider === undefined || provider.preference >= current.preference) return false;
        return mayDial(url);
      });
      if (better.length === 0) continue;
      const attempt = new AbortController();
      friend.attempt = attempt;
      this.dial(friend, better, [], attempt.signal)
        .then(established)
        .catch((error: Error) => log.debug({ friend: friend.name }, error.message))
        .finally(() => {
          if (friend.attempt !== attempt) return;
          friend.attempt = undefined;
          // The link may have been lost meanwhile, and nobody else dials.
          if (friend.current === undefined) this.connect(friend);
        });
    }
  }
}
