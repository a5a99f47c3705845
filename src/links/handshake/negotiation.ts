/**
 * The two decisions that both ends make alike from what both know: which cipher,
 * and whether Ethernet frames are sealed.
 */

import { CipherId } from '../../io/contract.ts';
import type { CipherOffer, LinkMode, PlaintextFloor } from './handshake-payload.ts';

export const CIPHER_NAMES: Readonly<Record<CipherId, string>> = {
  [CipherId.aes256gcm]: 'aes-256-gcm',
  [CipherId.chacha20poly1305]: 'chacha20-poly1305',
};

const KNOWN_CIPHERS: readonly CipherId[] = Object.values(CipherId);

export interface CipherChoice {
  readonly cipher: CipherId;
  /** Why, for an operator. */
  readonly reason: string;
}

/**
 * The cipher whose slower end is the faster one; of equals the one with the lower
 * number. It does not matter which end asks.
 * @returns undefined when no cipher is offered by both
 */
export function chooseCipher(
  own: readonly CipherOffer[],
  peer: readonly CipherOffer[],
): CipherChoice | undefined {
  const common = KNOWN_CIPHERS.flatMap((cipher) => {
    const speed = Math.min(speedOf(own, cipher), speedOf(peer, cipher));
    return speed < 0 ? [] : [{ cipher, speed }];
  }).sort((a, b) => b.speed - a.speed || a.cipher - b.cipher);
  const [best, second] = common;
  if (best === undefined) return undefined;
  const describe = (one: { cipher: CipherId; speed: number }) =>
    `${CIPHER_NAMES[one.cipher]} at ${one.speed} MB/s on the slower end`;
  const reason =
    second === undefined
      ? `${CIPHER_NAMES[best.cipher]} is the only cipher that both ends offer`
      : `${describe(best)}, against ${describe(second)}`;
  return { cipher: best.cipher, reason };
}

/** Sealed if any group is shared, else in the clear if both floors let it. */
export function decideMode(
  sharedGroups: number,
  own: PlaintextFloor,
  peer: PlaintextFloor,
): LinkMode | 'plaintext-refused' {
  if (sharedGroups > 0) return 'sealed';
  return own === 'never' || peer === 'never' ? 'plaintext-refused' : 'clear';
}

/** The offered speed, or -1 if there is no offer. Of several offers the first counts. */
function speedOf(offers: readonly CipherOffer[], cipher: CipherId): number {
  return offers.find((offer) => offer.cipher === cipher)?.speed ?? -1;
}
