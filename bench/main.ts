/** `npm run bench`: Kith against vde_switch and others, in alternated runs on this machine. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { Clients } from './clients.ts';
import { installField } from './field/install.ts';
import { Leavings } from './leavings.ts';
import { BUSY_LOAD, describeMachine } from './machine.ts';
import { Processes } from './processes.ts';
import { ratioPlot } from './ratio-plot.ts';
import { type BenchResult, toJson, toMarkdown, toText } from './report.ts';
import { findRoot } from './root.ts';
import type { Bench, Contender, Row } from './row.ts';
import { ROWS } from './rows/index.ts';
import { measureRow, type RowResult } from './runner.ts';

interface Options {
  readonly runs?: number;
  readonly seconds?: number;
  readonly quick?: boolean;
  readonly only?: readonly string[];
  readonly install?: boolean;
  readonly list?: boolean;
  readonly json?: string;
  readonly markdown?: string;
  readonly svg?: string;
}

interface Pace {
  /** Undefined where the command line says nothing: a row may have its own. */
  readonly runs: number | undefined;
  readonly seconds: number | undefined;
  readonly warmup: number;
  readonly idleSeconds: number;
}

interface Tools {
  readonly scratch: string;
  readonly processes: Processes;
  readonly leavings: Leavings;
}

const FULL = { runs: 5, seconds: 3, warmup: 0.7, idleSeconds: 20 };
const QUICK = { runs: 1, seconds: 0.8, warmup: 0.3, idleSeconds: 3 };

const program = new Command('bench')
  .description('Measures Kith against vde_switch and others, in alternated runs on this machine.')
  .argument(
    '[rows...]',
    "rows to run, or the first word of several, such as 'friends' or 'field'; by default all but those on request (see --list)",
  )
  .option('--runs <n>', `pairs of runs (default: ${FULL.runs}, quick: ${QUICK.runs})`, wholeNumber)
  .option(
    '--seconds <s>',
    `counted seconds of a run (default: ${FULL.seconds}, quick: ${QUICK.seconds})`,
    positiveNumber,
  )
  .option('--only <names>', 'contenders to run, with commas between them', splitNames)
  .option('--install', "install the programs of the 'field' rows first, as far as Debian has them")
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
  for (const { name, title, onRequest } of ROWS) {
    console.log(`${name.padEnd(width)}  ${title}${onRequest ? ' (on request)' : ''}`);
  }
}

/** @returns the exit code: 0 when every row was measured, whether or not it reached its targets */
async function run(names: readonly string[], options: Options): Promise<number> {
  const unknown = names.find((name) => !ROWS.some((row) => isMeant(row, name)));
  if (unknown !== undefined) {
    console.error(`there is no row '${unknown}'; --list shows them`);
    return 2;
  }
  const rows =
    names.length === 0
      ? ROWS.filter((row) => !row.onRequest)
      : ROWS.filter((row) => names.some((name) => isMeant(row, name)));
  if (options.install) installField(console.error);
  const { quick } = options;
  const pace = {
    ...(quick ? QUICK : FULL),
    runs: options.runs ?? (quick ? QUICK.runs : undefined),
    seconds: options.seconds ?? (quick ? QUICK.seconds : undefined),
  };

  const scratch = mkdtempSync(join(tmpdir(), 'kb'));
  const processes = new Processes();
  const leavings = new Leavings();
  const cleanUp = async () => {
    await processes.stopAll();
    await leavings.removeAll();
    rmSync(scratch, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      cleanUp().finally(() => process.exit(130));
    });
  }
  try {
    const result = await measure(rows, pace, options.only, { scratch, processes, leavings });
    if (result === undefined) return 2;
    process.stdout.write(toText(result));
    if (options.json !== undefined) write(options.json, toJson(result));
    if (options.markdown !== undefined) write(options.markdown, toMarkdown(result));
    if (options.svg !== undefined) write(options.svg, ratioPlot(result.rows));
    return result.rows.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } finally {
    await cleanUp();
  }
}

/** Is this row meant by its name, or by the word its name begins with? */
function isMeant(row: Row, name: string): boolean {
  return row.name === name || row.name.startsWith(`${name}-`);
}

/** @returns undefined when `only` names somebody who is in none of the rows; that has been said */
async function measure(
  rows: readonly Row[],
  pace: Pace,
  only: readonly string[] | undefined,
  tools: Tools,
): Promise<BenchResult | undefined> {
  const machine = describeMachine();
  if (machine.load[0] > BUSY_LOAD) {
    console.error(`the machine is busy (load ${machine.load[0]}): do not trust these numbers`);
  }
  const root = findRoot();
  const clients = new Clients(join(root, 'bench/clients'), tools.scratch);
  const pinnedCpu = machine.allowedCpus.at(-1) ?? 0;
  const planned = rows.map((row) => {
    const { runs, seconds } = row.pace ?? FULL;
    const bench: Bench = {
      ...{ ...pace, pinnedCpu, root, clients, ...tools },
      seconds: pace.seconds ?? seconds,
    };
    return { row, bench, runs: pace.runs ?? runs, contenders: row.contenders(bench) };
  });
  const known = new Set(planned.flatMap(({ contenders }) => contenders.map(({ name }) => name)));
  const stranger = only?.find((name) => !known.has(name));
  if (stranger !== undefined) {
    console.error(`there is no contender '${stranger}'; there are ${[...known].join(', ')}`);
    return undefined;
  }
  const isWanted = ({ name }: Contender) => only === undefined || only.includes(name);

  const startedAt = new Date().toISOString();
  const results: RowResult[] = [];
  for (const { row, bench, runs, contenders } of planned) {
    const wanted = contenders.filter(isWanted);
    if (wanted.length === 0) continue;
    results.push(await measureRow(row, wanted, { runs, seconds: bench.seconds }, console.error));
  }
  return { startedAt, warmup: pace.warmup, machine, rows: results };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function splitNames(text: string): string[] {
  return text.split(',').map((name) => name.trim());
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
