/** Two people become friends with one string, from one command line to another. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KithNode, waitForLink } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import { type Finished, runProgram } from '../../integration/qemu/program.ts';
import type { NodeStatus } from '../../src/controller/node-api.ts';
import type {
  FriendStatus,
  MissingLink,
  WhyReport,
} from '../../src/controller/node-api-friends.ts';
import {
  emitRefuse,
  parseResponse,
  RefuseReason,
} from '../../src/links/handshake/handshake-message.ts';
import { udpRelay } from '../controller/relays.ts';
import { startFriends, startNode } from './support/kith.ts';
import { waitUntil, watchProgram } from './support/program.ts';
import { systemTest } from './support/system-test.ts';

/** Runs a command that may fail. */
async function tries(node: KithNode, ...args: readonly string[]): Promise<Finished> {
  const [command, ...rest] = args;
  const all = [join(projectRoot, 'bin/kith'), command!, '--home', node.home, ...rest];
  return await runProgram(process.execPath, all);
}

/** The same node once more. */
async function startAgain(t: ExecutionContext, { home, name }: KithNode): Promise<KithNode> {
  const node = await KithNode.start({
    home,
    name,
    arguments: ['--listen', 'udp://127.0.0.1:0'],
  });
  watchProgram(t, node.program);
  return node;
}

async function friendNames(node: KithNode): Promise<readonly string[]> {
  return (await node.json<readonly FriendStatus[]>('friends')).map(({ name }) => name);
}

systemTest('invite here, join there, and there is a link', { needs: [] }, async (t) => {
  const alice = await startNode(t, { name: 'alice' });
  const bob = await startNode(t, { name: 'bob' });
  const ticket = (await alice.cli('invite')).trim();
  t.regex(ticket, /^kith1-[a-z2-7]+$/);
  t.regex(
    await bob.cli('join', ticket),
    /^joined alice \([0-9a-f]{40}\); the link is up, sealed$/m,
  );
  await waitForLink(alice, 'bob');
  await waitForLink(bob, 'alice');
  for (const node of [alice, bob]) {
    for (const name of readdirSync(node.home).filter((each) => each.endsWith('.json'))) {
      t.is(statSync(join(node.home, name)).mode & 0o077, 0, `${name} of ${node.name}`);
    }
  }
  t.is(readFileSync(join(alice.home, 'tickets.json'), 'utf8').trim(), '[]', 'it is burnt');
  await waitUntil('bob to forget the secret', () => {
    return !readFileSync(join(bob.home, 'friends.json'), 'utf8').includes('ticketSecret');
  });
});

systemTest('a ticket is good once', { needs: [] }, async (t) => {
  const [alice, bob] = await startFriends(t);
  const { ticket } = await alice.json<{ ticket: string }>('invite');
  const carol = await startNode(t, { name: 'carol' });
  await carol.cli('join', ticket);
  await waitForLink(carol, 'alice');
  const mallory = await startNode(t, { name: 'mallory' });
  const { code, stderr } = await tries(mallory, 'join', ticket);
  t.is(code, 4);
  t.regex(stderr, /^kith: alice does not take this ticket, .* somebody has used it/m);
  t.regex(await mallory.cli('links'), /^alice: There was never a link by the ticket of alice/m);
  const why = await mallory.json<WhyReport>('why', 'alice');
  t.is(why.state, 'refused');
  t.regex(why.answer, /ticket has expired or somebody has used it/);
  t.deepEqual([...(await friendNames(alice))].sort(), ['bob', 'carol']);
  t.deepEqual(await mallory.json('links'), []);
  const { counters } = await alice.json<{ counters: Record<string, number> }>('status');
  t.true(counters.handshakeUnknownPeers! > 0);
  await waitForLink(bob, 'alice');
});

systemTest('another ticket mends it, at once', { needs: [] }, async (t) => {
  const [alice] = await startFriends(t);
  const { ticket } = await alice.json<{ ticket: string }>('invite');
  const carol = await startNode(t, { name: 'carol' });
  await carol.cli('join', ticket);
  const dave = await startNode(t, { name: 'dave' });
  t.is((await tries(dave, 'join', ticket)).code, 4);
  const [missing] = await dave.json<readonly MissingLink[]>('links', '--all');
  t.like(missing, { state: 'refused', refusal: 'unknown-peer', friendName: 'alice' });
  const another = (await alice.cli('invite')).trim();
  const { code, stdout } = await tries(dave, 'join', another);
  t.is(code, 0);
  t.regex(stdout, /the link is up/);
  t.is((await friendNames(dave)).length, 1);
});

systemTest('a refusal made up on the path ends no join', { needs: [] }, async (t) => {
  const alice = await startNode(t, { name: 'alice' });
  const bob = await startNode(t, { name: 'bob' });
  const { listening } = await alice.json<NodeStatus>('status');
  const relay = await udpRelay(t, listening.find((url) => url.startsWith('udp:'))!);
  let forged = 0;
  relay.mischief = (datagram, towards) => {
    const response = towards === 'caller' ? parseResponse(datagram) : undefined;
    if (response === undefined) return [datagram];
    forged++;
    const { receiver } = response;
    const versions = { lowestVersion: 8, highestVersion: 9 };
    return [Buffer.from(emitRefuse({ receiver, reason: RefuseReason.version, ...versions }))];
  };
  const { ticket } = await alice.json<{ ticket: string }>('invite', '--address', relay.url);
  const began = performance.now();
  const { code, stderr } = await tries(bob, 'join', ticket, '--wait', '7s');
  t.true(performance.now() - began >= 7000, 'it is waited out');
  t.is(code, 9);
  t.regex(
    stderr,
    /^kith: alice is a friend now, .* has not proved to be alice \(.*versions 8 to 9/m,
  );
  t.true(forged >= 2, 'it was dialled on');
  const [missing] = await bob.json<readonly MissingLink[]>('links', '--all');
  t.like(missing, { unproven: 'version', friendName: 'alice' });
  t.not(missing?.state, 'refused');
  relay.mischief = (datagram) => [datagram];
  await waitForLink(bob, 'alice');
});

systemTest('of two who come at once with one ticket, one gets in', { needs: [] }, async (t) => {
  const alice = await startNode(t, { name: 'alice' });
  const { ticket } = await alice.json<{ ticket: string }>('invite');
  const rivals = [await startNode(t, { name: 'bob' }), await startNode(t, { name: 'carol' })];
  const joined = await Promise.all(rivals.map((rival) => tries(rival, 'join', ticket)));
  t.deepEqual(joined.map(({ code }) => code).sort(), [0, 4]);
  const answers = await waitUntil('a decision', async () => {
    const reports = await Promise.all(rivals.map((each) => each.json<WhyReport>('why', 'alice')));
    const decided = reports.every(
      ({ state, answer }) => state === 'connected' || /somebody has used it/.test(answer),
    );
    return decided && reports;
  });
  t.is(answers.filter(({ state }) => state === 'connected').length, 1);
  t.is((await friendNames(alice)).length, 1);
});

systemTest('a ticket runs out', { needs: [] }, async (t) => {
  const alice = await startNode(t, { name: 'alice' });
  const bob = await startNode(t, { name: 'bob' });
  const { ticket, expiresAt } = await alice.json<{ ticket: string; expiresAt: string }>(
    'invite',
    '--expires',
    '1s',
  );
  await waitUntil('its end', () => Date.now() > Date.parse(expiresAt));
  const { code, stderr, stdout } = await tries(bob, 'join', ticket);
  t.is(code, 4);
  t.is(stdout, '');
  t.regex(stderr, /expired/);
  t.is(stderr.trim().split('\n').length, 1, 'one sentence');
  t.deepEqual(await friendNames(bob), []);
});

systemTest('tickets that are none are told in a sentence', { needs: [] }, async (t) => {
  const alice = await startNode(t, { name: 'alice' });
  const { ticket } = await alice.json<{ ticket: string }>('invite');
  const wrong = [
    '',
    'kith1-',
    'hello',
    ticket.slice(0, -3),
    `${ticket}aa`,
    ticket.replace('1', '2'),
  ];
  const bob = await startNode(t, { name: 'bob' });
  for (const text of wrong) {
    const { code, stderr } = await tries(bob, 'join', '--', text);
    t.true(code === 4 || code === 2, `"${text.slice(0, 20)}": ${code}`);
    t.is(stderr.trim().split('\n').length, 1, stderr);
  }
  const own = await tries(alice, 'join', ticket);
  t.is(own.code, 4);
  t.regex(own.stderr, /your own/);
  t.deepEqual(await friendNames(bob), []);
});

systemTest('friends by ticket stay friends over a restart of both', { needs: [] }, async (t) => {
  const [alice, bob] = await startFriends(t);
  for (const node of [bob, alice]) await node.stop();
  const again = await Promise.all([startAgain(t, alice), startAgain(t, bob)]);
  await waitForLink(again[0], 'bob');
  await waitForLink(again[1], 'alice');
  t.pass();
});

systemTest('a friend that is removed is out at once', { needs: [] }, async (t) => {
  const [alice, bob] = await startFriends(t);
  await alice.cli('friends', 'remove', 'bob');
  t.deepEqual(await alice.json('links'), []);
  t.deepEqual(await friendNames(alice), []);
  await waitUntil('bob to notice', async () => {
    return (await bob.json<readonly unknown[]>('links')).length === 0;
  });
  const why = await waitUntil('the refusal', async () => {
    const report = await bob.json<WhyReport>('why', 'alice');
    return /does not know us/.test(report.answer) && report;
  });
  t.regex(why.answer, /add our UID/);
  t.is((await tries(alice, 'why', 'bob')).code, 7);
});
