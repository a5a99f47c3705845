/** Fragments: the wire format, putting frames together, and giving memory back. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  FRAGMENT_HEADER_LENGTH,
  type FrameSlots,
  fragmentCount,
  fragmentId,
  fragmentIndex,
  fragmentPosition,
  fragmentTotal,
  MAX_FRAGMENTS,
  Reassembly,
  writeFragmentHeader,
} from '../../src/links/fragment.ts';

const HEADER = [0x12, 0x34, 0x05, 0x1f, 0x0b, 0xb8, 0x23, 0xf0];

test('deconstruct', (t) => {
  const bytes = Uint8Array.from([0xee, ...HEADER]);
  t.is(fragmentId(bytes, 1), 0x1234);
  t.is(fragmentIndex(bytes, 1), 5);
  t.is(fragmentCount(bytes, 1), 31);
  t.is(fragmentPosition(bytes, 1), 3000);
  t.is(fragmentTotal(bytes, 1), 9200);
});

test('construct', (t) => {
  const bytes = new Uint8Array(FRAGMENT_HEADER_LENGTH + 2).fill(0xa5);
  writeFragmentHeader(bytes, 1, 0x1234, 5, 31, 3000, 9200);
  t.deepEqual([...bytes], [0xa5, ...HEADER, 0xa5]);
});

const SLOT_LENGTH = 10_000;
const SLOTS = 6;
/** Where in the slab fragments are put to be read. */
const INPUT = SLOTS * SLOT_LENGTH;

/** A pool that notices a slot given twice, or one that was never its own. */
class CheckedSlots implements FrameSlots {
  readonly slotLength = SLOT_LENGTH;
  readonly #free: number[];
  readonly #t: ExecutionContext;

  constructor(t: ExecutionContext, count = SLOTS) {
    this.#t = t;
    this.#free = Array.from({ length: count }, (_, i) => i * SLOT_LENGTH);
  }

  get available(): number {
    return this.#free.length;
  }

  take(): number {
    return this.#free.pop() ?? -1;
  }

  give(offset: number): void {
    this.#t.true(offset % SLOT_LENGTH === 0 && !this.#free.includes(offset));
    this.#free.push(offset);
  }
}

interface Rig {
  readonly slots: CheckedSlots;
  readonly reassembly: Reassembly;
  /** Hands one fragment over; the whole frame, if that was it, already released. */
  accept(fragment: Uint8Array, now?: number): Uint8Array | undefined;
}

function makeRig(t: ExecutionContext, count = SLOTS, maxFrame = 9216): Rig {
  const slab = new Uint8Array(INPUT + 70_000).fill(0xee);
  const slots = new CheckedSlots(t, count);
  const reassembly = new Reassembly(slots, maxFrame);
  return {
    slots,
    reassembly,
    accept: (fragment, now = 0) => {
      slab.set(fragment, INPUT);
      const slot = reassembly.accept(slab, INPUT, fragment.length, now);
      if (slot < 0) return undefined;
      const frame = slab.slice(slot, slot + reassembly.lastLength);
      reassembly.release(slot);
      return frame;
    },
  };
}

function fragment(
  id: number,
  index: number,
  count: number,
  position: number,
  total: number,
  data: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(FRAGMENT_HEADER_LENGTH + data.length);
  writeFragmentHeader(bytes, 0, id, index, count, position, total);
  bytes.set(data, FRAGMENT_HEADER_LENGTH);
  return bytes;
}

/** Cuts a frame into `count` equal pieces, the last one shorter. */
function cut(frame: Uint8Array, count: number, id = 1): Uint8Array[] {
  const piece = Math.ceil(frame.length / count);
  return Array.from({ length: count }, (_, index) => {
    const at = index * piece;
    return fragment(id, index, count, at, frame.length, frame.subarray(at, at + piece));
  });
}

const octets = (length: number, seed = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => i * 7 + seed);

const same = (a: Uint8Array | undefined, b: Uint8Array): boolean =>
  a !== undefined && Buffer.compare(a, b) === 0;

/** Counts of pieces that leave something for the last one. */
const fits = (length: number, count: number): boolean =>
  Math.ceil(length / count) * (count - 1) < length;

test('in order, from two pieces to thirty-two', (t) => {
  for (let count = 2; count <= MAX_FRAGMENTS; count++) {
    const { accept, slots } = makeRig(t);
    const frame = octets(9216, count);
    const pieces = cut(frame, count);
    const last = pieces.pop() as Uint8Array;
    for (const piece of pieces) t.is(accept(piece), undefined);
    t.true(same(accept(last), frame), `${count} pieces`);
    t.is(slots.available, SLOTS);
  }
});

test('the smallest: two octets in two pieces', (t) => {
  const { accept } = makeRig(t);
  const [first, last] = cut(octets(2), 2);
  t.is(accept(last), undefined);
  t.deepEqual(accept(first), octets(2));
});

test('any order, with repeats, several frames at a time', (t) => {
  const frames = fc.array(
    fc.tuple(fc.integer({ min: 40, max: 9216 }), fc.integer({ min: 2, max: 32 })),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(frames, fc.infiniteStream(fc.nat()), (sizes, chance) => {
      const { accept, reassembly, slots } = makeRig(t);
      const sent = sizes.filter(([length, count]) => fits(length, count));
      const whole = sent.map(([length], id) => octets(length, id));
      const pieces = sent.flatMap(([, count], id) => cut(whole[id], count, id));
      // Every piece once, in any order, and some of them again before their frame is whole.
      const order = [...pieces];
      for (let i = order.length - 1; i > 0; i--) {
        const j = chance.next().value % (i + 1);
        [order[i], order[j]] = [order[j], order[i]];
      }
      const arrived: Uint8Array[] = [];
      for (const piece of order) {
        const frame = accept(piece);
        if (frame !== undefined) arrived.push(frame);
        else if (chance.next().value % 3 === 0) t.is(accept(piece), undefined);
      }
      t.is(arrived.length, whole.length);
      for (const frame of whole) t.true(arrived.some((each) => same(each, frame)));
      t.is(reassembly.malformed, 0);
      t.is(reassembly.abandoned, 0);
      t.is(slots.available, SLOTS);
    }),
    { numRuns: 60 },
  );
});

test('a frame with a piece missing is never delivered and is given up in time', (t) => {
  for (let missing = 0; missing < 5; missing++) {
    const { accept, reassembly, slots } = makeRig(t);
    for (const [i, piece] of cut(octets(5000), 5).entries()) {
      if (i !== missing) t.is(accept(piece, 100), undefined);
    }
    t.is(slots.available, SLOTS - 1);
    reassembly.expire(1100);
    t.is(slots.available, SLOTS - 1);
    reassembly.expire(1101);
    t.is(slots.available, SLOTS);
    t.is(reassembly.abandoned, 1);
  }
});

test('of five frames in pieces the oldest makes room', (t) => {
  const { accept, reassembly, slots } = makeRig(t);
  const frames = Array.from({ length: 5 }, (_, id) => octets(100, id));
  for (const [id, frame] of frames.entries()) accept(cut(frame, 2, id)[0]);
  t.is(reassembly.abandoned, 1);
  t.is(slots.available, SLOTS - 4);
  for (let id = 1; id < 5; id++) t.deepEqual(accept(cut(frames[id], 2, id)[1]), frames[id]);
  t.is(accept(cut(frames[0], 2, 0)[1]), undefined);
});

test('without memory the frame is given up, and nothing else', (t) => {
  const { accept, reassembly, slots } = makeRig(t, 1);
  const [first, last] = cut(octets(300), 2, 1);
  t.is(accept(first), undefined);
  t.is(accept(cut(octets(300), 2, 2)[0]), undefined);
  t.is(reassembly.abandoned, 1);
  t.deepEqual(accept(last), octets(300));
  t.is(slots.available, 1);
});

test('clear gives all memory back', (t) => {
  const { accept, reassembly, slots } = makeRig(t);
  for (let id = 0; id < 4; id++) accept(cut(octets(100), 2, id)[0]);
  reassembly.clear();
  t.is(slots.available, SLOTS);
  reassembly.clear();
  t.is(slots.available, SLOTS);
});

test('headers that break the rules', (t) => {
  const data = octets(100);
  const bad: [string, Uint8Array][] = [
    ['no header', new Uint8Array(0)],
    ['half a header', new Uint8Array(7)],
    ['no data', fragment(1, 0, 2, 0, 200, new Uint8Array(0))],
    ['one piece', fragment(1, 0, 1, 0, 100, data)],
    ['no piece', fragment(1, 0, 0, 0, 100, data)],
    ['too many pieces', fragment(1, 0, 33, 0, 3300, data)],
    ['an index beyond the count', fragment(1, 2, 2, 200, 300, data)],
    ['longer than any frame', fragment(1, 0, 2, 0, 9217, octets(5000))],
    ['past the end', fragment(1, 1, 2, 150, 200, data)],
    ['a hole before it', fragment(1, 1, 3, 120, 300, data)],
    ['over the one before it', fragment(1, 1, 3, 80, 300, data)],
    ['a first piece that is not first', fragment(1, 0, 2, 10, 200, data)],
    ['nothing left for the last', fragment(1, 0, 2, 0, 100, data)],
    ['more left than the last may have', fragment(1, 0, 2, 0, 201, data)],
    ['a last piece longer than the others', fragment(1, 1, 2, 99, 199, data)],
    ['a last piece that ends early', fragment(1, 1, 2, 150, 251, data)],
    ['a last piece at no multiple', fragment(1, 2, 3, 201, 301, data)],
    ['a last piece at the start', fragment(1, 1, 2, 0, 100, data)],
  ];
  for (const [why, bytes] of bad) {
    const { accept, reassembly, slots } = makeRig(t);
    t.is(accept(bytes), undefined, why);
    t.is(reassembly.malformed, 1, why);
    t.is(slots.available, SLOTS, why);
  }
});

test('a piece that disagrees with the first is dropped alone', (t) => {
  const { accept, reassembly } = makeRig(t);
  const frame = octets(300);
  const [a, b, c] = cut(frame, 3);
  accept(a);
  accept(fragment(1, 1, 2, 100, 200, octets(100))); // another count
  accept(fragment(1, 1, 3, 100, 299, octets(100))); // another length
  accept(fragment(1, 1, 3, 110, 300, octets(110))); // another cut
  t.is(reassembly.malformed, 3);
  accept(b);
  t.deepEqual(accept(c), frame);
});

test('an id that comes round again does not mix two frames', (t) => {
  const { accept, reassembly, slots } = makeRig(t);
  const [oldFirst] = cut(octets(100, 1), 2, 7);
  accept(oldFirst);
  // The ids run once around; each frame is whole at once.
  for (let id = 8; id < 0x10000 + 7; id++) {
    const pieces = cut(octets(10, id), 2, id & 0xffff);
    accept(pieces[0]);
    t.not(accept(pieces[1]), undefined);
  }
  const fresh = octets(100, 2);
  const [first, last] = cut(fresh, 2, 7);
  t.is(accept(last), undefined);
  t.deepEqual(accept(first), fresh);
  t.is(reassembly.abandoned, 1);
  t.is(slots.available, SLOTS);
});

test('ids that wrap are no long way apart', (t) => {
  const { accept } = makeRig(t);
  const frames = [0xfffe, 0xffff, 0, 1].map((id) => cut(octets(50, id), 2, id));
  for (const [first] of frames) accept(first);
  for (const [, last] of frames) t.not(accept(last), undefined);
});

test('whatever comes: nothing throws, nothing is made up, all memory comes back', (t) => {
  const small = fc.integer({ min: 0, max: 4 });
  const header = fc.tuple(small, small, fc.integer({ min: 0, max: 5 }), fc.nat(40), fc.nat(60));
  const hostile = fc.tuple(header, fc.integer({ min: 0, max: 30 }));
  fc.assert(
    fc.property(
      fc.array(hostile, { maxLength: 60 }),
      fc.array(fc.array(fc.nat(255), { maxLength: 60 })),
      (made, random) => {
        const { accept, reassembly, slots } = makeRig(t, 3);
        let now = 0;
        const fragments = made.map(([[id, index, count, position, total], length]) =>
          fragment(id, index, count, position, total, new Uint8Array(length)),
        );
        const noise: Uint8Array[] = random.map((each) => Uint8Array.from(each));
        for (const each of [...fragments, ...noise]) {
          now += 40;
          const frame = accept(each, now);
          // Every octet of a frame came from a fragment: all of these are 0, old memory is 0xee.
          if (frame !== undefined && !noise.includes(each)) t.false(frame.includes(0xee));
          reassembly.expire(now);
          t.true(slots.available >= 0);
        }
        reassembly.clear();
        t.is(slots.available, 3);
      },
    ),
    { numRuns: 300 },
  );
});
