import test from 'ava';
import { joinWarnings, throwIfRefused } from '../../src/cli/join-outcome.ts';
import type { FriendStatus, LinkStatus } from '../../src/controller/node-api-friends.ts';
import { fakeApi } from './fake-node.ts';

const status = { told: ['udp://192.0.2.9:40000'] };

async function friendOf(changes: Partial<FriendStatus> = {}): Promise<FriendStatus> {
  const [bob] = await fakeApi().friends();
  return { ...bob!, ...changes };
}

async function linkOf(changes: Partial<LinkStatus> = {}): Promise<LinkStatus> {
  const [link] = await fakeApi().links();
  return { ...link!, ...changes };
}

const codes = (warnings: readonly { code: string }[]) => warnings.map(({ code }) => code);

test('a sealed link that we made needs no word', async (t) => {
  const facts = { waited: 10_000, friend: await friendOf(), link: await linkOf(), status };
  t.deepEqual(joinWarnings(facts), []);
});

test('a link in the clear says how to get a group', async (t) => {
  const link = await linkOf({ security: 'clear', sharedGroups: [] });
  const warnings = joinWarnings({ waited: 10_000, friend: await friendOf(), link, status });
  t.deepEqual(codes(warnings), ['clear']);
  t.regex(warnings[0]!.message, /^Ethernet to bob goes in the clear, .*kith groups add NAME/);
});

test('who reaches us and whom we do not reach is told', async (t) => {
  const link = await linkOf({ role: 'responder' });
  const friend = await friendOf({ unreached: 'No address answered.' });
  const warnings = joinWarnings({ waited: 10_000, friend, link, status });
  t.deepEqual(codes(warnings), ['unreached']);
  t.regex(warnings[0]!.message, /could not reach bob \(No address answered\): the link comes up/);
  const called = { waited: 10_000, friend: await friendOf(), link, status };
  t.deepEqual(joinWarnings(called), [], 'that it called first says nothing');
  const relayed = await linkOf({ role: 'responder', provider: 'relay', relay: 'carol' });
  t.deepEqual(codes(joinWarnings({ waited: 0, friend, link: relayed, status })), ['relayed']);
});

test('who cannot call us is told, unless it is on this machine', async (t) => {
  const facts = { waited: 10_000, friend: await friendOf(), status: { told: [] } };
  const far = await linkOf({ remote: 'udp://192.0.2.1:4000' });
  t.deepEqual(codes(joinWarnings({ ...facts, link: far })), ['no-address']);
  for (const remote of ['udp://127.0.0.1:4000', 'tcp://[::1]:4000']) {
    t.deepEqual(joinWarnings({ ...facts, link: await linkOf({ remote }) }), []);
  }
});

test('no link in time says what to look at, unless nobody waited', async (t) => {
  const addresses = ['udp://a:1', 'udp://b:2', 'udp://c:3', 'udp://d:4'];
  const friend = await friendOf({ state: 'connecting', addresses, lastError: 'No answer.' });
  const facts = { waited: 2500, friend, link: undefined, status };
  const [warning] = joinWarnings(facts);
  t.is(warning?.code, 'no-link');
  t.regex(warning!.message, /no link came up in 2\.5 s \(No answer\): is bob's node running/);
  t.regex(warning!.message, /udp:\/\/a:1, udp:\/\/b:2, udp:\/\/c:3 or 1 more be reached/);
  t.deepEqual(joinWarnings({ ...facts, waited: 0 }), []);
  const [none] = joinWarnings({ ...facts, friend: await friendOf({ addresses: [] }) });
  t.regex(none!.message, /names no address; ask for one made with `kith invite --address URL`/);
});

test('a refusal is an error, with a code of its own unless the ticket is at fault', async (t) => {
  t.notThrows(() => throwIfRefused({ ...OFFLINE, lastError: 'No answer.' }));
  t.throws(() => throwIfRefused({ ...OFFLINE, refusal: 'unknown-peer' }), {
    code: 'ticket',
    message:
      /^bob does not take this ticket, and says so by its own key: .* somebody has used it; `kith join` a new one from bob, which replaces it, or `kith friends remove 1f0c9a\w*`$/,
  });
  const refused = { ...OFFLINE, refusal: 'plaintext-refused', lastError: 'No group.' } as const;
  t.throws(() => throwIfRefused(refused), { code: 'refused', message: /no link: No group\.$/ });
});

const OFFLINE: FriendStatus = { ...(await friendOf()), state: 'offline' };
