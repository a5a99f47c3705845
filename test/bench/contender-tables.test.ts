import test from 'ava';
import { contenderTables } from '../../bench/contender-tables.ts';
import { formatTarget } from '../../bench/format.ts';
import { ratioPlot } from '../../bench/ratio-plot.ts';
import { bestSeries, evaluate, type RowResult } from '../../bench/runner.ts';

const METRICS = [
  { name: 'TCP', unit: 'Mb/s', better: 'more', digits: 0 },
  { name: 'p50', unit: 'µs', better: 'less', digits: 0 },
  { name: 'p99', unit: 'µs', better: 'less', digits: 0 },
  { name: 'MTU', unit: '', better: 'neither', digits: 0 },
] as const;

const SERIES = new Map([
  ['veth', [{ TCP: 1000, p50: 4, p99: 5 }, { TCP: 1200 }]],
  [
    'kith',
    [
      { TCP: 500, p50: 20, p99: 100, MTU: 1500 },
      { TCP: 900, p50: 30, p99: 90 },
    ],
  ],
  [
    'hare',
    [
      { TCP: 100, p50: 40, p99: 400 },
      { TCP: 120, p50: 60 },
    ],
  ],
  ['tortoise', [{ TCP: 50, p50: 25, p99: 90 }, undefined]],
  ['snail', [undefined, undefined]],
]);

const ROW: RowResult = {
  name: 'field',
  title: 'A field',
  runs: 2,
  seconds: 5,
  layout: 'by-contender',
  metrics: METRICS,
  ...evaluate(
    {
      name: 'field',
      title: '',
      metrics: METRICS,
      best: { name: 'best peer', of: ['hare', 'tortoise', 'snail'] },
      ratios: [
        ['kith', 'veth'],
        ['hare', 'veth'],
        ['kith', 'best peer'],
      ],
      targets: [
        { metric: 'TCP', contender: 'kith', over: 'veth', atLeast: 0.5 },
        { metric: 'p50', contender: 'kith', over: 'best peer', atMost: 0.7 },
        { metric: 'p99', contender: 'kith', over: 'kith', overMetric: 'p50', atMost: 3 },
        { metric: 'TCP', contender: 'kith', over: 'ghost', atLeast: 2 },
      ],
    },
    SERIES,
  ),
  skipped: [{ name: 'ghost', reason: 'not installed: ghost' }],
  failures: [
    { name: 'tortoise', run: 2, reason: 'asleep' },
    { name: 'snail', run: 1, reason: 'late' },
    { name: 'snail', run: 2, reason: 'late' },
  ],
};

test('the best of each pair, each metric in its better way', (t) => {
  const best = bestSeries({ name: 'best', of: ['hare', 'tortoise', 'ghost'] }, SERIES, METRICS);
  t.deepEqual(best, [
    { TCP: 100, p50: 25, p99: 90 },
    { TCP: 120, p50: 60 },
  ]);
  t.deepEqual(bestSeries({ name: 'best', of: ['ghost'] }, SERIES, METRICS), []);
});

test('one line for each contender, also for those that failed or are not here', (t) => {
  const [measured] = contenderTables({
    ...ROW,
    contenders: ROW.contenders.map((each) =>
      each.name === 'hare' ? { ...each, version: '1.2' } : each,
    ),
  });
  t.deepEqual(measured.lines, [
    ['', 'TCP, Mb/s', 'p50, µs', 'p99, µs', 'MTU'],
    ['veth', '1,100 (1,000–1,200)', '4', '5', '–'],
    ['kith', '700 (500–900)', '25 (20–30)', '95 (90–100)', '1,500'],
    ['hare (1.2)', '110 (100–120)', '50 (40–60)', '400', '–'],
    ['tortoise', '50', '25', '90', '–'],
    ['snail', 'failed', 'failed', 'failed', 'failed'],
    ['ghost', 'not installed', 'not installed', 'not installed', 'not installed'],
  ]);
});

test('a table of ratios for each that ratios are taken to', (t) => {
  const [, veth, best] = contenderTables(ROW);
  t.is(veth.title, 'Ratios to veth');
  t.deepEqual(veth.lines, [
    ['', 'TCP', 'p50', 'p99'],
    ['kith', '0.63 (0.50–0.75)', '5.00', '20.00'],
    ['hare', '0.10', '10.00', '80.00'],
  ]);
  t.is(best.title, 'Ratios to best peer');
  t.deepEqual(best.lines[1], ['kith', '6.25 (5.00–7.50)', '0.65 (0.50–0.80)', '1.11']);
});

test('targets with what was measured, and those that nothing can be said about', (t) => {
  const targets = contenderTables(ROW).at(-1);
  t.deepEqual(targets?.lines.slice(1), [
    ['kith', 'TCP', '≥ 0.5 × veth', '0.63 (0.50–0.75)', 'reached'],
    ['kith', 'p50', '≤ 0.7 × best peer', '0.65 (0.50–0.80)', 'reached'],
    ['kith', 'p99', '≤ 3 × its own p50', '4.00 (3.00–5.00)', 'not reached'],
    ['kith', 'TCP', '≥ 2 × ghost', '–', 'unmeasured'],
  ]);
});

test('a target on another metric names it', (t) => {
  const target = { metric: 'm', contender: 'a', over: 'b', overMetric: 'n', atLeast: 2 };
  t.is(formatTarget(target, ''), '≥ 2 × b n');
});

test('every table is a rectangle', (t) => {
  for (const { lines } of contenderTables(ROW)) {
    t.true(lines.every((line) => line.length === lines[0].length));
  }
});

test('the plot shows the first metric against the first other, and each target on a ratio once', (t) => {
  const svg = ratioPlot([ROW]);
  t.is(svg.match(/<circle/g)?.length, 4);
  t.is(svg.match(/stroke-width="3"/g)?.length, 3);
  t.notRegex(svg, /NaN|Infinity|undefined/);
});
