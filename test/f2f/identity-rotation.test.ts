import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KithError } from '../../src/errors.ts';
import { IDENTITY_FILE, loadIdentity, loadOrCreateIdentity } from '../../src/f2f/identity.ts';
import { rotateIdentity } from '../../src/f2f/identity-rotation.ts';
import { uidOf } from '../../src/f2f/uid.ts';
import { checkStaticKey } from '../../src/links/handshake/identity-proof.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';
import { checkSuccession } from '../../src/links/handshake/succession.ts';

async function homeFor(t: ExecutionContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'kith-rotate-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  return home;
}

const text = (home: string) => readFile(join(home, IDENTITY_FILE), 'utf8');

test('a node gets another key, and keeps the chain that leads to it', async (t) => {
  const home = await homeFor(t);
  let identity = await loadOrCreateIdentity(home);
  const keys = [identity.publicKey];
  for (let change = 1; change <= 3; change++) {
    const before = identity;
    const secrets = JSON.parse(await text(home)) as { ed25519: { seed: string } };
    const wallClock = () => Date.UTC(2030, 0, change);
    identity = await rotateIdentity(home, before, { wallClock });
    keys.push(identity.publicKey);
    t.not(identity.uid, before.uid);
    t.is(identity.uid, uidOf(nodeSuite, identity.publicKey));
    t.notDeepEqual(identity.staticKey, before.staticKey);
    t.true(
      checkStaticKey(nodeSuite, identity.publicKey, identity.staticKey.publicKey, identity.proof),
    );
    t.is(identity.createdAt, `2030-01-0${change}T00:00:00.000Z`);
    t.false((await text(home)).includes(secrets.ed25519.seed), 'the old seed is gone');
    t.throws(() => before.sign(new Uint8Array(1)), { message: /replaced by another/ });
  }
  const again = await loadIdentity(home);
  t.is(again?.uid, identity.uid);
  t.deepEqual(again?.successions, identity.successions);
  t.deepEqual(
    identity.successions.map(({ counter }) => counter),
    [1, 2, 3],
  );
  identity.successions.forEach((each, index) => {
    t.deepEqual([each.oldKey, each.newKey], [keys[index], keys[index + 1]]);
    t.true(checkSuccession(nodeSuite, each));
    t.is(each.time, Date.UTC(2030, 0, index + 1) / 1000);
  });
  t.is((await stat(join(home, IDENTITY_FILE))).mode & 0o777, 0o600);
  t.deepEqual(await readdir(home), [IDENTITY_FILE], 'no temporary file is left');
});

test('what was in the old file is written over, for who still has it open', async (t) => {
  const home = await homeFor(t);
  const identity = await loadOrCreateIdentity(home);
  const old = await open(join(home, IDENTITY_FILE), 'r');
  t.teardown(() => old.close());
  await rotateIdentity(home, identity);
  const left = await old.readFile();
  t.true(left.length > 100);
  t.true(left.every((octet) => octet === 0));
});

test('an identity that is not the one in the file is not rotated', async (t) => {
  const home = await homeFor(t);
  const identity = await loadOrCreateIdentity(home);
  await rotateIdentity(home, identity);
  const before = await text(home);
  const error = await t.throwsAsync(rotateIdentity(home, identity), { instanceOf: KithError });
  t.is(error?.code, 'identity');
  t.regex(error?.message ?? '', /not the one that is in use; start the node again/);
  t.is(await text(home), before);
});

test('a chain that does not hold makes the file a damaged one', async (t) => {
  const home = await homeFor(t);
  await rotateIdentity(home, await rotateIdentity(home, await loadOrCreateIdentity(home)));
  const whole = await text(home);
  const file = JSON.parse(whole) as { successions: { time: number; newKey: string }[] };
  const [first, second] = file.successions;
  for (const successions of [[first], [second, first], [first, { ...second, time: 5 }]]) {
    await writeFile(join(home, IDENTITY_FILE), JSON.stringify({ ...file, successions }));
    await t.throwsAsync(loadIdentity(home), { message: /is damaged; put a backup in its place/ });
  }
  // Without the first change it is a shorter chain, and a whole one.
  await writeFile(join(home, IDENTITY_FILE), JSON.stringify({ ...file, successions: [second] }));
  t.is((await loadIdentity(home))?.successions.length, 1);
});
