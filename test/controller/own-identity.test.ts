import test from 'ava';
import { OwnIdentity } from '../../src/controller/own-identity.ts';
import { type Identity, loadOrCreateIdentity } from '../../src/f2f/identity.ts';
import { scratch } from './node-fixtures.ts';

test('keys follow one another, each is kept, and a fault does not stop the next', async (t) => {
  const home = scratch(t);
  const first = await loadOrCreateIdentity(home);
  const told: Identity[] = [];
  let fails = false;
  const own = new OwnIdentity({
    home,
    identity: first,
    log: { info: () => {} },
    rotated: (identity) => {
      if (fails) throw new Error('nobody could be told');
      told.push(identity);
    },
  });
  t.is(own.current, first);
  await Promise.all([own.rotate(), own.rotate()]);
  t.is(told.length, 2);
  t.is(own.current, told[1]);
  t.is(new Set([first, ...told].map(({ uid }) => uid)).size, 3);
  t.is((await loadOrCreateIdentity(home)).uid, own.current.uid);
  fails = true;
  await t.throwsAsync(own.rotate(), { message: 'nobody could be told' });
  fails = false;
  await own.rotate();
  t.is(told.at(-1), own.current);
});
