import test from 'ava';
import fc from 'fast-check';
import type { Bench, Contender, Measurement, Row } from '../../bench/row.ts';
import {
  evaluate,
  judge,
  measureRow,
  pairRatios,
  summarise,
  turnOrder,
} from '../../bench/runner.ts';

const ROW: Row = {
  name: 'race',
  title: 'A race',
  metrics: [
    { name: 'speed', unit: '', better: 'more', digits: 0 },
    { name: 'note', unit: '', better: 'neither', digits: 0 },
  ],
  targets: [{ metric: 'speed', contender: 'hare', over: 'tortoise', atLeast: 2 }],
  ratios: [['hare', 'tortoise']],
  contenders: (_bench: Bench) => [],
};

const PACE = { runs: 3, seconds: 1 };

function contender(name: string, values: readonly (number | Error)[], log: string[]): Contender {
  let run = 0;
  return {
    name,
    async measure(): Promise<Measurement> {
      log.push(name);
      const value = values[run++];
      if (value instanceof Error) throw value;
      return { speed: value, note: 1 };
    },
  };
}

test('the order within pairs turns round every time', (t) => {
  t.deepEqual(turnOrder(3, 0), [0, 1, 2]);
  t.deepEqual(turnOrder(3, 1), [2, 1, 0]);
  t.deepEqual(turnOrder(3, 2), [0, 1, 2]);
  t.deepEqual(turnOrder(0, 1), []);
});

test('median, minimum and maximum', (t) => {
  t.deepEqual(summarise([3, 1, 2]), { median: 2, min: 1, max: 3 });
  t.deepEqual(summarise([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
  t.deepEqual(summarise([7]), { median: 7, min: 7, max: 7 });
  t.throws(() => summarise([]), { instanceOf: RangeError });
});

test('a median has as many values on either side', (t) => {
  const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 });
  fc.assert(
    fc.property(values, (list) => {
      const copy = [...list];
      const { median, min, max } = summarise(list);
      const below = list.filter((value) => value < median).length;
      const above = list.filter((value) => value > median).length;
      const half = list.length / 2;
      const sameList = list.every((value, index) => Object.is(value, copy[index]));
      return sameList && min <= median && median <= max && below <= half && above <= half;
    }),
  );
  t.pass();
});

test('ratios are taken pair by pair, and half a pair is no pair', (t) => {
  const a = [{ speed: 4 }, { speed: 6 }, undefined, { speed: 9 }, {}];
  const b = [{ speed: 2 }, undefined, { speed: 1 }, { speed: 3 }, { speed: 1 }];
  t.deepEqual(pairRatios(a, b, 'speed'), [2, 3]);
  t.deepEqual(pairRatios([{ speed: 1 }], [{ speed: 0 }], 'speed'), []);
  t.deepEqual(pairRatios([{ speed: 1 }], [], 'speed'), []);
});

test('limits are inclusive, and nothing measured is no verdict', (t) => {
  const target = { metric: 'speed', contender: 'hare', atLeast: 1, atMost: 2 };
  t.is(judge(target, 1).outcome, 'reached');
  t.is(judge(target, 2).outcome, 'reached');
  t.is(judge(target, 0.99).outcome, 'not reached');
  t.is(judge(target, 2.01).outcome, 'not reached');
  t.is(judge(target, undefined).outcome, 'unmeasured');
});

test('a target with `over` is held against the median of the ratios, not the ratio of medians', (t) => {
  const series = new Map([
    ['hare', [{ speed: 10 }, { speed: 20 }, { speed: 90 }]],
    ['tortoise', [{ speed: 1 }, { speed: 20 }, { speed: 30 }]],
  ]);
  const { ratios, verdicts } = evaluate(ROW, series);
  t.is(ratios.length, 1);
  t.deepEqual(ratios[0].values, [10, 1, 3]);
  t.is(verdicts[0].value, 3);
  t.is(verdicts[0].outcome, 'reached');
});

test('runs alternate, a failed run drops its pair, an absent contender is named', async (t) => {
  const log: string[] = [];
  const said: string[] = [];
  const hare = contender('hare', [10, new Error('asleep'), 30], log);
  const tortoise = contender('tortoise', [5, 5, 10], log);
  const snail = { ...contender('snail', [], log), missing: 'install snail' };
  const result = await measureRow(ROW, [hare, tortoise, snail], PACE, (line) => said.push(line));

  t.deepEqual(log, ['hare', 'tortoise', 'tortoise', 'hare', 'hare', 'tortoise']);
  t.deepEqual(result.skipped, [{ name: 'snail', reason: 'install snail' }]);
  t.deepEqual(result.failures, [{ name: 'hare', run: 2, reason: 'asleep' }]);
  t.deepEqual(result.contenders[0].metrics.speed.values, [10, 30]);
  t.deepEqual(result.ratios[0].values, [2, 3]);
  t.is(result.verdicts[0].outcome, 'reached');
  t.is(said.length, 7);
});

test('a row may ask for fewer runs, and without contenders nothing is judged', async (t) => {
  const log: string[] = [];
  const once = { ...ROW, mostRuns: 1 };
  const result = await measureRow(once, [contender('tortoise', [5, 6], log)], PACE, () => {});
  t.is(result.runs, 1);
  t.deepEqual(log, ['tortoise']);
  t.deepEqual(result.ratios, []);
  t.is(result.verdicts[0].outcome, 'unmeasured');
});
