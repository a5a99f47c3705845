/**
 * Counts the policies that were in force, and makes the sessions that links need when
 * one follows another. When that is, renewals.ts says.
 */
import type { Clock } from '../clock.ts';
import type { LinkProvider } from '../links/contract.ts';
import { DialError, type DialledSession, dial, shakeHands } from './dialler.ts';
import type { Friend, FriendSession, Refusal } from './friend.ts';
import type { Facts, HandshakeDriver } from './handshake-driver.ts';
import { Renewals } from './renewals.ts';

/** Milliseconds that a link made under a former policy may be used on. */
const POLICY_PATIENCE = 10_000;
/** The same where frames go in the clear and we have decided that they never shall. */
const PLAINTEXT_PATIENCE = 1000;

export interface PolicyKeeperOptions {
  readonly clock: Clock;
  readonly driver: HandshakeDriver;
  readonly providers: ReadonlyMap<string, LinkProvider>;
  readonly log: { debug(details: object, message: string): void };
  facts(): Facts;
  /** Sends a `renew` packet. */
  ask(held: FriendSession): void;
  /** A handshake in place of a session has succeeded. */
  renewed(dialled: DialledSession, held: FriendSession): void;
  /** Ends a link that may not go on. */
  end(friend: Friend, reason: string, refusal?: Refusal): void;
}

export class PolicyKeeper {
  readonly renewals: Renewals;
  readonly #options: PolicyKeeperOptions;
  /** Sessions say which one they were made under. */
  #current = 1;

  constructor(options: PolicyKeeperOptions) {
    this.#options = options;
    this.renewals = new Renewals({
      clock: options.clock,
      isStale: (held) => this.isStale(held),
      patience: (held) => this.#patience(held),
      renew: (friend, held, signal) => this.#renew(friend, held, signal),
      ask: (held) => options.ask(held),
      giveUp: (friend, waited) => {
        options.end(friend, `The policy changed, and the friend did not answer in ${waited} ms.`);
      },
    });
  }

  /** The number of the policy in force. */
  get current(): number {
    return this.#current;
  }

  /** From now on another one is. */
  changed(): void {
    this.#current++;
  }

  /** Whether a session was made under a former policy of ours. */
  isStale({ session }: FriendSession): boolean {
    return session.policy !== this.#current;
  }

  #patience({ session }: FriendSession): number {
    const forbidden = session.mode === 'clear' && this.#options.facts().floor === 'never';
    return forbidden ? PLAINTEXT_PATIENCE : POLICY_PATIENCE;
  }

  /** Makes a session in place of another: over the same socket, or over a stream like it. */
  async #renew(friend: Friend, held: FriendSession, signal: AbortSignal): Promise<void> {
    const { driver, providers, log } = this.#options;
    const { carrier, preference } = held;
    const facts = { ...this.#options.facts(), expectedUid: friend.uid };
    const late = (dialled: DialledSession): void => this.#options.renewed(dialled, held);
    try {
      const dialled = carrier.reliable
        ? await dial({ addresses: [carrier.remote], providers, driver, facts, signal, late })
        : await shakeHands({ ...carrier, close: () => {} }, preference, { driver, facts, signal });
      this.#options.renewed(dialled, held);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      log.debug({ friend: friend.name }, `not renewed: ${error.message}`);
      const said = error instanceof DialError && error.isFinal;
      if (said && facts.policy === this.#current && friend.current === held) {
        this.#options.end(friend, error.message, error.refusal);
      }
    }
  }
}

/** Two sessions over one socket: whoever stays closes it. */
export function handOver(before: FriendSession, after: FriendSession): void {
  const { carrier } = before;
  if (carrier.reliable) return;
  after.carrier = { ...after.carrier, close: () => carrier.close() };
  before.carrier = { ...carrier, close: () => {} };
}
