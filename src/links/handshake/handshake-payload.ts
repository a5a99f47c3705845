/**
 * What the ends tell each other inside the handshake: a list of fields.
 *
 * Read first: docs/protocol/link.md, "Payloads".
 *
 *   +---------------+-------------------------------+---------------
 *   |     type      |            length             |  value …
 *   +---------------+-------------------------------+---------------
 *
 *   0x00 padding     any octets
 *   0x01 identity    Ed25519 public key 32 │ proof of the static key 64
 *   0x02 abilities   version 1 │ sender's session index 4 │ features 4 │ largest frame 4
 *   0x03 ciphers     one or more of: cipher 1 │ megabytes per second 4
 *   0x04 name        UTF-8, 1 to 64 octets, no control characters
 *   0x05 policy      plaintext floor 1: 0 when no group is shared, 1 never
 *   0x06 group tags  some of: tag 16
 *   0x07 ticket      proof 32
 *   0x08 decision    1: 0x01 sealed, 0x02 clear, 0x80 and above refused
 *   0x09 address     URL in ASCII; the field may be repeated
 *   0x0a succession  1 to 8 of: old public key 32 │ time 4 │ counter 4 │ signature 64
 *
 * Integers are in network order. Fields of an unknown type are skipped, so that
 * later versions can add some. A known field of a wrong length or value, one that
 * comes twice (but 0x00 and 0x09), and trailing octets make the payload malformed.
 */

import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { SIGNATURE_LENGTH, SIGNING_KEY_LENGTH } from './crypto-suite.ts';
import {
  emitSuccessions,
  MAX_SUCCESSIONS,
  parseSuccessions,
  SUCCESSION_LENGTH,
  type SuccessionLink,
} from './succession.ts';

const Field = {
  padding: 0x00,
  identity: 0x01,
  abilities: 0x02,
  ciphers: 0x03,
  name: 0x04,
  policy: 0x05,
  groupTags: 0x06,
  ticket: 0x07,
  decision: 0x08,
  address: 0x09,
  succession: 0x0a,
} as const;

const FIELD_HEADER_LENGTH = 3;
const IDENTITY_LENGTH = SIGNING_KEY_LENGTH + SIGNATURE_LENGTH;
const INDEX_OFFSET = 1;
const FEATURES_OFFSET = 5;
const FRAME_OFFSET = 9;
const ABILITIES_LENGTH = 13;
const OFFER_LENGTH = 5;
const OFFER_SPEED_OFFSET = 1;

/** Octets of a group tag: HMAC-SHA-256, cut in half. */
export const TAG_OCTETS = 16;
/** Octets of a ticket proof. */
export const TICKET_PROOF_LENGTH = 32;
/** Octets of a node's name. */
export const MAX_NAME_LENGTH = 64;
/** Octets of address fields, headers and all, that one payload carries. */
export const MAX_ADDRESSES_LENGTH = 320;
/** Payloads are padded to a multiple of this, which blurs names and addresses. */
export const PADDING_MULTIPLE = 64;

/** When a node lets Ethernet frames go in the clear. */
export type PlaintextFloor = 'never' | 'when-no-shared-group';

/** How Ethernet frames travel. Everything else is sealed in either case. */
export type LinkMode = 'sealed' | 'clear';

/** Why a responder refuses a peer that it has authenticated. */
export type Refusal = 'unknown-peer' | 'plaintext-refused';

/** How fast an end can run a cipher. */
export interface CipherOffer {
  /** A CipherId; the peer's may be one that we do not know. */
  readonly cipher: number;
  /** Megabytes per second, a u32. */
  readonly speed: number;
}

export interface Abilities {
  readonly version: number;
  /** The session index that records to the sender have to carry. */
  readonly sessionIndex: number;
  /** Bits that both ends must have set to use; see docs/protocol/link.md. */
  readonly features: number;
  /** Octets of the largest Ethernet frame the sender takes. */
  readonly largestFrame: number;
}

export interface HandshakePayload {
  readonly identity?: { readonly publicKey: Uint8Array; readonly proof: Uint8Array };
  readonly abilities?: Abilities;
  readonly ciphers?: readonly CipherOffer[];
  readonly name?: string;
  readonly floor?: PlaintextFloor;
  /** A multiple of TAG_OCTETS octets. */
  readonly groupTags?: Uint8Array;
  readonly ticketProof?: Uint8Array;
  readonly decision?: LinkMode | Refusal;
  readonly addresses?: readonly string[];
  /** Former keys of the sender, oldest first. */
  readonly successions?: readonly SuccessionLink[];
}

const FLOORS: readonly PlaintextFloor[] = ['when-no-shared-group', 'never'];

const DECISIONS: ReadonlyMap<number, LinkMode | Refusal> = new Map([
  [0x01, 'sealed'],
  [0x02, 'clear'],
  [0x80, 'unknown-peer'],
  [0x81, 'plaintext-refused'],
]);

/** C0 controls, DEL and C1 controls: a peer's name must not drive a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** A URL as it may stand in an address field. */
const ADDRESS = /^[\x21-\x7e]{1,255}$/;

/** Whether `name` can be a node's name. */
export function isNodeName(name: string): boolean {
  const length = utf8ToBytes(name).length;
  return length > 0 && length <= MAX_NAME_LENGTH && !CONTROL.test(name);
}

/**
 * Writes the fields: of the successions the latest ones that there is room for,
 * then addresses as far as there is room and MAX_ADDRESSES_LENGTH lets, then padding
 * up to a multiple of `multiple` octets.
 * @param most octets that the payload may have, itself a multiple of `multiple`
 */
export function emitPayload(
  payload: HandshakePayload,
  multiple: number,
  most = Number.POSITIVE_INFINITY,
): Uint8Array {
  const fields: Uint8Array[] = [];
  const { identity, abilities, ciphers, name, floor, groupTags, ticketProof, decision } = payload;
  if (identity) {
    fields.push(field(Field.identity, concatBytes(identity.publicKey, identity.proof)));
  }
  if (abilities) fields.push(field(Field.abilities, emitAbilities(abilities)));
  if (ciphers) fields.push(field(Field.ciphers, concatBytes(...ciphers.map(emitOffer))));
  if (name !== undefined) fields.push(field(Field.name, utf8ToBytes(name)));
  if (floor !== undefined) fields.push(field(Field.policy, Uint8Array.of(FLOORS.indexOf(floor))));
  if (groupTags) fields.push(field(Field.groupTags, groupTags));
  if (ticketProof) fields.push(field(Field.ticket, ticketProof));
  for (const [code, meaning] of DECISIONS) {
    if (meaning === decision) fields.push(field(Field.decision, Uint8Array.of(code)));
  }
  const successions = fittingSuccessions(payload.successions ?? [], most - lengthOf(fields));
  if (successions.length > 0) {
    fields.push(field(Field.succession, emitSuccessions(successions)));
  }
  let room = Math.min(MAX_ADDRESSES_LENGTH, most - lengthOf(fields));
  for (const address of payload.addresses ?? []) {
    room -= FIELD_HEADER_LENGTH + address.length;
    if (room < 0) break;
    if (ADDRESS.test(address)) fields.push(field(Field.address, utf8ToBytes(address)));
  }
  const length = lengthOf(fields);
  const missing = (multiple - (length % multiple)) % multiple;
  if (missing > 0) {
    const padding = missing < FIELD_HEADER_LENGTH ? missing + multiple : missing;
    fields.push(field(Field.padding, new Uint8Array(padding - FIELD_HEADER_LENGTH)));
  }
  return concatBytes(...fields);
}

function lengthOf(fields: readonly Uint8Array[]): number {
  return fields.reduce((sum, one) => sum + one.length, 0);
}

/** The latest of the successions that `room` octets hold, header and all. */
function fittingSuccessions(
  successions: readonly SuccessionLink[],
  room: number,
): readonly SuccessionLink[] {
  const fitting = Math.floor((room - FIELD_HEADER_LENGTH) / SUCCESSION_LENGTH);
  const count = Math.max(0, Math.min(successions.length, MAX_SUCCESSIONS, fitting));
  return successions.slice(successions.length - count);
}

/** Reads a payload. Octets in the result are copies. @returns undefined when it is malformed */
export function parsePayload(bytes: Uint8Array): HandshakePayload | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Map<number, Uint8Array>();
  const addresses: string[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < FIELD_HEADER_LENGTH) return undefined;
    const type = view.getUint8(offset);
    const start = offset + FIELD_HEADER_LENGTH;
    offset = start + view.getUint16(offset + 1);
    if (offset > bytes.length) return undefined;
    const value = bytes.slice(start, offset);
    if (type === Field.address) {
      const address = String.fromCharCode(...value);
      if (!ADDRESS.test(address)) return undefined;
      addresses.push(address);
    } else if (type !== Field.padding) {
      if (values.has(type)) return undefined;
      values.set(type, value);
    }
  }
  return readFields(values, addresses);
}

/** A field that is absent is fine; one that `read` finds malformed spoils the payload. */
function readFields(
  values: ReadonlyMap<number, Uint8Array>,
  addresses: readonly string[],
): HandshakePayload | undefined {
  const payload: { -readonly [K in keyof HandshakePayload]: HandshakePayload[K] } = { addresses };
  let sound = true;
  const take = <T>(
    type: number,
    read: (value: Uint8Array) => T | undefined,
    keep: (value: T) => void,
  ): void => {
    const octets = values.get(type);
    if (octets === undefined) return;
    const value = read(octets);
    if (value === undefined) sound = false;
    else keep(value);
  };
  take(Field.identity, parseIdentity, (value) => {
    payload.identity = value;
  });
  take(Field.abilities, parseAbilities, (value) => {
    payload.abilities = value;
  });
  take(Field.ciphers, parseOffers, (value) => {
    payload.ciphers = value;
  });
  take(Field.name, parseName, (value) => {
    payload.name = value;
  });
  take(
    Field.policy,
    (value) => (value.length === 1 ? FLOORS[value[0]] : undefined),
    (value) => {
      payload.floor = value;
    },
  );
  take(
    Field.groupTags,
    (value) => (value.length % TAG_OCTETS === 0 ? value : undefined),
    (value) => {
      payload.groupTags = value;
    },
  );
  take(
    Field.ticket,
    (value) => (value.length === TICKET_PROOF_LENGTH ? value : undefined),
    (value) => {
      payload.ticketProof = value;
    },
  );
  take(
    Field.decision,
    (value) => (value.length === 1 ? DECISIONS.get(value[0]) : undefined),
    (value) => {
      payload.decision = value;
    },
  );
  take(Field.succession, parseSuccessions, (value) => {
    payload.successions = value;
  });
  return sound ? payload : undefined;
}

function field(type: number, value: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(type, value.length >>> 8, value.length & 0xff), value);
}

function parseIdentity(value: Uint8Array): HandshakePayload['identity'] {
  if (value.length !== IDENTITY_LENGTH) return undefined;
  return {
    publicKey: value.slice(0, SIGNING_KEY_LENGTH),
    proof: value.slice(SIGNING_KEY_LENGTH),
  };
}

function emitAbilities(abilities: Abilities): Uint8Array {
  const out = new Uint8Array(ABILITIES_LENGTH);
  const view = new DataView(out.buffer);
  view.setUint8(0, abilities.version);
  view.setUint32(INDEX_OFFSET, abilities.sessionIndex);
  view.setUint32(FEATURES_OFFSET, abilities.features);
  view.setUint32(FRAME_OFFSET, abilities.largestFrame);
  return out;
}

function parseAbilities(value: Uint8Array): Abilities | undefined {
  if (value.length !== ABILITIES_LENGTH) return undefined;
  const view = new DataView(value.buffer);
  return {
    version: view.getUint8(0),
    sessionIndex: view.getUint32(INDEX_OFFSET),
    features: view.getUint32(FEATURES_OFFSET),
    largestFrame: view.getUint32(FRAME_OFFSET),
  };
}

function emitOffer(offer: CipherOffer): Uint8Array {
  const out = new Uint8Array(OFFER_LENGTH);
  out[0] = offer.cipher;
  new DataView(out.buffer).setUint32(OFFER_SPEED_OFFSET, offer.speed);
  return out;
}

function parseOffers(value: Uint8Array): CipherOffer[] | undefined {
  if (value.length === 0 || value.length % OFFER_LENGTH !== 0) return undefined;
  const view = new DataView(value.buffer);
  const offers: CipherOffer[] = [];
  for (let offset = 0; offset < value.length; offset += OFFER_LENGTH) {
    offers.push({
      cipher: view.getUint8(offset),
      speed: view.getUint32(offset + OFFER_SPEED_OFFSET),
    });
  }
  return offers;
}

function parseName(value: Uint8Array): string | undefined {
  try {
    const name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
    return isNodeName(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
