/** The C clients against vde_switch; skipped where the machine has not what they need. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Clients, isInstalled } from '../../bench/clients.ts';
import { Leavings } from '../../bench/leavings.ts';
import { Processes } from '../../bench/processes.ts';
import { findRoot } from '../../bench/root.ts';
import type { Bench } from '../../bench/row.ts';
import { missingVdeSwitch, startVdeSwitch } from '../../bench/switches.ts';
import { runPingPong, runTraffic, trafficMeasurement } from '../../bench/traffic.ts';

const SOURCES = join(findRoot(), 'bench/clients');

interface Lent {
  readonly bench: Bench;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A bench with runs so short that they measure nothing. */
function lend(): Lent {
  const scratch = mkdtempSync(join(tmpdir(), 'kbt'));
  const processes = new Processes();
  const bench: Bench = {
    seconds: 0.05,
    warmup: 0.01,
    idleSeconds: 0.1,
    pinnedCpu: 0,
    root: findRoot(),
    scratch,
    processes,
    clients: new Clients(SOURCES, scratch),
    leavings: new Leavings(),
  };
  return {
    bench,
    async [Symbol.asyncDispose]() {
      await processes.stopAll();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

test('the clients compile without a warning', async (t) => {
  await using lent = lend();
  if (lent.bench.clients.missing('vde-traffic') !== undefined) {
    t.log('skipped:', lent.bench.clients.missing('vde-traffic'));
    t.pass();
    return;
  }
  for (const name of ['vde-traffic', 'vde-pingpong']) {
    const source = join(SOURCES, `${name}.c`);
    const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Wconversion', '-fsyntax-only'];
    t.is(spawnSync('cc', [...flags, source], { encoding: 'utf8' }).stderr, '', name);
  }
});

test('every frame sent is received or lost, unpaced and with a window', async (t) => {
  await using lent = lend();
  const { bench } = lent;
  const missing = missingVdeSwitch() ?? bench.clients.missing('vde-traffic');
  if (missing !== undefined) {
    t.log('skipped:', missing);
    t.pass();
    return;
  }
  const { directory, pid, stop } = await startVdeSwitch(bench);
  const ends = { from: directory, to: directory, watched: [pid] };
  for (const window of [0, 64]) {
    const report = await runTraffic(bench, { ...ends, length: 64, window });
    t.true(report.received > 0);
    t.is(report.received + report.lost, report.sent);
    t.is(report.duplicated, 0);
    t.is(report.cpuSeconds.length, 1);
    t.true(trafficMeasurement(report)['frames/s'] > 0);
  }
  const { count, min, p50, p99, max } = await runPingPong(bench, directory, directory, 64, 0);
  t.true(count > 0);
  t.true(min <= p50 && p50 <= p99 && p99 <= max);
  await stop();
  t.false(existsSync(directory));
});

test('without the library or the compiler the clients say what to install', (t) => {
  const clients = new Clients('/nonexistent', tmpdir());
  t.truthy(clients.missing('vde-traffic'));
  t.throws(() => clients.path('vde-traffic'));
  t.true(isInstalled('sh'));
  t.false(isInstalled('no-such-program-here'));
});
