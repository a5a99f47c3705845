/**
 * Alternated runs, medians, ratios pair by pair, and the verdict on each target.
 *
 * Run r of every contender belongs to pair r. Within a pair the order turns
 * round every time (A B, B A, A B …), so that a slow drift of the machine
 * weighs on all contenders alike. Everything here is pure except `measureRow`,
 * which only awaits what it is given.
 */

import type { BestOf, Contender, Measurement, Metric, Row, Target } from './row.ts';

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface ContenderResult {
  readonly name: string;
  readonly version?: string;
  /** By metric; `values` in the order of the runs, failed runs left out. */
  readonly metrics: Readonly<Record<string, Summary & { readonly values: readonly number[] }>>;
}

export interface RatioResult extends Summary {
  readonly metric: string;
  readonly contender: string;
  readonly over: string;
  readonly values: readonly number[];
}

export interface Verdict {
  readonly target: Target;
  /** What was held against the limit: a median, or the median of the ratios. */
  readonly value: number | undefined;
  /** What `value` is the median of, when there was anything. */
  readonly summary?: Summary;
  /** `unmeasured` when a contender it needs was skipped or failed in every run. */
  readonly outcome: 'reached' | 'not reached' | 'unmeasured';
}

export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly runs: number;
  /** Counted seconds of a run. */
  readonly seconds: number;
  readonly layout?: Row['layout'];
  readonly metrics: readonly Metric[];
  readonly contenders: readonly ContenderResult[];
  readonly ratios: readonly RatioResult[];
  readonly verdicts: readonly Verdict[];
  /** Contenders that cannot run here, each with what to install. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Runs that came to nothing. */
  readonly failures: readonly {
    readonly name: string;
    readonly run: number;
    readonly reason: string;
  }[];
}

/** The runs of one contender by pair; undefined where the run failed. */
export type Series = readonly (Measurement | undefined)[];

/** In which order `count` contenders run in pair `pair`: forwards, then backwards, and so on. */
export function turnOrder(count: number, pair: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  return pair % 2 === 0 ? order : order.reverse();
}

/** Median (the mean of the two in the middle for an even count), minimum and maximum. */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('nothing to summarise');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/**
 * The ratios contender / over of those pairs in which both measured their metric and that
 * of `over` is not 0.
 */
export function pairRatios(
  contender: Series,
  over: Series,
  metric: string,
  overMetric = metric,
): number[] {
  const ratios: number[] = [];
  for (let pair = 0; pair < Math.min(contender.length, over.length); pair++) {
    const numerator = contender[pair]?.[metric];
    const denominator = over[pair]?.[overMetric];
    if (numerator === undefined || denominator === undefined || denominator === 0) continue;
    ratios.push(numerator / denominator);
  }
  return ratios;
}

/** In each pair, of each metric that has a better way, the best value that a contender of `best` had. */
export function bestSeries(
  best: BestOf,
  series: ReadonlyMap<string, Series>,
  metrics: readonly Metric[],
): Series {
  const candidates = best.of.map((name) => series.get(name) ?? []);
  const pairs = Math.max(0, ...candidates.map((runs) => runs.length));
  return Array.from({ length: pairs }, (_, pair) => {
    const measurement: Record<string, number> = {};
    for (const { name, better } of metrics) {
      const values = candidates.map((runs) => runs[pair]?.[name]).filter((v) => v !== undefined);
      if (better === 'neither' || values.length === 0) continue;
      measurement[name] = better === 'more' ? Math.max(...values) : Math.min(...values);
    }
    return measurement;
  });
}

/** Holds `value` against the limits of `target`, which are inclusive. */
export function judge(target: Target, value: number | undefined): Verdict {
  if (value === undefined) return { target, value, outcome: 'unmeasured' };
  const reached =
    (target.atLeast === undefined || value >= target.atLeast) &&
    (target.atMost === undefined || value <= target.atMost);
  return { target, value, outcome: reached ? 'reached' : 'not reached' };
}

/** Turns the measurements of a row into its result. */
export function evaluate(
  row: Pick<Row, 'name' | 'title' | 'metrics' | 'targets' | 'ratios' | 'best'>,
  measured: ReadonlyMap<string, Series>,
): Pick<RowResult, 'contenders' | 'ratios' | 'verdicts'> {
  const contenders = [...measured].map(([name, runs]) => contenderResult(name, runs, row.metrics));
  const series = new Map(measured);
  if (row.best !== undefined) {
    series.set(row.best.name, bestSeries(row.best, measured, row.metrics));
  }
  const ratios: RatioResult[] = [];
  for (const [contender, over] of row.ratios) {
    for (const metric of row.metrics) {
      if (metric.better === 'neither') continue;
      const values = pairRatios(series.get(contender) ?? [], series.get(over) ?? [], metric.name);
      if (values.length === 0) continue;
      ratios.push({ metric: metric.name, contender, over, values, ...summarise(values) });
    }
  }
  const verdicts = row.targets.map((target) => {
    const values = targetValues(target, series);
    if (values.length === 0) return judge(target, undefined);
    const summary = summarise(values);
    return { ...judge(target, summary.median), summary };
  });
  return { contenders, ratios, verdicts };
}

/** Runs `runs` pairs of all contenders that can run, and says what it does through `say`. */
export async function measureRow(
  row: Row,
  contenders: readonly Contender[],
  { runs, seconds }: { readonly runs: number; readonly seconds: number },
  say: (line: string) => void,
): Promise<RowResult> {
  const pairs = Math.min(runs, row.mostRuns ?? runs);
  const skipped: { name: string; reason: string }[] = [];
  const present: Contender[] = [];
  for (const contender of contenders) {
    if (contender.missing === undefined) present.push(contender);
    else skipped.push({ name: contender.name, reason: contender.missing });
  }
  for (const { name, reason } of skipped) say(`${row.name}: ${name} is skipped: ${reason}`);

  const series = new Map<string, (Measurement | undefined)[]>();
  for (const contender of present) series.set(contender.name, []);
  const failures: { name: string; run: number; reason: string }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    for (const index of turnOrder(present.length, pair)) {
      const { name } = present[index];
      let measurement: Measurement | undefined;
      try {
        measurement = await present[index].measure();
        say(`${row.name} ${pair + 1}/${pairs} ${name}: ${oneLine(row.metrics, measurement)}`);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        failures.push({ name, run: pair + 1, reason });
        say(`${row.name} ${pair + 1}/${pairs} ${name} failed: ${reason}`);
      }
      series.get(name)?.push(measurement);
    }
  }
  const { name, title, metrics, layout } = row;
  const { contenders: measured, ...judged } = evaluate(row, series);
  return {
    ...{ name, title, runs: pairs, seconds, metrics },
    ...(layout === undefined ? {} : { layout }),
    contenders: measured.map((result) => {
      const version = present.find((each) => each.name === result.name)?.version;
      return version === undefined ? result : { ...result, version };
    }),
    ...{ ...judged, skipped, failures },
  };
}

function contenderResult(name: string, runs: Series, metrics: readonly Metric[]): ContenderResult {
  const summaries: Record<string, Summary & { values: readonly number[] }> = {};
  for (const metric of metrics) {
    const values = valuesOf(runs, metric.name);
    if (values.length > 0) summaries[metric.name] = { values, ...summarise(values) };
  }
  return { name, metrics: summaries };
}

function targetValues(target: Target, series: ReadonlyMap<string, Series>): number[] {
  const runs = series.get(target.contender) ?? [];
  if (target.over === undefined) return valuesOf(runs, target.metric);
  return pairRatios(runs, series.get(target.over) ?? [], target.metric, target.overMetric);
}

function valuesOf(runs: Series, metric: string): number[] {
  return runs.map((run) => run?.[metric]).filter((value) => value !== undefined);
}

function oneLine(metrics: readonly Metric[], measurement: Measurement): string {
  const parts: string[] = [];
  for (const { name, unit, digits } of metrics) {
    const value = measurement[name];
    if (value !== undefined) parts.push(`${name} ${value.toFixed(digits)} ${unit}`.trim());
  }
  return parts.join(', ');
}
