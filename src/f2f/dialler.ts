/**
 * Tries the addresses of one friend until a handshake succeeds.
 *
 * Like RFC 8305 (Happy Eyeballs): in order of preference, each new one a moment
 * after the last without waiting for it to fail; the first session ends the rest.
 */
import { setMaxListeners } from 'node:events';
import type { Carrier, LinkProvider } from '../links/contract.ts';
import type { HandshakeFailure, HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import { type Refusal, refusalOf, type UnprovenRefusal, unprovenRefusalOf } from './friend.ts';
import type { HandshakeDriver, HandshakeOutcome, InitiatorFacts } from './handshake-driver.ts';

/** Milliseconds before the next address is tried beside the ones under way. */
const STAGGER = 1000;
/** Milliseconds for a name to be resolved and a connection to come up; systems may take minutes. */
const CONNECT_TIMEOUT = 10_000;

const BAD_TICKET = 'The ticket has expired or somebody has used it; ask the friend for a new one.';

export interface DialledSession {
  readonly session: HandshakeSession;
  readonly carrier: Carrier;
  readonly preference: number;
}

export interface DialRequest {
  readonly addresses: readonly string[];
  /** Addresses to be tried after all of these, whatever their provider. */
  readonly last?: readonly string[];
  readonly providers: ReadonlyMap<string, LinkProvider>;
  readonly driver: Pick<HandshakeDriver, 'initiate'>;
  readonly facts: InitiatorFacts;
  readonly signal: AbortSignal;
  /** Milliseconds for a carrier to come up; CONNECT_TIMEOUT if left out. */
  readonly connectTimeout?: number;
  /**
   * An attempt that succeeded although another was faster. It cannot be called
   * back: the other end holds it for the newest session, and must see us choose
   * by the same rule.
   */
  late(dialled: DialledSession): void;
}

/** A handshake that failed, as the reason why a friend was not reached. */
export class DialError extends Error {
  readonly failure: HandshakeFailure;

  constructor(failure: HandshakeFailure, message: string) {
    super(message);
    this.name = 'DialError';
    this.failure = failure;
  }

  /** Set when one end will have no link, and both have proved who they are. */
  get refusal(): Refusal | undefined {
    return refusalOf(this.failure);
  }

  /** Set when somebody who has proved nothing has said no. */
  get unproven(): UnprovenRefusal | undefined {
    return unprovenRefusalOf(this.failure);
  }

  /** Whether the friend itself has said no, by its key: it would say so at every address. */
  get isFinal(): boolean {
    return this.failure.by === 'peer' && this.refusal !== undefined;
  }
}

/** @throws Error with the sentence of the last failure when no address works, DialError if it was a handshake's */
export async function dial(request: DialRequest): Promise<DialledSession> {
  const { providers, signal } = request;
  const inOrder = (addresses: readonly string[]) =>
    addresses
      .map((url) => ({ url, provider: providers.get(url.slice(0, url.indexOf(':'))) }))
      .filter((each): each is { url: string; provider: LinkProvider } => {
        return each.provider !== undefined;
      })
      .sort((a, b) => a.provider.preference - b.provider.preference);
  const first = new Set(request.addresses);
  const last = (request.last ?? []).filter((url) => !first.has(url));
  const known = [...inOrder(request.addresses), ...inOrder(last)];
  if (known.length === 0) throw new Error('No address of this friend is known; it has to call us.');

  const stop = new AbortController();
  const together = AbortSignal.any([signal, stop.signal]);
  // All attempts listen to it, and there may be many addresses.
  setMaxListeners(0, together);
  let lastError: Error = new Error('No address answered.');
  try {
    return await new Promise<DialledSession>((resolve, reject) => {
      let next = 0;
      let running = 0;
      let settled = false;
      let timer: NodeJS.Timeout | undefined;
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const startNext = (): void => {
        clearTimeout(timer);
        if (next >= known.length) {
          if (running === 0) reject(lastError);
          return;
        }
        const { url, provider } = known[next++];
        running++;
        if (next < known.length) {
          timer = setTimeout(startNext, STAGGER);
        }
        attempt(url, provider, request, together).then(
          (dialled) => {
            if (settled || signal.aborted) request.late(dialled);
            else resolve(dialled);
            settled = true;
          },
          (error: Error) => {
            running--;
            lastError = error;
            if (error instanceof DialError && error.isFinal && !settled) {
              settled = true;
              reject(error);
            } else if (!together.aborted) startNext();
          },
        );
      };
      together.addEventListener('abort', () => clearTimeout(timer), { once: true });
      startNext();
    });
  } finally {
    stop.abort(new Error('Another address was faster.'));
  }
}

async function attempt(
  url: string,
  provider: LinkProvider,
  request: DialRequest,
  signal: AbortSignal,
): Promise<DialledSession> {
  const carrier = await connect(url, provider, request.connectTimeout ?? CONNECT_TIMEOUT, signal);
  return shakeHands(carrier, provider.preference, { ...request, signal }, `${url}: `);
}

/** A handshake over a carrier, which is closed if it fails. @throws DialError, or why it was aborted */
export async function shakeHands(
  carrier: Carrier,
  preference: number,
  { driver, facts, signal }: Pick<DialRequest, 'driver' | 'facts' | 'signal'>,
  prefix = '',
): Promise<DialledSession> {
  let outcome: HandshakeOutcome;
  try {
    outcome = await driver.initiate(carrier, facts, signal);
  } catch (error) {
    carrier.close();
    throw error;
  }
  if ('failure' in outcome) {
    carrier.close();
    const { failure } = outcome;
    // Who knows neither us nor our ticket cannot say which of the two we should mend.
    const isTicketBad = failure.reason === 'unknown-peer' && facts.ticketSecret !== undefined;
    throw new DialError(failure, prefix + (isTicketBad ? BAD_TICKET : failure.detail));
  }
  return { ...outcome, preference };
}

/** Opens a carrier, or gives up in time whatever the provider does; one that comes too late is closed. */
async function connect(
  url: string,
  provider: LinkProvider,
  timeout: number,
  signal: AbortSignal,
): Promise<Carrier> {
  const patience = new AbortController();
  const both = AbortSignal.any([signal, patience.signal]);
  const timer = setTimeout(() => {
    patience.abort(new Error(`${url} did not answer within ${timeout / 1000} s.`));
  }, timeout);
  try {
    return await new Promise<Carrier>((resolve, reject) => {
      const giveUp = (): void => reject(both.reason);
      both.addEventListener('abort', giveUp, { once: true });
      provider.dial(url, both).then((carrier) => {
        if (both.aborted) carrier.close();
        else resolve(carrier);
      }, reject);
    });
  } finally {
    clearTimeout(timer);
  }
}
