/**
 * Two nodes in one process: they pair by ticket, link over UDP on the loopback, and
 * say how the link came to be what it is. Run it after `npm ci`:
 *
 *   node dist/examples/two-nodes.js
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { makeConfig } from '../src/controller/config.ts';
import { type RunningNode, startNode } from '../src/controller/node.ts';

const directory = await mkdtemp(join(tmpdir(), 'kith-example-'));
const nodes: RunningNode[] = [];

async function start(name: string): Promise<RunningNode> {
  const home = join(directory, name);
  const config = makeConfig(home, { name, listen: ['udp://127.0.0.1:0'] });
  const node = await startNode({ home, config }, pino({ level: 'silent' }));
  nodes.push(node);
  console.log(`${name} is ${node.ready.uid} and listens on ${node.ready.listening.join(', ')}`);
  return node;
}

try {
  const alice = await start('alice');
  const bob = await start('bob');

  const { ticket } = await alice.api.invite({ addresses: alice.ready.listening });
  await bob.api.join(ticket);
  for (let waited = 0; (await bob.api.links()).length === 0 && waited < 10_000; waited += 50) {
    await sleep(50);
  }

  const [link] = await bob.api.links();
  console.log(`bob reaches ${link.friendName} over ${link.provider}, ${link.security}`);
  const why = await bob.api.why('alice');
  console.log(why.answer);
  for (const { name, value } of why.inputs) console.log(`  ${name}: ${value}`);
} finally {
  for (const node of nodes) await node.close();
  await rm(directory, { recursive: true });
}
