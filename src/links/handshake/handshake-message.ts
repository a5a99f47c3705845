/**
 * The clear outside of the handshake's link messages.
 *
 * Read first: docs/protocol/link.md, "Messages"; link-message.ts.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *
 *   handshakeInit, always 1,200 octets
 *   +---------------+-------------------------------+---------------+
 *   |     0x01      |          length = 1197        |    version    |
 *   +---------------+-------------------------------+---------------+
 *   |                   initiator's session index                   |
 *   +---------------------------------------------------------------+
 *   |             cookie, 16 octets, all zero if none               |
 *   +---------------------------------------------------------------+
 *   |   Noise message 1: e, 32 octets, then a clear payload of 1144 |
 *   +---------------------------------------------------------------+
 *
 *   handshakeResponse (at most 1,200 octets) and handshakeFinal
 *   +---------------+-------------------------------+
 *   |  0x02 / 0x03  |            length             |
 *   +---------------+-------------------------------+---------------+
 *   |                   receiver's session index                    |
 *   +---------------------------------------------------------------+
 *   |   Noise message 2: e 32, s 48, payload and tag                |
 *   |   Noise message 3: s 48, payload and tag                      |
 *   +---------------------------------------------------------------+
 *
 *   cookieReply (55 octets)                 refuse (10 octets)
 *   type, length │ index 4 │ e 32 │ cookie 16    type, length │ index 4 │ reason │ lowest │ highest
 *
 * The payload of message 1 is zeros for now; a receiver takes any octets, for
 * they are under the transcript. The sizes of handshakeInit, cookieReply and
 * refuse are exact: trailing octets make them malformed.
 */

import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { TAG_LENGTH } from '../../io/contract.ts';
import {
  LINK_HEADER_LENGTH,
  type LinkMessage,
  LinkMessageType,
  linkMessage,
  parseLinkMessage,
} from '../link-message.ts';
import { DH_LENGTH } from './crypto-suite.ts';

/** The version of the handshake that this file speaks. */
export const PROTOCOL_VERSION = 1;

/**
 * Octets of message 1, link header and all: no answer to it is longer. As much as every
 * path lets through (compare RFC 9000, section 14.1), so that an answer has room.
 */
export const INIT_LENGTH = 1200;
/** Octets of a cookie. */
export const COOKIE_LENGTH = 16;
/** Octets of the largest handshake message on a datagram carrier: IPv6's 1,280 less IP and UDP. */
export const MAX_HANDSHAKE_LENGTH = 1232;

const PROLOGUE_CONTEXT = utf8ToBytes('kith link');
const INDEX_LENGTH = 4;

/** Offsets in the body of handshakeInit. */
const VERSION_OFFSET = 0;
const SENDER_OFFSET = 1;
const COOKIE_OFFSET = SENDER_OFFSET + INDEX_LENGTH;
const INIT_NOISE_OFFSET = COOKIE_OFFSET + COOKIE_LENGTH;
const INIT_BODY_LENGTH = INIT_LENGTH - LINK_HEADER_LENGTH;

/** Octets of the clear payload of Noise message 1. */
export const INIT_PAYLOAD_LENGTH = INIT_BODY_LENGTH - INIT_NOISE_OFFSET - DH_LENGTH;

/** Offsets in the bodies of handshakeResponse and handshakeFinal. */
const RECEIVER_OFFSET = 0;
const NOISE_OFFSET = INDEX_LENGTH;
/** s and the payload, both with a tag. */
const FINAL_MIN_LENGTH = NOISE_OFFSET + DH_LENGTH + 2 * TAG_LENGTH;
const RESPONSE_MIN_LENGTH = FINAL_MIN_LENGTH + DH_LENGTH;

/** Octets of the payloads of messages 2 and 3 at most, if the message is to be no longer than it may. */
export const MAX_RESPONSE_PAYLOAD = INIT_LENGTH - LINK_HEADER_LENGTH - RESPONSE_MIN_LENGTH;
export const MAX_FINAL_PAYLOAD = MAX_HANDSHAKE_LENGTH - LINK_HEADER_LENGTH - FINAL_MIN_LENGTH;

/** Offsets in the body of cookieReply. */
const ECHO_OFFSET = INDEX_LENGTH;
const REPLY_COOKIE_OFFSET = ECHO_OFFSET + DH_LENGTH;
const COOKIE_REPLY_BODY_LENGTH = REPLY_COOKIE_OFFSET + COOKIE_LENGTH;

/** Offsets in the body of refuse. */
const REASON_OFFSET = INDEX_LENGTH;
const LOWEST_OFFSET = REASON_OFFSET + 1;
const HIGHEST_OFFSET = LOWEST_OFFSET + 1;
const REFUSE_BODY_LENGTH = HIGHEST_OFFSET + 1;

/** Reasons in a clear `refuse`. Nobody vouches for them: they are a hint. */
export const RefuseReason = { version: 1 } as const;

/** A parsed handshakeInit; views into the message. */
export interface HandshakeInit {
  readonly version: number;
  /** The initiator's session index. */
  readonly sender: number;
  readonly cookie: Uint8Array;
  /** The initiator's ephemeral key: the head of `noise`. */
  readonly ephemeral: Uint8Array;
  readonly noise: Uint8Array;
}

/** A parsed handshakeResponse or handshakeFinal; views into the message. */
export interface HandshakeReply {
  readonly receiver: number;
  readonly noise: Uint8Array;
}

export interface CookieReply {
  readonly receiver: number;
  /** The initiator's ephemeral key, said back: who never saw message 1 cannot know it. */
  readonly ephemeral: Uint8Array;
  readonly cookie: Uint8Array;
}

export interface Refuse {
  readonly receiver: number;
  readonly reason: number;
  readonly lowestVersion: number;
  readonly highestVersion: number;
}

/**
 * The Noise prologue of this version: what message 1 says in the clear, version
 * and session index, goes under the transcript with it. The cookie does not.
 */
export function prologue(initiatorIndex: number): Uint8Array {
  const facts = new Uint8Array(1 + INDEX_LENGTH);
  facts[0] = PROTOCOL_VERSION;
  writeIndex(facts, 1, initiatorIndex);
  return concatBytes(PROLOGUE_CONTEXT, facts);
}

/** Writes handshakeInit around Noise message 1. */
export function emitInit(sender: number, cookie: Uint8Array, noise: Uint8Array): Uint8Array {
  const body = new Uint8Array(INIT_BODY_LENGTH);
  body[VERSION_OFFSET] = PROTOCOL_VERSION;
  writeIndex(body, SENDER_OFFSET, sender);
  body.set(cookie, COOKIE_OFFSET);
  body.set(noise, INIT_NOISE_OFFSET);
  return linkMessage(LinkMessageType.handshakeInit, body);
}

/** The version of the handshakeInit at `offset`, which has INIT_LENGTH octets. */
export function readInitVersion(bytes: Uint8Array, offset: number): number {
  return bytes[offset + LINK_HEADER_LENGTH + VERSION_OFFSET];
}

/** Whether the handshakeInit at `offset` carries a cookie: zeros stand for none. */
export function hasInitCookie(bytes: Uint8Array, offset: number): boolean {
  const cookie = offset + LINK_HEADER_LENGTH + COOKIE_OFFSET;
  for (let i = 0; i < COOKIE_LENGTH; i++) if (bytes[cookie + i] !== 0) return true;
  return false;
}

/** Reads a whole link message as handshakeInit of any version. */
export function parseInit(message: Uint8Array): HandshakeInit | undefined {
  const body = bodyOf(message, LinkMessageType.handshakeInit);
  if (body === undefined || body.length !== INIT_BODY_LENGTH) return undefined;
  const noise = body.subarray(INIT_NOISE_OFFSET);
  return {
    version: body[VERSION_OFFSET],
    sender: readIndex(body, SENDER_OFFSET),
    cookie: body.subarray(COOKIE_OFFSET, INIT_NOISE_OFFSET),
    ephemeral: noise.subarray(0, DH_LENGTH),
    noise,
  };
}

export function emitResponse(receiver: number, noise: Uint8Array): Uint8Array {
  return emitReply(LinkMessageType.handshakeResponse, receiver, noise);
}

export function parseResponse(message: Uint8Array): HandshakeReply | undefined {
  if (message.length > INIT_LENGTH) return undefined;
  return parseReply(message, LinkMessageType.handshakeResponse, RESPONSE_MIN_LENGTH);
}

export function emitFinal(receiver: number, noise: Uint8Array): Uint8Array {
  return emitReply(LinkMessageType.handshakeFinal, receiver, noise);
}

export function parseFinal(message: Uint8Array): HandshakeReply | undefined {
  return parseReply(message, LinkMessageType.handshakeFinal, FINAL_MIN_LENGTH);
}

export function emitCookieReply(reply: CookieReply): Uint8Array {
  const body = new Uint8Array(COOKIE_REPLY_BODY_LENGTH);
  writeIndex(body, RECEIVER_OFFSET, reply.receiver);
  body.set(reply.ephemeral, ECHO_OFFSET);
  body.set(reply.cookie, REPLY_COOKIE_OFFSET);
  return linkMessage(LinkMessageType.cookieReply, body);
}

export function parseCookieReply(message: Uint8Array): CookieReply | undefined {
  const body = bodyOf(message, LinkMessageType.cookieReply);
  if (body === undefined || body.length !== COOKIE_REPLY_BODY_LENGTH) return undefined;
  return {
    receiver: readIndex(body, RECEIVER_OFFSET),
    ephemeral: body.subarray(ECHO_OFFSET, REPLY_COOKIE_OFFSET),
    cookie: body.subarray(REPLY_COOKIE_OFFSET),
  };
}

export function emitRefuse(refuse: Refuse): Uint8Array {
  const body = new Uint8Array(REFUSE_BODY_LENGTH);
  writeIndex(body, RECEIVER_OFFSET, refuse.receiver);
  body[REASON_OFFSET] = refuse.reason;
  body[LOWEST_OFFSET] = refuse.lowestVersion;
  body[HIGHEST_OFFSET] = refuse.highestVersion;
  return linkMessage(LinkMessageType.refuse, body);
}

export function parseRefuse(message: Uint8Array): Refuse | undefined {
  const body = bodyOf(message, LinkMessageType.refuse);
  if (body === undefined || body.length !== REFUSE_BODY_LENGTH) return undefined;
  return {
    receiver: readIndex(body, RECEIVER_OFFSET),
    reason: body[REASON_OFFSET],
    lowestVersion: body[LOWEST_OFFSET],
    highestVersion: body[HIGHEST_OFFSET],
  };
}

/**
 * The session index that a handshakeResponse, handshakeFinal, cookieReply or
 * refuse is meant for, so that a driver can find its machine.
 * @returns undefined for every other message and for a short one
 */
export function handshakeReceiver(message: Uint8Array): number | undefined {
  const parsed = parseLinkMessage(message);
  if (parsed === undefined || parsed.body.length < INDEX_LENGTH) return undefined;
  switch (parsed.type) {
    case LinkMessageType.handshakeResponse:
    case LinkMessageType.handshakeFinal:
    case LinkMessageType.cookieReply:
    case LinkMessageType.refuse:
      return readIndex(parsed.body, RECEIVER_OFFSET);
    default:
      return undefined;
  }
}

function emitReply(type: LinkMessageType, receiver: number, noise: Uint8Array): Uint8Array {
  const index = new Uint8Array(INDEX_LENGTH);
  writeIndex(index, RECEIVER_OFFSET, receiver);
  return linkMessage(type, concatBytes(index, noise));
}

function parseReply(
  message: Uint8Array,
  type: LinkMessageType,
  minLength: number,
): HandshakeReply | undefined {
  const body = bodyOf(message, type);
  if (body === undefined || body.length < minLength) return undefined;
  return { receiver: readIndex(body, RECEIVER_OFFSET), noise: body.subarray(NOISE_OFFSET) };
}

function bodyOf(message: Uint8Array, type: LinkMessageType): Uint8Array | undefined {
  const parsed: LinkMessage | undefined = parseLinkMessage(message);
  return parsed?.type === type ? parsed.body : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readIndex(bytes: Uint8Array, offset: number): number {
  return viewOf(bytes).getUint32(offset);
}

function writeIndex(bytes: Uint8Array, offset: number, index: number): void {
  viewOf(bytes).setUint32(offset, index);
}
