/** `kith tap` on real machines of a sort: nodes in network namespaces of their own. */
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { befriend, type KithNode } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import { type Finished, runProgram } from '../../integration/qemu/program.ts';
import type { NodeStatus } from '../../src/controller/node-api.ts';
import type { PortStatus } from '../../src/controller/node-api-ports.ts';
import type { TapStatus } from '../../src/controller/node-api-taps.ts';
import { startNode } from './support/kith.ts';
import { connectNamespaces, createNamespace, type Namespace } from './support/namespace.ts';
import { mustRun, startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['root', 'tun', 'namespaces', 'ip'];
const PERMISSION = 8;
const USAGE = 2;
const NOBODY = 65_534;

/** `kith tap …` of a node, however it ends. */
async function tap(home: string, ...args: readonly string[]): Promise<Finished> {
  const kith = [join(projectRoot, 'bin/kith'), 'tap', '--home', home];
  return await runProgram(process.execPath, [...kith, ...args], { timeout: 30_000 });
}

async function hasInterface(namespace: Namespace, name: string): Promise<boolean> {
  const shown = await runProgram('ip', ['-n', namespace.name, 'link', 'show', name]);
  return shown.code === 0;
}

interface Address {
  readonly local: string;
  readonly prefixlen: number;
  readonly tentative?: boolean;
}

async function addresses(namespace: Namespace, name: string): Promise<readonly Address[]> {
  const shown = await mustRun('ip', '-n', namespace.name, '-j', 'address', 'show', 'dev', name);
  return JSON.parse(shown)[0].addr_info;
}

/** Duplicate address detection (RFC 4862) takes a second. */
async function settled(namespace: Namespace, name: string): Promise<void> {
  await waitUntil('addresses that are not tentative', async () => {
    return (await addresses(namespace, name)).every(({ tentative }) => tentative !== true);
  });
}

/** A namespace where interfaces may have IPv6 addresses. */
async function namespaceWithIpv6(t: ExecutionContext, label: string): Promise<Namespace> {
  const namespace = await createNamespace(t, label);
  await namespace.run('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=0');
  return namespace;
}

async function tapPorts(node: KithNode): Promise<readonly PortStatus[]> {
  const ports = await node.json<readonly PortStatus[]>('ports');
  return ports.filter(({ kind }) => kind === 'tap');
}

async function ping(namespace: Namespace, address: string, ...args: string[]): Promise<void> {
  await namespace.run('ping', '-q', '-c', '2', '-i', '0.2', '-W', '5', ...args, address);
}

systemTest(
  'two machines with a cable between them have one Ethernet besides: IPv4, IPv6, large frames',
  { needs: [...NEEDS, 'ping'] },
  async (t) => {
    const left = await namespaceWithIpv6(t, 'left');
    const right = await namespaceWithIpv6(t, 'right');
    await connectNamespaces(
      { namespace: left, address: '10.92.0.1/24' },
      { namespace: right, address: '10.92.0.2/24' },
    );
    const start = async (name: string, namespace: Namespace, url: string): Promise<KithNode> =>
      await startNode(t, { name, namespace: namespace.name, arguments: ['--listen', url] });
    const alice = await start('alice', left, 'udp://10.92.0.1:4500');
    const bob = await start('bob', right, 'udp://10.92.0.2:4500');
    await befriend(alice, bob);

    const said = await alice.cli(
      ...['tap', '--ip', '10.1.0.1/24', '--ip', 'fd00::1/64', '--mtu', '9000'],
    );
    t.regex(
      said,
      /^kith0 is up at 10\.1\.0\.1\/24, fd00::1\/64 on port 1 \(MAC [0-9a-f:]{17}\)\n$/,
    );
    await bob.cli('tap', '--ip', '10.1.0.2/24', '--ip', 'fd00::2/64', '--mtu', '9000');
    await Promise.all([settled(left, 'kith0'), settled(right, 'kith0')]);

    await ping(left, '10.1.0.2');
    await ping(right, '10.1.0.1');
    await ping(left, 'fd00::2');
    await ping(right, 'fd00::1');
    // IPv4 and ICMP have 28 octets of headers.
    await ping(left, '10.1.0.2', '-M', 'do', '-s', String(9000 - 28));
    const [port] = await tapPorts(alice);
    t.deepEqual(
      [port?.port, port?.description, port?.endpoints, port?.state],
      [1, 'kith0', 1, 'forwarding'],
    );
    t.deepEqual((await alice.json<NodeStatus>('status')).taps, ['kith0']);

    await Promise.all([alice.stop(), bob.stop()]);
    t.false(await hasInterface(left, 'kith0'));
    t.false(await hasInterface(right, 'kith0'));
  },
);

systemTest(
  'an interface is as it was asked for, and goes when it is told to',
  { needs: NEEDS },
  async (t) => {
    const host = await namespaceWithIpv6(t, 'host');
    const node = await startNode(t, { name: 'node', namespace: host.name });
    const mac = '02:00:5e:00:53:01';
    const flags = ['--name', 'lan%d', '--ip', '10.1.0.1/20', '--mac', mac, '--mtu', '1400'];
    const made = await node.json<TapStatus>('tap', ...flags);
    t.deepEqual([made.name, made.mac, made.mtu], ['lan0', mac, 1400]);
    const [link] = JSON.parse(
      await mustRun('ip', '-n', host.name, '-j', '-d', 'link', 'show', 'lan0'),
    );
    t.deepEqual(
      [link.address, link.mtu, link.flags.includes('UP'), link.linkinfo.info_kind],
      [mac, 1400, true, 'tun'],
    );
    t.deepEqual([link.gso_max_size, link.gso_max_segs], [60_000, 64]);
    const own = (await addresses(host, 'lan0')).map(
      ({ local, prefixlen }) => `${local}/${prefixlen}`,
    );
    t.true(own.includes('10.1.0.1/20'));
    t.is((await node.json<TapStatus>('tap', ...flags)).name, 'lan1');

    const again = await tap(node.home, '--name', 'lan0');
    t.is(again.code, USAGE);
    t.regex(again.stderr, /^kith: this node has an interface lan0 already, on port 1; .*\n$/);
    const taken = await tap(node.home, '--name', 'lo');
    t.is(taken.code, USAGE);
    t.regex(taken.stderr, /^kith: there is an interface lo already; .*\n$/);
    t.deepEqual(
      (await tapPorts(node)).map(({ port }) => port),
      [1, 2],
    );

    // The name is free as soon as the command has ended.
    for (let i = 0; i < 3; i++) {
      await node.cli('tap', '--remove', '--name', 'lan0');
      t.false(await hasInterface(host, 'lan0'));
      await node.cli('tap', '--name', 'lan0');
      t.true(await hasInterface(host, 'lan0'));
    }
    t.is((await tap(node.home, '--remove', '--name', 'lan7')).code, 7);

    await node.program.stop();
    t.false(await hasInterface(host, 'lan0'));
    t.false(await hasInterface(host, 'lan1'));
  },
);

systemTest('a node that is killed leaves no interface', { needs: NEEDS }, async (t) => {
  const host = await createNamespace(t, 'host');
  const node = await startNode(t, { name: 'node', namespace: host.name });
  await node.cli('tap');
  t.true(await hasInterface(host, 'kith0'));
  const { pid } = await node.json<NodeStatus>('status');
  process.kill(pid, 'SIGKILL');
  await node.program.ended;
  await waitUntil('the interface to go', async () => !(await hasInterface(host, 'kith0')));
  t.pass();
});

systemTest('without IPv6 there, one sentence says so', { needs: NEEDS }, async (t) => {
  const host = await createNamespace(t, 'host');
  const node = await startNode(t, { name: 'node', namespace: host.name });
  const { code, stderr } = await tap(node.home, '--ip', 'fd00::1/64');
  t.is(code, 1);
  t.regex(stderr, /^kith: the interface kith0 cannot have an IPv6 address, .*disable_ipv6.*\n$/);
  t.false(await hasInterface(host, 'kith0'));
  t.deepEqual(await tapPorts(node), []);
});

systemTest(
  'two namespaces of one machine meet on the switch of a node that is in neither',
  { needs: [...NEEDS, 'ping'] },
  async (t) => {
    const host = await createNamespace(t, 'host');
    const red = await namespaceWithIpv6(t, 'red');
    const blue = await namespaceWithIpv6(t, 'blue');
    const node = await startNode(t, { name: 'node', namespace: host.name });
    const said = await node.cli('tap', '--netns', red.name, '--ip', '10.1.0.1/24');
    t.true(said.startsWith(`kith0@${red.name} is up at 10.1.0.1/24 on port 1 `));
    await node.cli('tap', '--netns', `/run/netns/${blue.name}`, '--ip', '10.1.0.2/24');
    t.false(await hasInterface(host, 'kith0'));
    await ping(red, '10.1.0.2');

    const nowhere = await tap(node.home, '--netns', `${red.name}-not`);
    t.is(nowhere.code, 7);
    t.regex(nowhere.stderr, /^kith: there is no network namespace \/run\/netns\/.*\n$/);
    const wrong = await tap(node.home, '--netns', '/etc/passwd');
    t.is(wrong.code, USAGE);
    t.regex(wrong.stderr, /^kith: \/etc\/passwd is no network namespace.*\n$/);
    // Its threads and the process itself are where they were.
    const link = await host.run('sh', '-c', 'readlink /proc/self/ns/net');
    const { pid } = await node.json<NodeStatus>('status');
    for (const task of (await mustRun('ls', `/proc/${pid}/task`)).trim().split('\n')) {
      t.is(await mustRun('readlink', `/proc/${pid}/task/${task}/ns/net`), link);
    }

    await node.cli('tap', '--remove', '--netns', red.name);
    t.false(await hasInterface(red, 'kith0'));
    t.true(await hasInterface(blue, 'kith0'));
  },
);

systemTest('an interface that somebody deletes', { needs: NEEDS }, async (t) => {
  const host = await createNamespace(t, 'host');
  const node = await startNode(t, { name: 'node', namespace: host.name });
  await node.cli('tap', '--ip', '10.1.0.1/24');
  await mustRun('ip', '-n', host.name, 'link', 'delete', 'kith0');
  await waitUntil('the port to be free', async () => (await tapPorts(node)).length === 0);
  const { counters } = await node.json<NodeStatus>('status');
  t.is(counters.tapsLost, 1);
  await waitUntil('a line in the log', () =>
    /a host interface went away/.test(node.program.output),
  );
  t.regex(node.program.output, /"reason":"the interface was deleted"/);
  t.regex(await node.cli('tap', '--ip', '10.1.0.1/24'), / on port 1 /);
});

systemTest(
  'a namespace that is deleted lives on for its interface, and goes with it',
  { needs: NEEDS },
  async (t) => {
    const host = await createNamespace(t, 'host');
    const blue = await createNamespace(t, 'blue');
    const node = await startNode(t, { name: 'node', namespace: host.name });
    await node.cli('tap', '--netns', blue.name);
    await mustRun('ip', 'netns', 'delete', blue.name);
    t.is((await tapPorts(node)).length, 1);
    await node.cli('tap', '--remove', '--netns', blue.name);
    t.is((await tapPorts(node)).length, 0);
    t.is((await tap(node.home, '--netns', blue.name)).code, 7);
    t.is((await node.json<NodeStatus>('status')).counters.tapsLost, 0);
  },
);

systemTest('interfaces of the configuration', { needs: NEEDS }, async (t) => {
  const host = await createNamespace(t, 'host');
  const blue = await createNamespace(t, 'blue');
  const file = join(temporaryDirectory(t), 'config.json');
  const taps = [{ ip: '10.1.0.1/24' }, { name: 'lan0', netns: blue.name, ip: ['10.1.0.2/24'] }];
  writeFileSync(file, JSON.stringify({ taps }), { mode: 0o600 });
  const node = await startNode(t, {
    name: 'node',
    namespace: host.name,
    arguments: ['--config', file],
  });
  const listed = await node.json<readonly TapStatus[]>('tap', '--list');
  t.deepEqual(
    listed.map(({ name, port }) => [name, port]),
    [
      ['kith0', 1],
      [`lan0@${blue.name}`, 2],
    ],
  );
  t.true(await hasInterface(host, 'kith0'));
  t.true(await hasInterface(blue, 'lan0'));
  await node.stop();

  writeFileSync(file, JSON.stringify({ taps: [...taps, { name: 'lo' }] }), { mode: 0o600 });
  const refused = await runProgram(host.prefix[0], [
    ...host.prefix.slice(1),
    ...[process.execPath, join(projectRoot, 'bin/kith'), 'up'],
    ...['--home', node.home, '--config', file],
  ]);
  t.is(refused.code, USAGE);
  t.regex(
    refused.stderr,
    /^kith: taps in the configuration, lo: there is an interface lo already/m,
  );
  t.false(await hasInterface(host, 'kith0'));
  t.false(existsSync(join(node.home, 'control.sock')));
});

// Reading what the sources are in has to be allowed, and nothing else is.
const READER = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
const WRITER = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];

for (const [title, capabilities, sentence] of [
  ['an ordinary user', READER, /CAP_NET_ADMIN.*`kith exec`/],
  ['a user who may open any file', WRITER, /^kith: the node may not make the interface kith0: /],
] as const) {
  systemTest(
    `${title} is told in one sentence what to do`,
    { needs: [...NEEDS, 'setpriv'] },
    async (t) => {
      const parent = temporaryDirectory(t);
      chmodSync(parent, 0o755);
      const home = join(parent, 'home');
      mkdirSync(home, { mode: 0o700 });
      chownSync(home, NOBODY, NOBODY);
      const node = startProgram(t, 'setpriv', [
        ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...capabilities],
        ...[process.execPath, join(projectRoot, 'bin/kith'), 'up', '--home', home],
        ...['--listen', 'udp://127.0.0.1:0'],
      ]);
      await node.waitFor(/^ready$/m, 30_000);
      t.is(statSync(join(home, 'control.sock')).uid, NOBODY);
      const { code, stdout, stderr } = await tap(home, '--ip', '10.1.0.1/24');
      t.deepEqual([code, stdout], [PERMISSION, '']);
      t.regex(stderr, /^kith: [^\n]*CAP_NET_ADMIN[^\n]*`kith exec`[^\n]*\n$/);
      t.regex(stderr, sentence);
      const elsewhere = await tap(home, '--netns', '/proc/1/ns/net');
      t.is(elsewhere.code, PERMISSION);
      t.regex(elsewhere.stderr, /^kith: [^\n]*CAP_SYS_ADMIN[^\n]*`kith exec`[^\n]*\n$/);
    },
  );
}
