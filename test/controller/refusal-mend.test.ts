import test from 'ava';
import { missingLink } from '../../src/controller/missing-links.ts';
import { mendOf } from '../../src/controller/refusal-mend.ts';
import { Friend, type FriendSource } from '../../src/f2f/friend.ts';
import { bob } from '../links/handshake/handshake-driver.ts';

function friendOf(
  name = 'bob',
  source: FriendSource = 'joined',
  addresses = ['udp://h:1'],
): Friend {
  return new Friend({ uid: bob.uid, source, name, addresses, port: 513 });
}

test('who came by a ticket that is no good is told to be replaced, or removed', (t) => {
  const friend = friendOf();
  t.is(mendOf(friend), undefined);
  friend.ticketSecret = new Uint8Array(16);
  friend.failed('who are you?', 0, 'unknown-peer');
  t.regex(
    mendOf(friend)!,
    /^There was never a link by the ticket of bob, .*`kith join` a new one from bob, .*`kith friends remove bob`\.$/,
  );
  friend.ticketSecret = undefined;
  t.regex(mendOf(friend)!, /^bob does not know this node, or not any more: .*`kith invite`/);
});

test('a mend can be typed as it stands', (t) => {
  const short = bob.uid.slice(0, 8);
  for (const name of ['two words', '', '; rm', '--force']) {
    const friend = friendOf(name);
    friend.failed('no', 0, 'unknown-peer');
    t.true(mendOf(friend)!.includes(`\`kith friends remove ${short}\``), name);
  }
  const listed = friendOf('bob', 'config');
  for (const refusal of ['unknown-peer', 'plaintext-refused', 'no-common-cipher'] as const) {
    listed.failed('no', 0, refusal);
    t.regex(mendOf(listed)!, /, or take it out of config\.json\.$/);
  }
});

test('a friend without a link is dialled, waited for, or has to call', (t) => {
  const friend = friendOf();
  friend.absentSince = 1000;
  const base = {
    port: 513,
    friend: bob.uid,
    friendName: 'bob',
    since: 500,
    attempts: 0,
    addresses: ['udp://h:1'],
  };
  friend.attempt = new AbortController();
  t.deepEqual(missingLink(friend, 1500), { ...base, state: 'dialling' });
  friend.attempt = undefined;
  friend.failed(`${bob.uid} is away.`, 1400);
  friend.backOff.next(0);
  friend.retryTimer = setTimeout(() => {}, 0);
  clearTimeout(friend.retryTimer);
  friend.retryAt = 1750;
  const trouble = { attempts: 1, retryIn: 250, lastError: 'bob is away.', lastErrorAge: 100 };
  t.deepEqual(missingLink(friend, 1500), { ...base, ...trouble, state: 'waiting' });
  friend.unproven = 'version';
  t.is(missingLink(friend, 1500).unproven, 'version');
  friend.failed('no group', 1500, 'plaintext-refused');
  friend.attempt = new AbortController();
  const refused = missingLink(friend, 1500);
  t.deepEqual(
    [refused.state, refused.refusal, refused.lastErrorAge],
    ['refused', 'plaintext-refused', 0],
  );
  t.is(refused.mend, mendOf(friend));
  t.is(missingLink(friendOf('', 'config', []), 0).state, 'no-address');
});
