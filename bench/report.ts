/** Results as text for a terminal, as Markdown, and as JSON. Pure. */

import { type Machine, machineSentence } from './machine.ts';
import type { Metric, Target } from './row.ts';
import type { RatioResult, RowResult, Summary, Verdict } from './runner.ts';

export interface BenchResult {
  readonly startedAt: string;
  readonly seconds: number;
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
    lines.push(...aligned(cells(row)).map((line) => `  ${line}`));
    lines.push(...remarks(row).map((remark) => `  ! ${remark}`));
  }
  lines.push('', conclusion(result));
  return `${lines.join('\n')}\n`;
}

export function toMarkdown(result: BenchResult): string {
  const lines = ['# Bench', '', machineSentence(result.machine), '', conditions(result), ''];
  lines.push(READING_NOTE);
  for (const row of result.rows) {
    const [head, ...body] = cells(row);
    lines.push('', `## ${row.name}`, '', `${row.title}; ${runs(row)}.`, '');
    lines.push(markdownLine(head), markdownLine(head.map(() => '---')));
    lines.push(...body.map(markdownLine));
    const notes = remarks(row);
    if (notes.length > 0) lines.push('', ...notes.map((remark) => `* ${remark}`));
  }
  lines.push('', conclusion(result));
  return `${lines.join('\n')}\n`;
}

/** `1,234 (1,200–1,300)`; one value alone when nothing varied. */
export function formatSummary({ median, min, max }: Summary, digits: number): string {
  const middle = formatNumber(median, digits);
  if (min === max) return middle;
  return `${middle} (${formatNumber(min, digits)}–${formatNumber(max, digits)})`;
}

export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** `≥ 1.2 × vde_switch`, `≤ 0.5 %`. */
export function formatTarget(target: Target, unit: string): string {
  const [sign, limit] = target.atLeast === undefined ? ['≤', target.atMost] : ['≥', target.atLeast];
  if (target.over !== undefined) return `${sign} ${limit} × ${target.over}`;
  return `${sign} ${limit} ${unit}`.trim();
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
  return row.runs === 1 ? '1 run' : `${row.runs} runs`;
}

function conditions({ startedAt, seconds, warmup }: BenchResult): string {
  return `${startedAt}; ${seconds} s counted in each run, after ${warmup} s of warm-up.`;
}

function conclusion({ rows }: BenchResult): string {
  const verdicts = rows.flatMap((row) => row.verdicts);
  const count = (outcome: Verdict['outcome']) =>
    verdicts.filter((verdict) => verdict.outcome === outcome).length;
  return `Targets: ${count('reached')} reached, ${count('not reached')} not reached, ${count('unmeasured')} unmeasured.`;
}

function aligned(table: readonly string[][]): string[] {
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
