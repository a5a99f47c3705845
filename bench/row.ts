/**
 * What a row of the bench is: a question, the contenders that answer it with
 * numbers, and the targets those numbers are held against.
 */

import type { Clients } from './clients.ts';
import type { Leavings } from './leavings.ts';
import type { Processes } from './processes.ts';

/** One number that every contender of a row measures in one run. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  /** Which way is good; `neither` metrics are information and get no ratio. */
  readonly better: 'more' | 'less' | 'neither';
  /** Digits after the point, when printed. */
  readonly digits: number;
}

/** A limit on one metric of one contender, or on its ratio to another contender. */
export interface Target {
  readonly metric: string;
  readonly contender: string;
  /** With `over`, the limit holds for the median of the ratios contender / over, pair by pair. */
  readonly over?: string;
  /** The metric of `over`, when it is another one. */
  readonly overMetric?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** The numbers of one run, by metric name. A metric may be absent. */
export type Measurement = Readonly<Record<string, number>>;

export interface Contender {
  readonly name: string;
  /** Of a program that is not ours, for the report. */
  readonly version?: string;
  /** One sentence that says what to install, when this contender cannot run here. */
  readonly missing?: string;
  /** One whole run: start, warm up, measure, stop. Rejects when the run is worth nothing. */
  measure(): Promise<Measurement>;
}

/**
 * A contender that never runs: in each pair and for each metric it has the best
 * value that one of these had.
 */
export interface BestOf {
  readonly name: string;
  readonly of: readonly string[];
}

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly metrics: readonly Metric[];
  readonly targets: readonly Target[];
  /** Pairs whose ratio is reported, `[contender, over]`. */
  readonly ratios: readonly (readonly [string, string])[];
  /** May be named in targets and ratios. */
  readonly best?: BestOf;
  /** At most so many runs, whatever the command line says (for rows that take long). */
  readonly mostRuns?: number;
  /** Runs and counted seconds where the command line gives none. */
  readonly pace?: { readonly runs: number; readonly seconds: number };
  /** Runs only when it is named: it needs root, or takes long. */
  readonly onRequest?: boolean;
  /** Tables with a line for each contender, where there are many; by default a line for each metric. */
  readonly layout?: 'by-contender';
  contenders(bench: Bench): readonly Contender[];
}

/** What the harness lends to the rows. */
export interface Bench {
  /** Counted seconds of one run, and seconds before them that are not counted. */
  readonly seconds: number;
  readonly warmup: number;
  /** Seconds over which an idle node is watched. */
  readonly idleSeconds: number;
  /** The processor that pinned rows use. */
  readonly pinnedCpu: number;
  /** The directory that holds package.json, bin/ and bench/. */
  readonly root: string;
  /** An empty directory for this bench run, with a short path (socket names). */
  readonly scratch: string;
  readonly processes: Processes;
  readonly clients: Clients;
  /** Things that must not outlive the bench, however it ends. */
  readonly leavings: Leavings;
}
