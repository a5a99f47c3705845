/** `kith tap` against a node that is not there. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { openControlServer } from '../../src/controller/control-server.ts';
import type { NodeApi } from '../../src/controller/node-api.ts';
import type { TapRequest } from '../../src/controller/node-api-taps.ts';
import { KithError } from '../../src/errors.ts';
import { FAKE_TAP, type FakeNode, fakeApi } from './fake-node.ts';
import { run, temporaryHome } from './run-cli.ts';

async function withNode(t: ExecutionContext, changes: Partial<NodeApi> = {}) {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version: '0.1.0', log: pino({ enabled: false }) });
  t.teardown(() => server.close());
  const calls: FakeNode['calls'] = [];
  server.serve({ ...fakeApi(calls, () => {}, home), ...changes });
  return { calls, kith: (...args: readonly string[]) => run(['tap', ...args, '--home', home]) };
}

test('the node is asked for what the flags say, and no more', async (t) => {
  const { calls, kith } = await withNode(t);
  t.is((await kith()).code, 0);
  const flags = ['--name', 'lan%d', '--ip', '10.0.0.1/24', '--ip', 'fd00::1/64'];
  t.is((await kith(...flags, '--mac', '02:0:0:0:0:9', '--mtu', '9000', '--netns', 'blue')).code, 0);
  t.deepEqual(calls, [
    ['addTap', {}],
    [
      'addTap',
      {
        name: 'lan%d',
        ip: ['10.0.0.1/24', 'fd00::1/64'],
        mac: '02:0:0:0:0:9',
        mtu: 9000,
        netns: 'blue',
      },
    ],
  ]);
});

test('it says what came of it, to people and to programs', async (t) => {
  const { kith } = await withNode(t);
  const { stdout, stderr, code } = await kith('--ip', '10.0.0.1/24');
  t.deepEqual([code, stderr], [0, '']);
  t.is(stdout, 'kith0 is up at 10.0.0.1/24 on port 3 (MAC 02:00:00:00:00:09)\n');
  t.is((await kith()).stdout, 'kith0 is up on port 3 (MAC 02:00:00:00:00:09)\n');
  t.deepEqual(JSON.parse((await kith('--ip', '10.0.0.1/24', '--json')).stdout), FAKE_TAP);
});

test('with dhcp it waits for the address', async (t) => {
  let looks = 0;
  const { kith } = await withNode(t, {
    addTap: async (request: TapRequest) => {
      t.deepEqual(request, { ip: ['dhcp', 'fd00::1/64'] });
      return { ...FAKE_TAP, dhcp: true, addresses: ['fd00::1/64'] };
    },
    taps: async () => {
      const leased = looks++ < 2 ? [] : ['10.7.0.9/16'];
      return [{ ...FAKE_TAP, dhcp: true, addresses: ['fd00::1/64', ...leased] }];
    },
  });
  const { stdout, code } = await kith('--ip', 'dhcp', '--ip', 'fd00::1/64');
  t.is(code, 0);
  t.regex(stdout, /^kith0 is up at fd00::1\/64, 10\.7\.0\.9\/16 on port 3 /);
  t.is(looks, 3);
});

test('an interface that goes away while it waits', async (t) => {
  const { kith } = await withNode(t, {
    addTap: async () => ({ ...FAKE_TAP, dhcp: true, addresses: [] }),
    taps: async () => [],
  });
  const { stderr, code } = await kith('--ip', 'dhcp');
  t.is(code, 7);
  t.is(stderr, 'kith: kith0 went away again; the log of the node says why\n');
});

test('lists', async (t) => {
  const { kith } = await withNode(t);
  t.is(
    (await kith('--list')).stdout,
    [
      'NAME        PORT  MAC                 MTU  ADDRESSES',
      'kith0          3  02:00:00:00:00:09  1500  10.0.0.1/24',
      'kith0@blue     5  02:00:00:00:00:09  1500  10.0.0.1/24',
      '',
    ].join('\n'),
  );
  t.is(JSON.parse((await kith('--list', '--json')).stdout).length, 2);
  const other = await withNode(t, {
    taps: async () => [
      { ...FAKE_TAP, addresses: [], attached: true },
      { ...FAKE_TAP, addresses: [], dhcp: true },
      { ...FAKE_TAP, addresses: [] },
    ],
  });
  const lines = (await other.kith('--list')).stdout.split('\n');
  t.true(lines[1].endsWith('another process has it'));
  t.true(lines[2].endsWith(' by dhcp'));
  t.true(lines[3].endsWith('1500  -'));
  const none = await withNode(t, { taps: async () => [] });
  t.is(
    (await none.kith('--list')).stdout,
    'no interfaces; `kith tap --ip 10.0.0.1/24` makes one\n',
  );
});

test('removes by name, by name and namespace, and by what a list calls it', async (t) => {
  const { calls, kith } = await withNode(t);
  t.is((await kith('--remove')).stdout, 'removed kith0\n');
  await kith('--remove', '--name', 'lan0', '--netns', 'blue');
  await kith('--remove', '--netns', '/proc/12/ns/net');
  await kith('--remove', '--name', 'kith0@6');
  t.deepEqual(JSON.parse((await kith('--remove', '--json')).stdout), { name: 'kith0' });
  t.deepEqual(
    calls.map(([, name]) => name),
    ['kith0', 'lan0@blue', 'kith0@/proc/12/ns/net', 'kith0@6', 'kith0'],
  );
});

test('what is off is told in the words of the command line, before a node is asked', async (t) => {
  const { calls, kith } = await withNode(t);
  for (const [flags, sentence] of [
    ['--name a/b', /^kith: --name 'a\/b' must be 1 to 15 letters/],
    ['--name sixteen-letters0', /must be 1 to 15 letters/],
    ['--ip 10.0.0.1', /--ip '10\.0\.0\.1' must be dhcp, or the address of a host with its prefix/],
    ['--ip 10.0.0.0/24', /must be dhcp, or .*; 10\.0\.0\.0 is the network itself$/m],
    ['--ip 10.0.0.1/24 --ip 10.0.0.1/24', /must be given once only/],
    ['--mac 01:00:00:00:00:01', /--mac '01:00:00:00:00:01' must be a locally administered/],
    ['--mtu lots', /--mtu 'lots' must be a whole number from 576 to 9198/],
    ['--mtu 9199', /--mtu '9199' must be/],
    ['--mtu 1000 --ip fd00::1/64', /must be at least 1280 with an IPv6 address/],
    ['--netns ../x', /--netns '\.\.\/x' must be a name that/],
    ['--list --remove', /--list goes without --remove/],
    ['--list --name x', /--list goes without --name/],
    ['--remove --ip dhcp', /--remove goes without --ip/],
  ] as const) {
    const { code, stdout, stderr } = await kith(...flags.split(' '));
    t.deepEqual([code, stdout], [2, ''], flags);
    t.regex(stderr, sentence);
    t.regex(stderr, /^kith: [^\n]*\n$/);
  }
  t.deepEqual(calls, []);
});

test("the node's refusal is the exit code", async (t) => {
  const { kith } = await withNode(t, {
    addTap: async () => {
      throw new KithError('permission', 'no');
    },
  });
  const { code, stderr } = await kith();
  t.deepEqual([code, stderr], [8, 'kith: no\n']);
});
