/** A moment of fuzzing with every run of the tests; `npm run fuzz` takes longer. */
import test from 'ava';
import { seeded } from '../links/handshake/handshake-driver.ts';
import { mutate } from './mutate.ts';
import { corpusOf, fuzz, judge, TARGETS } from './runner.ts';
import { pure } from './target.ts';

/** Enough to go through every change of the mutator. */
const INPUTS = 150;

for (const target of TARGETS) {
  test(`${target.name} keeps its word`, async (t) => {
    const { finding } = await fuzz(target, 20_260_101, { inputs: INPUTS });
    t.is(finding, undefined, Buffer.from(finding?.input ?? []).toString('hex'));
  });

  test(`the corpus of ${target.name} is of real messages, and small`, (t) => {
    const corpus = corpusOf(target).map((bytes) => Buffer.from(bytes).toString('hex'));
    t.true(corpus.length > 0 && corpus.length <= 32);
    for (const [name, bytes] of Object.entries(target.samples())) {
      t.true(bytes.length <= target.longest, name);
      const found = corpus.includes(Buffer.from(bytes).toString('hex'));
      t.true(found, `${name}: write it anew with \`npm run fuzz -- --write-corpus\``);
    }
  });
}

test('what throws, and what takes too long, is found', async (t) => {
  const broken = pure(
    'broken',
    10,
    () => ({}),
    (input) => {
      if (input[0] === 1) throw new RangeError('as a parser must not');
    },
  );
  const { check } = broken.make();
  t.is(await judge(check, Uint8Array.of(0)), undefined);
  t.is((await judge(check, Uint8Array.of(1)))?.message, 'as a parser must not');
});

test('the same seed makes the same inputs, within their length', (t) => {
  const corpus = [Uint8Array.of(1, 2, 3, 4), new Uint8Array(40).fill(7)];
  const make = (seed: number) => {
    const chance = seeded(seed);
    return Array.from({ length: 500 }, () =>
      Buffer.from(mutate(corpus, chance, 50)).toString('hex'),
    );
  };
  t.deepEqual(make(3), make(3));
  t.notDeepEqual(make(3), make(4));
  t.true(make(3).every((hex) => hex.length <= 100));
  t.true(new Set(make(3)).size > 300);
  t.deepEqual(corpus[0], Uint8Array.of(1, 2, 3, 4), 'the corpus itself is left alone');
});
