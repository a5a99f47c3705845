import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import fc from 'fast-check';
import { SharedRing } from '../../src/io/ring.ts';
import { octets } from './rig.ts';

/** The ring as one would write it without shared memory. */
class NaiveRing {
  readonly #messages: Uint8Array[] = [];
  drops = 0;
  push(fits: boolean, message: Uint8Array): void {
    if (fits) this.#messages.push(message);
    else this.drops++;
  }
  drain(most: number): Uint8Array[] {
    return this.#messages.splice(0, most);
  }
}

function drain(ring: SharedRing, most?: number): Uint8Array[] {
  const all: Uint8Array[] = [];
  ring.drain((message) => all.push(message.slice()), most);
  return all;
}

test('messages come out as they went in', (t) => {
  const ring = SharedRing.create(256);
  t.true(ring.isEmpty);
  t.true(ring.push([octets(3), octets(0), octets(5, 50)]));
  t.true(ring.push([]));
  t.true(ring.push([octets(64)]));
  t.false(ring.isEmpty);
  t.deepEqual(drain(ring, 1), [Uint8Array.from([...octets(3), ...octets(5, 50)])]);
  t.deepEqual(drain(ring), [new Uint8Array(0), octets(64)]);
  t.true(ring.isEmpty);
  t.is(ring.drops, 0);
});

test('a full ring drops and counts, and takes again when drained', (t) => {
  const ring = SharedRing.create(64);
  for (let i = 0; i < 4; i++) t.true(ring.push([octets(12, i)]));
  t.false(ring.push([octets(0)]));
  t.false(ring.push([octets(12)]));
  t.is(ring.drops, 2);
  t.is(drain(ring, 2).length, 2);
  t.true(ring.push([octets(28)]));
  t.false(ring.push([octets(0)]));
  t.deepEqual(drain(ring), [octets(12, 2), octets(12, 3), octets(28)]);
});

test('what can never fit is dropped, the largest that can always does', (t) => {
  const ring = SharedRing.create(128);
  t.false(ring.push([octets(ring.largestMessage + 1)]));
  for (let i = 0; i < 100; i++) {
    t.true(ring.push([octets(ring.largestMessage, i)]));
    t.deepEqual(drain(ring), [octets(ring.largestMessage, i)]);
    t.true(ring.push([octets(i % 7)]));
    drain(ring);
  }
  t.is(ring.drops, 1);
});

test('bad capacities and foreign buffers are refused', (t) => {
  for (const capacity of [0, 63, 65, 32, 2 ** 31, Number.NaN]) {
    t.throws(() => SharedRing.create(capacity), { instanceOf: RangeError });
  }
  t.throws(() => new SharedRing(new SharedArrayBuffer(100)), { instanceOf: RangeError });
});

test('a consumer that throws loses that message only', (t) => {
  const ring = SharedRing.create(64);
  ring.push([octets(1)]);
  ring.push([octets(2)]);
  const fail = () => {
    throw new Error('on purpose');
  };
  t.throws(() => ring.drain(fail), { message: 'on purpose' });
  t.deepEqual(drain(ring), [octets(2)]);
});

test('cursors go round 2^32', (t) => {
  const ring = SharedRing.create(64);
  new Int32Array(ring.buffer).fill(-32, 0, 2);
  for (let i = 0; i < 50; i++) {
    t.true(ring.push([octets(i % 29, i)]));
    t.deepEqual(drain(ring), [octets(i % 29, i)]);
  }
  t.is(ring.drops, 0);
});

test('it behaves as its naive twin', (t) => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 0, max: 80 }) }),
    fc.record({ drain: fc.integer({ min: 0, max: 4 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = SharedRing.create(128);
      const twin = new NaiveRing();
      let waiting = 0;
      steps.forEach((action, i) => {
        if ('push' in action) {
          const message = octets(action.push, i);
          const fits = ring.push([message.subarray(0, 3), message.subarray(3)]);
          twin.push(fits, message);
          waiting += fits ? 1 : 0;
          // An empty ring refuses nothing but what can never fit.
          if (!fits && waiting === 0) t.true(message.length > ring.largestMessage);
        } else {
          const expected = twin.drain(action.drain);
          t.deepEqual(drain(ring, action.drain), expected);
          waiting -= expected.length;
        }
      });
      t.deepEqual(drain(ring), twin.drain(Number.POSITIVE_INFINITY));
      t.is(ring.drops, twin.drops);
    }),
  );
});

test('another thread pushes while this one drains', async (t) => {
  const ring = SharedRing.create(4096);
  const count = 20_000;
  const url = new URL('./ring-producer.js', import.meta.url);
  const producer = new Worker(url, { workerData: { buffer: ring.buffer, count } });
  const ended = once(producer, 'exit');
  let next = 0;
  let intact = true;
  while (next < count) {
    ring.drain((message) => {
      const value = new DataView(message.buffer, message.byteOffset, 4).getUint32(0);
      const filler = message.subarray(4);
      intact &&= value === next && filler.length === next % 200;
      intact &&= filler.every((octet) => octet === (next & 0xff));
      next++;
    });
    await new Promise(setImmediate);
  }
  t.true(intact);
  await ended;
  t.true(ring.isEmpty);
});
