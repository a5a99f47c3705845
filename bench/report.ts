/** Results as text for a terminal, as Markdown, and as JSON. Pure. */

import { contenderTables, type Table } from './contender-tables.ts';
import { formatSummary, formatTarget } from './format.ts';
import { type Machine, machineSentence } from './machine.ts';
import type { Metric } from './row.ts';
import type { RatioResult, RowResult, Verdict } from './runner.ts';

export interface BenchResult {
  readonly startedAt: string;
  readonly warmup: number;
  readonly machine: Machine;
  readonly rows: readonly RowResult[];
}

/** What every report says about its numbers. */
export const READING_NOTE =
  'Median (min–max) of alternated runs. Ratios are taken pair by pair, each pair measured back to back; compare ratios across machines, never numbers.';

export function toJson(result: BenchResult): string {
  return `${JSON.stringify(result, null, 2)}\n`;
}

export function toText(result: BenchResult): string {
  const lines = [machineSentence(result.machine), conditions(result), READING_NOTE];
  for (const row of result.rows) {
    lines.push('', `${row.name}  ${row.title}; ${runs(row)}`);
    for (const { title, lines: table } of tables(row)) {
      if (title !== undefined) lines.push('', `  ${title}`);
      lines.push(...aligned(table).map((line) => `  ${line}`));
    }
    lines.push(...remarks(row).map((remark) => `  ! ${remark}`));
  }
  lines.push('', conclusion(result));
  return `${lines.join('\n')}\n`;
}

export function toMarkdown(result: BenchResult): string {
  const lines = ['# Bench', '', machineSentence(result.machine), '', conditions(result), ''];
  lines.push(READING_NOTE);
  for (const row of result.rows) {
    lines.push('', `## ${row.name}`, '', `${row.title}; ${runs(row)}.`);
    for (const { title, lines: table } of tables(row)) {
      const [head, ...body] = table;
      if (title !== undefined) lines.push('', `### ${title}`);
      lines.push('', markdownLine(head), markdownLine(head.map(() => '---')));
      lines.push(...body.map(markdownLine));
    }
    const notes = remarks(row);
    if (notes.length > 0) lines.push('', ...notes.map((remark) => `* ${remark}`));
  }
  lines.push('', conclusion(result));
  return `${lines.join('\n')}\n`;
}

function tables(row: RowResult): readonly Table[] {
  return row.layout === 'by-contender' ? contenderTables(row) : [{ lines: cells(row) }];
}

/** The table of a row: one line per metric, a head line first. */
function cells(row: RowResult): string[][] {
  const names = row.contenders.map(({ name }) => name);
  const pairs = distinctPairs(row.ratios);
  const head = ['', ...names, ...pairs.map(([a, b]) => `${a} / ${b}`), 'target', ''];
  const body = row.metrics.map((metric) => {
    const label = metric.unit === '' ? metric.name : `${metric.name}, ${metric.unit}`;
    const numbers = row.contenders.map(({ metrics }) => {
      const summary = metrics[metric.name];
      return summary === undefined ? '–' : formatSummary(summary, metric.digits);
    });
    const ratios = pairs.map(([contender, over]) => {
      const ratio = row.ratios.find(
        (candidate) =>
          candidate.metric === metric.name &&
          candidate.contender === contender &&
          candidate.over === over,
      );
      return ratio === undefined ? '' : formatSummary(ratio, 2);
    });
    const verdicts = row.verdicts.filter(({ target }) => target.metric === metric.name);
    return [label, ...numbers, ...ratios, ...verdictCells(verdicts, metric)];
  });
  return [head, ...body];
}

function verdictCells(verdicts: readonly Verdict[], metric: Metric): [string, string] {
  return [
    verdicts.map(({ target }) => formatTarget(target, metric.unit)).join('; '),
    verdicts.map(({ outcome }) => outcome).join('; '),
  ];
}

function distinctPairs(ratios: readonly RatioResult[]): [string, string][] {
  const pairs = new Map<string, [string, string]>();
  for (const { contender, over } of ratios) pairs.set(`${contender}/${over}`, [contender, over]);
  return [...pairs.values()];
}

function remarks(row: RowResult): string[] {
  return [
    ...row.skipped.map(({ name, reason }) => `${name} was skipped: ${reason}`),
    ...row.failures.map(({ name, run, reason }) => `${name} failed in run ${run}: ${reason}`),
  ];
}

function runs(row: RowResult): string {
  return `${row.runs === 1 ? '1 run' : `${row.runs} runs`} of ${row.seconds} s`;
}

function conditions({ startedAt, warmup }: BenchResult): string {
  return `${startedAt}; the seconds of a run are counted after ${warmup} s of warm-up.`;
}

function conclusion({ rows }: BenchResult): string {
  const verdicts = rows.flatMap((row) => row.verdicts);
  const count = (outcome: Verdict['outcome']) =>
    verdicts.filter((verdict) => verdict.outcome === outcome).length;
  return `Targets: ${count('reached')} reached, ${count('not reached')} not reached, ${count('unmeasured')} unmeasured.`;
}

function aligned(table: readonly (readonly string[])[]): string[] {
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  return table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('   ')
      .trimEnd(),
  );
}

function markdownLine(line: readonly string[]): string {
  return `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
