/** The replay window against a set that remembers everything. */

import test from 'ava';
import fc from 'fast-check';
import { ReplayWindow } from '../../src/links/replay-window.ts';

/** The twin: every number ever seen, and the highest. */
class NaiveWindow {
  readonly #seen = new Set<bigint>();
  readonly #length: bigint;
  #top = 0n;

  constructor(length: number) {
    this.#length = BigInt(length);
  }

  check(number: bigint): boolean {
    return this.#top - number < this.#length && !this.#seen.has(number);
  }

  commit(number: bigint): void {
    this.#seen.add(number);
    if (number > this.#top) this.#top = number;
  }
}

const halves = (number: bigint): [number, number] => [
  Number(number >> 32n),
  Number(number & 0xffffffffn),
];

const bases = fc.constantFrom(
  0n,
  2n ** 32n - 200n,
  5n * 2n ** 32n - 70n,
  2n ** 53n - 100n,
  2n ** 63n,
  2n ** 64n - 5000n,
);
const steps = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -100, max: 140 }) },
  { weight: 2, arbitrary: fc.integer({ min: -5000, max: 5000 }) },
  { weight: 1, arbitrary: fc.constantFrom(-32, -31, -33, 31, 32, 33, 64, 96, 128, -96, -95, -97) },
);

for (const ringBits of [64, 128, 2048, 4096]) {
  test(`a ring of ${ringBits} bits does what a set does`, (t) => {
    fc.assert(
      fc.property(bases, fc.array(steps, { minLength: 1, maxLength: 200 }), (base, walk) => {
        const window = new ReplayWindow(ringBits);
        const twin = new NaiveWindow(window.length);
        let at = base;
        for (const step of walk) {
          const moved = at + BigInt(step);
          if (moved < 0n || moved >= 2n ** 64n) continue;
          at = moved;
          const [high, low] = halves(at);
          const fresh = window.check(high, low);
          if (fresh !== twin.check(at)) return false;
          if (!fresh) continue;
          window.commit(high, low);
          twin.commit(at);
          if (window.check(high, low)) return false;
        }
        return true;
      }),
      { numRuns: 300 },
    );
    t.pass();
  });
}

/** Wide steps and a full window: words that are not cleared show themselves here. */
for (const ringBits of [64, 128, 2048]) {
  test(`a full ring of ${ringBits} bits agrees in every place wherever it moves`, (t) => {
    fc.assert(
      fc.property(
        bases,
        fc.array(fc.integer({ min: 1, max: ringBits + 40 }), { minLength: 3, maxLength: 12 }),
        (base, moves) => {
          const window = new ReplayWindow(ringBits);
          const twin = new NaiveWindow(window.length);
          let top = base;
          for (const move of moves) {
            top += BigInt(move);
            if (top >= 2n ** 64n) break;
            window.commit(...halves(top));
            twin.commit(top);
            for (let behind = 0n; behind < BigInt(ringBits + 40); behind++) {
              const number = top - behind;
              if (number < 0n) break;
              const fresh = window.check(...halves(number));
              if (fresh !== twin.check(number)) return false;
              // Two of three arrive, so that moved-over words are neither full nor empty.
              if (!fresh || number % 3n === 0n) continue;
              window.commit(...halves(number));
              twin.commit(number);
            }
          }
          return true;
        },
      ),
      { numRuns: 40 },
    );
    t.pass();
  });
}

test('numbers far apart are told apart', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 50 }),
      (numbers) => {
        const window = new ReplayWindow(2048);
        const twin = new NaiveWindow(window.length);
        for (const number of numbers) {
          const [high, low] = halves(number);
          if (window.check(high, low) !== twin.check(number)) return false;
          if (!twin.check(number)) continue;
          window.commit(high, low);
          twin.commit(number);
        }
        return true;
      },
    ),
  );
  t.pass();
});

test('the window is at least 2,048 long by default, and starts anew when told', (t) => {
  const window = new ReplayWindow();
  t.true(window.length >= 2048);
  t.true(window.check(0, 0));
  window.commit(0, 0);
  t.false(window.check(0, 0));
  window.commit(0, window.length);
  t.false(window.check(0, 0), 'now too old as well');
  t.true(window.check(0, 1));
  window.reset();
  t.true(window.check(0, 0));
});

test('a check moves nothing', (t) => {
  const window = new ReplayWindow(64);
  t.true(window.check(0xffffffff, 0xffffffff));
  t.true(window.check(0, 1));
});

test('a length that is no power of two is refused', (t) => {
  t.throws(() => new ReplayWindow(1000), { instanceOf: RangeError });
  t.throws(() => new ReplayWindow(32), { instanceOf: RangeError });
});
