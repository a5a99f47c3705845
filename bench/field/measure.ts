/** One run of a contestant: it is started, answers its first ping, and is put under load. */

import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, eventually, residentMegabytes } from '../processes.ts';
import type { Bench, Measurement, Metric } from '../row.ts';
import type { Contestant, Overlay } from './contestant.ts';
import { parseTcp, parseUdp, serverArguments, tcpArguments, udpArguments } from './iperf.ts';
import { onePingArguments, parsePing, pingArguments, type RoundTrips } from './ping.ts';
import { Stage, type WireKind } from './stage.ts';

export const TCP = 'TCP';
export const TCP4 = 'TCP, 4 flows';
export const UDP = 'UDP 64 B received';
export const P50 = 'RTT p50';
export const P99 = 'RTT p99';
export const LOADED_P50 = 'RTT p50 under bulk';
export const LOADED_P99 = 'RTT p99 under bulk';
export const CPU = 'CPU';
export const RESIDENT = 'resident, both ends';
export const START = 'start to first ping';

export const TCP_METRIC: Metric = { name: TCP, unit: 'Mb/s', better: 'more', digits: 0 };
export const CPU_METRIC: Metric = { name: CPU, unit: 's/GB', better: 'less', digits: 2 };

export const METRICS: readonly Metric[] = [
  TCP_METRIC,
  { name: TCP4, unit: 'Mb/s', better: 'more', digits: 0 },
  { name: UDP, unit: 'kpps', better: 'more', digits: 1 },
  { name: P50, unit: 'µs', better: 'less', digits: 0 },
  { name: P99, unit: 'µs', better: 'less', digits: 0 },
  { name: LOADED_P50, unit: 'µs', better: 'less', digits: 0 },
  { name: LOADED_P99, unit: 'µs', better: 'less', digits: 0 },
  CPU_METRIC,
  { name: RESIDENT, unit: 'MB', better: 'less', digits: 0 },
  { name: START, unit: 'ms', better: 'less', digits: 0 },
];

/** How much of a run's seconds pings take: they need fewer to say the same every time. */
const PING_SHARE = 0.5;
/** Milliseconds for a flow to reach its speed before pings are sent beside it. */
const FLOW_START = 500;

/** Milliseconds for the first answer, and for a program beyond its own measuring time. */
const ANSWER_WITHIN = 30_000;
const PATIENCE = 30_000;
/** Characters of iperf3's report, several times over. */
const KEPT_JSON = 4_000_000;
/** Seconds a first ping is waited for, before the next one is sent. */
const PING_PATIENCE = 0.1;
/** Milliseconds between pings that fail at once, as long as there is no device. */
const PING_PAUSE = 10;

const IPERF_PORT = 5201;
/** A listening socket in /proc/net/tcp (Linux, net/tcp_states.h: TCP_LISTEN). */
const LISTENING = new RegExp(`:${IPERF_PORT.toString(16).toUpperCase()} [0-9A-F:]+ 0A `);

export interface Probe {
  readonly stage: Stage;
  readonly target: string;
  /** Counted seconds; iperf3 knows only whole ones. */
  readonly seconds: number;
}

/** A whole run, on a stage of its own. What the contestant said last is in the error, if there is one. */
export async function measureContestant(
  bench: Bench,
  contestant: Contestant,
  wire: WireKind,
  measure: (probe: Probe) => Promise<Measurement>,
): Promise<Measurement> {
  const stage = await Stage.open(bench, wire);
  try {
    const launch = await contestant.prepare(stage);
    const begin = performance.now();
    const overlay = await launch();
    await firstAnswer(stage, overlay);
    const start = performance.now() - begin;
    await delay(Math.max(overlay.settle ?? 0, bench.warmup * 1000));
    const seconds = Math.max(1, Math.round(bench.seconds));
    const measured = await measure({ stage, target: overlay.target, seconds });
    return stage.pids.length === 0 ? measured : { ...measured, [START]: start };
  } catch (error) {
    throw withLastWords(stage, error);
  } finally {
    await stage.close();
  }
}

/** The error, and what the contestant's processes said last. */
export function withLastWords(stage: Stage, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  const said = stage.lastWords();
  return new Error(said === '' ? reason : `${reason}; ${said}`, { cause: error });
}

/** Everything that METRICS name but the start. */
export async function measureAll(probe: Probe): Promise<Measurement> {
  const idle = await roundTrips(probe);
  const bulk = await measureBulk(probe);
  const four = await tcpFlow(probe, probe.seconds, 4);
  const udp = await udpFlow(probe);
  const loaded = await loadedRoundTrips(probe);
  return {
    [P50]: idle.p50,
    [P99]: idle.p99,
    ...bulk,
    [TCP4]: four.megabits,
    [UDP]: udp.rate / 1000,
    [LOADED_P50]: loaded.p50,
    [LOADED_P99]: loaded.p99,
  };
}

/** One TCP flow, and what it costs the contestant; nothing where the kernel does the work. */
export async function measureBulk(probe: Probe): Promise<Measurement> {
  const { pids } = probe.stage;
  const before = sum(pids, cpuSeconds);
  const flow = await tcpFlow(probe, probe.seconds, 1);
  const cpu = sum(pids, cpuSeconds) - before;
  if (pids.length === 0) return { [TCP]: flow.megabits };
  return {
    [TCP]: flow.megabits,
    [CPU]: cpu / (flow.bytes / 1e9),
    [RESIDENT]: sum(pids, residentMegabytes),
  };
}

async function roundTrips({ stage, target, seconds }: Probe): Promise<RoundTrips> {
  const counted = Math.max(1, seconds * PING_SHARE);
  const line = ['ping', ...pingArguments(target, counted)] as const;
  return parsePing(await stage.run('a', line, counted * 1000 * 2 + PATIENCE));
}

/** Pings beside a TCP flow in the same direction. */
async function loadedRoundTrips(probe: Probe): Promise<RoundTrips> {
  const seconds = Math.ceil(Math.max(1, probe.seconds * PING_SHARE)) + 1;
  const [flow, trips] = await Promise.allSettled([
    tcpFlow(probe, seconds, 1),
    delay(FLOW_START).then(() => roundTrips(probe)),
  ]);
  if (flow.status === 'rejected') throw flow.reason;
  if (trips.status === 'rejected') throw trips.reason;
  return trips.value;
}

async function tcpFlow(probe: Probe, seconds: number, flows: number) {
  const { client } = await iperf(probe, tcpArguments(probe.target, seconds, flows), seconds);
  return parseTcp(client);
}

async function udpFlow(probe: Probe) {
  const { server } = await iperf(probe, udpArguments(probe.target, probe.seconds), probe.seconds);
  return parseUdp(server);
}

/** A server in namespace b and a client in a; the JSON of both. */
async function iperf(
  { stage, target }: Probe,
  args: readonly string[],
  seconds: number,
): Promise<{ client: string; server: string }> {
  const line = ['iperf3', ...serverArguments(target)] as const;
  const server = await stage.startTool('b', line, { keep: KEPT_JSON });
  try {
    if (!(await eventually(() => isListening(server.pid), PATIENCE))) {
      throw new Error(`iperf3 does not listen: ${server.lastWords()}`);
    }
    const client = await stage.run('a', ['iperf3', ...args], seconds * 1000 + PATIENCE);
    await Promise.race([server.ended, delay(PATIENCE, undefined, { ref: false })]);
    return { client, server: server.output() };
  } finally {
    await server.stop();
  }
}

function isListening(pid: number): boolean {
  try {
    return LISTENING.test(readFileSync(`/proc/${pid}/net/tcp`, 'latin1'));
  } catch {
    return false;
  }
}

async function firstAnswer(stage: Stage, { target }: Overlay): Promise<void> {
  const answers = async () => {
    try {
      await stage.run('a', ['ping', ...onePingArguments(target, PING_PATIENCE)]);
      return true;
    } catch {
      return false;
    }
  };
  const end = performance.now() + ANSWER_WITHIN;
  while (!(await answers())) {
    await delay(PING_PAUSE);
    if (performance.now() > end) {
      throw new Error(`${target} did not answer within ${ANSWER_WITHIN / 1000} s`);
    }
  }
}

function sum(pids: readonly number[], value: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + value(pid), 0);
}
