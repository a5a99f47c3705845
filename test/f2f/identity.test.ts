import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { KithError } from '../../src/errors.ts';
import {
  IDENTITY_FILE,
  loadIdentity,
  loadOrCreateIdentity,
  makeIdentity,
} from '../../src/f2f/identity.ts';
import { uidOf } from '../../src/f2f/uid.ts';
import { checkStaticKey } from '../../src/links/handshake/identity-proof.ts';
import { nobleSuite } from '../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';

async function homeFor(t: ExecutionContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'kith-identity-'));
  t.teardown(() => rm(parent, { recursive: true, force: true }));
  return join(parent, 'home');
}

const permissions = async (path: string) => (await stat(path)).mode & 0o777;

test('an identity is made once, privately, and found again', async (t) => {
  const home = await homeFor(t);
  t.is(await loadIdentity(home), undefined);
  const wallClock = () => Date.UTC(2026, 0, 31, 12);
  const made = await loadOrCreateIdentity(home, { wallClock });
  t.is(made.createdAt, '2026-01-31T12:00:00.000Z');
  t.is(made.uid, uidOf(nodeSuite, made.publicKey));
  t.true(checkStaticKey(nodeSuite, made.publicKey, made.staticKey.publicKey, made.proof));
  t.is(await permissions(home), 0o700);
  t.is(await permissions(join(home, IDENTITY_FILE)), 0o600);
  t.deepEqual(await readdir(home), [IDENTITY_FILE], 'no temporary file is left');

  const again = await loadOrCreateIdentity(home);
  t.is(again.uid, made.uid);
  t.deepEqual(again.staticKey, made.staticKey);
  t.deepEqual(again.proof, made.proof);
  t.is(again.createdAt, made.createdAt);
  const message = Uint8Array.of(1, 2, 3);
  t.true(nobleSuite.verify(made.publicKey, message, again.sign(message)));
});

test('the seed is in the file alone', async (t) => {
  const home = await homeFor(t);
  const identity = await loadOrCreateIdentity(home);
  const { ed25519 } = JSON.parse(await readFile(join(home, IDENTITY_FILE), 'utf8'));
  t.false(JSON.stringify(identity).includes(ed25519.seed));
});

test('both suites make the same of the same keys', (t) => {
  const [seed, key] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const [a, b] = [nodeSuite, nobleSuite].map((suite) => makeIdentity(suite, seed, key, 'now'));
  t.is(a.uid, b.uid);
  t.deepEqual(a.staticKey, b.staticKey);
  t.deepEqual(a.proof, b.proof);
});

test('nodes that start at once end with one identity', async (t) => {
  const home = await homeFor(t);
  const identities = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateIdentity(home)));
  t.is(new Set(identities.map(({ uid }) => uid)).size, 1);
  t.deepEqual(await readdir(home), [IDENTITY_FILE]);
});

test('an identity that others can read is refused, with the mend', async (t) => {
  const home = await homeFor(t);
  await loadOrCreateIdentity(home);
  const path = join(home, IDENTITY_FILE);
  for (const mode of [0o640, 0o604, 0o660, 0o620]) {
    await chmod(path, mode);
    const error = await t.throwsAsync(() => loadOrCreateIdentity(home), { instanceOf: KithError });
    t.is(error?.code, 'identity');
    t.true(error?.message.includes(`chmod 600 ${path}`));
  }
  await chmod(path, 0o600);
  await t.notThrowsAsync(() => loadOrCreateIdentity(home));
});

test('a damaged identity is refused and never replaced', async (t) => {
  const home = await homeFor(t);
  await loadOrCreateIdentity(home);
  const path = join(home, IDENTITY_FILE);
  const text = await readFile(path, 'utf8');
  const file = JSON.parse(text);
  const swapped = { ...file, x25519: { ...file.x25519, publicKey: file.ed25519.publicKey } };
  for (const damage of ['', '{', '{}', text.slice(0, -20), JSON.stringify(swapped), '[]', 'null']) {
    await writeFile(path, damage);
    const error = await t.throwsAsync(() => loadOrCreateIdentity(home), { instanceOf: KithError });
    t.is(error?.code, 'identity');
    t.is(await readFile(path, 'utf8'), damage);
  }
});

test('a home that cannot be made is named', async (t) => {
  const home = await homeFor(t);
  await writeFile(home, 'a file is in the way');
  const error = await t.throwsAsync(() => loadOrCreateIdentity(home), { instanceOf: KithError });
  t.is(error?.code, 'identity');
  t.true(error?.message.includes(home));
});
