/** Runs the C clients against running switches and reads what they print. */

import type { Bench, Measurement } from './row.ts';

/** What `vde-traffic` prints. */
export interface TrafficReport {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly reordered: number;
  readonly duplicated: number;
  readonly refused: number;
  readonly sendingSeconds: number;
  /** From the first counted frame to the `timedFrames`-th. */
  readonly receivingSeconds: number;
  readonly timedFrames: number;
  /** CPU seconds of each watched process. */
  readonly cpuSeconds: readonly number[];
}

/** What `vde-pingpong` prints; microseconds. */
export interface PingPongReport {
  readonly count: number;
  readonly lost: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds a client has beyond its own measuring time: reaching its peer, the last frames. */
const CLIENT_PATIENCE = 30_000;

/** One-way traffic between two clients. */
export interface Traffic {
  /** The VDE directories of the sender's and of the receiver's switch. */
  readonly from: string;
  readonly to: string;
  /** Octets of a frame. */
  readonly length: number;
  /** The most frames on the way at a time; 0 for a sender that nothing slows. */
  readonly window: number;
  /** Processes whose CPU time is taken. */
  readonly watched: readonly number[];
}

export async function runTraffic(bench: Bench, traffic: Traffic): Promise<TrafficReport> {
  const { warmup, seconds } = bench;
  const { from, to, length, window, watched } = traffic;
  const output = await bench.processes.run(
    bench.clients.path('vde-traffic'),
    [from, to, ...[length, warmup, seconds, window, ...watched].map(String)],
    { within: (warmup + seconds) * 1000 + CLIENT_PATIENCE },
  );
  return JSON.parse(output) as TrafficReport;
}

/** Round trips of `length` octets between a client on `from` and one on `to`. */
export async function runPingPong(
  bench: Bench,
  from: string,
  to: string,
  length: number,
  cpu: number | undefined,
): Promise<PingPongReport> {
  const { warmup, seconds } = bench;
  const output = await bench.processes.run(
    bench.clients.path('vde-pingpong'),
    [from, to, `${length}`, `${warmup}`, `${seconds}`],
    { cpu, within: (warmup + seconds) * 1000 + CLIENT_PATIENCE },
  );
  return JSON.parse(output) as PingPongReport;
}

/** A traffic report as the metrics of a row. */
export function trafficMeasurement(report: TrafficReport): Measurement {
  if (report.timedFrames === 0) throw new Error('hardly a frame came through');
  const cpu = report.cpuSeconds.reduce((sum, seconds) => sum + seconds, 0);
  return {
    'frames/s': report.timedFrames / report.receivingSeconds,
    loss: (report.lost / report.sent) * 100,
    'CPU/frame': (cpu / report.received) * 1e6,
    'offered/s': report.sent / report.sendingSeconds,
    reordered: report.reordered,
    duplicated: report.duplicated,
    refused: report.refused,
  };
}

export const TRAFFIC_METRICS = [
  { name: 'frames/s', unit: '', better: 'more', digits: 0 },
  { name: 'loss', unit: '%', better: 'neither', digits: 3 },
  { name: 'CPU/frame', unit: 'µs', better: 'less', digits: 3 },
  { name: 'offered/s', unit: '', better: 'neither', digits: 0 },
  { name: 'reordered', unit: '', better: 'neither', digits: 0 },
  { name: 'duplicated', unit: '', better: 'neither', digits: 0 },
  { name: 'refused', unit: '', better: 'neither', digits: 0 },
] as const;
