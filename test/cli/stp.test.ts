/** `kith stp` against a node that is not there. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { openControlServer } from '../../src/controller/control-server.ts';
import { type FakeNode, fakeApi } from './fake-node.ts';
import { run, temporaryHome } from './run-cli.ts';

async function withNode(t: ExecutionContext) {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version: '0.1.0', log: pino({ enabled: false }) });
  t.teardown(() => server.close());
  const calls: FakeNode['calls'] = [];
  server.serve(fakeApi(calls, () => {}, home));
  return { calls, kith: (...args: readonly string[]) => run(['stp', ...args, '--home', home]) };
}

test('without a port, the tree and its guards', async (t) => {
  const { calls, kith } = await withNode(t);
  const { stdout } = await kith();
  t.regex(stdout, /^PORT +ROLE +STATE +COST +EDGE +GUARD +DESIGNATED BRIDGE$/m);
  t.regex(stdout, / yes +root /);
  t.deepEqual(calls, []);
});

test('the node is told what the flags say', async (t) => {
  const { calls, kith } = await withNode(t);
  const flags = ['--cost', '500000', '--edge', 'off', '--bpdu-guard', 'off', '--root-guard', 'on'];
  const done = await kith('bob', ...flags, '--change-guard', 'on', '--recover');
  t.is(done.stderr, '');
  t.is(
    done.stdout,
    'bob (port 513): cost 500000, edge off, bpdu-guard off, root-guard on, change-guard on, tries again, until the node ends (`kith switch save` keeps it)\n',
  );
  const json = await kith('513', '--cost', 'auto', '--json');
  t.deepEqual(JSON.parse(json.stdout), { port: 513, name: 'bob', cost: null });
  const all = { edge: false, bpduGuard: false, rootGuard: true, changeGuard: true, recover: true };
  t.deepEqual(calls, [
    ['setStpPort', { port: 'bob', cost: 500_000, ...all }],
    ['setStpPort', { port: 513, cost: null }],
  ]);
});

test('what makes no sense is said before the node is asked', async (t) => {
  const { calls, kith } = await withNode(t);
  for (const [args, sentence] of [
    [['--root-guard', 'on'], /which port\?/],
    [['bob'], /what about bob\?/],
    [['bob', '--cost', '0'], /--cost '0' must be a number from 1 to 200000000, or auto/],
    [['bob', '--cost', '1e3'], /must be a number/],
    [['bob', '--edge', 'yes'], /--edge 'yes' must be on or off/],
  ] as const) {
    const { code, stderr } = await kith(...args);
    t.is(code, 2, args.join(' '));
    t.regex(stderr, sentence);
  }
  t.deepEqual(calls, []);
});
