import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { KeptUntilSent } from '../../src/data-plane/kept-until-sent.ts';
import type { Session } from '../../src/data-plane/session.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const someSession = (): Session => ({}) as Session;

test('each goes back once, to the session that it is from', (t) => {
  const kept = new KeptUntilSent<number>();
  const [one, two] = [someSession(), someSession()];
  kept.keep(7, one);
  kept.keep(8, two);
  kept.keep(9, one);
  t.is(kept.count, 3);
  const given: [boolean, number][] = [];
  const give = (owner: Session, thing: number): void => void given.push([owner === one, thing]);
  kept.giveBack(give);
  kept.giveBack(give);
  t.is(kept.count, 0);
  t.deepEqual(given, [
    [true, 7],
    [false, 8],
    [true, 9],
  ]);
});

test('a session that has all back is not held on to', async (t) => {
  const kept = new KeptUntilSent<number>();
  const ended = (() => {
    const session = someSession();
    kept.keep(1, session);
    kept.giveBack(() => {});
    return new WeakRef(session);
  })();
  await setImmediate(); // until then a WeakRef that was just made holds what it refers to
  collect();
  t.is(ended.deref(), undefined);
});
