import test from 'ava';
import fc from 'fast-check';
import { TokenBucket } from '../../src/stp/token-bucket.ts';

test('a burst passes, then the rate', (t) => {
  const bucket = new TokenBucket(50, 100);
  let passed = 0;
  for (let i = 0; i < 10_000; i++) if (bucket.take(i / 10)) passed += 1;
  t.is(passed, 100 + 49);
});

test('never more than burst plus rate times time, whatever the clock does', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 300 }), (times) => {
      const bucket = new TokenBucket(10, 5);
      const passed = times.filter((time) => bucket.take(time)).length;
      t.true(passed <= 5 + 10 * 5);
    }),
  );
});
