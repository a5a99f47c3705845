/** Links over the life of real processes: killed, started again, and ended in order. */
import { readdirSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { befriend, KithNode } from '../../integration/qemu/kith-node.ts';
import type { NodeStatus } from '../../src/controller/node-api.ts';
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import { testFrame } from './support/cable.ts';
import { startNode } from './support/kith.ts';
import { openPlug } from './support/plug.ts';
import { waitUntil, watchProgram } from './support/program.ts';
import { systemTest } from './support/system-test.ts';

const MAC_A = '02:00:00:00:aa:01';
/** Milliseconds from `ready` to a link, with what a command of ours takes to ask for it. */
const RECONNECTED = 5000;

/** The same node once more, in the same home. */
async function startAgain(
  t: ExecutionContext,
  { home, name }: KithNode,
  listen: string,
): Promise<KithNode> {
  const node = await KithNode.start({ home, name, arguments: ['--listen', listen] });
  watchProgram(t, node.program);
  return node;
}

const linksOf = (node: KithNode): Promise<readonly LinkStatus[]> =>
  node.json<readonly LinkStatus[]>('links');

for (const scheme of ['udp', 'tcp']) {
  systemTest(
    `${scheme}: a node that was killed comes back, and so does its link`,
    { needs: [] },
    async (t) => {
      const listen = `${scheme}://127.0.0.1:0`;
      let alice = await startNode(t, { name: 'alice', arguments: ['--listen', listen] });
      const bob = await startNode(t, { name: 'bob', arguments: ['--listen', listen] });
      await befriend(alice, bob);
      const [before] = await linksOf(bob);
      const { listening } = await alice.json<NodeStatus>('status');
      const cable = await openPlug(t, bob);
      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        await alice.program.stop(signal);
        alice = await startAgain(t, alice, listen);
        t.deepEqual((await alice.json<NodeStatus>('status')).listening, listening);
        const link = await waitUntil(
          `the link after ${signal}`,
          async () => {
            const [there] = await linksOf(alice);
            const [back] = await linksOf(bob);
            return there !== undefined && back !== undefined && back.since < 60_000 && back;
          },
          RECONNECTED,
        );
        t.is(link.port, before?.port, 'on the port of before');
        const other = await openPlug(t, alice);
        await waitUntil('a frame', async () => {
          cable.send(testFrame({ from: MAC_A, payload: `after ${signal}` }));
          await new Promise((resolve) => setTimeout(resolve, 100));
          return other.received.some((frame) => frame.includes(`after ${signal}`));
        });
        await other.kill('SIGTERM');
      }
      await cable.kill('SIGTERM');
      for (const node of [alice, bob]) {
        await node.stop();
        t.is(node.program.end?.code, 0);
        t.deepEqual(
          readdirSync(node.home).filter((name) => !name.endsWith('.json')),
          [],
          'no socket is left',
        );
      }
    },
  );
}

systemTest('both are killed and started at once, again and again', { needs: [] }, async (t) => {
  const listen = 'udp://127.0.0.1:0';
  let pair: readonly KithNode[] = [
    await startNode(t, { name: 'alice' }),
    await startNode(t, { name: 'bob' }),
  ];
  await befriend(pair[0]!, pair[1]!);
  for (let round = 0; round < 3; round++) {
    await Promise.all(pair.map(({ program }) => program.stop('SIGKILL')));
    pair = await Promise.all(pair.map((node) => startAgain(t, node, listen)));
    await waitUntil(
      `round ${round}`,
      async () => (await Promise.all(pair.map(linksOf))).every((links) => links.length === 1),
      RECONNECTED,
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 5000));
  for (const node of pair) {
    t.is((await linksOf(node)).length, 1);
    t.is((await node.json<NodeStatus>('status')).counters.coreLost, 0);
  }
});
