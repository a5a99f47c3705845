/** The reassembly of super-frames against a model that keeps everything, and against noise. */
import test from 'ava';
import fc from 'fast-check';
import { hasPiece, type PartialSuperFrame } from '../../src/links/super-reassembly.ts';
import { octets } from '../io/rig.ts';
import { MOST_PARTIAL, PATIENCE, ReassemblyRig as Rig, same } from './reassembly-rig.ts';
import { piece } from './super-rig.ts';

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
            const { reassembly } = rig;
            if (whole === undefined) {
              const surplus = reassembly.surplus();
              t.is(surplus !== undefined, model.length > MOST_PARTIAL);
              if (surplus === undefined) continue;
              check(surplus, model.shift());
              abandoned++;
              continue;
            }
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
