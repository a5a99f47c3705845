import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import fc from 'fast-check';
import { Lane } from '../../src/io/lane.ts';
import { octets } from './rig.ts';

function put(lane: Lane, message: Uint8Array, spare = 0): boolean {
  const at = lane.reserve(message.length, spare);
  if (at >= 0) lane.octets.set(message, at);
  return at >= 0;
}

function take(lane: Lane, most = Number.POSITIVE_INFINITY): Uint8Array[] {
  const all: Uint8Array[] = [];
  while (all.length < most) {
    const at = lane.next();
    if (at < 0) break;
    all.push(lane.octets.slice(at, at + lane.length));
  }
  lane.release();
  return all;
}

test('messages come out as they went in, once they are published', (t) => {
  const lane = Lane.create(256);
  const other = new Lane(lane.buffer);
  t.true(put(lane, octets(8)));
  t.true(put(lane, octets(0)));
  t.true(put(lane, octets(61, 3)));
  t.true(other.isEmpty);
  t.deepEqual(take(other), []);
  t.true(lane.publish());
  t.false(lane.publish());
  t.false(other.isEmpty);
  t.deepEqual(take(other, 1), [octets(8)]);
  t.deepEqual(take(other), [octets(0), octets(61, 3)]);
  t.true(other.isEmpty);
  t.is(other.drops, 0);
});

test('what is taken stays where it is until it is released', (t) => {
  const lane = Lane.create(64);
  const other = new Lane(lane.buffer);
  put(lane, octets(24));
  lane.publish();
  const at = other.next();
  t.true(put(lane, octets(24, 1)));
  lane.publish();
  t.false(put(lane, octets(1)));
  t.deepEqual(other.octets.slice(at, at + other.length), octets(24));
  other.release();
  t.true(put(lane, octets(1)));
  t.is(lane.drops, 1);
});

test('a full lane drops and counts; some may be spared for others', (t) => {
  const lane = Lane.create(128);
  t.true(put(lane, octets(28)));
  t.true(put(lane, octets(28), 64));
  t.false(put(lane, octets(28), 64));
  t.true(put(lane, octets(28), 0));
  t.true(put(lane, octets(28), 0));
  t.false(put(lane, octets(0), 0));
  t.is(lane.drops, 2);
});

test('what can never fit is dropped, the largest that can always does', (t) => {
  const lane = Lane.create(128);
  const other = new Lane(lane.buffer);
  t.false(put(lane, octets(lane.largestMessage + 1)));
  for (let i = 0; i < 100; i++) {
    t.true(put(lane, octets(lane.largestMessage, i)));
    lane.publish();
    t.deepEqual(take(other), [octets(lane.largestMessage, i)]);
    t.true(put(lane, octets(i % 7)));
    lane.publish();
    take(other);
  }
});

test('only its own buffers are a lane', (t) => {
  t.throws(() => new Lane(new SharedArrayBuffer(200)), { instanceOf: RangeError });
  t.throws(() => Lane.create(100), { instanceOf: RangeError });
  t.throws(() => Lane.create(32), { instanceOf: RangeError });
});

test('a lane does what a list does, whatever is put, published, taken and released', (t) => {
  const step = fc.oneof(
    fc.record({ op: fc.constant('put' as const), length: fc.nat(70) }),
    fc.record({ op: fc.constantFrom('publish' as const, 'next' as const, 'release' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.nat(0xff), (steps, seed) => {
      const lane = Lane.create(256);
      const other = new Lane(lane.buffer);
      const reserved: Uint8Array[] = [];
      const published: Uint8Array[] = [];
      for (const [i, each] of steps.entries()) {
        if (each.op === 'put') {
          const message = new Uint8Array(each.length).fill(seed + i);
          if (put(lane, message)) reserved.push(message);
          else if (reserved.length + published.length === 0 && other.isEmpty) {
            other.release();
            if (!put(lane, message)) return false;
            reserved.push(message);
          }
        } else if (each.op === 'publish') {
          if (lane.publish() !== reserved.length > 0) return false;
          published.push(...reserved.splice(0));
        } else if (each.op === 'release') other.release();
        else {
          const at = other.next();
          const expected = published.shift();
          if (at < 0 !== (expected === undefined)) return false;
          if (expected === undefined) continue;
          const got = other.octets.subarray(at, at + other.length);
          if (!Buffer.from(got).equals(expected)) return false;
        }
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('two threads agree about a hundred thousand messages', async (t) => {
  const lane = Lane.create(4096);
  const worker = new Worker(new URL('./lane-producer.js', import.meta.url), {
    workerData: { buffer: lane.buffer, count: 100_000 },
  });
  const ended = once(worker, 'exit');
  let expected = 0;
  let spoilt = 0;
  while (expected < 100_000) {
    const at = lane.next();
    if (at < 0) {
      lane.release();
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    if (lane.words[at >> 2] !== expected || lane.length !== 4 + (expected % 90)) spoilt++;
    expected++;
    if (expected % 16 === 0) lane.release();
  }
  await ended;
  t.is(spoilt, 0);
  t.true(lane.isEmpty);
});
