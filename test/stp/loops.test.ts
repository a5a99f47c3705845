/** No loop at any instant, whatever happens: random networks, and those that once had one. */
import test from 'ava';
import fc from 'fast-check';
import { EVENTS, type EventKind, randomNetwork, tryNetwork } from './networks.ts';

function loopsIn(seed: number, kind: EventKind, density: number): number {
  let loops = 0;
  for (const trial of tryNetwork(randomNetwork(seed, density), kind)) loops += trial.loops;
  return loops;
}

/** What closed a loop in them before it was mended, and the clause it was in. */
const ONCE: readonly (readonly [cause: string, kind: EventKind, seeds: readonly number[]])[] = [
  ['agreements to something older, 17.21.9', 'cut', [30, 260]],
  ['the same, with changes on the heels of changes', 'churn', [37, 170, 212, 260]],
  ['the same, of the ghost of a dead root', 'death', [48, 73, 101, 103, 115, 190, 256, 286]],
  ['agreements to something better than what is said now', 'death', [962, 1153, 2180, 2503]],
  ['time that passed was taken for an agreement, 17.29', 'death', [348]],
  ['time that passed while nobody could object', 'death', [462, 588, 1049]],
];

for (const [cause, kind, seeds] of ONCE) {
  test(`networks that once had a loop: ${cause}`, (t) => {
    for (const seed of seeds) t.is(loopsIn(seed, kind, 1), 0, `seed ${seed}`);
  });
}

test('random networks, whatever happens to them', (t) => {
  const anyCase = fc.record({
    seed: fc.integer({ min: 0, max: 0xffffffff }),
    kind: fc.constantFrom(...EVENTS),
    density: fc.constantFrom(0, 1, 3),
  });
  fc.assert(
    fc.property(anyCase, ({ seed, kind, density }) => {
      t.is(loopsIn(seed, kind, density), 0);
    }),
    { numRuns: 100 },
  );
});
