import test from 'ava';
import fc from 'fast-check';
import { ADDRESSES_LENGTH } from '../../src/switch/ethernet.ts';
import {
  emitTag,
  insertTag,
  isTagged,
  parseTag,
  readTci,
  stripTag,
  TAG_LENGTH,
  TAGGED_ADDRESSES_LENGTH,
  tciOf,
  withVid,
  writeTaggedAddresses,
} from '../../src/switch/vlan-tag.ts';

const ADDRESSES = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1];
const TAGGED = Uint8Array.of(...ADDRESSES, 0x81, 0x00, 0xb1, 0x23, 0x08, 0x00, 0xde, 0xad);
const TAG = { pcp: 5, dei: true, vid: 0x123 };

const tci = fc.integer({ min: 0, max: 0xffff });
const untagged = fc
  .uint8Array({ minLength: 14, maxLength: 200, size: 'max' })
  .filter((frame) => !isTagged(frame, 0, frame.length));

test('deconstruct', (t) => {
  t.deepEqual(parseTag(TAGGED), TAG);
});

test('construct', (t) => {
  const out = new Uint8Array(20).fill(0xa5);
  t.is(emitTag(TAG, out, 2), TAG_LENGTH);
  const before = new Array(14).fill(0xa5);
  t.deepEqual([...out], [...before, 0x81, 0x00, 0xb1, 0x23, 0xa5, 0xa5]);
});

test('a tag without a type behind it is none, nor is another TPID', (t) => {
  t.is(parseTag(TAGGED.subarray(0, 17)), undefined);
  t.deepEqual(parseTag(TAGGED.subarray(0, 18)), TAG);
  const service = TAGGED.slice();
  service.set([0x88, 0xa8], 12);
  t.is(parseTag(service), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40, size: 'max' }), (bytes) =>
      t.notThrows(() => parseTag(bytes)),
    ),
  );
});

test('a tag goes in and out in place', (t) => {
  fc.assert(
    fc.property(untagged, tci, (frame, control) => {
      const slab = new Uint8Array(frame.length + 20).fill(0xa5);
      slab.set(frame, 10);
      const start = insertTag(slab, 10, control);
      t.is(start, 10 - TAG_LENGTH);
      t.true(isTagged(slab, start, frame.length + TAG_LENGTH));
      t.is(readTci(slab, start), control);
      const tagged = slab.slice(start, start + frame.length + TAG_LENGTH);
      t.is(tciOf(parseTag(tagged) ?? TAG), control);
      t.deepEqual(slab.slice(0, start), new Uint8Array(start).fill(0xa5));
      t.is(stripTag(slab, start), 10);
      t.deepEqual(slab.slice(10, 10 + frame.length), frame);
    }),
  );
});

test('a tagged copy needs only its first octets, and leaves the frame alone', (t) => {
  fc.assert(
    fc.property(untagged, tci, (frame, control) => {
      const out = new Uint8Array(TAGGED_ADDRESSES_LENGTH + 2).fill(0xa5);
      const before = frame.slice();
      writeTaggedAddresses(frame, 0, control, out, 1);
      t.deepEqual(frame, before);
      t.is(out[0], 0xa5);
      t.is(out[TAGGED_ADDRESSES_LENGTH + 1], 0xa5);
      const copy = Uint8Array.of(
        ...out.subarray(1, 1 + TAGGED_ADDRESSES_LENGTH),
        ...frame.subarray(ADDRESSES_LENGTH),
      );
      t.is(stripTag(copy, 0), TAG_LENGTH);
      t.deepEqual(copy.slice(TAG_LENGTH), before);
    }),
  );
});

test('another VID leaves the priority', (t) => {
  t.is(withVid(0xb123, 0x456), 0xb456);
});
