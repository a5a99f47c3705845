/** Super-frames in pieces: whole again, or handed out as they are, and memory back either way. */
import test from 'ava';
import { FRAGMENT_HEADER_LENGTH } from '../../src/links/fragment.ts';
import { MAX_SUPER_FRAGMENTS } from '../../src/links/super-frame.ts';
import {
  hasPiece,
  type PartialSuperFrame,
  pieceOctets,
  settle,
} from '../../src/links/super-reassembly.ts';
import { octets } from '../io/rig.ts';
import {
  MOST_PARTIAL,
  PATIENCE,
  ReassemblyRig as Rig,
  SLOT_LENGTH,
  SLOTS,
  same,
} from './reassembly-rig.ts';
import { cut, piece } from './super-rig.ts';

const present = (frame: PartialSuperFrame): boolean[] =>
  Array.from({ length: frame.count }, (_, index) => hasPiece(frame, index));

test('in order, from two pieces to sixty-four', (t) => {
  for (let count = 2; count <= MAX_SUPER_FRAGMENTS; count++) {
    const rig = new Rig(t);
    const sent = octets(0xffff - count, count);
    const pieces = cut(sent, Math.ceil(sent.length / count));
    t.is(pieces.length, count);
    const last = pieces.pop() as Uint8Array;
    for (const each of pieces) t.is(rig.accept(each), undefined);
    const whole = rig.accept(last) as PartialSuperFrame;
    t.is(whole.loose, count);
    t.is(rig.reassembly.older(whole), undefined);
    t.true(same(rig.take(whole), sent), `${count} pieces`);
    t.true(rig.reassembly.isEmpty);
    t.is(rig.slots.available, SLOTS);
  }
});

test('pieces stay where they came in until the turn is over', (t) => {
  const rig = new Rig(t);
  const sent = octets(1000);
  const [a, b, c] = cut(sent, 400);
  rig.accept(c);
  rig.endTurn();
  rig.accept(a);
  rig.endTurn();
  const whole = rig.accept(b) as PartialSuperFrame;
  t.is(whole.loose, 1);
  t.deepEqual(
    [0, 1, 2].map((index) => pieceOctets(whole, index)),
    [400, 400, 200],
  );
  t.deepEqual([whole.offsets[0], whole.offsets[2]], [whole.slot, whole.slot + 800]);
  t.true(whole.offsets[1] >= SLOTS * SLOT_LENGTH);
  // Each piece can be had from where it is.
  const gathered = [0, 1, 2].map((index) => {
    const at = whole.offsets[index];
    return rig.slab.slice(at, at + pieceOctets(whole, index));
  });
  t.true(same(Buffer.concat(gathered), sent));
  settle(rig.slab, whole);
  t.is(whole.loose, 0);
  t.is(whole.offsets[1], whole.slot + 400);
  settle(rig.slab, whole); // and again: nothing happens
  t.true(same(rig.take(whole), sent));
});

test('a repeat adds nothing, before and after the turn', (t) => {
  const rig = new Rig(t);
  const sent = octets(100);
  const [a, b] = cut(sent, 60);
  const forged = a.slice().fill(0x55, FRAGMENT_HEADER_LENGTH);
  t.is(rig.accept(a), undefined);
  t.is(rig.accept(forged), undefined);
  rig.endTurn();
  t.is(rig.accept(forged), undefined);
  const whole = rig.accept(b) as PartialSuperFrame;
  t.true(same(rig.take(whole), sent));
  t.is(rig.reassembly.malformed, 0);
});

test('what began earlier comes out first, in the order in which it began', (t) => {
  const rig = new Rig(t);
  const frames = [1, 2, 3].map((id) => octets(90, id));
  const cuts = frames.map((each, i) => cut(each, 40, i + 1));
  rig.accept(cuts[0][0]);
  rig.accept(cuts[1][2]);
  rig.accept(cuts[2][0]);
  rig.accept(cuts[2][2]);
  const whole = rig.accept(cuts[2][1]) as PartialSuperFrame;
  t.is(whole.id, 3);
  const first = rig.reassembly.older(whole) as PartialSuperFrame;
  const second = rig.reassembly.older(whole) as PartialSuperFrame;
  t.deepEqual([first.id, second.id], [1, 2]);
  t.is(rig.reassembly.older(whole), undefined);
  t.deepEqual(present(first), [true, false, false]);
  t.deepEqual(present(second), [false, false, true]);
  t.is(rig.reassembly.abandoned, 2);
  t.true(same(rig.read(first).subarray(0, 40), frames[0].subarray(0, 40)));
  t.true(same(rig.read(second).subarray(80), frames[1].subarray(80)));
  t.true(same(rig.take(whole), frames[2]));
  t.is(rig.slots.available, SLOTS);
});

test('what began later stays when an earlier one is whole', (t) => {
  const rig = new Rig(t);
  const [a, b] = [octets(80, 1), octets(80, 2)];
  const [cutA, cutB] = [cut(a, 40, 1), cut(b, 40, 2)];
  rig.accept(cutA[1]);
  rig.accept(cutB[1]);
  const whole = rig.accept(cutA[0]) as PartialSuperFrame;
  t.is(rig.reassembly.older(whole), undefined);
  t.true(same(rig.take(whole), a));
  t.false(rig.reassembly.isEmpty);
  rig.endTurn();
  t.true(same(rig.take(rig.accept(cutB[0]) as PartialSuperFrame), b));
  t.is(rig.reassembly.abandoned, 0);
});

test('a piece may be late by the patience, and no more', (t) => {
  const rig = new Rig(t);
  rig.accept(cut(octets(90, 1), 40, 1)[0], 100);
  rig.accept(cut(octets(90, 2), 40, 2)[1], 104);
  t.is(rig.reassembly.late(100 + PATIENCE - 1), undefined);
  const first = rig.reassembly.late(100 + PATIENCE) as PartialSuperFrame;
  t.is(first.id, 1);
  t.is(rig.reassembly.late(100 + PATIENCE), undefined);
  t.is(rig.reassembly.late(104 + PATIENCE - 0.5), undefined);
  const second = rig.reassembly.late(104 + PATIENCE) as PartialSuperFrame;
  t.is(second.id, 2);
  t.is(rig.reassembly.late(1e9), undefined);
  rig.reassembly.release(first);
  rig.reassembly.release(second);
  t.is(rig.reassembly.abandoned, 2);
  t.is(rig.slots.available, SLOTS);
});

test('of five super-frames in pieces the oldest makes room', (t) => {
  const rig = new Rig(t);
  const frames = Array.from({ length: MOST_PARTIAL + 1 }, (_, id) => octets(100, id));
  for (const [id, each] of frames.entries()) {
    t.is(rig.reassembly.surplus(), undefined);
    rig.accept(cut(each, 60, id)[0]);
  }
  t.is(rig.reassembly.held, MOST_PARTIAL + 1);
  const oldest = rig.reassembly.surplus() as PartialSuperFrame;
  t.is(oldest.id, 0);
  t.is(rig.reassembly.surplus(), undefined);
  // What has come of it can still be had.
  t.true(same(rig.read(oldest).subarray(0, 60), frames[0].subarray(0, 60)));
  t.is(rig.reassembly.abandoned, 1);
  t.is(rig.slots.available, SLOTS - MOST_PARTIAL);
  rig.endTurn();
  for (let id = 1; id <= MOST_PARTIAL; id++) {
    const whole = rig.accept(cut(frames[id], 60, id)[1]) as PartialSuperFrame;
    t.true(same(rig.take(whole), frames[id]));
  }
  t.is(rig.accept(cut(frames[0], 60, 0)[1]), undefined);
});

test('without memory the super-frame is given up, and nothing else', (t) => {
  const rig = new Rig(t, 1);
  const sent = octets(300);
  const [first, last] = cut(sent, 200, 1);
  t.is(rig.accept(first), undefined);
  for (const each of cut(octets(300), 200, 2)) t.is(rig.accept(each), undefined);
  t.true(rig.reassembly.abandoned > 0);
  t.is(rig.reassembly.malformed, 0);
  t.true(same(rig.take(rig.accept(last) as PartialSuperFrame), sent));
  t.is(rig.slots.available, 1);
});

test('it says when a piece needs memory that is not there, and lets go of the oldest', (t) => {
  const rig = new Rig(t, 2);
  const [a, b, c] = [1, 2, 3].map((id) => cut(octets(300), 200, id));
  const lacks = (bytes: Uint8Array): boolean => {
    rig.slab.set(bytes, 2 * SLOT_LENGTH);
    return rig.reassembly.lacksRoom(rig.slab, 2 * SLOT_LENGTH, bytes.length);
  };
  t.is(rig.reassembly.oldestSince, Number.POSITIVE_INFINITY);
  t.is(rig.reassembly.reclaim(), undefined);
  t.false(lacks(a[0]));
  rig.accept(a[0], 5);
  rig.accept(b[0], 6);
  rig.endTurn();
  // Of those that have begun no piece needs any.
  t.deepEqual([a[1], b[1], c[0], c[1]].map(lacks), [false, false, true, true]);
  t.false(lacks(c[0].subarray(0, FRAGMENT_HEADER_LENGTH - 1)));
  t.deepEqual([rig.reassembly.held, rig.reassembly.oldestSince], [2, 5]);
  const oldest = rig.reassembly.reclaim() as PartialSuperFrame;
  t.is(oldest.id, 1);
  rig.reassembly.release(oldest);
  t.false(lacks(c[0]));
  t.deepEqual([rig.reassembly.held, rig.reassembly.oldestSince], [1, 6]);
  t.is(rig.reassembly.abandoned, 1);
});

test('clear gives all memory back', (t) => {
  const rig = new Rig(t);
  for (let id = 0; id < MOST_PARTIAL; id++) rig.accept(cut(octets(100), 60, id)[0]);
  rig.reassembly.clear();
  t.true(rig.reassembly.isEmpty);
  t.is(rig.slots.available, SLOTS);
  rig.reassembly.clear();
  rig.endTurn();
  t.is(rig.slots.available, SLOTS);
});

test('headers that break the rules', (t) => {
  const data = octets(100);
  const bad: [string, Uint8Array][] = [
    ['no header', new Uint8Array(0)],
    ['half a header', new Uint8Array(7)],
    ['no data', piece(1, 0, 2, 0, 200, new Uint8Array(0))],
    ['no piece', piece(1, 0, 0, 0, 100, data)],
    ['one piece', piece(1, 0, 1, 0, 100, data)],
    ['too many pieces', piece(1, 0, 65, 0, 6500, data)],
    ['an index beyond the count', piece(1, 2, 2, 200, 300, data)],
    ['an index far beyond', piece(1, 255, 64, 25_500, 6400, data)],
    ['longer than a slot', piece(1, 0, 2, 0, 9001, octets(8000))],
    ['past the end', piece(1, 1, 2, 150, 200, data)],
    ['a hole before it', piece(1, 1, 3, 120, 300, data)],
    ['over the one before it', piece(1, 1, 3, 80, 300, data)],
    ['a first piece that is not first', piece(1, 0, 2, 10, 200, data)],
    ['nothing left for the last', piece(1, 0, 2, 0, 100, data)],
    ['more left than the last may have', piece(1, 0, 2, 0, 201, data)],
    ['a last piece longer than the others', piece(1, 1, 2, 99, 199, data)],
    ['a last piece that ends early', piece(1, 1, 2, 150, 251, data)],
    ['a last piece at no multiple', piece(1, 2, 3, 201, 301, data)],
    ['a last piece at the start', piece(1, 1, 2, 0, 100, data)],
    ['a first piece with nothing but the fields', piece(1, 0, 2, 0, 16, octets(8))],
    ['a last piece behind such', piece(1, 1, 2, 8, 16, octets(8))],
    ['no length', piece(1, 0, 2, 0, 0, data)],
  ];
  for (const [why, bytes] of bad) {
    const rig = new Rig(t, SLOTS, 9000);
    t.is(rig.accept(bytes), undefined, why);
    t.is(rig.reassembly.malformed, 1, why);
    t.true(rig.reassembly.isEmpty, why);
    t.is(rig.slots.available, SLOTS, why);
  }
});

test('a piece that disagrees with the first is dropped alone', (t) => {
  const rig = new Rig(t);
  const sent = octets(300);
  const [a, b, c] = cut(sent, 100);
  rig.accept(a);
  rig.accept(piece(1, 1, 2, 100, 200, octets(100))); // another count
  rig.accept(piece(1, 1, 3, 100, 299, octets(100))); // another length
  rig.accept(piece(1, 1, 3, 110, 300, octets(110))); // another cut
  t.is(rig.reassembly.malformed, 3);
  rig.accept(b);
  t.true(same(rig.take(rig.accept(c) as PartialSuperFrame), sent));
});

test('ids wrap, and one that comes round again begins anew', (t) => {
  const rig = new Rig(t);
  for (let i = 0; i < 0x10000 + 5; i++) {
    const sent = octets(20, i);
    const [first, last] = cut(sent, 12, i & 0xffff);
    rig.accept(first, i);
    const whole = rig.accept(last, i) as PartialSuperFrame;
    if (!same(rig.take(whole), sent)) t.fail(`id ${i}`);
    if (i % 100 === 0) rig.endTurn();
  }
  t.is(rig.slots.available, SLOTS);
  const wrapping = [0xfffe, 0xffff, 0, 1].map((id) => cut(octets(50, id), 30, id));
  for (const [first] of wrapping) rig.accept(first);
  for (const [i, [, last]] of wrapping.entries()) {
    const whole = rig.accept(last) as PartialSuperFrame;
    t.is(whole.id, [0xfffe, 0xffff, 0, 1][i]);
    t.is(rig.reassembly.older(whole), undefined);
    rig.take(whole);
  }
});

test('records are used again', (t) => {
  const rig = new Rig(t);
  const seen = new Set<PartialSuperFrame>();
  for (let i = 0; i < 50; i++) {
    const [first, last] = cut(octets(20, i), 12, i);
    rig.accept(first);
    const whole = rig.accept(last) as PartialSuperFrame;
    seen.add(whole);
    rig.take(whole);
  }
  t.is(seen.size, 1);
});
