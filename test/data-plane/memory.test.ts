/** Pieces of the slab, the backlog of an endpoint, and what waits for a stream, against naive twins. */
import test from 'ava';
import fc from 'fast-check';
import { BACKLOG_FRAMES, Endpoint } from '../../src/data-plane/endpoint.ts';
import { CHUNK_LENGTH, DataPlaneMemory, PiecePool } from '../../src/data-plane/memory.ts';
import { StreamQueue } from '../../src/data-plane/stream-queue.ts';
import { SLAB_LENGTH, SlabLayout } from '../../src/io/contract.ts';

test('a pool hands out every piece once', (t) => {
  const pool = new PiecePool(1000, 10, 5);
  const taken = Array.from({ length: 5 }, () => pool.take());
  t.deepEqual(
    [...taken].sort((a, b) => a - b),
    [1000, 1010, 1020, 1030, 1040],
  );
  t.is(pool.take(), -1);
  t.is(pool.available, 0);
  for (const piece of taken) pool.give(piece);
  t.is(pool.available, 5);
});

test('what is no piece of a pool is not taken back', (t) => {
  const pool = new PiecePool(1000, 10, 2);
  t.throws(() => pool.give(1000), { instanceOf: RangeError }); // none is out
  pool.take();
  t.throws(() => pool.give(1003), { instanceOf: RangeError });
});

test('a pool and a set of free pieces agree', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(20)), (count, steps) => {
      const pool = new PiecePool(64, 16, count);
      const out: number[] = [];
      for (const step of steps) {
        if (step % 2 === 0) {
          const piece = pool.take();
          t.is(piece < 0, out.length === count);
          if (piece >= 0) {
            t.false(out.includes(piece));
            out.push(piece);
          }
        } else if (out.length > 0) {
          pool.give(out.splice(step % out.length, 1)[0]);
        }
        t.is(pool.available, count - out.length);
      }
    }),
  );
});

test('the pools of a data plane lie side by side in the free part of the slab', (t) => {
  const { addresses, scratch, frames, large, late, chunks } = new DataPlaneMemory();
  let end: number = SlabLayout.free;
  for (const pool of [addresses, scratch, frames, large, late, chunks]) {
    const pieces: number[] = [];
    for (let piece = pool.take(); piece >= 0; piece = pool.take()) pieces.push(piece);
    pieces.sort((a, b) => a - b);
    t.is(pieces[0], end);
    t.true(pieces.every((piece, i) => i === 0 || piece - pieces[i - 1] === pool.slotLength));
    end = pieces[pieces.length - 1] + pool.slotLength;
  }
  t.true(end <= SLAB_LENGTH);
});

test('the backlog of an endpoint keeps frames in order, like a list', (t) => {
  const memory = new DataPlaneMemory();
  const slab = new Uint8Array(SLAB_LENGTH);
  const free = memory.frames.available;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -300, max: 300 }), { maxLength: 20 }), (steps) => {
      const endpoint = new Endpoint(3, 4);
      const list: number[] = [];
      let next = 0;
      for (const step of steps) {
        for (let i = 0; i < step; i++) {
          const length = 14 + (next % 100);
          slab[0] = next & 0xff;
          const queued = endpoint.queue(memory, slab, 0, length);
          t.is(queued, list.length < BACKLOG_FRAMES);
          if (queued) list.push(next);
          next++;
        }
        if (step < 0) {
          endpoint.drop(memory, -step);
          list.splice(0, -step);
        }
        t.is(endpoint.waiting, list.length);
        for (const [i, each] of list.entries()) {
          if (slab[endpoint.offsetAt(i)] !== (each & 0xff)) t.fail(`frame ${i} is another`);
          if (endpoint.lengthAt(i) !== 14 + (each % 100)) t.fail(`frame ${i} has another length`);
        }
      }
      endpoint.destroy(memory);
      t.is(memory.frames.available, free);
    }),
    { numRuns: 40 },
  );
});

test('a frame longer than a slot does not wait', (t) => {
  const memory = new DataPlaneMemory();
  const slab = new Uint8Array(SLAB_LENGTH);
  const endpoint = new Endpoint(3, 4);
  t.false(endpoint.queue(memory, slab, 0, memory.frames.slotLength + 1));
  t.true(endpoint.queue(memory, slab, 0, memory.frames.slotLength));
  t.is(endpoint.offsetAt(0) >= 0, true);
});

test('what waits for a stream comes out as it went in', (t) => {
  const piece = fc.integer({ min: 0, max: 300 });
  const steps = fc.array(fc.tuple(fc.boolean(), piece), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new StreamQueue();
      const list: number[] = [];
      let next = 0;
      for (const [push, length] of all) {
        if (push) {
          const bytes = Uint8Array.from({ length }, () => next++);
          queue.push(bytes);
          list.push(...bytes);
        } else {
          const front = queue.front();
          t.is(front === undefined, list.length === 0);
          if (front === undefined) continue;
          const taken = Math.min(length, front.length);
          t.deepEqual([...front.subarray(0, taken)], list.splice(0, taken));
          queue.drop(taken);
        }
        t.is(queue.isEmpty, list.length === 0);
      }
    }),
  );
});

test('a queue for a stream knows when it is too much', (t) => {
  const queue = new StreamQueue();
  queue.push(new Uint8Array(CHUNK_LENGTH));
  t.false(queue.isOverfull);
  queue.push(new Uint8Array(1));
  t.true(queue.isOverfull);
  t.is(queue.front()?.length, CHUNK_LENGTH);
});
