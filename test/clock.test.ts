import test from 'ava';
import { ManualClock, monotonicClock } from '../src/clock.ts';

test('a manual clock moves only when told to, and only forward', (t) => {
  const clock = new ManualClock(5);
  t.is(clock.now(), 5);
  clock.advance(0.5);
  t.is(clock.now(), 5.5);
  t.throws(() => clock.advance(-1), { instanceOf: RangeError });
  t.throws(() => clock.advance(Number.NaN), { instanceOf: RangeError });
  t.is(clock.now(), 5.5);
});

test('the monotonic clock does not run backwards', (t) => {
  const first = monotonicClock.now();
  t.true(monotonicClock.now() >= first);
});
