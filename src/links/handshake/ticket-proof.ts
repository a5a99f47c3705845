/**
 * Proof that an initiator holds the secret of a ticket, without showing it.
 *
 *     proof = HMAC-SHA-256(secret, context || h || initiator's Ed25519 public key)
 *
 * h is that of the group tags: the proof fits one handshake and one key.
 */

import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import type { CryptoSuite } from './crypto-suite.ts';

/** Octets of a ticket's secret. */
export const TICKET_SECRET_LENGTH = 16;

const TICKET_CONTEXT = utf8ToBytes('kith ticket v1');

/** A ticket that was issued and is neither spent nor expired. */
export interface OpenTicket {
  /** The issuer's own name for it. */
  readonly id: string;
  /** TICKET_SECRET_LENGTH octets. */
  readonly secret: Uint8Array;
}

export function ticketProof(
  suite: CryptoSuite,
  secret: Uint8Array,
  hash: Uint8Array,
  initiatorKey: Uint8Array,
): Uint8Array {
  return suite.hmac(secret, concatBytes(TICKET_CONTEXT, hash, initiatorKey));
}

/** The id of the ticket that `proof` was made with. */
export function findTicket(
  suite: CryptoSuite,
  tickets: readonly OpenTicket[],
  hash: Uint8Array,
  initiatorKey: Uint8Array,
  proof: Uint8Array,
): string | undefined {
  return tickets.find(({ secret }) =>
    suite.equal(ticketProof(suite, secret, hash, initiatorKey), proof),
  )?.id;
}
