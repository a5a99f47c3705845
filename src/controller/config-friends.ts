/** The part of the configuration that is about friends, security groups and the links to friends. */
import { z } from 'zod';
import { CIPHER_NAMES } from '../links/handshake/negotiation.ts';
import { DEFAULT_KEEPALIVE } from '../links/keepalive.ts';
import { flag, linkUrl, name, oneOf, section, someText, wholeNumber } from './config-kit.ts';

/** Frames up to this length pass whole; VDE's 1,518 is the least that is any use. */
const LONGEST_FRAME = 9216;
const SHORTEST_LONGEST_FRAME = 1518;

/** 20 octets in hexadecimal. */
const UID = /^[0-9a-fA-F]{40}$/;
/** 32 octets in hexadecimal. */
const PUBLIC_KEY = /^[0-9a-fA-F]{64}$/;

const uid = z
  .string('a UID: 40 hexadecimal digits')
  .regex(UID, 'a UID: 40 hexadecimal digits, as `kith id` prints it')
  .toLowerCase();
const publicKey = z
  .string('a public key: 64 hexadecimal digits')
  .regex(PUBLIC_KEY, 'a public key: 64 hexadecimal digits, as `kith id` prints it')
  .toLowerCase();

export const friendSection = section({
  uid: uid.describe("The friend's UID, as `kith id` prints it there."),
  publicKey: publicKey
    .optional()
    .describe('The public key, when you want it pinned; it must be the one the UID was made of.'),
  name: name.optional().describe('What we call the friend; by default the name the friend gives.'),
  addresses: z
    .array(linkUrl('dial'), 'a list of addresses')
    .max(16, 'a list of at most 16 addresses')
    .prefault([])
    .describe('Where to dial, in order of preference; empty if only the friend dials.'),
});

/** The name of a security group. */
export const groupNameSchema = name;

const KEY_ALLOWED = 'text of 1 to 256 characters';

/** The key of a security group. */
export const groupKeySchema = someText(KEY_ALLOWED).max(256, KEY_ALLOWED);

export const groupSection = section({
  name: groupNameSchema.describe('The name of the security group.'),
  key: groupKeySchema
    .optional()
    .describe('What a member has to prove; without it, knowing the name is enough. 16 or more.'),
  previousKeys: z
    .array(groupKeySchema, 'a list of keys')
    .max(4, 'a list of at most 4 keys')
    .default([])
    .describe('Keys still accepted while members change over to the new one.'),
});

const CIPHERS = Object.values(CIPHER_NAMES);
const SOME_CIPHERS = `a list of one or more of ${CIPHERS.map((each) => `"${each}"`).join(', ')}`;

export const linkSection = section({
  keepaliveMs: wholeNumber(50, 60_000, ' milliseconds')
    .default(DEFAULT_KEEPALIVE.interval)
    .describe('Milliseconds between keepalives.'),
  failAfterMs: wholeNumber(100, 300_000, ' milliseconds')
    .default(DEFAULT_KEEPALIVE.failAfter)
    .describe('Milliseconds of silence after which a link has failed.'),
  maxFrame: wholeNumber(SHORTEST_LONGEST_FRAME, LONGEST_FRAME, ' octets')
    .default(LONGEST_FRAME)
    .describe('The longest Ethernet frame taken, without FCS; longer ones are dropped.'),
  relay: flag()
    .default(true)
    .describe('Whether to pass on sealed messages between friends who do not reach one another.'),
  useRelays: flag()
    .default(true)
    .describe('Whether to ask friends for a way to those who cannot be reached directly.'),
  ciphers: z
    .array(oneOf(CIPHERS), SOME_CIPHERS)
    .min(1, SOME_CIPHERS)
    .max(CIPHERS.length, SOME_CIPHERS)
    .default(CIPHERS)
    .describe('The ciphers offered; of those the friend offers too, the fastest is taken.'),
});
