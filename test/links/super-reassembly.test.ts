/** Super-frames in pieces: whole again, or handed out as they are, and memory back either way. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { FRAGMENT_HEADER_LENGTH } from '../../src/links/fragment.ts';
import { MAX_SUPER_FRAGMENTS } from '../../src/links/super-frame.ts';
import {
  hasPiece,
  type PartialSuperFrame,
  pieceOctets,
  SuperReassembly,
  settle,
} from '../../src/links/super-reassembly.ts';
import { octets } from '../io/rig.ts';
import { CheckedSlots, cut, piece } from './super-rig.ts';

const SLOT_LENGTH = 0x10000;
const SLOTS = 6;
/** Room for what comes in one turn. */
const INPUT_LENGTH = 70_000;
const PATIENCE = 10;
const MOST_PARTIAL = 4;

/** A reassembly, and a place for what comes in one turn. */
class Rig {
  readonly slots: CheckedSlots;
  readonly reassembly: SuperReassembly;
  readonly slab: Uint8Array;
  readonly #input: number;
  #fill: number;

  constructor(t: ExecutionContext, count = SLOTS, slotLength = SLOT_LENGTH) {
    this.slots = new CheckedSlots(t, count, slotLength);
    this.reassembly = new SuperReassembly(this.slots);
    this.#input = this.#fill = count * slotLength;
    this.slab = new Uint8Array(this.#input + INPUT_LENGTH).fill(0xee);
  }

  /** Hands over one piece, which stays where it is until `endTurn`. */
  accept(bytes: Uint8Array, now = 0): PartialSuperFrame | undefined {
    const at = this.#fill;
    this.slab.set(bytes, at);
    this.#fill += bytes.length;
    return this.reassembly.accept(this.slab, at, bytes.length, now);
  }

  /** Nothing that came in this turn is there any more. */
  endTurn(): void {
    this.reassembly.settle(this.slab);
    this.slab.fill(0xdd, this.#input, this.#fill);
    this.#fill = this.#input;
  }

  /** Takes out a whole frame, as its octets, and gives its memory back. */
  take(frame: PartialSuperFrame): Uint8Array {
    this.reassembly.take(frame);
    return this.read(frame);
  }

  /** The octets of a frame that was taken out; its memory goes back. */
  read(frame: PartialSuperFrame): Uint8Array {
    settle(this.slab, frame);
    const bytes = this.slab.slice(frame.slot, frame.slot + frame.total);
    this.reassembly.release(frame);
    return bytes;
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

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
  for (const [id, each] of frames.entries()) rig.accept(cut(each, 60, id)[0]);
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

// ---- against a model that keeps everything

interface ModelFrame {
  readonly id: number;
  readonly count: number;
  readonly total: number;
  readonly length: number;
  readonly data: Map<number, Uint8Array>;
  readonly startedAt: number;
}

/** One thing that happens: a piece, or time. */
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('piece' as const),
      id: fc.nat(6),
      shape: fc.nat(2),
      index: fc.nat(5),
      fill: fc.nat(255),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), wait: fc.nat(8) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
);

/** Octets of a super-frame and of each piece; the third disagrees with nothing but the others. */
const SHAPES = [
  { total: 90, length: 20 },
  { total: 90, length: 30 },
  { total: 75, length: 15 },
] as const;

test('the same as a naive model, whatever comes', (t) => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120, size: 'max' }),
      fc.integer({ min: 1, max: 6 }),
      (steps, n) => {
        const rig = new Rig(t, n, 100);
        let model: ModelFrame[] = [];
        let now = 0;
        let [malformed, abandoned] = [0, 0];
        const check = (frame: PartialSuperFrame, expected: ModelFrame | undefined): void => {
          if (expected === undefined) {
            t.fail('a frame that should not be there');
            return;
          }
          t.is(frame.id, expected.id);
          for (let index = 0; index < expected.count; index++) {
            const data = expected.data.get(index);
            t.is(hasPiece(frame, index), data !== undefined);
          }
          const bytes = rig.read(frame);
          for (const [index, data] of expected.data) {
            const at = index * expected.length;
            t.true(same(bytes.subarray(at, at + data.length), data));
          }
        };
        for (const each of steps) {
          if (each.kind === 'clear') {
            rig.reassembly.clear();
            model = [];
          } else if (each.kind === 'turn') {
            rig.endTurn();
            now += each.wait;
            const { reassembly } = rig;
            for (let late = reassembly.late(now); late; late = reassembly.late(now)) {
              t.true(now - late.startedAt >= PATIENCE);
              check(late, model.shift());
              abandoned++;
            }
            t.true(model.length === 0 || now - model[0].startedAt < PATIENCE);
          } else {
            const { total, length } = SHAPES[each.shape];
            const count = Math.ceil(total / length);
            const { id, index } = each;
            const from = index * length;
            if (index >= count) {
              const beyond = piece(id, index, count, from, total, octets(9));
              t.is(rig.accept(beyond, now), undefined);
              malformed++;
              continue;
            }
            const data = new Uint8Array(Math.min(length, total - from)).fill(each.fill);
            const whole = rig.accept(piece(id, index, count, from, total, data), now);
            let frame = model.find((other) => other.id === id);
            if (frame !== undefined && (frame.total !== total || frame.length !== length)) {
              malformed++;
              t.is(whole, undefined);
              continue;
            }
            if (frame === undefined) {
              if (model.length === MOST_PARTIAL) {
                model.shift();
                abandoned++;
              }
              if (model.length === n) {
                abandoned++;
                t.is(whole, undefined);
                continue;
              }
              frame = { id, count, total, length, data: new Map(), startedAt: now };
              model.push(frame);
            }
            if (!frame.data.has(index)) frame.data.set(index, data);
            t.is(whole !== undefined, frame.data.size === count);
            if (whole === undefined) continue;
            const { reassembly } = rig;
            for (let old = reassembly.older(whole); old; old = reassembly.older(whole)) {
              check(old, model.shift());
              abandoned++;
            }
            t.is(model[0], frame);
            rig.reassembly.take(whole);
            check(whole, model.shift());
          }
          t.is(rig.slots.available, n - model.length);
          t.is(rig.reassembly.isEmpty, model.length === 0);
        }
        t.is(rig.reassembly.malformed, malformed);
        t.is(rig.reassembly.abandoned, abandoned);
        rig.reassembly.clear();
        t.is(rig.slots.available, n);
      },
    ),
    { numRuns: 300 },
  );
});

test('noise: nothing throws, and all memory comes back', (t) => {
  const small = fc.integer({ min: 0, max: 4 });
  const header = fc.tuple(small, small, fc.integer({ min: 0, max: 5 }), fc.nat(40), fc.nat(60));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(header, fc.nat(30)), { maxLength: 60, size: 'max' }),
      fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }),
      (made, random) => {
        const rig = new Rig(t, 3, 100);
        let now = 0;
        const pieces = made.map(([[id, index, count, position, total], length]) =>
          piece(id, index, count, position, total, new Uint8Array(length)),
        );
        const noise: Uint8Array[] = random;
        for (const each of [...pieces, ...noise]) {
          const whole = rig.accept(each, now);
          if (whole !== undefined) {
            const { reassembly } = rig;
            for (let old = reassembly.older(whole); old; old = reassembly.older(whole)) {
              reassembly.release(old);
            }
            // Every octet of it came in a piece: those made here are 0, other memory is not.
            const bytes = rig.take(whole);
            if (!noise.includes(each)) t.false(bytes.includes(0xee) || bytes.includes(0xdd));
          }
          if (now++ % 3 === 0) rig.endTurn();
        }
        rig.reassembly.clear();
        t.is(rig.slots.available, 3);
      },
    ),
    { numRuns: 300 },
  );
});
