/** The command that runs inside: signals, patience, exit codes. */
import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import test from 'ava';
import { CommandRun, exitCodeOf, GRACE } from '../../../src/cli/exec/command-run.ts';
import { VirtualTime } from '../../f2f/virtual-time.ts';

class FakeChild extends EventEmitter {
  readonly signals: string[] = [];

  kill(signal: NodeJS.Signals): boolean {
    this.signals.push(signal);
    return true;
  }
}

test('exit codes are those of a shell', (t) => {
  t.is(exitCodeOf(0, null), 0);
  t.is(exitCodeOf(42, null), 42);
  t.is(exitCodeOf(null, 'SIGTERM'), 143);
  t.is(exitCodeOf(null, 'SIGKILL'), 137);
});

test('a command that cannot be started has the code of a shell, too', async (t) => {
  for (const [error, code] of [
    ['ENOENT', 127],
    ['EACCES', 126],
  ] as const) {
    const child = new FakeChild();
    const { ended } = new CommandRun(child);
    child.emit('error', Object.assign(new Error(error), { code: error }));
    t.is(await ended, code);
  }
});

test.serial('a command that ignores SIGTERM is killed after a while', async (t) => {
  const time = new VirtualTime();
  t.teardown(time.install());
  const child = new FakeChild();
  const run = new CommandRun(child);
  run.pass('SIGTERM');
  await time.advance(GRACE - 1);
  t.deepEqual(child.signals, ['SIGTERM']);
  await time.advance(1);
  t.deepEqual(child.signals, ['SIGTERM', 'SIGKILL']);
  child.emit('exit', null, 'SIGKILL');
  t.is(await run.ended, 137);
});

test.serial('the second time it is killed at once', (t) => {
  const time = new VirtualTime();
  t.teardown(time.install());
  const child = new FakeChild();
  const run = new CommandRun(child);
  run.pass('SIGHUP');
  run.pass('SIGTERM');
  t.deepEqual(child.signals, ['SIGHUP', 'SIGKILL']);
});

test.serial('SIGINT and SIGQUIT are passed on as often as they come', async (t) => {
  const time = new VirtualTime();
  t.teardown(time.install());
  const child = new FakeChild();
  const run = new CommandRun(child);
  for (const signal of ['SIGINT', 'SIGINT', 'SIGQUIT'] as const) run.pass(signal);
  await time.advance(2 * GRACE);
  t.deepEqual(child.signals, ['SIGINT', 'SIGINT', 'SIGQUIT']);
});

test('a real one', async (t) => {
  const child = spawn('sh', ['-c', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done']);
  const run = new CommandRun(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  run.pass('SIGTERM');
  t.is(await run.ended, 9);
});
