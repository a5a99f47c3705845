import { existsSync } from 'node:fs';
import test from 'ava';
import {
  cpuSeconds,
  eventually,
  Processes,
  parseCpuSeconds,
  parseResident,
  residentMegabytes,
} from '../../bench/processes.ts';

test('CPU time is fields 14 and 15, whatever the command is called', (t) => {
  const rest = 'S 1 2 3 0 -1 4194560 10 0 0 0 150 50 7 9 20 0 5 0 100 1000 200';
  t.is(parseCpuSeconds(`42 (node) ${rest}`), 2);
  t.is(parseCpuSeconds(`42 (a) b (c) ${rest}`), 2);
});

test('resident memory in megabytes', (t) => {
  t.is(parseResident('Name:\tx\nVmRSS:\t    1000 kB\nVmSize:\t 2000 kB\n'), 1.024);
  t.throws(() => parseResident('Name:\tkthreadd\n'));
});

test('this process has memory and has used the processor', (t) => {
  t.true(residentMegabytes(process.pid) > 1);
  t.true(cpuSeconds(process.pid) >= 0);
});

test('a started process leads a session of its own, and is gone when stopped', async (t) => {
  const processes = new Processes();
  const running = await processes.start(
    'sh',
    ['-c', 'cut -d " " -f 6 /proc/$$/stat; echo ready; exec sleep 60'],
    { readyLine: 'ready' },
  );
  t.true(existsSync(`/proc/${running.pid}`));
  await running.stop();
  t.false(existsSync(`/proc/${running.pid}`));
  await running.stop(); // twice is no mistake

  const session = await processes.run('sh', ['-c', 'echo $$ $(cut -d " " -f 6 /proc/$$/stat)'], {
    within: 5000,
  });
  const [pid, leader] = session.trim().split(' ');
  t.is(pid, leader);
});

test('stopAll ends what is left', async (t) => {
  const processes = new Processes();
  const first = await processes.start('sleep', ['60']);
  const second = await processes.start('sleep', ['60']);
  await processes.stopAll();
  t.false(existsSync(`/proc/${first.pid}`));
  t.false(existsSync(`/proc/${second.pid}`));
});

test('a process that does not get ready, fails or is not there is an error that says why', async (t) => {
  const processes = new Processes();
  const never = processes.start('sh', ['-c', 'echo port is taken >&2; exit 3'], {
    readyLine: 'ready',
  });
  await t.throwsAsync(never, { message: /port is taken/ });
  const failing = processes.run('sh', ['-c', 'echo no luck >&2; exit 1'], { within: 5000 });
  await t.throwsAsync(failing, { message: /no luck/ });
  const absent = processes.run('no-such-program-here', [], { within: 5000 });
  await t.throwsAsync(absent, { message: /ENOENT/ });
  const slow = processes.run('sleep', ['60'], { within: 50 });
  await t.throwsAsync(slow, { message: /did not end within 50 ms/ });
});

test('eventually tells whether a condition came to hold', async (t) => {
  let calls = 0;
  t.true(await eventually(() => ++calls === 3, 5000));
  t.false(await eventually(async () => false, 0));
});
