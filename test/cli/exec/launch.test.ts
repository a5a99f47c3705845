/** The outer half: what it says to the process inside, and what it makes of the answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { launch } from '../../../src/cli/exec/launch.ts';
import type { ExecPlan, Report } from '../../../src/cli/exec/plan.ts';
import { KithError } from '../../../src/errors.ts';

const PLAN: ExecPlan = { home: '/h', name: 'eth0', ip: ['dhcp'], dns: [], command: ['true'] };

/** A process that says `reports` once it has its plan, and ends; it tells each signal it hears of. */
const INSIDE = `
  const [reports, stay] = JSON.parse(process.argv[1]);
  process.on('message', (order) => {
    if (order.do === 'signal') {
      process.send({ is: 'note', text: order.signal });
      process.send({ is: 'ended', code: 3 }, () => process.disconnect());
    } else {
      for (const report of reports) process.send(report);
      if (!stay) process.disconnect();
    }
  });
`;

function stage(t: ExecutionContext, reports: readonly Report[], stay = false) {
  const signals = new EventEmitter();
  const stderr = new PassThrough();
  stderr.setEncoding('utf8');
  const child: ChildProcess = spawn(
    process.execPath,
    ['-e', INSIDE, JSON.stringify([reports, stay])],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  const code = launch(PLAN, { signals, stderr }, () => child);
  return { signals, child, code, said: () => String(stderr.read() ?? '') };
}

test('the exit code of the command is the answer', async (t) => {
  const { code, signals, said } = stage(t, [
    { is: 'note', text: 'something' },
    { is: 'ended', code: 42 },
  ]);
  t.is(await code, 42);
  t.is(said(), 'kith: something\n');
  t.deepEqual(signals.eventNames(), []);
});

test('a refusal is an error with its code', async (t) => {
  const { code } = stage(t, [{ is: 'refused', code: 'not-found', message: 'no DHCP server' }]);
  const error = await t.throwsAsync(code, { instanceOf: KithError });
  t.is(error?.code, 'not-found');
  t.is(error?.message, 'no DHCP server');
});

test('a process that dies without a word is told of', async (t) => {
  const { code, child } = stage(t, [], true);
  child.kill('SIGKILL');
  const error = await t.throwsAsync(code, { instanceOf: KithError });
  t.is(error?.code, 'system');
  t.regex(error?.message ?? '', /ended from outside \(code 137\)/);
});

test('signals are passed on', async (t) => {
  const { code, signals, said } = stage(t, [{ is: 'note', text: 'running' }], true);
  while (signals.listenerCount('SIGTERM') === 0) await new Promise(setImmediate);
  signals.emit('SIGTERM');
  t.is(await code, 3);
  t.regex(said(), /kith: SIGTERM\n/);
});
