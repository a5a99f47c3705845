/**
 * A ring of five nodes loses one: how long two VDE clients do not reach each other.
 *
 *        0 (root) ── 1 ── 2         the ping goes from 0 to 2 by way of 1,
 *        │                │         which is what fails;
 *        4 ────────── 3 ──┘         3 has to open its link to 2, or 2 its own
 *
 * `closed`: node 1 ends in order, so its friends hear it. `silent`: node 1 is stopped (SIGSTOP),
 * so its friends have to miss its keepalives. `stp`: as `closed`, but all nodes speak STP with the
 * shortest times that it allows, and the ring heals by timers.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import type { StpStatus } from '../../src/controller/node-api-ports.ts';
import { eventually, type Running } from '../processes.ts';
import type { Bench, Contender, Measurement, Row } from '../row.ts';
import {
  freeUdpPort,
  kithLinks,
  kithStp,
  kithUid,
  makeHome,
  missingKith,
  type RunningSwitch,
  startKith,
  writeConfig,
} from '../switches.ts';

const NODES = 5;
const FAILING = 1;

/** Milliseconds between two pings. */
const INTERVAL = 5;
/** The defaults of link.keepaliveMs and link.failAfterMs. */
const KEEPALIVE = 800;
const FAIL_AFTER = 2200;
/** Milliseconds after a cut in which the ring heals in any case, and before it, in which all is still. */
const FAILURES = {
  closed: { cuts: 10, healedWithin: 3000, stp: {} },
  silent: { cuts: 10, healedWithin: 3 * FAIL_AFTER, stp: {} },
  // Max Age, and twice the Forward Delay, with something to spare.
  stp: {
    cuts: 3,
    healedWithin: 20_000,
    stp: { version: 'stp', helloTime: 1, maxAge: 6, forwardDelay: 4 },
  },
} as const;
const CALM = 1000;
const COST = 20_000;
const CONVERGE_WITHIN = 60_000;

const GAP = 'gap';
const LEAST = 'shortest gap';
const WORST = 'longest gap';

type Failure = keyof typeof FAILURES;

export const rstpHealRows: readonly Row[] = [
  {
    name: 'rstp-heal',
    title: `A ring of ${NODES} nodes over UDP loses one: the gap in a ping every ${INTERVAL} ms, median of the cuts`,
    metrics: [
      { name: GAP, unit: 'ms', better: 'less', digits: 1 },
      { name: LEAST, unit: 'ms', better: 'neither', digits: 1 },
      { name: WORST, unit: 'ms', better: 'neither', digits: 1 },
      { name: 'cuts', unit: '', better: 'neither', digits: 0 },
    ],
    targets: [
      { metric: GAP, contender: 'closed', atMost: 200 },
      { metric: GAP, contender: 'silent', atMost: 3 * KEEPALIVE },
    ],
    ratios: [],
    mostRuns: 1,
    contenders: (bench) => [
      contender(bench, 'closed'),
      contender(bench, 'silent'),
      contender(bench, 'stp'),
    ],
  },
];

function contender(bench: Bench, failure: Failure): Contender {
  const missing = missingKith(bench) ?? bench.clients.missing('vde-gap');
  return {
    name: failure,
    ...(missing === undefined ? {} : { missing }),
    measure: () => measureCuts(bench, failure),
  };
}

interface RingNode {
  readonly home: string;
  readonly name: string;
  readonly args: readonly string[];
}

async function planRing(bench: Bench, failure: Failure): Promise<readonly RingNode[]> {
  const homes = Array.from({ length: NODES }, () => makeHome(bench));
  const uids: string[] = [];
  const urls: string[] = [];
  for (const home of homes) {
    uids.push(await kithUid(bench, home));
    urls.push(`udp://127.0.0.1:${await freeUdpPort()}`);
  }
  return homes.map((home, self) => {
    const args = ['--listen', urls[self]];
    const friends = [(self + 1) % NODES, (self + NODES - 1) % NODES];
    for (const other of friends) args.push('--friend', `${uids[other]}@${urls[other]}`);
    const config = writeConfig(home, {
      stp: { ...FAILURES[failure].stp, priority: self === 0 ? 4096 : 32_768 },
      // Equal costs, so that what a busy machine measures does not move the ring.
      switch: { perPort: friends.map((other) => ({ port: uids[other], stp: { cost: COST } })) },
    });
    return { home, name: `node-${self}`, args: [...args, '--config', config] };
  });
}

async function measureCuts(bench: Bench, failure: Failure): Promise<Measurement> {
  const { cuts, healedWithin } = FAILURES[failure];
  const ring = await planRing(bench, failure);
  const running: RunningSwitch[] = [];
  let ping: Running | undefined;
  try {
    for (const node of ring) running.push(await startKith(bench, { ...node, keepHome: true }));
    await converged(bench, ring);
    ping = await bench.processes.start(
      bench.clients.path('vde-gap'),
      [running[0].directory, running[2].directory, `${INTERVAL}`],
      { readyLine: 'ready', readyWithin: CONVERGE_WITHIN },
    );
    const gaps: number[] = [];
    for (let cut = 0; cut < cuts; cut++) {
      await delay(CALM);
      await longestGap(ping);
      if (failure === 'silent') process.kill(running[FAILING].pid, 'SIGSTOP');
      else await running[FAILING].stop();
      await delay(healedWithin);
      gaps.push(await longestGap(ping));
      if (failure === 'silent') process.kill(running[FAILING].pid, 'SIGCONT');
      else running[FAILING] = await startKith(bench, { ...ring[FAILING], keepHome: true });
      await converged(bench, ring);
    }
    gaps.sort((a, b) => a - b);
    return { [GAP]: median(gaps), [LEAST]: gaps[0], [WORST]: gaps[cuts - 1], cuts };
  } finally {
    // A stopped process does not hear SIGTERM.
    if (failure === 'silent' && running.length > FAILING) continueProcess(running[FAILING].pid);
    await ping?.stop();
    await Promise.all(running.map((node) => node.stop()));
  }
}

/** @param sorted at least one */
function median(sorted: readonly number[]): number {
  const upper = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[upper] : (sorted[upper - 1] + sorted[upper]) / 2;
}

function continueProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It is gone already.
  }
}

/** Waits until the ring is whole, and node 2 reaches the root by way of the node that will fail. */
async function converged(bench: Bench, ring: readonly RingNode[]): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    const links = await Promise.all(ring.map(({ home }) => linksOf(bench, home)));
    if (links.some((list) => list.length !== 2)) return false;
    const stp = await Promise.all(ring.map(({ home }) => kithStp(bench, home)));
    const way = links[2].find(({ friendName }) => friendName === ring[FAILING].name);
    return stp[2].rootPort === way?.port && blocked(stp) === 1;
  };
  if (!(await eventually(isSo, CONVERGE_WITHIN))) throw new Error('the ring did not converge');
}

function blocked(stp: readonly StpStatus[]): number {
  return stp.flatMap(({ ports }) => ports.filter(({ state }) => state !== 'forwarding')).length;
}

/** No links while the node does not answer yet. */
async function linksOf(bench: Bench, home: string): Promise<readonly LinkStatus[]> {
  return await kithLinks(bench, home).catch(() => []);
}

/** Asks the pinging client for the longest gap since it was last asked. */
async function longestGap(ping: Running): Promise<number> {
  const before = answers(ping).length;
  ping.write('\n');
  if (!(await eventually(() => answers(ping).length > before, 5000))) {
    throw new Error(`the ping does not answer: ${ping.lastWords()}`);
  }
  const report = JSON.parse(answers(ping).at(-1) ?? '') as { longest: number; received: number };
  if (report.received === 0) throw new Error('no ping was answered: the ring did not heal');
  return report.longest;
}

function answers(ping: Running): readonly string[] {
  return ping
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'));
}
