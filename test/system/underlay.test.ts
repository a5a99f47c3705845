/**
 * Two machines with a network below and `kith tap` above. In one lab UDP, the better
 * provider, is to be had above only: a link by it would run over the network that it carries.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { befriend, KithNode, waitForLink } from '../../integration/qemu/kith-node.ts';
import type { NodeStatus } from '../../src/controller/node-api.ts';
import type { FriendStatus, LinkStatus } from '../../src/controller/node-api-friends.ts';
import { connectNamespaces, createNamespace, type Namespace } from './support/namespace.ts';
import { watchProgram } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['root', 'tun', 'namespaces', 'ip', 'ping'];
const PORT = 4500;
const BELOW = { alice: '10.92.0.1', bob: '10.92.0.2' } as const;
const ABOVE = { alice: '10.1.0.1', bob: '10.1.0.2' } as const;
/** Milliseconds: a better provider is looked for every thirty seconds. */
const LOOKED_FOR_BETTER = 34_000;

type Name = keyof typeof BELOW;

/** Starts a node with an interface on its switch. */
async function machine(
  t: ExecutionContext,
  namespace: Namespace,
  name: Name,
  listen: readonly string[],
): Promise<KithNode> {
  const home = join(temporaryDirectory(t), name);
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(join(home, 'config.json'), JSON.stringify({ listen }), { mode: 0o600 });
  const node = await KithNode.start({ home, name, namespace: namespace.name });
  watchProgram(t, node.program);
  await node.cli('tap', '--ip', `${ABOVE[name]}/24`);
  return node;
}

/** @param listen where each does */
async function lab(t: ExecutionContext, listen: (name: Name) => readonly string[]) {
  const left = await createNamespace(t, 'left');
  const right = await createNamespace(t, 'right');
  await connectNamespaces(
    { namespace: left, address: `${BELOW.alice}/24` },
    { namespace: right, address: `${BELOW.bob}/24` },
  );
  // A socket may have the address of an interface that is to come.
  for (const each of [left, right]) await each.run('sysctl', '-qw', 'net.ipv4.ip_nonlocal_bind=1');
  const alice = await machine(t, left, 'alice', listen('alice'));
  const bob = await machine(t, right, 'bob', listen('bob'));
  return { left, alice, bob };
}

/** Where the link of a node leads, if it is up: a paused machine may lose it for a while. */
async function remoteOf(node: KithNode): Promise<string | undefined> {
  const [link] = await node.json<readonly LinkStatus[]>('links');
  return link && new URL(link.remote).hostname;
}

systemTest(
  'addresses of interfaces on the switch are told to nobody',
  { needs: NEEDS },
  async (t) => {
    const { left, alice, bob } = await lab(t, () => [
      `udp://0.0.0.0:${PORT}`,
      `tcp://0.0.0.0:${PORT}`,
    ]);
    await befriend(alice, bob);
    for (const node of [alice, bob]) {
      const { told } = await node.json<NodeStatus>('status');
      t.deepEqual(told, [
        `udp://${BELOW[node.name as Name]}:${PORT}`,
        `tcp://${BELOW[node.name as Name]}:${PORT}`,
      ]);
      const [friend] = await node.json<readonly FriendStatus[]>('friends');
      t.false(friend?.addresses.some((url) => url.includes('10.1.0.') || url.includes('127.0.0.')));
    }
    t.is(await remoteOf(alice), BELOW.bob);
    t.is(await remoteOf(bob), BELOW.alice);
    await left.run('ping', '-q', '-c', '2', '-i', '0.2', '-W', '5', ABOVE.bob);
  },
);

systemTest(
  'addresses on the network itself are not dialled, whoever tells them',
  { needs: NEEDS },
  async (t) => {
    const { left, alice, bob } = await lab(t, (name) => [
      `udp://${ABOVE[name]}:${PORT}`,
      `tcp://${BELOW[name]}:${PORT}`,
    ]);
    await befriend(alice, bob);
    for (const node of [alice, bob]) {
      const [friend] = await node.json<readonly FriendStatus[]>('friends');
      t.true(
        friend?.addresses.some((url) => url.startsWith('udp://10.1.0.')),
        'it has been told',
      );
    }
    // The way above is open: what would be dialled would answer.
    await left.run('ping', '-q', '-c', '2', '-i', '0.2', '-W', '5', ABOVE.bob);
    const seen = { alice: new Set<string | undefined>(), bob: new Set<string | undefined>() };
    const end = performance.now() + LOOKED_FOR_BETTER;
    while (performance.now() < end) {
      seen.alice.add(await remoteOf(alice));
      seen.bob.add(await remoteOf(bob));
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await waitForLink(alice, 'bob');
    for (const each of Object.values(seen)) each.delete(undefined);
    t.deepEqual([...seen.alice], [BELOW.bob]);
    t.deepEqual([...seen.bob], [BELOW.alice]);
    await left.run('ping', '-q', '-c', '2', '-i', '0.2', '-W', '5', ABOVE.bob);
  },
);
