/** A node that is flooded with first messages: friends stay, come back, and new ones get in. */

import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KithNode, waitForLink } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import type { NodeStatus } from '../../src/controller/node-api.ts';
import { startFriends, startNode } from './support/kith.ts';
import { startProgram, waitUntil, watchProgram } from './support/program.ts';
import { systemTest } from './support/system-test.ts';

/** First messages in a second. */
const RATE = 20_000;
/** Seconds; it is ended with the test. */
const LONG = 120;
/** So many networks, each with its own rate, fill all that there is for strangers. */
const EVERYWHERE = 900;
/** Milliseconds from the start of a program until it has its link, on a busy machine. */
const SECONDS = 15_000;

/** Floods the UDP port of a node until the test ends. */
async function flood(t: ExecutionContext, node: KithNode, sources: number): Promise<void> {
  const { listening } = await node.json<NodeStatus>('status');
  const { hostname, port } = new URL(listening[0]!.replace(/^udp:/, 'http:'));
  const program = join(projectRoot, 'dist/bench/programs/flood.js');
  const numbers = [RATE, LONG, sources].map(String);
  startProgram(t, process.execPath, [program, hostname, port, ...numbers]);
  await waitUntil('the flood', async () => (await counters(node)).ioFirstLimited! > RATE);
}

async function counters(node: KithNode): Promise<Readonly<Record<string, number>>> {
  return (await node.json<NodeStatus>('status')).counters;
}

systemTest('a friend that starts again is back within seconds', { needs: [] }, async (t) => {
  const [alice, bob] = await startFriends(t);
  await flood(t, alice, EVERYWHERE);
  t.is((await counters(alice)).coreLost, 0, 'the link has held');
  await bob.stop();
  const start = performance.now();
  const again = await KithNode.start({
    home: bob.home,
    name: 'bob',
    // Another port than before: what is known is the address.
    arguments: ['--listen', 'udp://127.0.0.1:0'],
  });
  watchProgram(t, again.program);
  await waitForLink(again, 'alice');
  await waitForLink(alice, 'bob');
  t.true(performance.now() - start < SECONDS, String(performance.now() - start));
  const { handshakeCookies, ioFirstLimited, noticesDroppedStrangers } = await counters(alice);
  t.true(ioFirstLimited! > 10 * handshakeCookies!, 'few have reached the main thread');
  t.is(noticesDroppedStrangers, 0);
});

systemTest('a node that starts again in a flood calls its friends', { needs: [] }, async (t) => {
  const [alice, bob] = await startFriends(t);
  const { listening } = await alice.json<NodeStatus>('status');
  await flood(t, alice, EVERYWHERE);
  await alice.stop();
  const start = performance.now();
  const again = await KithNode.start({
    home: alice.home,
    name: 'alice',
    arguments: ['--listen', listening[0]!],
  });
  watchProgram(t, again.program);
  await waitForLink(again, 'bob');
  await waitForLink(bob, 'alice');
  t.true(performance.now() - start < SECONDS, String(performance.now() - start));
});

systemTest('a stranger with a ticket gets in', { needs: [] }, async (t) => {
  const alice = await startNode(t, { name: 'alice' });
  await flood(t, alice, 64);
  const carol = await startNode(t, {
    name: 'carol',
    arguments: ['--listen', 'udp://127.99.99.99:0'],
  });
  const { ticket } = await alice.json<{ ticket: string }>('invite');
  const start = performance.now();
  await carol.cli('join', ticket);
  await waitForLink(alice, 'carol');
  t.true(performance.now() - start < SECONDS, String(performance.now() - start));
});
