/**
 * The node's identity and the file it lives in.
 *
 * identity.json holds the Ed25519 seed, which is the node, and the X25519 key of
 * the handshake, both in hex with their public halves beside them:
 *
 *     { "version": 1, "createdAt": "2026-01-31T12:00:00.000Z", "uid": "…40…",
 *       "ed25519": { "seed": "…64…", "publicKey": "…64…" },
 *       "x25519": { "privateKey": "…64…", "publicKey": "…64…" },
 *       "successions": [ { "oldKey": "…64…", "newKey": "…64…", "time": 1767225600,
 *         "counter": 1, "signature": "…128…" } ] }
 *
 * "successions" is there when the node had other keys before (identity-rotation.ts).
 * The file is 0600 in a directory made 0700. It is written to the end under
 * another name, synced, and then linked into place, so that it is there whole or
 * not at all, and two nodes that start at once end with one identity.
 */

import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { KithError } from '../errors.ts';
import type { CryptoSuite, KeyPair, Random } from '../links/handshake/crypto-suite.ts';
import {
  type HandshakeIdentity,
  proveStaticKey,
  type Uid,
  uidOf,
} from '../links/handshake/identity-proof.ts';
import { nodeSuite } from '../links/handshake/node-suite.ts';
import { checkSuccession, type Succession } from '../links/handshake/succession.ts';

export const IDENTITY_FILE = 'identity.json';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** Permissions that nobody but the owner may have. */
const FOREIGN_MODE = 0o077;
const KEY_LENGTH = 32;

const keyInHex = z.string().regex(/^[0-9a-f]{64}$/);
const signatureInHex = z.string().regex(/^[0-9a-f]{128}$/);
const uint32 = z.int().min(0).max(0xffffffff);

const identityFile = z.object({
  version: z.literal(1),
  createdAt: z.string(),
  uid: z.string(),
  ed25519: z.object({ seed: keyInHex, publicKey: keyInHex }),
  x25519: z.object({ privateKey: keyInHex, publicKey: keyInHex }),
  successions: z
    .array(
      z.object({
        oldKey: keyInHex,
        newKey: keyInHex,
        time: uint32,
        counter: uint32,
        signature: signatureInHex,
      }),
    )
    .exactOptional(),
});
type IdentityFile = z.infer<typeof identityFile>;

/** A node's identity; fit for HandshakeOptions.identity. */
export interface Identity extends HandshakeIdentity {
  readonly uid: Uid;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Its former keys and how each handed over, oldest first. */
  readonly successions: readonly Succession[];
  /** Signs with the Ed25519 key, which does not leave this object. */
  sign(message: Uint8Array): Uint8Array;
  /** Overwrites the Ed25519 key in memory; it signs no more. */
  forget(): void;
}

export interface IdentityEnvironment {
  readonly suite?: CryptoSuite;
  readonly random?: Random;
  /** Milliseconds since 1970, for `createdAt`. */
  readonly wallClock?: () => number;
}

/** The identity of a seed and an X25519 private key, without any file. */
export function makeIdentity(
  suite: CryptoSuite,
  seed: Uint8Array,
  staticPrivateKey: Uint8Array,
  createdAt: string,
  successions: readonly Succession[] = [],
): Identity {
  const publicKey = suite.signingKey(seed);
  const staticKey: KeyPair = suite.keyPair(staticPrivateKey);
  const ownSeed = seed.slice();
  let forgotten = false;
  return {
    uid: uidOf(suite, publicKey),
    createdAt,
    publicKey,
    staticKey,
    proof: proveStaticKey(suite, ownSeed, staticKey.publicKey),
    successions,
    sign: (message) => {
      if (forgotten) throw new Error('this identity was replaced by another');
      return suite.sign(ownSeed, message);
    },
    forget: () => {
      forgotten = true;
      ownSeed.fill(0);
    },
  };
}

/**
 * Reads the identity of a home directory.
 * @returns undefined when there is none yet
 * @throws KithError 'identity' when others can read it or it is damaged
 */
export async function loadIdentity(
  home: string,
  suite: CryptoSuite = nodeSuite,
): Promise<Identity | undefined> {
  const path = join(home, IDENTITY_FILE);
  let text: string;
  try {
    const { mode, uid } = await stat(path);
    checkOwner(path, mode, uid);
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (isSystemError(cause, 'ENOENT')) return undefined;
    if (cause instanceof KithError) throw cause;
    throw new KithError(
      'identity',
      `The identity ${path} cannot be read; see to it that it is yours: chown "$USER" ${path}.`,
      { cause },
    );
  }
  return identityOf(suite, path, parseFile(path, text));
}

/**
 * Reads the identity of a home directory, or makes the directory and a new one.
 * @throws KithError 'identity'
 */
export async function loadOrCreateIdentity(
  home: string,
  environment: IdentityEnvironment = {},
): Promise<Identity> {
  const { suite = nodeSuite, random = randomOctets, wallClock = Date.now } = environment;
  const existing = await loadIdentity(home, suite);
  if (existing !== undefined) return existing;
  const seed = random(KEY_LENGTH);
  const staticPrivateKey = random(KEY_LENGTH);
  const createdAt = new Date(wallClock()).toISOString();
  const identity = makeIdentity(suite, seed, staticPrivateKey, createdAt);
  const suffix = bytesToHex(random(8));
  const isOurs = await place(home, suffix, identityText(identity, seed));
  if (isOurs) return identity;
  const winner = await loadIdentity(home, suite);
  if (winner !== undefined) return winner;
  throw new KithError(
    'identity',
    `The identity in ${home} vanished while it was read; stop whatever removes files there and start again.`,
  );
}

/** What stands in the file of an identity. */
export function identityText(identity: Identity, seed: Uint8Array): string {
  const { createdAt, uid, publicKey, staticKey, successions } = identity;
  const file: IdentityFile = {
    version: 1,
    createdAt,
    uid,
    ed25519: { seed: bytesToHex(seed), publicKey: bytesToHex(publicKey) },
    x25519: {
      privateKey: bytesToHex(staticKey.privateKey),
      publicKey: bytesToHex(staticKey.publicKey),
    },
    ...(successions.length === 0 ? {} : { successions: successions.map(successionInHex) }),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

function successionInHex({ oldKey, newKey, signature, time, counter }: Succession) {
  return {
    oldKey: bytesToHex(oldKey),
    newKey: bytesToHex(newKey),
    time,
    counter,
    signature: bytesToHex(signature),
  };
}

/** @returns false when another process was first */
async function place(home: string, suffix: string, text: string): Promise<boolean> {
  const path = join(home, IDENTITY_FILE);
  const temporary = `${path}.${suffix}`;
  try {
    await mkdir(home, { recursive: true, mode: DIRECTORY_MODE });
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      await file.writeFile(text);
      await file.chmod(FILE_MODE);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await moveIntoPlace(temporary, path);
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
    await syncDirectory(home);
    return true;
  } catch (cause) {
    if (isSystemError(cause, 'EEXIST')) return false;
    throw new KithError(
      'identity',
      `No identity can be written to ${home}; make the directory writable or choose another with --home.`,
      { cause },
    );
  }
}

/** A link fails if the name is taken, which a rename does not; some file systems have no links. */
async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (cause) {
    if (isSystemError(cause, 'EEXIST')) throw cause;
    await rename(temporary, path);
  }
}

async function syncDirectory(home: string): Promise<void> {
  const directory = await open(home, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function checkOwner(path: string, mode: number, owner: number): void {
  if ((mode & FOREIGN_MODE) !== 0) {
    throw new KithError(
      'identity',
      `Others can read the identity ${path}; close it: chmod 600 ${path}.`,
    );
  }
  const self = process.geteuid?.();
  if (self !== undefined && owner !== self) {
    throw new KithError(
      'identity',
      `The identity ${path} belongs to user ${owner} and this is user ${self}; run as its owner or choose another --home.`,
    );
  }
}

function parseFile(path: string, text: string): IdentityFile {
  try {
    return identityFile.parse(JSON.parse(text));
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function identityOf(suite: CryptoSuite, path: string, file: IdentityFile): Identity {
  const { ed25519, x25519, createdAt } = file;
  const successions = (file.successions ?? []).map(({ oldKey, newKey, signature, ...numbers }) => ({
    ...numbers,
    oldKey: hexToBytes(oldKey),
    newKey: hexToBytes(newKey),
    signature: hexToBytes(signature),
  }));
  const identity = makeIdentity(
    suite,
    hexToBytes(ed25519.seed),
    hexToBytes(x25519.privateKey),
    createdAt,
    successions,
  );
  const isWhole =
    file.uid === identity.uid &&
    ed25519.publicKey === bytesToHex(identity.publicKey) &&
    x25519.publicKey === bytesToHex(identity.staticKey.publicKey) &&
    isUnbroken(suite, identity);
  if (!isWhole) throw damaged(path);
  return identity;
}

/** Whether each former key hands over to the next, and the last one to the identity's. */
function isUnbroken(suite: CryptoSuite, { publicKey, successions }: Identity): boolean {
  return successions.every((each, index) => {
    const next = successions[index + 1]?.oldKey ?? publicKey;
    return suite.equal(each.newKey, next) && checkSuccession(suite, each);
  });
}

function damaged(path: string, cause?: unknown): KithError {
  return new KithError(
    'identity',
    `The identity ${path} is damaged; put a backup in its place, or move it away and get a new UID.`,
    { cause },
  );
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function randomOctets(length: number): Uint8Array {
  return Uint8Array.from(randomBytes(length));
}
