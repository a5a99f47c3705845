/** `npm run bench`: Kith against vde_switch, in alternated runs on this machine. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { Clients } from './clients.ts';
import { BUSY_LOAD, describeMachine } from './machine.ts';
import { Processes } from './processes.ts';
import { ratioPlot } from './ratio-plot.ts';
import { type BenchResult, toJson, toMarkdown, toText } from './report.ts';
import { findRoot } from './root.ts';
import type { Bench, Row } from './row.ts';
import { ROWS } from './rows/index.ts';
import { measureRow, type RowResult } from './runner.ts';

interface Options {
  readonly runs?: number;
  readonly seconds?: number;
  readonly quick?: boolean;
  readonly list?: boolean;
  readonly json?: string;
  readonly markdown?: string;
  readonly svg?: string;
}

interface Pace {
  readonly runs: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly idleSeconds: number;
}

const FULL: Pace = { runs: 5, seconds: 3, warmup: 0.7, idleSeconds: 20 };
const QUICK: Pace = { runs: 1, seconds: 0.8, warmup: 0.3, idleSeconds: 3 };

const program = new Command('bench')
  .description('Measures Kith against vde_switch, in alternated runs on this machine.')
  .argument('[rows...]', 'rows to run; by default all of them (see --list)')
  .option('--runs <n>', `pairs of runs (default: ${FULL.runs}, quick: ${QUICK.runs})`, wholeNumber)
  .option(
    '--seconds <s>',
    `counted seconds of a run (default: ${FULL.seconds}, quick: ${QUICK.seconds})`,
    positiveNumber,
  )
  .option('--quick', 'fewer and shorter runs, to see that everything works')
  .option('--list', 'list the rows and end')
  .option('--json <file>', 'write the results, with every single value, as JSON')
  .option('--markdown <file>', 'write the tables as Markdown')
  .option('--svg <file>', 'draw the ratios')
  .action(async (names: string[], options: Options) => {
    if (options.list) list();
    else process.exitCode = await run(names, options);
  });

await program.parseAsync();

function list(): void {
  const width = Math.max(...ROWS.map(({ name }) => name.length));
  for (const { name, title } of ROWS) console.log(`${name.padEnd(width)}  ${title}`);
}

/** @returns the exit code: 0 when every row was measured, whether or not it reached its targets */
async function run(names: readonly string[], options: Options): Promise<number> {
  const unknown = names.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined) {
    console.error(`there is no row '${unknown}'; --list shows them`);
    return 2;
  }
  const rows = names.length === 0 ? ROWS : ROWS.filter(({ name }) => names.includes(name));
  const base = options.quick ? QUICK : FULL;
  const pace = {
    ...base,
    runs: options.runs ?? base.runs,
    seconds: options.seconds ?? base.seconds,
  };

  const scratch = mkdtempSync(join(tmpdir(), 'kb'));
  const processes = new Processes();
  const cleanUp = async () => {
    await processes.stopAll();
    rmSync(scratch, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      cleanUp().finally(() => process.exit(130));
    });
  }
  try {
    const result = await measure(rows, pace, scratch, processes);
    process.stdout.write(toText(result));
    if (options.json !== undefined) write(options.json, toJson(result));
    if (options.markdown !== undefined) write(options.markdown, toMarkdown(result));
    if (options.svg !== undefined) write(options.svg, ratioPlot(result.rows));
    return result.rows.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await cleanUp();
  }
}

async function measure(
  rows: readonly Row[],
  pace: Pace,
  scratch: string,
  processes: Processes,
): Promise<BenchResult> {
  const machine = describeMachine();
  if (machine.load[0] > BUSY_LOAD) {
    console.error(`the machine is busy (load ${machine.load[0]}): do not trust these numbers`);
  }
  const root = findRoot();
  const clients = new Clients(join(root, 'bench/clients'), scratch);
  const pinnedCpu = machine.allowedCpus.at(-1) ?? 0;
  const bench: Bench = { ...pace, pinnedCpu, root, scratch, processes, clients };
  const startedAt = new Date().toISOString();
  const results: RowResult[] = [];
  for (const row of rows) {
    results.push(await measureRow(row, row.contenders(bench), pace.runs, console.error));
  }
  return { startedAt, seconds: pace.seconds, warmup: pace.warmup, machine, rows: results };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('a whole number from 1 up');
  return Number(text);
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 600)) throw new InvalidArgumentError('seconds, up to 600');
  return value;
}
