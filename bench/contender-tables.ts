/** The tables of a row with many contenders: a line for each of them. Pure. */

import { formatSummary, formatTarget } from './format.ts';
import type { Metric } from './row.ts';
import type { ContenderResult, RowResult, Verdict } from './runner.ts';

export interface Table {
  readonly title?: string;
  /** The head line first; all lines have as many cells. */
  readonly lines: readonly (readonly string[])[];
}

/** What was measured, its ratios to each of those that ratios are taken to, and the targets. */
export function contenderTables(row: RowResult): readonly Table[] {
  const tables: Table[] = [measured(row)];
  for (const over of new Set(row.ratios.map((ratio) => ratio.over))) {
    tables.push(ratios(row, over));
  }
  if (row.verdicts.length > 0) tables.push(targets(row));
  return tables;
}

function measured(row: RowResult): Table {
  const head = ['', ...row.metrics.map(labelOf)];
  const lines = row.contenders.map((contender) => [
    nameOf(contender),
    ...row.metrics.map(({ name, digits }) => {
      const summary = contender.metrics[name];
      return summary === undefined ? missingWord(row, contender) : formatSummary(summary, digits);
    }),
  ]);
  const absent = row.skipped.map(({ name }) => [name, ...row.metrics.map(() => 'not installed')]);
  return { lines: [head, ...lines, ...absent] };
}

function ratios(row: RowResult, over: string): Table {
  const here = row.ratios.filter((ratio) => ratio.over === over);
  const metrics = row.metrics.filter(({ name }) => here.some((ratio) => ratio.metric === name));
  const lines = row.contenders.flatMap((contender) => {
    const own = here.filter((ratio) => ratio.contender === contender.name);
    if (own.length === 0) return [];
    const cells = metrics.map(({ name }) => {
      const ratio = own.find(({ metric }) => metric === name);
      return ratio === undefined ? '–' : formatSummary(ratio, 2);
    });
    return [[contender.name, ...cells]];
  });
  return {
    title: `Ratios to ${over}`,
    lines: [['', ...metrics.map(({ name }) => name)], ...lines],
  };
}

function targets(row: RowResult): Table {
  const head = ['contender', 'metric', 'target', 'measured', ''];
  return { title: 'Targets', lines: [head, ...row.verdicts.map((each) => verdict(row, each))] };
}

function verdict(row: RowResult, { target, summary, outcome }: Verdict): string[] {
  const metric = row.metrics.find(({ name }) => name === target.metric);
  const unit = metric?.unit ?? '';
  const digits = target.over === undefined ? (metric?.digits ?? 2) : 2;
  const value = summary === undefined ? '–' : formatSummary(summary, digits);
  return [target.contender, target.metric, formatTarget(target, unit), value, outcome];
}

/** `TCP, Mb/s` */
function labelOf({ name, unit }: Metric): string {
  return unit === '' ? name : `${name}, ${unit}`;
}

function nameOf({ name, version }: ContenderResult): string {
  return version === undefined ? name : `${name} (${version})`;
}

/** A contender without any value has failed in every run; with some, this one means nothing to it. */
function missingWord(row: RowResult, { name, metrics }: ContenderResult): string {
  const failed = row.failures.some((failure) => failure.name === name);
  return failed && Object.keys(metrics).length === 0 ? 'failed' : '–';
}
