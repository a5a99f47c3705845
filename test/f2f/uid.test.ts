import { createHash } from 'node:crypto';
import test from 'ava';
import { KithError } from '../../src/errors.ts';
import { isUid, parseUid, shortUid, uidOf } from '../../src/f2f/uid.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';

const KEY = new Uint8Array(32).fill(7);

test('a UID is the first 20 octets of SHA-256 of the key, in hex', (t) => {
  const uid = uidOf(nodeSuite, KEY);
  t.is(uid as string, createHash('sha256').update(KEY).digest('hex').slice(0, 40));
  t.true(isUid(uid));
  t.is(shortUid(uid), uid.slice(0, 8));
});

test('a UID is read with blanks around it and in upper case', (t) => {
  const uid = uidOf(nodeSuite, KEY);
  t.is(parseUid(` ${uid.toUpperCase()}\n`), uid);
});

test('anything else is refused with the mend', (t) => {
  const uid = uidOf(nodeSuite, KEY);
  for (const text of ['', 'kith', uid.slice(1), `${uid}0`, `g${uid.slice(1)}`]) {
    const error = t.throws(() => parseUid(text), { instanceOf: KithError });
    t.is(error?.code, 'usage');
    t.regex(error?.message ?? '', /kith id/);
    t.false(isUid(text));
  }
});
