/**
 * Tries the addresses of one friend until a handshake succeeds.
 *
 * Like RFC 8305 (Happy Eyeballs): in order of preference, each new one a moment
 * after the last without waiting for it to fail; the first session ends the rest.
 */
import type { Carrier, LinkProvider } from '../links/contract.ts';
import type { HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import type { HandshakeDriver, HandshakeOutcome, InitiatorFacts } from './handshake-driver.ts';

/** Milliseconds before the next address is tried beside the ones under way. */
const STAGGER = 1000;
/** Milliseconds for a name to be resolved and a connection to come up; systems may take minutes. */
const CONNECT_TIMEOUT = 10_000;

export interface DialledSession {
  readonly session: HandshakeSession;
  readonly carrier: Carrier;
  readonly preference: number;
}

export interface DialRequest {
  readonly addresses: readonly string[];
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

/** @throws Error with the sentence of the last failure when no address works */
export async function dial(request: DialRequest): Promise<DialledSession> {
  const { providers, signal } = request;
  const known = request.addresses
    .map((url) => ({ url, provider: providers.get(url.slice(0, url.indexOf(':'))) }))
    .filter((each): each is { url: string; provider: LinkProvider } => each.provider !== undefined)
    .sort((a, b) => a.provider.preference - b.provider.preference);
  if (known.length === 0) throw new Error('No address of this friend is known; it has to call us.');

  const stop = new AbortController();
  const together = AbortSignal.any([signal, stop.signal]);
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
          together.addEventListener('abort', () => clearTimeout(timer), { once: true });
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
            if (!together.aborted) startNext();
          },
        );
      };
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
  let outcome: HandshakeOutcome;
  try {
    outcome = await request.driver.initiate(carrier, request.facts, signal);
  } catch (error) {
    carrier.close();
    throw error;
  }
  if ('failure' in outcome) {
    carrier.close();
    throw new Error(`${url}: ${outcome.failure.detail}`);
  }
  return { ...outcome, preference: provider.preference };
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
