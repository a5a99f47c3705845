/** Memory for super-frames in pieces: what a session may hold, and who makes room for whom. */
import test from 'ava';
import { superFramePayload, superPieces } from './hostile-friend.ts';
import { broadcast, openSession, prints, secret, slabAddress, UDP_PORT } from './node.ts';
import { RIGHT_INDEX } from './pair.ts';
import { printNeeds, receivedBy, Super, SuperPair } from './super-pair.ts';

const PATIENCE = 10;
const PIECE_LENGTH = 1100;
/** Super-frames in pieces that a session may hold. */
const MOST_PARTIAL = 4;
/** Pieces of memory that all of them together never take. */
const RESERVED = 16;
const FIRST_HOSTILE = 0x0b40;

const GOOD = new Super(3000, 1000);
const PAYLOAD = superFramePayload(GOOD.needs, GOOD.bytes);

/** Two nodes, and a way to speak for any session of the right one. */
class Crowd extends SuperPair {
  readonly #numbers = new Map<number, number>();

  /** Opens sessions of friends who mean ill, each behind a port of its own. */
  addHostile(count: number): number[] {
    return Array.from({ length: count }, (_, i) => {
      const localIndex = FIRST_HOSTILE + i;
      this.right.post(
        openSession({
          localIndex,
          remoteIndex: 0x0c00 + i,
          sendSecret: secret(2),
          receiveSecret: secret(1),
          address: slabAddress(this.left.address),
          superFrames: true,
          port: 20 + i,
        }),
      );
      this.right.post({ op: 'use-session', port: 20 + i, localIndex });
      return localIndex;
    });
  }

  /** The pieces of one super-frame, as records for one session. */
  pieces(receiver: number, id: number, payload = PAYLOAD): Uint8Array[] {
    const number = this.#numbers.get(receiver) ?? 1000;
    this.#numbers.set(receiver, number + 100);
    return superPieces(payload, PIECE_LENGTH, id, { receiver, number });
  }

  /** Puts datagrams in front of the right node, in one turn. */
  inject(...datagrams: Uint8Array[]): void {
    for (const bytes of datagrams) {
      this.network.send(this.leftHost, {
        from: { host: this.left.address, port: UDP_PORT },
        to: { host: this.right.address, port: UDP_PORT },
        bytes,
      });
    }
    this.settle();
  }

  abandoned(localIndex: number): number {
    return this.right.session(localIndex).drops.abandoned;
  }
}

test('the fifth super-frame in pieces makes what has come of the oldest leave', (t) => {
  const crowd = new Crowd();
  const { free } = crowd.right;
  const all = Array.from({ length: MOST_PARTIAL + 1 }, (_, id) => {
    const sent = new Super(3000, 1000, { sequence: id * 3000 });
    const pieces = crowd.pieces(RIGHT_INDEX, id, superFramePayload(sent.needs, sent.bytes));
    return { sent, pieces };
  });
  for (const { pieces } of all.slice(0, -1)) crowd.inject(pieces[0], pieces[1]);
  t.deepEqual(receivedBy(crowd.rightTap), []);
  crowd.inject(all[MOST_PARTIAL].pieces[0]);
  const left = all[0].sent.left(PIECE_LENGTH, 2);
  t.true(left.length > 0);
  t.deepEqual(receivedBy(crowd.rightTap), left.map(printNeeds));
  t.is(crowd.abandoned(RIGHT_INDEX), 1);
  t.is(crowd.right.free[3], free[3] - MOST_PARTIAL);
  // The others are complete yet, and come whole.
  for (const { sent, pieces } of all.slice(1)) {
    crowd.inject(...pieces.slice(1));
    t.deepEqual(receivedBy(crowd.rightTap), [sent.whole]);
  }
  t.deepEqual(crowd.right.free, free);
});

test('friends who take all memory make room for who has less, the oldest first', (t) => {
  const crowd = new Crowd();
  const free = crowd.right.free[3];
  const hostile = crowd.addHostile((free - RESERVED) / MOST_PARTIAL);
  for (let id = 0; id < MOST_PARTIAL; id++) {
    for (const each of hostile) crowd.inject(...crowd.pieces(each, id).slice(0, 2));
  }
  t.is(crowd.right.free[3], RESERVED);
  t.is(crowd.right.ioReport.superFramesReclaimed, 0);
  crowd.rightTap.receive();
  crowd.inject(...crowd.pieces(RIGHT_INDEX, 1));
  // What is left of the first, and then what all this is for.
  const left = GOOD.left(PIECE_LENGTH, 2);
  t.deepEqual(receivedBy(crowd.rightTap), [...left.map(printNeeds), GOOD.whole]);
  t.is(crowd.right.ioReport.superFramesReclaimed, 1);
  t.deepEqual(
    hostile.map((each) => crowd.abandoned(each)),
    hostile.map((_, i) => Number(i === 0)),
  );
  t.is(crowd.abandoned(RIGHT_INDEX), 0);
  crowd.pass(PATIENCE);
  t.is(crowd.right.free[3], free);
});

test('who holds as many as anybody makes room itself', (t) => {
  const crowd = new Crowd();
  const free = crowd.right.free[3];
  const hostile = crowd.addHostile(free - RESERVED);
  for (const each of hostile) crowd.inject(crowd.pieces(each, 1)[0]);
  t.is(crowd.right.free[3], RESERVED);
  for (let id = 2; id < 5; id++) crowd.inject(crowd.pieces(hostile[5], id)[0]);
  const counts = hostile.map((each) => crowd.abandoned(each));
  t.deepEqual([counts[5], counts.reduce((sum, each) => sum + each, 0)], [3, 3]);
});

test('while many begin and end none, all of a friend come whole', (t) => {
  const crowd = new Crowd();
  const { free } = crowd.right;
  const hostile = crowd.addHostile(40);
  crowd.rightTap.receive();
  let id = 0;
  for (let round = 0; round < 50; round++) {
    // Two at a time, with others' beginnings between all pieces.
    const [a, b] = [crowd.pieces(RIGHT_INDEX, 2 * round), crowd.pieces(RIGHT_INDEX, 2 * round + 1)];
    for (const each of [a[0], b[0], a[1], b[1], a[2], b[2]]) {
      const noise = Array.from({ length: 8 }, () => {
        id++;
        return crowd.pieces(hostile[id % hostile.length], id & 0xffff)[1];
      });
      crowd.inject(...noise, each);
    }
    t.deepEqual(receivedBy(crowd.rightTap), [GOOD.whole, GOOD.whole], `round ${round}`);
    t.true(crowd.right.free[3] >= RESERVED);
  }
  t.true(crowd.right.ioReport.superFramesReclaimed > 0);
  t.is(crowd.abandoned(RIGHT_INDEX), 0);
  crowd.pass(PATIENCE);
  t.deepEqual(crowd.right.free[3], free[3]);
  // A session that ends in the middle of it leaves nothing behind.
  for (const each of hostile) crowd.inject(crowd.pieces(each, 9)[0]);
  for (const localIndex of hostile) crowd.right.post({ op: 'close-session', localIndex });
  t.is(crowd.right.free[3], free[3]);
  const plain = broadcast(100);
  crowd.leftTap.receive();
  crowd.rightClient.send(plain);
  crowd.settle();
  t.deepEqual(receivedBy(crowd.leftTap), prints([plain]));
});
