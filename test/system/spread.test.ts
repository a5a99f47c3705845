/** Nodes whose sessions are spread over workers, on machines of a sort with cables between them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { befriend, type KithNode, waitForLink } from '../../integration/qemu/kith-node.ts';
import type { NodeStatus } from '../../src/controller/node-api.ts';
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import { startNode } from './support/kith.ts';
import { connectNamespaces, createNamespace, type Namespace } from './support/namespace.ts';
import { descriptorCount } from './support/process-state.ts';
import { mustRun, startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['root', 'tun', 'namespaces', 'ip', 'ping', 'iperf3', 'tcpdump', 'ss'];
const WORKERS = 3;
const PORT = 4500;
const FRIENDS = ['bob', 'carol', 'dave'] as const;
/** What pings carry, and nobody on the cables may see. */
const MARKER = '6b697468736563726574';
const IPERF_PORT = 5201;

interface Machine {
  readonly namespace: Namespace;
  readonly node: KithNode;
}

/** Addresses: 10.92.n.1 and .2 on the cable to friend n; 10.1.0.1 on alice's TAP, 10.1.0.n + 2. */
const tapAddress = (index: number): string => `10.1.0.${index + 2}`;

function configFile(t: ExecutionContext): string {
  const file = join(temporaryDirectory(t), 'config.json');
  writeFileSync(file, JSON.stringify({ dataPlane: { workers: WORKERS } }), { mode: 0o600 });
  return file;
}

async function start(t: ExecutionContext, name: string, namespace: Namespace): Promise<KithNode> {
  const listen = ['--listen', `udp://0.0.0.0:${PORT}`, '--listen', `tcp://0.0.0.0:${PORT}`];
  return await startNode(t, {
    name,
    namespace: namespace.name,
    arguments: ['--config', configFile(t), ...listen],
  });
}

/** Alice, and friends of hers who do not know one another, each with a cable to her and a TAP. */
async function circle(t: ExecutionContext): Promise<{ alice: Machine; friends: Machine[] }> {
  const home = await createNamespace(t, 'alice');
  const places: Namespace[] = [];
  for (const [index, name] of FRIENDS.entries()) {
    const place = await createNamespace(t, name);
    await connectNamespaces(
      { namespace: home, address: `10.92.${index}.1/24` },
      { namespace: place, address: `10.92.${index}.2/24` },
      `cable${index}`,
    );
    places.push(place);
  }
  const alice: Machine = { namespace: home, node: await start(t, 'alice', home) };
  await alice.node.cli('tap', '--ip', '10.1.0.1/24');
  const friends: Machine[] = [];
  for (const [index, name] of FRIENDS.entries()) {
    const namespace = places[index]!;
    const node = await start(t, name, namespace);
    await befriend(alice.node, node);
    await node.cli('tap', '--ip', `${tapAddress(index)}/24`);
    friends.push({ namespace, node });
  }
  return { alice, friends };
}

/** UDP sockets of a machine's node on its port. */
async function sockets({ namespace }: Machine): Promise<number> {
  const listed = await namespace.run('ss', '-Huln', `sport = :${PORT}`);
  return listed.trim().split('\n').length;
}

/** Until the spanning tree lets frames through. */
async function reaches({ namespace }: Machine, address: string): Promise<void> {
  await waitUntil(`an answer of ${address}`, async () => {
    try {
      await namespace.run('ping', '-q', '-c', '1', '-W', '1', address);
      return true;
    } catch {
      return false;
    }
  });
}

/** Octets that a TCP flow of a second has moved. */
async function flow({ namespace }: Machine, ...more: readonly string[]): Promise<number> {
  const args = ['-J', '-t', '1', '-p', String(IPERF_PORT), ...more];
  const report = JSON.parse(await namespace.run('iperf3', ...args));
  return report.end.sum_received.bytes;
}

systemTest(
  'sessions of several friends over several workers: pings and flows, sealed; a friend is killed and comes back',
  { needs: NEEDS, timeout: 240_000 },
  async (t) => {
    const { alice, friends } = await circle(t);
    for (const machine of [alice, ...friends]) t.is(await sockets(machine), WORKERS);
    for (const [index, machine] of friends.entries()) {
      await reaches(machine, '10.1.0.1');
      await reaches(alice, tapAddress(index));
    }
    const seen = join(temporaryDirectory(t), 'seen.pcap');
    const prefix = alice.namespace.prefix;
    const dump = ['tcpdump', '-U', '-i', 'any', '-w', seen, 'udp', 'port', String(PORT)];
    const capture = startProgram(t, prefix[0], [...prefix.slice(1), ...dump]);
    await capture.waitFor(/listening on/, 20_000);
    for (const machine of friends) {
      await machine.namespace.run(
        ...['ping', '-q', '-c', '20', '-i', '0.05', '-W', '5', '-s', '1000'],
        ...['-p', MARKER, '10.1.0.1'],
      );
    }
    // Frames of friends of one another cross alice's switch from one worker's session to another's.
    await reaches(friends[0]!, tapAddress(1));
    await capture.stop();
    const octets = readFileSync(seen);
    t.true(octets.length > 20_000);
    t.false(octets.includes(Buffer.from(MARKER, 'hex')), 'nobody reads on the cables');

    const server = startProgram(t, prefix[0], [
      ...prefix.slice(1),
      ...['iperf3', '-s', '--forceflush', '-p', String(IPERF_PORT)],
    ]);
    await server.waitFor(/listening/, 20_000);
    for (const machine of friends) {
      t.true((await flow(machine, '-c', '10.1.0.1')) > 1_000_000);
      t.true((await flow(machine, '-c', '10.1.0.1', '-R')) > 1_000_000);
    }
    await server.stop();
    for (const link of await alice.node.json<readonly LinkStatus[]>('links')) {
      t.is(link.provider, 'udp');
      t.is(link.security, 'sealed');
    }
    const { counters } = await alice.node.json<NodeStatus>('status');
    t.is(counters.coreLost, 0);

    // One is killed; the others do not notice. It comes back in the same home.
    const [bob, ...others] = friends as [Machine, Machine, Machine];
    const before = descriptorCount(alice.node.program.pid!);
    await bob.node.program.stop('SIGKILL');
    await Promise.all(
      others.map((machine) =>
        machine.namespace.run('ping', '-q', '-c', '40', '-i', '0.1', '-W', '5', '10.1.0.1'),
      ),
    );
    await waitUntil('the loss of bob', async () => {
      return (await alice.node.json<readonly LinkStatus[]>('links')).length === others.length;
    });
    const { KithNode: Node } = await import('../../integration/qemu/kith-node.ts');
    const { home, name } = bob.node;
    const again = await Node.start({
      home,
      name,
      namespace: bob.namespace.name,
      arguments: ['--config', configFile(t), '--listen', `udp://0.0.0.0:${PORT}`],
    });
    t.teardown(() => again.stop());
    await waitForLink(alice.node, 'bob');
    await again.cli('tap', '--ip', `${tapAddress(0)}/24`);
    await reaches({ namespace: bob.namespace, node: again }, '10.1.0.1');
    t.true(descriptorCount(alice.node.program.pid!) <= before);

    for (const node of [again, ...others.map((each) => each.node), alice.node]) {
      await node.stop();
      t.is(node.program.end?.code, 0);
      t.deepEqual(
        readdirSync(node.home).filter((entry) => !entry.endsWith('.json')),
        [],
        'no socket is left',
      );
    }
    const links = await mustRun('ip', '-n', alice.namespace.name, '-j', 'link', 'show');
    t.false(links.includes('kith0'));
    t.is((await alice.namespace.run('ss', '-Huln', `sport = :${PORT}`)).trim(), '');
  },
);
