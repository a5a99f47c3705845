/** The program as a process: what only shows there is signals, pipes and exit codes. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { emitPlugFrame, PlugDeframer } from '../../src/switch/vde/plug-framing.ts';
import { temporaryHome } from './run-cli.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly stdout: () => Buffer;
  readonly stderr: () => string;
  readonly code: Promise<number | null>;
}

function kith(t: ExecutionContext, home: string, ...args: string[]): Program {
  const env = { ...process.env, KITH_HOME: home };
  const child = spawn(process.execPath, [MAIN, ...args], { env });
  const chunks: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {});
  const code = once(child, 'close').then(([value]: (number | null)[]) => value);
  t.teardown(async () => {
    child.kill('SIGKILL');
    await code;
  });
  return { child, stdout: () => Buffer.concat(chunks), stderr: () => stderr, code };
}

async function until(t: ExecutionContext, what: string, done: () => boolean | Promise<boolean>) {
  for (let i = 0; i < 1000; i++) {
    if (await done()) return;
    await sleep(20);
  }
  t.fail(`waited in vain for ${what}`);
}

async function up(t: ExecutionContext, home: string): Promise<Program> {
  const node = kith(t, home, 'up', '--name', 'alice', '--listen', 'udp://127.0.0.1:0');
  await until(t, 'ready', () => {
    if (node.child.exitCode !== null) throw new Error(`up ended early: ${node.stderr()}`);
    return /^ready$/m.test(node.stdout().toString());
  });
  return node;
}

test('exit codes and sentences', async (t) => {
  const home = await temporaryHome(t);
  for (const [args, code, sentence] of [
    [['status'], 5, /^kith: no node is running in .*\n$/],
    [['nonsense'], 2, /^kith: unknown command 'nonsense'.*\n$/],
    [['up', '--config', '/none'], 3, /^kith: \/none is not there.*\n$/],
    [['plug', '/no/such/switch'], 7, /^kith: .*\/no\/such\/switch.*\n$/],
  ] as const) {
    const program = kith(t, home, ...args);
    t.is(await program.code, code);
    t.regex(program.stderr(), sentence);
    t.is(program.stdout().length, 0);
  }
});

test('a reader that goes away is no crash', async (t) => {
  const program = kith(t, await temporaryHome(t), '--help');
  program.child.stdout.destroy();
  t.is(await program.code, 0);
  t.is(program.stderr(), '');
});

test('id makes an identity once, and needs no node', async (t) => {
  const home = join(await temporaryHome(t), 'new');
  const first = kith(t, home, 'id', '--json');
  t.is(await first.code, 0);
  const shown = JSON.parse(first.stdout().toString());
  t.regex(shown.uid, /^[0-9a-f]{40}$/);
  t.regex(shown.publicKey, /^[0-9a-f]{64}$/);
  t.is((await stat(home)).mode & 0o777, 0o700);
  const second = kith(t, home, 'id');
  t.is(await second.code, 0);
  t.is(second.stdout().toString(), `UID         ${shown.uid}\npublic key  ${shown.publicKey}\n`);
});

test('id rotate changes the key without a node, and through one', async (t) => {
  const home = await temporaryHome(t);
  const none = kith(t, home, 'id', 'rotate');
  t.is(await none.code, 3);
  t.regex(none.stderr(), /^kith: there is no identity in .* yet; `kith id` makes one\n$/);
  const made = kith(t, home, 'id', '--json');
  t.is(await made.code, 0);
  const rotate = async (): Promise<{ uid: string; publicKey: string; formerUid: string }> => {
    const program = kith(t, home, 'id', 'rotate', '--json');
    t.is(await program.code, 0, program.stderr());
    return JSON.parse(program.stdout().toString());
  };
  const first = await rotate();
  t.is(first.formerUid, JSON.parse(made.stdout().toString()).uid);
  t.deepEqual(await readdir(home), ['identity.json'], 'nothing is left behind');
  const node = await up(t, home);
  const second = await rotate();
  t.is(second.formerUid, first.uid);
  const shown = kith(t, home, 'status', '--json');
  t.is(await shown.code, 0);
  t.is(JSON.parse(shown.stdout().toString()).uid, second.uid);
  node.child.kill('SIGTERM');
  t.is(await node.code, 0);
  const after = kith(t, home, 'id', '--json');
  t.is(await after.code, 0);
  t.is(JSON.parse(after.stdout().toString()).publicKey, second.publicKey);
});

test('up, until SIGTERM: no socket stays behind', async (t) => {
  const home = await temporaryHome(t);
  const node = await up(t, home);
  t.is(node.stdout().toString().trimEnd().split('\n').at(-1), 'ready');
  const status = kith(t, home, 'status', '--json');
  t.is(await status.code, 0);
  t.is(JSON.parse(status.stdout().toString()).pid, node.child.pid);
  node.child.kill('SIGTERM');
  t.is(await node.code, 0);
  for (const name of await readdir(home, { recursive: true })) t.regex(name, /^[a-z]+\.json$/);
});

test('up after a kill takes over what was left', async (t) => {
  const home = await temporaryHome(t);
  const killed = await up(t, home);
  killed.child.kill('SIGKILL');
  await killed.code;
  t.true((await readdir(home)).includes('control.sock'));
  const node = await up(t, home);
  const down = kith(t, home, 'down');
  t.is(await down.code, 0);
  t.is(down.stdout().toString(), 'alice is down\n');
  t.is(await node.code, 0);
  t.false((await readdir(home)).includes('control.sock'));
});

test('two plugs on one switch: frames pass whole, and each way of ending', async (t) => {
  const home = await temporaryHome(t);
  const node = await up(t, home);
  const [left, right, third] = [
    kith(t, home, 'plug'),
    kith(t, home, 'plug'),
    kith(t, home, 'plug'),
  ];
  const frames = [60, 1514, 9000, 9216].map((length) => testFrame(length));
  const arrived: Buffer[] = [];
  const deframer = new PlugDeframer();
  right.child.stdout.on('data', (chunk: Buffer) =>
    deframer.push(chunk, (bytes, offset, length) =>
      arrived.push(Buffer.from(bytes.slice(offset, offset + length))),
    ),
  );
  await until(t, 'three cables', async () => {
    const ports = kith(t, home, 'ports', '--json');
    await ports.code;
    const list: { state: string }[] = JSON.parse(ports.stdout().toString());
    return list.filter(({ state }) => state === 'forwarding').length === 3;
  });
  left.child.stdin.write(Buffer.concat(frames.map(emitPlugFrame)));
  const isOurs = (frame: Buffer) => frame.readUInt16BE(12) === TEST_TYPE;
  await until(t, 'the frames', () => arrived.filter(isOurs).length === frames.length);
  t.deepEqual(arrived.filter(isOurs), frames);

  left.child.stdin.end();
  t.is(await left.code, 0);
  right.child.kill('SIGTERM');
  t.is(await right.code, 0);
  node.child.kill('SIGTERM');
  t.is(await third.code, 5);
  t.regex(third.stderr(), /^kith: the switch at .* went away; plug in again when it is back\n$/);
  t.is(await node.code, 0);
});

/** IEEE Std 802 local experimental Ethertype 1. */
const TEST_TYPE = 0x88b5;

function testFrame(length: number): Buffer {
  const frame = Buffer.alloc(length, length & 0xff);
  frame.fill(0xff, 0, 6);
  frame.set([2, 0, 0, 0, 0, 7], 6);
  frame.writeUInt16BE(TEST_TYPE, 12);
  return frame;
}
