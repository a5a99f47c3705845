import test from 'ava';
import { formatNumber, formatSummary, formatTarget } from '../../bench/format.ts';
import { ratioPlot } from '../../bench/ratio-plot.ts';
import { type BenchResult, toJson, toMarkdown, toText } from '../../bench/report.ts';
import { evaluate, type RowResult } from '../../bench/runner.ts';

const METRICS = [
  { name: 'frames/s', unit: '', better: 'more', digits: 0 },
  { name: 'CPU', unit: 'µs', better: 'less', digits: 2 },
] as const;

const ROW: RowResult = {
  name: 'local',
  title: 'Local <switching>',
  runs: 2,
  seconds: 3,
  metrics: METRICS,
  ...evaluate(
    {
      name: 'local',
      title: '',
      metrics: METRICS,
      targets: [
        { metric: 'frames/s', contender: 'kith', over: 'vde_switch', atLeast: 1.2 },
        { metric: 'CPU', contender: 'kith', atMost: 1 },
        { metric: 'frames/s', contender: 'ghost', atLeast: 1 },
      ],
      ratios: [['kith', 'vde_switch']],
    },
    new Map([
      [
        'kith',
        [
          { 'frames/s': 300_000, CPU: 1.5 },
          { 'frames/s': 500_000, CPU: 1.7 },
        ],
      ],
      ['vde_switch', [{ 'frames/s': 200_000, CPU: 3 }, { 'frames/s': 400_000 }]],
    ]),
  ),
  skipped: [{ name: 'ghost', reason: 'install ghost' }],
  failures: [{ name: 'kith', run: 3, reason: 'fell over' }],
};

const RESULT: BenchResult = {
  startedAt: '2030-01-01T00:00:00.000Z',
  warmup: 1,
  machine: {
    cpu: 'Some CPU',
    cores: 2,
    allowedCpus: [0, 1],
    memoryMegabytes: 1024,
    kernel: 'Linux 6',
    governor: 'unknown',
    virtualised: true,
    autogroup: '1',
    load: [0, 0, 0],
    node: '20',
    openssl: '3',
    vdeSwitch: '2.3.2',
  },
  rows: [ROW],
};

test('numbers, summaries and targets read well', (t) => {
  t.is(formatNumber(1234567.891, 0), '1,234,568');
  t.is(formatNumber(0.5, 2), '0.50');
  t.is(formatSummary({ median: 2, min: 1, max: 3 }, 1), '2.0 (1.0–3.0)');
  t.is(formatSummary({ median: 2, min: 2, max: 2 }, 0), '2');
  t.is(formatTarget({ metric: 'm', contender: 'a', over: 'b', atMost: 0.7 }, 'µs'), '≤ 0.7 × b');
  t.is(formatTarget({ metric: 'm', contender: 'a', atMost: 0.5 }, '%'), '≤ 0.5 %');
  t.is(formatTarget({ metric: 'm', contender: 'a', atLeast: 3 }, ''), '≥ 3');
});

test('text tells ratios, targets, what was skipped and what failed', (t) => {
  const text = toText(RESULT);
  t.regex(text, /frames\/s\s+400,000 \(300,000–500,000\)\s+300,000 \(200,000–400,000\)\s+1\.38/);
  t.regex(text, /≥ 1\.2 × vde_switch; ≥ 1\s+reached; unmeasured/);
  t.regex(text, /CPU, µs .* ≤ 1 µs\s+not reached/);
  t.regex(text, /ghost was skipped: install ghost/);
  t.regex(text, /kith failed in run 3: fell over/);
  t.regex(text, /Targets: 1 reached, 1 not reached, 1 unmeasured\./);
});

test('every line of a Markdown table has as many cells as its head', (t) => {
  const lines = toMarkdown(RESULT)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  t.is(lines.length, 2 + METRICS.length);
  const cells = lines.map((line) => line.split('|').length);
  t.true(cells.every((count) => count === cells[0]));
});

test('JSON keeps every single value', (t) => {
  const parsed = JSON.parse(toJson(RESULT));
  t.deepEqual(parsed.rows[0].contenders[0].metrics['frames/s'].values, [300_000, 500_000]);
  t.deepEqual(parsed.rows[0].ratios[0].values, [1.5, 1.25]);
  t.is(parsed.machine.cpu, 'Some CPU');
});

test('the plot has a dot for every ratio and a mark for every target on one', (t) => {
  const svg = ratioPlot([ROW]);
  t.is(svg.match(/<circle/g)?.length, 2);
  t.is(svg.match(/stroke-width="3"/g)?.length, 1);
  t.notRegex(svg, /NaN|Infinity|undefined/);
  t.true(svg.startsWith('<svg ') && svg.endsWith('</svg>\n'));
});

test('a plot of nothing, or of a ratio of 0, is still a plot', (t) => {
  t.notRegex(ratioPlot([]), /NaN|Infinity/);
  const zero = { metric: 'CPU', contender: 'a', over: 'b', values: [0], median: 0, min: 0, max: 0 };
  t.notRegex(ratioPlot([{ ...ROW, ratios: [zero] }]), /NaN|Infinity/);
});
