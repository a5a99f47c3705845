/**
 * Tickets: one string with which two nodes become friends.
 *
 * Read first: docs/protocol/link.md, "Tickets"; RFC 4648 section 6 (base32).
 *
 *     "kith1-" base32( payload || signature 64 || checksum 4 ), lower case, unpadded
 *
 *   payload
 *     issuer's Ed25519 key 32 │ expiry, seconds since 1970, u32 │ secret 16
 *     │ length 1, name │ count 1, as many times: length 1, URL
 *
 * The signature is the issuer's over a context and the payload. The checksum, the
 * head of SHA-256 over all before it, tells a ticket that was mistyped from one
 * that was forged. base32 survives chat programs, which like to make something of
 * the other alphabets' punctuation; blanks and line breaks within are forgiven.
 *
 * Who holds a ticket holds the secret: it is good for one friendship with whoever
 * comes first, so it goes by a channel the two trust.
 */

import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { KithError } from '../errors.ts';
import {
  type CryptoSuite,
  SIGNATURE_LENGTH,
  SIGNING_KEY_LENGTH,
} from '../links/handshake/crypto-suite.ts';
import { isNodeName } from '../links/handshake/handshake-payload.ts';
import { type Uid, uidOf } from '../links/handshake/identity-proof.ts';
import { nodeSuite } from '../links/handshake/node-suite.ts';
import { TICKET_SECRET_LENGTH } from '../links/handshake/ticket-proof.ts';
import type { Identity } from './identity.ts';

const PREFIX = 'kith1-';
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const BASE32_BITS = 5;
const CHECKSUM_LENGTH = 4;
const ID_LENGTH = 8;
const SIGNATURE_CONTEXT = utf8ToBytes('kith ticket signature v1');
const ID_CONTEXT = utf8ToBytes('kith ticket id v1');

const EXPIRY_OFFSET = SIGNING_KEY_LENGTH;
const SECRET_OFFSET = EXPIRY_OFFSET + 4;
const NAME_OFFSET = SECRET_OFFSET + TICKET_SECRET_LENGTH;

/** URLs a ticket carries at most. */
export const MAX_TICKET_ADDRESSES = 16;

/** A URL that can be dialled: scheme, host and what its provider wants. */
const ADDRESS = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]{1,200}$/;

export interface Ticket {
  /** Ed25519 public key of the issuer. */
  readonly issuerKey: Uint8Array;
  readonly issuerUid: Uid;
  readonly issuerName: string;
  /** URLs, best first. */
  readonly addresses: readonly string[];
  /** Seconds since 1970. */
  readonly expiresAt: number;
  /** TICKET_SECRET_LENGTH octets; InitiatorOptions.ticketSecret wants them. */
  readonly secret: Uint8Array;
  /** What the issuer files it under; derived from the secret, and no secret itself. */
  readonly id: string;
}

export interface TicketRequest {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly expiresAt: number;
  /** TICKET_SECRET_LENGTH random octets. */
  readonly secret: Uint8Array;
}

/** The id of the ticket with that secret. */
export function ticketId(secret: Uint8Array, suite: CryptoSuite = nodeSuite): string {
  return bytesToHex(suite.hash(concatBytes(ID_CONTEXT, secret)).subarray(0, ID_LENGTH));
}

/**
 * Issues a ticket.
 * @throws KithError 'ticket' when a name, an address or the expiry cannot go into one
 */
export function makeTicket(
  identity: Pick<Identity, 'publicKey' | 'sign'>,
  request: TicketRequest,
  suite: CryptoSuite = nodeSuite,
): string {
  const { name, addresses, expiresAt, secret } = request;
  if (!isNodeName(name)) throw ticketError('The name does not fit into a ticket; shorten it.');
  if (addresses.length > MAX_TICKET_ADDRESSES) {
    throw ticketError(`A ticket has room for ${MAX_TICKET_ADDRESSES} addresses; name fewer.`);
  }
  const wrong = addresses.find((address) => !ADDRESS.test(address));
  if (wrong !== undefined) {
    throw ticketError(`"${wrong}" is no address; write it like udp://host:port.`);
  }
  if (!Number.isInteger(expiresAt) || expiresAt < 0 || expiresAt > 0xffffffff) {
    throw ticketError('The expiry is out of range; choose an earlier one.');
  }
  if (secret.length !== TICKET_SECRET_LENGTH) throw new RangeError('a secret has 16 octets');
  const expiry = new Uint8Array(4);
  new DataView(expiry.buffer).setUint32(0, expiresAt);
  const payload = concatBytes(
    identity.publicKey,
    expiry,
    secret,
    counted(name),
    Uint8Array.of(addresses.length),
    ...addresses.map(counted),
  );
  const signed = concatBytes(payload, identity.sign(concatBytes(SIGNATURE_CONTEXT, payload)));
  const checksum = suite.hash(signed).subarray(0, CHECKSUM_LENGTH);
  return PREFIX + toBase32(concatBytes(signed, checksum));
}

/**
 * Reads a ticket and checks it.
 * @param nowSeconds seconds since 1970
 * @throws KithError 'ticket'
 */
export function parseTicket(
  text: string,
  nowSeconds: number,
  suite: CryptoSuite = nodeSuite,
): Ticket {
  const compact = text.replaceAll(/\s+/g, '').toLowerCase();
  if (!compact.startsWith(PREFIX)) {
    throw ticketError(`This is no ticket; paste the whole line that begins with ${PREFIX}.`);
  }
  const bytes = fromBase32(compact.slice(PREFIX.length));
  const signed = bytes?.subarray(0, -CHECKSUM_LENGTH);
  const checksum = bytes?.subarray(-CHECKSUM_LENGTH);
  if (
    signed === undefined ||
    checksum === undefined ||
    signed.length < SIGNATURE_LENGTH ||
    !suite.equal(suite.hash(signed).subarray(0, CHECKSUM_LENGTH), checksum)
  ) {
    throw ticketError('The ticket is damaged; copy the whole line once more.');
  }
  const payload = signed.subarray(0, -SIGNATURE_LENGTH);
  const ticket = parsePayload(payload, suite);
  if (ticket === undefined) {
    throw ticketError('The ticket is malformed; ask for one made by a current version.');
  }
  const signature = signed.subarray(-SIGNATURE_LENGTH);
  if (!suite.verify(ticket.issuerKey, concatBytes(SIGNATURE_CONTEXT, payload), signature)) {
    throw ticketError('The ticket was not signed by its issuer; do not use it, ask for a new one.');
  }
  if (ticket.expiresAt <= nowSeconds) {
    const when = new Date(ticket.expiresAt * 1000).toISOString();
    throw ticketError(`The ticket expired at ${when}; ask for a new one.`);
  }
  return ticket;
}

/** @returns undefined when it is malformed; trailing octets make it so */
function parsePayload(payload: Uint8Array, suite: CryptoSuite): Ticket | undefined {
  if (payload.length <= NAME_OFFSET) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let offset = NAME_OFFSET;
  const next = (): string | undefined => {
    if (offset >= payload.length) return undefined;
    const start = offset + 1;
    offset = start + payload[offset];
    if (offset > payload.length) return undefined;
    return decodeUtf8(payload.subarray(start, offset));
  };
  const issuerName = next();
  if (issuerName === undefined || !isNodeName(issuerName)) return undefined;
  const count = payload[offset++];
  if (count === undefined || count > MAX_TICKET_ADDRESSES) return undefined;
  const addresses: string[] = [];
  for (let i = 0; i < count; i++) {
    const address = next();
    if (address === undefined || !ADDRESS.test(address)) return undefined;
    addresses.push(address);
  }
  if (offset !== payload.length) return undefined;
  const issuerKey = payload.slice(0, EXPIRY_OFFSET);
  const secret = payload.slice(SECRET_OFFSET, NAME_OFFSET);
  return {
    issuerKey,
    issuerUid: uidOf(suite, issuerKey),
    issuerName,
    addresses,
    expiresAt: view.getUint32(EXPIRY_OFFSET),
    secret,
    id: ticketId(secret, suite),
  };
}

function counted(text: string): Uint8Array {
  const octets = utf8ToBytes(text);
  return concatBytes(Uint8Array.of(octets.length), octets);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of bytes) {
    held = (held << 8) | octet;
    bits += 8;
    while (bits >= BASE32_BITS) {
      bits -= BASE32_BITS;
      text += ALPHABET[(held >>> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(held << (BASE32_BITS - bits)) & 31];
}

/** @returns undefined for a foreign character, an impossible length, or bits set in the filling */
function fromBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * BASE32_BITS) / 8));
  let offset = 0;
  let bits = 0;
  let held = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return undefined;
    held = (held << BASE32_BITS) | value;
    bits += BASE32_BITS;
    if (bits >= 8) {
      bits -= 8;
      bytes[offset++] = held >>> bits;
      held &= (1 << bits) - 1;
    }
  }
  return bits >= BASE32_BITS || held !== 0 ? undefined : bytes;
}

function ticketError(message: string): KithError {
  return new KithError('ticket', message);
}
