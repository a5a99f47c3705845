/** `kith capture` against a node that is not there. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { openControlServer } from '../../src/controller/control-server.ts';
import type { NodeApi } from '../../src/controller/node-api.ts';
import { KithError } from '../../src/errors.ts';
import { FAKE_CAPTURE, type FakeNode, fakeApi } from './fake-node.ts';
import { type RunOptions, run, start, temporaryHome } from './run-cli.ts';

const FILE = Buffer.concat(FAKE_CAPTURE);
const TOLD = '2 packets, 1.6 kB, 1 more lost on the way here\n';

async function withNode(t: ExecutionContext, changes: Partial<NodeApi> = {}) {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version: '0.1.0', log: pino({ enabled: false }) });
  t.teardown(() => server.close());
  const calls: FakeNode['calls'] = [];
  server.serve({ ...fakeApi(calls, () => {}, home), ...changes });
  const full = (args: readonly string[]) => ['capture', ...args, '--home', home];
  return {
    home,
    calls,
    kith: (args: readonly string[], options: RunOptions = {}) => run(full(args), options),
    begin: (...args: readonly string[]) => start(full(args)),
  };
}

test('the node is asked for what the flags say, and no more', async (t) => {
  const { calls, kith } = await withNode(t);
  t.is((await kith([])).code, 0);
  t.is((await kith(['--port', '3', '--snaplen', '64', '--count', '5', '--seconds', '9'])).code, 0);
  t.is((await kith(['--link', 'bob & co'])).code, 0);
  t.deepEqual(calls, [
    ['capture', {}],
    ['capture', { port: 3, snaplen: 64, count: 5, seconds: 9 }],
    ['capture', { link: 'bob & co' }],
  ]);
});

test('pcapng goes out, and what it was to standard error', async (t) => {
  const { kith, home } = await withNode(t);
  const piped = await kith(['-w', '-']);
  t.deepEqual([piped.code, piped.stderr], [0, TOLD]);
  t.is(piped.stdout, FILE.toString('utf8'));
  const file = join(home, 'lan.pcapng');
  const written = await kith(['-w', file]);
  t.deepEqual([written.code, written.stdout, written.stderr], [0, '', TOLD]);
  t.deepEqual(await readFile(file), FILE);
  t.is((await stat(file)).mode & 0o777, 0o600);
});

test('a terminal gets a sentence and no octets', async (t) => {
  const { kith, calls } = await withNode(t);
  const { code, stdout, stderr } = await kith([], { terminal: true });
  t.deepEqual([code, stdout], [2, '']);
  t.regex(stderr, /^kith: capture writes pcapng, not letters; name a file with -w.*\n$/);
  t.deepEqual(calls, []);
});

test('mistakes are told', async (t) => {
  const { kith, home } = await withNode(t);
  for (const [args, code, message] of [
    [['--port', '1', '--link', 'bob'], 2, /either --port or --link/],
    [['--port', '0'], 2, /--port '0' must be a whole number from 1 to 1023/],
    [['--count', 'x'], 2, /--count/],
    [['-w', join(home, 'no/such/file')], 1, /cannot be written \(ENOENT\); choose another place/],
  ] as const) {
    const failed = await kith(args);
    t.is(failed.code, code, args.join(' '));
    t.regex(failed.stderr, message);
  }
  const { kith: other } = await withNode(t, {
    capture: () => Promise.reject(new KithError('not-found', 'there is no friend eve; look')),
  });
  const failed = await other(['--link', 'eve']);
  t.deepEqual([failed.code, failed.stderr], [7, 'kith: there is no friend eve; look\n']);
});

test('Ctrl-C ends it well, and the node stops', async (t) => {
  let destroyed = false;
  const stream = new Readable({
    read() {},
    destroy(error, done) {
      destroyed = true;
      done(error);
    },
  });
  const { begin } = await withNode(t, { capture: async () => stream });
  const running = begin();
  stream.push(FILE);
  while (running.stdout() === '') await new Promise((resolve) => setTimeout(resolve, 5));
  running.signals.emit('SIGINT');
  t.is(await running.code, 0);
  t.is(running.stderr(), TOLD);
  while (!destroyed) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(running.signals.listenerCount('SIGINT'), 0);
});
