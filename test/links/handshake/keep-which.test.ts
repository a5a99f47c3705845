import test from 'ava';
import fc from 'fast-check';
import { HandshakeMachine } from '../../../src/links/handshake/handshake-machine.ts';
import {
  keepWhich,
  type RivalSession,
  SIMULTANEOUS,
} from '../../../src/links/handshake/keep-which.ts';
import {
  alice,
  aliceOptions,
  bob,
  bobOptions,
  seededRandom,
  sessionOf,
} from './handshake-driver.ts';

const [low, high] = [alice.uid, bob.uid].sort();
const session = (initiatorUid: typeof low, establishedAt: number): RivalSession => ({
  initiatorUid,
  establishedAt,
});

test('of two opened at once the one of the lower UID stays', (t) => {
  t.is(keepWhich(session(low, 0), session(high, 100)), 'existing');
  t.is(keepWhich(session(high, 0), session(low, 100)), 'incoming');
});

test('of two opened apart, or by the same end, the newer one stays', (t) => {
  t.is(keepWhich(session(low, 0), session(high, SIMULTANEOUS)), 'incoming');
  t.is(keepWhich(session(low, 0), session(low, 1)), 'incoming');
});

test('it does not matter in which order an end saw the two', (t) => {
  fc.assert(
    fc.property(fc.nat(SIMULTANEOUS - 1), (apart) => {
      const a = session(low, 0);
      const b = session(high, apart);
      const keeps = (kept: 'existing' | 'incoming', first: RivalSession, second: RivalSession) =>
        (kept === 'existing' ? first : second).initiatorUid;
      return keeps(keepWhich(a, b), a, b) === keeps(keepWhich(b, a), b, a);
    }),
  );
  t.pass();
});

test('two nodes that call one another at once keep the same session', (t) => {
  const anyone = { isFriend: () => true };
  const toBob = HandshakeMachine.initiate(aliceOptions(), 0);
  const toAlice = HandshakeMachine.initiate(
    aliceOptions({ identity: bob.identity, expectedUid: alice.uid, random: seededRandom(5) }),
    0,
  );
  const atBob = HandshakeMachine.respond(bobOptions(anyone), toBob.takeOutgoing()[0], 10);
  const atAlice = HandshakeMachine.respond(
    bobOptions({ ...anyone, identity: alice.identity, random: seededRandom(6) }),
    toAlice.takeOutgoing()[0],
    12,
  );
  toBob.receive(atBob.takeOutgoing()[0], 20);
  toAlice.receive(atAlice.takeOutgoing()[0], 22);
  atBob.receive(toBob.takeOutgoing()[0], 30);
  atAlice.receive(toAlice.takeOutgoing()[0], 32);
  toBob.receive(atBob.takeOutgoing()[0], 40);
  toAlice.receive(atAlice.takeOutgoing()[0], 42);
  // Alice was called first and then got through; Bob the same, so the orders differ.
  const [aliceFirst, aliceSecond] = [sessionOf(atAlice), sessionOf(toBob)];
  const [bobFirst, bobSecond] = [sessionOf(atBob), sessionOf(toAlice)];
  const keptByAlice = keepWhich(aliceFirst, aliceSecond) === 'existing' ? aliceFirst : aliceSecond;
  const keptByBob = keepWhich(bobFirst, bobSecond) === 'existing' ? bobFirst : bobSecond;
  t.deepEqual(keptByAlice.transcriptHash, keptByBob.transcriptHash);
  t.is(keptByAlice.initiatorUid, low);
});
