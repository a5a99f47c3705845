/**
 * `npm run tree-figures`: the figures of docs/protocol/stp.md, by seeds, with nothing timed.
 *
 *   npm run tree-figures                          both tables
 *   npm run tree-figures -- link-costs            equal costs against measured ones
 *   npm run tree-figures -- loops --seeds 500     loops in random networks
 */
import { parseArgs } from 'node:util';
import { compareCosts, jitterForAnHour, type Paths } from './link-cost-simulation.ts';
import { EVENTS, type EventKind, randomNetwork, tryNetwork } from './networks.ts';

const TABLES = ['link-costs', 'loops'];
const DEFAULT_SEEDS = { 'link-costs': 50, loops: 500 };
/** Links beyond those of a tree, for each switch. */
const DENSITIES = [1, 3];

const { values, positionals } = parseArgs({
  options: { seeds: { type: 'string' } },
  allowPositionals: true,
});

process.exitCode = main();

function main(): number {
  const seeds = values.seeds === undefined ? undefined : Number(values.seeds);
  const unknown = positionals.some((each) => !TABLES.includes(each));
  if (unknown || (seeds !== undefined && !(Number.isInteger(seeds) && seeds > 0))) {
    console.error(`give a whole number of seeds, and tables of these: ${TABLES.join(', ')}`);
    return 2;
  }
  const wanted = positionals.length === 0 ? TABLES : positionals;
  if (wanted.includes('link-costs')) printLinkCosts(seeds ?? DEFAULT_SEEDS['link-costs']);
  if (wanted.includes('loops')) printLoops(seeds ?? DEFAULT_SEEDS.loops);
  return 0;
}

function printLinkCosts(seeds: number): void {
  console.log(
    '| seed | links | latency ms: equal | measured | loss %: equal | measured | relays: equal | measured | in an hour: costs | trees | without hysteresis |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|---|');
  const rows: number[][] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const { links, equal, measured } = compareCosts(seed);
    const { costs, trees, naive } = jitterForAnHour(seed);
    const pair = (pick: (paths: Paths) => number) => [pick(equal), pick(measured)];
    const row = [
      links,
      ...pair(({ latency }) => latency),
      ...pair(({ loss }) => 100 * loss),
      ...pair(({ relays }) => relays),
      costs,
      trees,
      naive,
    ];
    rows.push(row);
    print(`${seed}`, row);
  }
  print(
    'mean',
    rows[0].map((_, column) => mean(rows.map((row) => row[column]))),
  );
}

function print(name: string, row: readonly number[]): void {
  const cells = row.map((value) => (Number.isInteger(value) ? `${value}` : value.toFixed(2)));
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function printLoops(seeds: number): void {
  console.log('| links beyond a tree, per switch | event | events | loops | seeds |');
  console.log('|---|---|---|---|---|');
  for (const density of DENSITIES) {
    const tally = new Map<EventKind, { events: number; loops: number; seeds: Set<number> }>();
    for (let seed = 0; seed < seeds; seed++) {
      // `cut` repairs what it cuts.
      for (const kind of EVENTS.filter((each) => each !== 'restore')) {
        for (const trial of tryNetwork(randomNetwork(seed, density), kind)) {
          const sum = tally.get(trial.kind) ?? { events: 0, loops: 0, seeds: new Set<number>() };
          sum.events += trial.events;
          sum.loops += trial.loops;
          if (trial.loops > 0) sum.seeds.add(seed);
          tally.set(trial.kind, sum);
        }
      }
    }
    for (const [kind, sum] of tally) {
      const which = [...sum.seeds].join(' ') || '-';
      console.log(`| ${density} | ${kind} | ${sum.events} | ${sum.loops} | ${which} |`);
    }
  }
}
