/**
 * A new key for a node, signed by the old one.
 *
 * Read first: docs/protocol/identity.md; links/handshake/succession.ts.
 *
 * The old key is needed for one signature, and never again: friends believe the chain
 * of signatures. So it does not stay in the file, nor in memory, and what is stolen
 * later cannot name another successor.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { KithError } from '../errors.ts';
import { nodeSuite } from '../links/handshake/node-suite.ts';
import { type Succession, successionStatement } from '../links/handshake/succession.ts';
import {
  IDENTITY_FILE,
  type Identity,
  type IdentityEnvironment,
  identityText,
  loadIdentity,
  makeIdentity,
} from './identity.ts';
import { replaceFile } from './replace-file.ts';

const KEY_LENGTH = 32;

/**
 * Replaces the identity of a home by another with fresh keys, and forgets the old one.
 * The file is the old one or the new one, never a half.
 * @throws KithError 'identity' when the file is not that of `current`, 'permission' when it cannot be written
 */
export async function rotateIdentity(
  home: string,
  current: Identity,
  environment: IdentityEnvironment = {},
): Promise<Identity> {
  const { suite = nodeSuite, random = randomBytes, wallClock = Date.now } = environment;
  const path = join(home, IDENTITY_FILE);
  const stored = await loadIdentity(home, suite);
  if (stored?.uid !== current.uid) {
    throw new KithError(
      'identity',
      `The identity ${path} is not the one that is in use; start the node again, then rotate.`,
    );
  }
  const now = wallClock();
  const seed = Uint8Array.from(random(KEY_LENGTH));
  const staticPrivateKey = Uint8Array.from(random(KEY_LENGTH));
  const unsigned = {
    oldKey: current.publicKey,
    newKey: suite.signingKey(seed),
    time: Math.floor(now / 1000),
    counter: (current.successions.at(-1)?.counter ?? 0) + 1,
  };
  const signature = current.sign(successionStatement(suite, unsigned));
  const successions: readonly Succession[] = [...current.successions, { ...unsigned, signature }];
  const createdAt = new Date(now).toISOString();
  const next = makeIdentity(suite, seed, staticPrivateKey, createdAt, successions);
  const old = await open(path, 'r+').catch(() => undefined);
  try {
    await replaceFile(path, identityText(next, seed));
    await blank(old);
  } finally {
    await old?.close();
  }
  stored.forget();
  current.forget();
  return next;
}

/** Writes over a file that has lost its name. Copies that the file system keeps are out of reach. */
async function blank(file: FileHandle | undefined): Promise<void> {
  if (file === undefined) return;
  try {
    const { size } = await file.stat();
    await file.write(new Uint8Array(size), 0, size, 0);
    await file.sync();
  } catch {
    // The new file is in place, which is what counts.
  }
}
