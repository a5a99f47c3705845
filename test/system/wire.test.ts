/** What somebody on the path sees: nothing of a sealed link, all of a clear one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { befriend, type KithNode } from '../../integration/qemu/kith-node.ts';
import type { LinkStatus, WhyReport } from '../../src/controller/node-api-friends.ts';
import { openCable, testFrame } from './support/cable.ts';
import { startNode } from './support/kith.ts';
import { connectNamespaces, createNamespace, type Namespace } from './support/namespace.ts';
import { startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['root', 'namespaces', 'tcpdump', 'libvdeplug', 'ip'];
const MARKER = 'kith-wire-marker-0123456789abcdef';
const MAC_A = '02:00:00:00:aa:01';
const MAC_B = '02:00:00:00:bb:02';

interface Observed {
  readonly alice: KithNode;
  readonly bob: KithNode;
  /** Reads all that went over the cable between them so far. */
  readonly capture: () => Buffer;
}

/** Two nodes on two hosts, a cable between them, and somebody who listens on it. */
async function observedNodes(
  t: ExecutionContext,
  carrier: string,
  policies: { readonly alice: readonly string[]; readonly bob: readonly string[] },
): Promise<Observed> {
  const left = await createNamespace(t, 'left');
  const right = await createNamespace(t, 'right');
  await connectNamespaces(
    { namespace: left, address: '10.92.0.1/24' },
    { namespace: right, address: '10.92.0.2/24' },
  );
  const file = join(temporaryDirectory(t), 'wire.pcap');
  const tcpdump = startProgram(t, left.prefix[0], [
    ...left.prefix.slice(1),
    ...['tcpdump', '-i', 'eth0', '-s', '0', '-U', '--immediate-mode', '-Z', 'root', '-w', file],
  ]);
  await tcpdump.waitFor(/listening on eth0/, 10_000);
  const start = async (
    name: string,
    namespace: Namespace,
    url: string,
    policy: readonly string[],
  ): Promise<KithNode> =>
    await startNode(t, {
      name,
      namespace: namespace.name,
      arguments: ['--listen', url, ...policy],
    });
  const alice = await start('alice', left, `${carrier}://10.92.0.1:4500`, policies.alice);
  const bob = await start('bob', right, `${carrier}://10.92.0.2:4500`, policies.bob);
  return { alice, bob, capture: () => readFileSync(file) };
}

/** The same, made friends, with a link between them. */
async function observedFriends(...args: Parameters<typeof observedNodes>): Promise<Observed> {
  const observed = await observedNodes(...args);
  await befriend(observed.alice, observed.bob);
  return observed;
}

/** Sends frames with the marker both ways until both have arrived. */
async function exchange(t: ExecutionContext, { alice, bob }: Observed): Promise<void> {
  const a = await openCable(t, alice.switchDirectory);
  const b = await openCable(t, bob.switchDirectory);
  await waitUntil('the marker on both sides', async () => {
    a.send(testFrame({ from: MAC_A, payload: `${MARKER} there`, length: 400 }));
    b.send(testFrame({ from: MAC_B, payload: `${MARKER} back`, length: 400 }));
    await new Promise((resolve) => setTimeout(resolve, 150));
    const there = b.received.some((frame) => frame.includes(`${MARKER} there`));
    return there && a.received.some((frame) => frame.includes(`${MARKER} back`));
  });
}

async function security(node: KithNode, friend: string): Promise<readonly [LinkStatus, WhyReport]> {
  const links = await node.json<readonly LinkStatus[]>('links');
  const link = links.find((candidate) => candidate.friendName === friend);
  if (link === undefined) throw new Error(`${node.name} has no link to ${friend}`);
  return [link, await node.json<WhyReport>('why', friend)];
}

const CLEAR_IF_STRANGERS = ['--plaintext', 'when-no-shared-group'];

for (const carrier of ['udp', 'tcp']) {
  systemTest(`${carrier}: with a shared group nothing can be read`, { needs: NEEDS }, async (t) => {
    const policy = ['--group', 'lab:7c1e5f0a94d2b836', ...CLEAR_IF_STRANGERS];
    const observed = await observedFriends(t, carrier, { alice: policy, bob: policy });
    await exchange(t, observed);
    const wire = observed.capture();
    t.true(wire.length > 2000, 'something was captured');
    t.false(wire.includes(MARKER));
    for (const [node, friend] of [
      [observed.alice, 'bob'],
      [observed.bob, 'alice'],
    ] as const) {
      const [link, why] = await security(node, friend);
      t.is(link.security, 'sealed');
      t.is(link.provider, carrier);
      t.deepEqual(link.sharedGroups, ['lab']);
      t.is(link.clearOctetsIn + link.clearOctetsOut, 0);
      t.regex(why.answer, /sealed/i);
      t.regex(why.answer, /lab/);
    }
  });

  systemTest(
    `${carrier}: with no shared group frames go in the clear`,
    { needs: NEEDS },
    async (t) => {
      const observed = await observedFriends(t, carrier, {
        alice: ['--group', 'crimson-circle', ...CLEAR_IF_STRANGERS],
        bob: ['--group', 'indigo-circle', ...CLEAR_IF_STRANGERS],
      });
      await exchange(t, observed);
      const wire = observed.capture();
      t.true(wire.includes(`${MARKER} there`));
      t.true(wire.includes(`${MARKER} back`));
      // Groups that are not shared reveal nothing, and names of nodes are sealed in either case.
      t.false(wire.includes('crimson-circle'));
      t.false(wire.includes('alice'));
      const [link, why] = await security(observed.alice, 'bob');
      t.is(link.security, 'clear');
      t.deepEqual(link.sharedGroups, []);
      t.true(link.clearOctetsIn > 0 && link.clearOctetsOut > 0);
      t.regex(why.answer, /clear/i);
    },
  );

  systemTest(
    `${carrier}: one node that forbids plaintext is enough to have no link`,
    { needs: NEEDS },
    async (t) => {
      const { alice, bob, capture } = await observedNodes(t, carrier, {
        alice: ['--group', 'crimson-circle', '--plaintext', 'never'],
        bob: ['--group', 'indigo-circle', ...CLEAR_IF_STRANGERS],
      });
      const { ticket } = await alice.json<{ ticket: string }>('invite');
      await t.throwsAsync(bob.cli('join', ticket), {
        message: /never lets frames go in the clear/,
      });
      const why = await waitUntil('the refusal', async () => {
        const report = await bob.json<WhyReport>('why', 'alice');
        return /no security group/i.test(report.answer) && report;
      });
      t.not(why.state, 'connected');
      const a = await openCable(t, alice.switchDirectory);
      const b = await openCable(t, bob.switchDirectory);
      for (let count = 0; count < 10; count++) {
        a.send(testFrame({ from: MAC_A, payload: `${MARKER} there`, length: 400 }));
        b.send(testFrame({ from: MAC_B, payload: `${MARKER} back`, length: 400 }));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      t.deepEqual(await alice.json('links'), []);
      t.deepEqual(await bob.json('links'), []);
      t.false([...a.received, ...b.received].some((frame) => frame.includes(MARKER)));
      t.true(capture().length > 500, 'the attempts were captured');
      t.false(capture().includes(MARKER));
    },
  );
}
