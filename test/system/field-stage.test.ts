/** The stage of the bench against the field: two namespaces and a cable, and nothing left of them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Clients } from '../../bench/clients.ts';
import type { Contestant } from '../../bench/field/contestant.ts';
import { vxlan } from '../../bench/field/contestants/kernel.ts';
import { measureContestant, type Probe, START } from '../../bench/field/measure.ts';
import { onePingArguments } from '../../bench/field/ping.ts';
import { Stage, WIRE } from '../../bench/field/stage.ts';
import { Leavings } from '../../bench/leavings.ts';
import { Processes } from '../../bench/processes.ts';
import { findRoot } from '../../bench/root.ts';
import type { Bench } from '../../bench/row.ts';
import { systemTest } from './support/system-test.ts';

const NEEDS = { needs: ['root', 'namespaces', 'ip', 'ping', 'iperf3'] };

function lend(t: ExecutionContext): Bench {
  const scratch = mkdtempSync(join(tmpdir(), 'kbt'));
  const [processes, leavings] = [new Processes(), new Leavings()];
  t.teardown(async () => {
    await processes.stopAll();
    await leavings.removeAll();
    rmSync(scratch, { recursive: true, force: true });
  });
  return {
    ...{ seconds: 1, warmup: 0, idleSeconds: 0, pinnedCpu: 0, root: findRoot() },
    ...{ scratch, processes, leavings, clients: new Clients('', scratch) },
  };
}

/** Namespaces that this process has made and not removed. */
function namespacesLeft(): string[] {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter((name) => name.startsWith(`kith-bench-${process.pid}-`));
}

systemTest('the ends of the cable reach each other, and close leaves nothing', NEEDS, async (t) => {
  const stage = await Stage.open(lend(t));
  t.is(namespacesLeft().length, 2);
  await stage.run('a', ['ping', ...onePingArguments(WIRE.b, 5)]);
  const running = await stage.start('b', ['sleep', '60']);
  t.deepEqual(stage.pids, [running.pid]);
  await stage.close();
  t.deepEqual(namespacesLeft(), []);
  t.false(isAlive(running.pid));
});

systemTest(
  'a stage that nobody closed goes with the bench, and all that ran on it',
  NEEDS,
  async (t) => {
    const bench = lend(t);
    const stage = await Stage.open(bench);
    const running = await stage.start('a', ['sleep', '60']);
    await bench.leavings.removeAll();
    await running.ended;
    t.deepEqual(namespacesLeft(), []);
    t.false(isAlive(running.pid));
    await t.throwsAsync(Stage.open(bench), { message: 'the bench is ending' });
  },
);

systemTest('a contestant that fails says its last words, and leaves nothing', NEEDS, async (t) => {
  const broken: Contestant = {
    name: 'broken',
    missing: () => undefined,
    prepare: async (stage) => async () => {
      const running = await stage.start('a', ['sh', '-c', 'echo the key is bent >&2; exit 3']);
      await running.ended;
      throw new Error('it did not start');
    },
  };
  await t.throwsAsync(
    measureContestant(lend(t), broken, 'plain', async () => ({})),
    {
      message: 'it did not start; sh (ended, 3): the key is bent',
    },
  );
  t.deepEqual(namespacesLeft(), []);
});

systemTest('a contestant is measured once it answers', NEEDS, async (t) => {
  const measure = async ({ target, seconds, stage }: Probe) => {
    await stage.run('a', ['ping', ...onePingArguments(target, 5)]);
    return { seconds };
  };
  const measured = await measureContestant(lend(t), vxlan, 'plain', measure);
  t.is(measured.seconds, 1);
  t.false(START in measured); // the kernel has no process that starts
  t.deepEqual(namespacesLeft(), []);
});

function isAlive(pid: number): boolean {
  return spawnSync('kill', ['-0', String(pid)]).status === 0;
}
