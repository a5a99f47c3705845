/** Holding senders back: when, for how long, and that nobody stays held. */
import test from 'ava';
import fc from 'fast-check';
import { Endpoint } from '../../src/data-plane/endpoint.ts';
import { FlowControl } from '../../src/data-plane/flow-control.ts';
import { DataPlaneMemory } from '../../src/data-plane/memory.ts';
import { type BatchedIo, SLAB_LENGTH } from '../../src/io/contract.ts';

const slab = new Uint8Array(SLAB_LENGTH);

function makeRig() {
  const memory = new DataPlaneMemory();
  const held = new Set<number>();
  const io = {
    hold: (index: number, hold: boolean) => {
      if (hold) held.add(index);
      else held.delete(index);
    },
  } as unknown as BatchedIo;
  const control = new FlowControl(io);
  const endpoints = [0, 1, 2, 3].map((descriptor) => new Endpoint(descriptor, descriptor + 1));
  /** Frames from one to another that have to wait. */
  const queue = (to: number, from: number, count: number, now: number): void => {
    for (let i = 0; i < count; i++) {
      if (!endpoints[to].queue(memory, slab, 0, 60)) return;
      control.queued(endpoints[to], endpoints[from], now);
    }
  };
  const take = (from: number, count: number, now: number): void => {
    endpoints[from].drop(memory, count);
    control.drained(endpoints[from], now);
  };
  return { control, endpoints, held, queue, take };
}

const nothing = (): void => {};

test('a sender is held above 64 waiting frames and released at 16', (t) => {
  const { held, queue, take, control } = makeRig();
  queue(0, 1, 64, 0);
  t.is(held.size, 0);
  t.is(control.deadline, Number.POSITIVE_INFINITY);
  queue(0, 1, 1, 0);
  t.deepEqual([...held], [1]);
  t.is(control.deadline, 1);
  take(0, 48, 1);
  t.is(held.size, 1);
  take(0, 1, 1);
  t.is(held.size, 0);
  t.is(control.deadline, Number.POSITIVE_INFINITY);
});

test('a receiver that takes nothing for 8 ms is stalled, and holds nobody until it is empty', (t) => {
  const { held, queue, take, control, endpoints } = makeRig();
  queue(0, 1, 100, 0);
  for (let now = 1; now < 8; now++) control.review(now, nothing);
  t.is(held.size, 1);
  control.review(8, nothing);
  t.is(held.size, 0);
  t.true(endpoints[0].stalled);
  queue(0, 1, 100, 9);
  t.is(held.size, 0);
  take(0, 150, 10);
  queue(0, 1, 100, 11);
  t.is(held.size, 0);
  take(0, 512, 12);
  t.false(endpoints[0].stalled);
  queue(0, 1, 65, 13);
  t.is(held.size, 1);
});

test('a receiver that makes progress is waited for', (t) => {
  const { held, queue, take, control } = makeRig();
  queue(0, 1, 300, 0);
  for (let now = 1; now < 40; now++) {
    if (now % 5 === 0) take(0, 1, now);
    control.review(now, nothing);
    t.is(held.size, 1, `at ${now}`);
  }
});

test('a receiver that dawdles is waited for 40 ms in a second', (t) => {
  const { held, queue, take, control } = makeRig();
  queue(0, 1, 65, 0);
  let heldFor = 0;
  for (let now = 1; now <= 5000; now++) {
    if (now % 7 === 0) {
      take(0, 1, now);
      queue(0, 1, 1, now);
    }
    control.review(now, nothing);
    heldFor += held.size;
  }
  t.true(heldFor <= 40, `held for ${heldFor} ms: it never came to an empty backlog`);
});

test('a sender held for two is released by the second', (t) => {
  const { held, queue, take } = makeRig();
  queue(0, 2, 65, 0);
  queue(1, 2, 65, 0);
  take(0, 65, 1);
  t.deepEqual([...held], [2]);
  take(1, 65, 1);
  t.is(held.size, 0);
});

test('review tries to send what waits', (t) => {
  const { held, queue, take, control } = makeRig();
  queue(0, 1, 65, 0);
  control.review(0.5, () => t.fail('too early'));
  control.review(1, () => take(0, 65, 1));
  t.is(held.size, 0);
});

test('whatever happens, nobody is held without a deadline, and in the end nobody is held', (t) => {
  const event = fc.tuple(
    fc.constantFrom('queue', 'take', 'wait', 'remove'),
    fc.nat(3),
    fc.nat(3),
    fc.nat(120),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const { control, endpoints, held, queue, take } = makeRig();
      const gone = new Set<number>();
      let now = 0;
      for (const [kind, a, b, count] of events) {
        if (gone.has(a) || gone.has(b)) continue;
        if (kind === 'queue' && a !== b) queue(a, b, count, now);
        if (kind === 'take') take(a, count, now);
        if (kind === 'wait') {
          now += count / 20;
          control.review(now, nothing);
        }
        if (kind === 'remove' && gone.size < 2) {
          control.removed(endpoints[a]);
          held.delete(a); // its descriptor goes with it
          gone.add(a);
        }
        if (held.size > 0) t.true(Number.isFinite(control.deadline));
      }
      for (let i = 0; i < 20; i++) control.review(now + i, nothing);
      t.deepEqual(
        [...held].filter((each) => !gone.has(each)),
        [],
      );
      t.is(control.deadline, Number.POSITIVE_INFINITY);
    }),
    { numRuns: 200 },
  );
});
