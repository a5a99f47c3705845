/** The handshake when nobody disturbs it: what both ends end up knowing. */

import test from 'ava';
import { KithError } from '../../../src/errors.ts';
import { CipherId } from '../../../src/io/contract.ts';
import { HandshakeMachine } from '../../../src/links/handshake/handshake-machine.ts';
import {
  INIT_LENGTH,
  MAX_HANDSHAKE_LENGTH,
} from '../../../src/links/handshake/handshake-message.ts';
import { nobleSuite } from '../../../src/links/handshake/noble-suite.ts';
import {
  LinkMessageType,
  parseLinkMessage,
  readReceiver,
} from '../../../src/links/link-message.ts';
import {
  ALICE_INDEX,
  alice,
  aliceOptions,
  BOB_INDEX,
  bob,
  bobOptions,
  exchange,
  mallory,
  sessionOf,
} from './handshake-driver.ts';

test('both ends agree on everything', (t) => {
  const { initiator, responder, messages } = exchange();
  const ours = sessionOf(initiator);
  const theirs = sessionOf(responder);
  t.deepEqual(
    messages.map((message) => parseLinkMessage(message)?.type),
    [
      LinkMessageType.handshakeInit,
      LinkMessageType.handshakeResponse,
      LinkMessageType.handshakeFinal,
      LinkMessageType.sealedRecord,
    ],
  );
  t.is(messages[0].length, INIT_LENGTH);
  t.true(messages[1].length <= INIT_LENGTH);
  t.is(readReceiver(messages[3], 0), ALICE_INDEX);

  t.is(ours.friendUid, bob.uid);
  t.is(theirs.friendUid, alice.uid);
  t.deepEqual(ours.friendPublicKey, bob.identity.publicKey);
  t.is(ours.friendName, 'bob');
  t.is(theirs.friendName, 'alice');
  t.deepEqual(ours.friendAddresses, ['udp://192.0.2.2:7000', 'tcp://192.0.2.2:7000']);
  t.deepEqual(theirs.friendAddresses, ['udp://192.0.2.1:7000']);
  t.deepEqual([ours.localIndex, ours.remoteIndex], [ALICE_INDEX, BOB_INDEX]);
  t.deepEqual([theirs.localIndex, theirs.remoteIndex], [BOB_INDEX, ALICE_INDEX]);
  t.deepEqual(ours.sendSecret, theirs.receiveSecret);
  t.deepEqual(ours.receiveSecret, theirs.sendSecret);
  t.notDeepEqual(ours.sendSecret, ours.receiveSecret);
  t.deepEqual(ours.transcriptHash, theirs.transcriptHash);
  for (const session of [ours, theirs]) {
    t.is(session.initiatorUid, alice.uid);
    t.is(session.mode, 'sealed');
    t.deepEqual(session.sharedGroups, ['default']);
    t.is(session.largestFrame, 1514);
    t.is(session.features, 0b0110);
    t.is(session.cipher, CipherId.chacha20poly1305);
    t.is(session.firstRecordNumber, 1);
    t.is(session.roundTrip, 20);
    t.is(session.redeemedTicket, undefined);
    t.is(session.why.tagsReceived, 8);
    t.is(
      session.why.cipherReason,
      'chacha20-poly1305 at 900 MB/s on the slower end, against aes-256-gcm at 400 MB/s on the slower end',
    );
  }
  t.is(initiator.ignored + responder.ignored, 0);
  t.is(initiator.deadline, Number.POSITIVE_INFINITY);
  t.is(responder.deadline, Number.POSITIVE_INFINITY);
});

test('one end on noble and one on node:crypto understand each other', (t) => {
  const { initiator, responder } = exchange({ suite: nobleSuite });
  t.deepEqual(sessionOf(initiator).sendSecret, sessionOf(responder).receiveSecret);
});

test('the same inputs give the same octets', (t) => {
  t.deepEqual(exchange().messages, exchange().messages);
});

test('on a stream it works alike and nothing is repeated', (t) => {
  const { initiator, responder } = exchange({ reliable: true }, { reliable: true });
  t.is(sessionOf(initiator).mode, 'sealed');
  t.is(responder.lingerUntil, Number.NEGATIVE_INFINITY);
  const alone = HandshakeMachine.initiate(aliceOptions({ reliable: true }), 0);
  t.is(alone.takeOutgoing().length, 1);
  t.is(alone.deadline, 10_000);
  alone.tick(9_999);
  t.is(alone.takeOutgoing().length, 0);
  alone.tick(10_000);
  t.is(alone.failure?.reason, 'timeout');
});

test('without a shared group frames go in the clear, if both ends let them', (t) => {
  const { initiator, responder } = exchange(
    { groups: [{ name: 'red', keys: [] }] },
    { groups: [{ name: 'blue', keys: [] }] },
  );
  for (const machine of [initiator, responder]) {
    t.is(sessionOf(machine).mode, 'clear');
    t.deepEqual(sessionOf(machine).sharedGroups, []);
  }
  t.deepEqual(sessionOf(initiator).why.ownGroups, ['red']);
  const none = exchange({ groups: [] }, { groups: [] });
  t.is(sessionOf(none.initiator).mode, 'clear');
  t.is(sessionOf(none.responder).why.tagsReceived, 8);
});

for (const [who, floors] of [
  ['the initiator', ['never', 'when-no-shared-group']],
  ['the responder', ['when-no-shared-group', 'never']],
  ['both', ['never', 'never']],
] as const) {
  test(`plaintext is refused by ${who}, and both ends learn it`, (t) => {
    const { initiator, responder } = exchange(
      { groups: [{ name: 'red', keys: [] }], floor: floors[0] },
      { groups: [{ name: 'blue', keys: [] }], floor: floors[1] },
    );
    t.is(initiator.failure?.reason, 'plaintext-refused');
    t.is(initiator.failure?.by, 'peer');
    t.is(initiator.failure?.peerUid, bob.uid);
    t.is(responder.failure?.reason, 'plaintext-refused');
    t.is(responder.failure?.by, 'us');
    const names = floors[1] === 'never' ? /and it never lets/ : /our policy never lets/;
    t.regex(initiator.failure?.detail ?? '', names);
  });
}

test('a floor of never does not matter where a group is shared', (t) => {
  const { initiator } = exchange({ floor: 'never' }, { floor: 'never' });
  t.is(sessionOf(initiator).mode, 'sealed');
});

test('an initiator that is no friend is told so, and no more', (t) => {
  const { initiator, responder, messages } = exchange({}, { isFriend: () => false });
  t.is(responder.failure?.reason, 'unknown-peer');
  t.is(responder.failure?.peerUid, alice.uid);
  t.is(initiator.failure?.reason, 'unknown-peer');
  t.is(initiator.failure?.by, 'peer');
  // Header, packet header, one padded block and tag: neither name, addresses nor tags.
  t.is(messages[3].length, 16 + 3 + 64 + 16);
});

test('a wrong peer gets no message 3', (t) => {
  const { initiator, responder, messages } = exchange({ expectedUid: mallory.uid });
  t.is(messages.length, 2);
  t.is(initiator.state, 'waiting-response');
  initiator.tick(2_030);
  t.is(initiator.failure?.reason, 'wrong-peer');
  t.is(initiator.failure?.peerUid, bob.uid);
  responder.tick(10_010);
  t.is(responder.failure?.reason, 'timeout');
});

test('on a stream a wrong peer ends it at once', (t) => {
  const { initiator } = exchange({ expectedUid: mallory.uid, reliable: true }, { reliable: true });
  t.is(initiator.failure?.reason, 'wrong-peer');
});

test('the right answer still counts after a wrong one', (t) => {
  const initiator = HandshakeMachine.initiate(aliceOptions(), 0);
  const [init] = initiator.takeOutgoing();
  const intruder = HandshakeMachine.respond(bobOptions({ identity: mallory.identity }), init, 1);
  t.is(initiator.receive(intruder.takeOutgoing()[0], 2), 'ignored');
  const right = HandshakeMachine.respond(bobOptions(), init, 5);
  initiator.receive(right.takeOutgoing()[0], 1_500);
  right.receive(initiator.takeOutgoing()[0], 1_600);
  initiator.tick(4_000);
  initiator.receive(right.takeOutgoing()[0], 4_001);
  t.is(sessionOf(initiator).friendUid, bob.uid);
});

test('without an expected UID the initiator asks whether it is a friend', (t) => {
  const { expectedUid: _, ...rest } = aliceOptions();
  for (const accepts of [true, false]) {
    const initiator = HandshakeMachine.initiate(
      { ...rest, isFriend: (uid) => accepts && uid === bob.uid },
      0,
    );
    const responder = HandshakeMachine.respond(bobOptions(), initiator.takeOutgoing()[0], 1);
    initiator.receive(responder.takeOutgoing()[0], 2);
    t.is(initiator.state, accepts ? 'waiting-confirm' : 'waiting-response');
  }
});

test('a key that another identity vouches for is refused', (t) => {
  const stolen = { ...bob.identity, staticKey: mallory.identity.staticKey };
  const { initiator } = exchange({ reliable: true }, { identity: stolen, reliable: true });
  t.is(initiator.failure?.reason, 'malformed');
  const thief = { ...alice.identity, staticKey: mallory.identity.staticKey };
  const { responder, messages } = exchange({ identity: thief });
  t.is(responder.failure?.reason, 'malformed');
  t.is(messages.length, 3);
});

test('ends without a common cipher do not get together', (t) => {
  const { initiator } = exchange(
    { ciphers: [{ cipher: CipherId.aes256gcm, speed: 1 }], reliable: true },
    { ciphers: [{ cipher: CipherId.chacha20poly1305, speed: 1 }], reliable: true },
  );
  t.is(initiator.failure?.reason, 'no-common-cipher');
});

test('another version is refused by name', (t) => {
  const initiator = HandshakeMachine.initiate(aliceOptions(), 0);
  const init = initiator.takeOutgoing()[0].slice();
  init[3] = 9;
  const responder = HandshakeMachine.respond(bobOptions(), init, 1);
  t.is(responder.failure?.reason, 'version');
  const [refuse] = responder.takeOutgoing();
  t.true(refuse.length < init.length);
  initiator.receive(refuse, 2);
  t.is(initiator.failure, undefined, 'nobody vouches for a refusal in the clear');
  initiator.tick(2_002);
  t.is(initiator.failure?.reason, 'version');
});

test('speeds that are no integers are rounded alike at both ends', (t) => {
  const ciphers = [
    { cipher: CipherId.aes256gcm, speed: 100.6 },
    { cipher: CipherId.chacha20poly1305, speed: 100.4 },
  ];
  const { initiator, responder } = exchange({ ciphers }, { ciphers });
  t.is(sessionOf(initiator).cipher, CipherId.aes256gcm);
  t.is(sessionOf(responder).cipher, CipherId.aes256gcm);
});

test('the largest own facts still make messages of legal length', (t) => {
  const name = 'n'.repeat(64);
  const groups = [{ name: 'g', keys: Array.from({ length: 32 }, (_, i) => `key ${i}`) }];
  const addresses = Array.from({ length: 20 }, (_, i) => `udp://host-${i}.example.net:7000`);
  const { initiator, responder, messages } = exchange(
    { name, groups, addresses, ticketSecret: new Uint8Array(16) },
    { name, groups, addresses },
  );
  t.is(sessionOf(initiator).friendName, name);
  t.true(sessionOf(responder).friendAddresses.length >= 8);
  t.true(messages[1].length <= INIT_LENGTH);
  for (const message of messages) t.true(message.length <= MAX_HANDSHAKE_LENGTH);
});

test("an operator's mistakes are named", (t) => {
  const isConfig = (error: unknown) => error instanceof KithError && error.code === 'config';
  for (const name of ['', 'n'.repeat(65), 'bell\u0007']) {
    const error = t.throws(() => HandshakeMachine.initiate(aliceOptions({ name }), 0));
    t.true(isConfig(error));
  }
  const groups = Array.from({ length: 33 }, (_, i) => ({ name: `group ${i}`, keys: [] }));
  t.true(isConfig(t.throws(() => HandshakeMachine.initiate(aliceOptions({ groups }), 0))));
});
