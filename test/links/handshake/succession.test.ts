/** Keys that follow one another: what is believed, by whom, and what is not. */
import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import test from 'ava';
import fc from 'fast-check';
import type { HandshakeIdentity, Uid } from '../../../src/links/handshake/identity-proof.ts';
import { proveStaticKey, uidOf } from '../../../src/links/handshake/identity-proof.ts';
import { nobleSuite } from '../../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../../src/links/handshake/node-suite.ts';
import {
  checkSuccession,
  descentOf,
  emitSuccessions,
  MAX_SUCCESSIONS,
  parseSuccessions,
  SUCCESSION_LENGTH,
  type Succession,
  successionStatement,
} from '../../../src/links/handshake/succession.ts';
import {
  alice,
  aliceOptions,
  bob,
  exchange,
  mallory,
  seededRandom,
  sessionOf,
} from './handshake-driver.ts';

interface Line {
  /** Seeds and public keys, oldest first; one more than successions. */
  readonly seeds: readonly Uint8Array[];
  readonly keys: readonly Uint8Array[];
  readonly successions: readonly Succession[];
}

/** Somebody who has changed keys `changes` times. */
function line(changes: number, first: Uint8Array, seed = 77): Line {
  const random = seededRandom(seed);
  const seeds = [first, ...Array.from({ length: changes }, () => random(32))];
  const keys = seeds.map((each) => nodeSuite.signingKey(each));
  const successions = seeds.slice(1).map((_, index): Succession => {
    const unsigned = {
      oldKey: keys[index]!,
      newKey: keys[index + 1]!,
      time: 1_800_000_000 + index,
      counter: index + 1,
    };
    const signature = nodeSuite.sign(seeds[index]!, successionStatement(nodeSuite, unsigned));
    return { ...unsigned, signature };
  });
  return { seeds, keys, successions };
}

/** What a handshake wants of somebody whose key is the last of a line. */
function identityOf(
  { seeds, keys }: Line,
  successions: HandshakeIdentity['successions'],
): HandshakeIdentity {
  const staticKey = nodeSuite.keyPair(seededRandom(5)(32));
  const proof = proveStaticKey(nodeSuite, seeds.at(-1)!, staticKey.publicKey);
  return { publicKey: keys.at(-1)!, staticKey, proof, ...(successions && { successions }) };
}

const uid = (key: Uint8Array): Uid => uidOf(nodeSuite, key);
const knowing =
  (...keys: Uint8Array[]) =>
  (each: Uid): boolean =>
    keys.some((key) => uid(key) === each);

test('the statement is what the page says', (t) => {
  const oldKey = new Uint8Array(32).fill(0x11);
  const newKey = new Uint8Array(32).fill(0x22);
  t.deepEqual(
    successionStatement(nodeSuite, { oldKey, newKey, time: 0x69551a80, counter: 3 }),
    concatBytes(
      utf8ToBytes('kith succession v1'),
      hexToBytes('02d449a31fbb267c8f352e9968a79e3e5fc95c1b'),
      oldKey,
      newKey,
      hexToBytes('69551a8000000003'),
    ),
  );
});

test('both suites sign and check alike', (t) => {
  const { successions, seeds } = line(1, alice.seed);
  const [succession] = successions;
  const statement = successionStatement(nobleSuite, succession!);
  t.deepEqual(nobleSuite.sign(seeds[0]!, statement), succession!.signature);
  t.true(checkSuccession(nobleSuite, succession!));
  t.true(checkSuccession(nodeSuite, succession!));
  for (const change of [
    { newKey: mallory.identity.publicKey },
    { oldKey: mallory.identity.publicKey },
    { time: succession!.time + 1 },
    { counter: 2 },
  ]) {
    t.false(checkSuccession(nodeSuite, { ...succession!, ...change }));
  }
});

test('a list of them, constructed and deconstructed', (t) => {
  const links = [
    {
      oldKey: new Uint8Array(32).fill(1),
      time: 2,
      counter: 3,
      signature: new Uint8Array(64).fill(4),
    },
    {
      oldKey: new Uint8Array(32).fill(5),
      time: 6,
      counter: 7,
      signature: new Uint8Array(64).fill(8),
    },
  ];
  const bytes = hexToBytes(
    `${'01'.repeat(32)}0000000200000003${'04'.repeat(64)}${'05'.repeat(32)}0000000600000007${'08'.repeat(64)}`,
  );
  t.deepEqual(emitSuccessions(links), bytes);
  t.deepEqual(parseSuccessions(bytes), links);
  t.is(parseSuccessions(bytes.subarray(1)), undefined);
  t.is(parseSuccessions(new Uint8Array(0)), undefined);
  t.is(parseSuccessions(new Uint8Array((MAX_SUCCESSIONS + 1) * SUCCESSION_LENGTH)), undefined);
});

test('whatever comes in, the parser gives what it would write, or nothing', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 900 }), (bytes) => {
      const read = parseSuccessions(bytes);
      if (read !== undefined) t.deepEqual(emitSuccessions(read), bytes);
    }),
  );
  t.pass();
});

test('who knew any of the keys follows to the newest, from the latest that it knew', (t) => {
  const { keys, successions } = line(5, alice.seed);
  const newest = keys.at(-1)!;
  for (let known = 0; known < 5; known++) {
    const descent = descentOf(nodeSuite, successions, newest, knowing(keys[0]!, keys[known]!));
    t.deepEqual(descent, { formerUid: uid(keys[known]!), successions: successions.slice(known) });
  }
  t.is(descentOf(nodeSuite, successions, newest, knowing(bob.identity.publicKey)), undefined);
  t.is(descentOf(nodeSuite, [], newest, knowing(keys[0]!)), undefined);
});

test('a line that breaks anywhere behind the known key is forged', (t) => {
  const { keys, successions } = line(3, alice.seed);
  const newest = keys.at(-1)!;
  const known = knowing(keys[0]!);
  for (let at = 0; at < 3; at++) {
    const altered = successions.map((each, index) => {
      if (index !== at) return each;
      const signature = each.signature.slice();
      signature[9]! ^= 1;
      return { ...each, signature };
    });
    t.is(descentOf(nodeSuite, altered, newest, known), 'forged');
  }
  t.is(descentOf(nodeSuite, successions, mallory.identity.publicKey, known), 'forged');
  t.is(descentOf(nodeSuite, [successions[0]!, successions[2]!], newest, known), 'forged', 'a gap');
  t.is(descentOf(nodeSuite, successions.toReversed(), newest, known), 'forged');
});

test('counters have to grow', (t) => {
  const { seeds, keys } = line(2, alice.seed);
  const make = (index: number, counter: number): Succession => {
    const unsigned = { oldKey: keys[index]!, newKey: keys[index + 1]!, time: 0, counter };
    const signature = nodeSuite.sign(seeds[index]!, successionStatement(nodeSuite, unsigned));
    return { ...unsigned, signature };
  };
  const judge = (...counters: number[]) =>
    descentOf(
      nodeSuite,
      counters.map((counter, i) => make(i, counter)),
      keys[2]!,
      knowing(keys[0]!),
    );
  t.not(judge(1, 2), 'forged');
  t.not(judge(4, 9), 'forged');
  t.is(judge(2, 2), 'forged');
  t.is(judge(2, 1), 'forged');
  t.is(judge(0, 1), 'forged');
});

for (const changes of [1, 2, 7]) {
  test(`a caller that has changed keys ${changes} times is let in by who knew it`, (t) => {
    const grown = line(changes, alice.seed);
    const { initiator, responder, messages } = exchange({
      identity: identityOf(grown, grown.successions),
    });
    const session = sessionOf(responder);
    t.is(session.formerUid, alice.uid);
    t.is(session.friendUid, uid(grown.keys.at(-1)!));
    t.deepEqual(session.friendPublicKey, grown.keys.at(-1)!);
    t.deepEqual(session.successions, grown.successions);
    t.is(sessionOf(initiator).formerUid, undefined);
    for (const message of messages) t.true(message.length <= 1232);
  });

  test(`who is called and has changed keys ${changes} times is taken for who it was`, (t) => {
    const grown = line(changes, bob.seed);
    const { initiator, responder, messages } = exchange(
      { expectedUid: bob.uid },
      { identity: identityOf(grown, grown.successions) },
    );
    const session = sessionOf(initiator);
    t.is(session.formerUid, bob.uid);
    t.is(session.friendUid, uid(grown.keys.at(-1)!));
    t.deepEqual(session.successions, grown.successions);
    t.is(sessionOf(responder).formerUid, undefined);
    t.true(messages[1]!.length <= messages[0]!.length, 'no answer is longer than the question');
  });
}

test('who knows the new key already takes no notice of the old ones', (t) => {
  const grown = line(2, alice.seed);
  const [first] = grown.successions;
  const broken = [{ ...first!, signature: new Uint8Array(64) }];
  const { responder } = exchange(
    { identity: identityOf(grown, broken) },
    { isFriend: (each) => each === uid(grown.keys.at(-1)!) },
  );
  t.is(sessionOf(responder).formerUid, undefined);
  t.deepEqual(sessionOf(responder).successions, []);
  t.false(responder.forgedSuccession);
});

test('a forged claim gets a caller nowhere, and is known for one', (t) => {
  const grown = line(1, mallory.seed);
  const forged = [{ ...grown.successions[0]!, oldKey: alice.identity.publicKey }];
  const { initiator, responder } = exchange({ identity: identityOf(grown, forged) });
  t.is(responder.failure?.reason, 'unknown-peer');
  t.true(responder.forgedSuccession);
  t.regex(responder.failure?.detail ?? '', /not the successor of one as it claims/);
  t.is(initiator.failure?.reason, 'unknown-peer');
});

test('a forged claim by who answers gets no message 3', (t) => {
  const grown = line(1, mallory.seed);
  const forged = [{ ...grown.successions[0]!, oldKey: bob.identity.publicKey }];
  const { initiator, messages } = exchange({}, { identity: identityOf(grown, forged) });
  t.is(messages.length, 2);
  t.true(initiator.forgedSuccession);
  initiator.tick(60_000);
  t.is(initiator.failure?.reason, 'wrong-peer');
});

test('a replayed old succession moves nobody back: the old key is not known any more', (t) => {
  const grown = line(2, alice.seed);
  const knowsNewest = { isFriend: (each: Uid) => each === uid(grown.keys[2]!) };
  // Somebody has stolen the middle key, and comes with the succession that made it.
  const stolen: Line = { ...grown, seeds: grown.seeds.slice(0, 2), keys: grown.keys.slice(0, 2) };
  const { responder } = exchange(
    { identity: identityOf(stolen, grown.successions.slice(0, 1)) },
    knowsNewest,
  );
  t.is(responder.failure?.reason, 'unknown-peer');
  const called = exchange(
    { expectedUid: uid(grown.keys[2]!) },
    { identity: identityOf(stolen, grown.successions.slice(0, 1)) },
  );
  t.is(called.messages.length, 2);
});

test('with all the tags there can be, as many former keys go as fit', (t) => {
  const grown = line(8, alice.seed);
  const groups = Array.from({ length: 32 }, (_, i) => ({ name: `group-${i}`, keys: [] }));
  const known = uid(grown.keys[6]!);
  const { responder, messages } = exchange(
    {
      identity: identityOf(grown, grown.successions),
      groups,
      name: 'n'.repeat(64),
      addresses: aliceOptions().addresses!,
    },
    { groups, isFriend: (each) => each === known },
  );
  t.is(sessionOf(responder).formerUid, known);
  for (const message of messages.slice(0, 3)) t.true(message.length <= 1232);
});
