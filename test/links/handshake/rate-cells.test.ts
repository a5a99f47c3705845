import test from 'ava';
import fc from 'fast-check';
import { RateCells } from '../../../src/links/handshake/rate-cells.ts';

/** The same with tokens that are counted: milliseconds and a rate that divide without rest. */
class CountedTokens {
  readonly #interval: number;
  readonly #burst: number;
  #tokens: number;
  #at = 0;

  constructor(interval: number, burst: number) {
    this.#interval = interval;
    this.#burst = burst;
    this.#tokens = burst;
  }

  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) / this.#interval);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

test('so many at once, then so many a second', (t) => {
  const cells = new RateCells(2, 10, 3);
  const taken = (now: number) => cells.take(0, now);
  t.deepEqual([5000, 5000, 5000, 5000, 5099].map(taken), [true, true, true, false, false]);
  t.deepEqual([5100, 5100].map(taken), [true, false]);
  t.deepEqual([9000, 9000, 9000, 9000].map(taken), [true, true, true, false]);
  t.true(cells.take(1, 5000), 'another cell has its own');
});

test('a burst of one is a distance', (t) => {
  const cells = new RateCells(1, 4, 1);
  const times = [0, 249, 250, 499, 500];
  t.deepEqual(
    times.map((now) => cells.take(0, now)),
    [true, false, true, false, true],
  );
});

test('what is refused uses nothing up', (t) => {
  const cells = new RateCells(1, 8, 1);
  t.true(cells.take(0, 0));
  for (let now = 1; now < 125; now++) t.false(cells.take(0, now));
  t.true(cells.take(0, 125));
});

test('it is a token bucket', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 8, 64),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 200 }),
      (interval, burst, steps) => {
        const cells = new RateCells(1, 1000 / interval, burst);
        const twin = new CountedTokens(interval, burst);
        let now = 0;
        for (const step of steps) {
          now += step;
          t.is(cells.take(0, now), twin.take(now));
        }
      },
    ),
  );
});
