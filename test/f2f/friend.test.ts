import test from 'ava';
import {
  Friend,
  REFUSAL_MEMORY,
  REFUSALS,
  refusalOf,
  unprovenRefusalOf,
} from '../../src/f2f/friend.ts';
import type { Uid } from '../../src/f2f/uid.ts';
import type { FailureReason } from '../../src/links/handshake/handshake-outcome.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';

const friend = (addresses: string[] = []): Friend =>
  new Friend({ uid: bob.uid, source: 'config', name: 'bob', addresses, port: 513 });

test('of what a friend says of itself sixteen addresses are kept, of kinds that we know', (t) => {
  const known = friend(['tcp://ours:1']);
  known.learntAddresses = [
    'memory://here',
    'file:///etc/passwd',
    'udpx://h:1',
    'tcp://ours:1',
    ...Array.from({ length: 40 }, (_, i) => `udp://host-${i}:1`),
  ];
  t.is(known.learntAddresses.length, 16);
  t.true(known.learntAddresses.every((url) => /^(udp|tcp):/.test(url)));
  t.is(known.candidates.length, 16, 'without repeats');
  t.is(known.candidates[0], 'tcp://ours:1', 'ours first');
});

test('a friend that has another key is another UID, and the same friend', (t) => {
  const known = friend();
  known.succeed(alice.uid, alice.identity.publicKey);
  t.is(known.uid, alice.uid);
  t.deepEqual(known.formerUids, [bob.uid]);
  t.is(known.publicKey, alice.identity.publicKey);
});

test('who is refused stays so while nobody answers, for a while', (t) => {
  const known = friend();
  known.failed('no group', 1000, 'plaintext-refused');
  t.deepEqual([known.state, known.refusal], ['refused', 'plaintext-refused']);
  known.attempt = new AbortController();
  t.is(known.state, 'refused', 'another attempt does not change it');
  known.attempt = undefined;
  known.failed('no answer', 1000 + REFUSAL_MEMORY - 1);
  t.deepEqual([known.state, known.lastError], ['refused', 'no group']);
  known.failed('unknown', 2000, 'unknown-peer');
  t.deepEqual([known.refusal, known.lastError], ['unknown-peer', 'unknown']);
  known.failed('no answer', 2000 + REFUSAL_MEMORY);
  t.deepEqual([known.state, known.refusal, known.lastError], ['offline', undefined, 'no answer']);
});

test('what was in the way can be forgotten', (t) => {
  const known = friend();
  known.failed('no group', 0, 'plaintext-refused');
  known.forgetTrouble();
  t.deepEqual([known.state, known.lastError], ['offline', undefined]);
});

const failure = (reason: FailureReason, peerUid: Uid | undefined = bob.uid) => ({
  reason,
  peerUid,
});

test('a refusal is what one end decided, not a failure on the way', (t) => {
  t.is(refusalOf(failure('plaintext-refused')), 'plaintext-refused');
  t.is(refusalOf(failure('unknown-peer')), 'unknown-peer');
  t.is(refusalOf(failure('no-common-cipher')), 'no-common-cipher');
  for (const reason of ['timeout', 'wrong-peer', 'version', 'malformed'] as const) {
    t.is(refusalOf(failure(reason)), undefined);
  }
});

test('who has not proved its key refuses nothing', (t) => {
  for (const reason of [...REFUSALS, 'version'] as const) {
    t.is(refusalOf({ reason, peerUid: undefined }), undefined);
    const said = unprovenRefusalOf({ reason, peerUid: undefined });
    t.is(said, reason === 'version' ? 'version' : undefined);
  }
  const known = friend();
  known.unproven = 'version';
  known.failed('it speaks another version', 5);
  t.deepEqual([known.state, known.failedAt], ['offline', 5]);
  known.forgetTrouble();
  t.deepEqual([known.unproven, known.failedAt], [undefined, undefined]);
});
