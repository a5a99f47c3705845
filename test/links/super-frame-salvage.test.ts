/** What is left of super-frames that lost pieces: exactly the segments that came whole, as frames. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Offload } from '../../src/io/contract.ts';
import { checkOffload } from '../../src/io/offload.ts';
import { type FrameOffload, SUPER_HEADER_LENGTH } from '../../src/links/super-frame.ts';
import { salvage } from '../../src/links/super-frame-salvage.ts';
import { type PartialSuperFrame, SuperReassembly } from '../../src/links/super-reassembly.ts';
import { ACK, buildFrame, type FrameOptions, PSH, superFrameOptions } from '../io/frames.ts';
import { octets } from '../io/rig.ts';
import {
  CheckedSlots,
  cut,
  fieldsOf,
  type Given,
  leftOf,
  pieceLengths,
  withFields,
} from './super-rig.ts';

const FIN = 0x01;
const CWR = 0x80;
const MOST_SEGMENTS = 128;
const SLOT_LENGTH = 8192;

/** Salvages what is left of a packet's payload when only some of its pieces come. */
function salvaged(
  t: ExecutionContext,
  payload: Uint8Array,
  length: number,
  lost: (index: number) => boolean,
): Given[] {
  const slots = new CheckedSlots(t, 3, SLOT_LENGTH);
  slots.take(); // the last one: the slot under test has neighbours
  const slab = new Uint8Array(4 * SLOT_LENGTH + payload.length).fill(0xee);
  // What was in its memory before looks as good as can be.
  slab.set(payload, SLOT_LENGTH);
  const reassembly = new SuperReassembly(slots);
  let at = 3 * SLOT_LENGTH;
  for (const [index, each] of cut(payload, length).entries()) {
    if (lost(index)) continue;
    slab.set(each, at);
    reassembly.accept(slab, at, each.length, 0);
    at += each.length;
    // Some have been settled before, some are where they came in.
    if (index % 3 === 0) reassembly.settle(slab);
  }
  const frame = reassembly.late(1000);
  if (frame === undefined) return [];
  t.is(frame.slot, SLOT_LENGTH);
  const before = slab.slice();
  const given: { at: number; length: number; fields: FrameOffload }[] = [];
  const copies: Uint8Array[] = [];
  salvage(slab, frame, (offset, octets, fields) => {
    t.true(offset >= frame.slot && offset + octets <= frame.slot + frame.total);
    given.push({ at: offset, length: octets, fields: { ...fields } });
    copies.push(slab.slice(offset, offset + octets));
  });
  // A frame stays as it was given: it is sent later.
  for (const [i, each] of given.entries()) {
    t.is(Buffer.compare(copies[i], slab.subarray(each.at, each.at + each.length)), 0);
  }
  slab.fill(0, frame.slot, frame.slot + frame.total);
  before.fill(0, frame.slot, frame.slot + frame.total);
  t.is(Buffer.compare(slab, before), 0, 'nothing else is written');
  reassembly.release(frame);
  t.is(slots.available, 2);
  return given.map(({ fields }, i) => ({ bytes: copies[i], fields }));
}

const print = ({ bytes, fields }: Given) => ({
  ...fields,
  hex: Buffer.from(bytes).toString('hex'),
});

function compare(
  t: ExecutionContext,
  options: FrameOptions,
  segmentSize: number,
  length: number,
  lost: (index: number) => boolean,
): Given[] {
  const frame = buildFrame({ ...options, partial: true });
  const payload = withFields(frame.bytes, fieldsOf(frame, segmentSize));
  const given = salvaged(t, payload, length, lost);
  const wanted = leftOf({ ...options, partial: true }, segmentSize, length, lost);
  t.deepEqual(given.map(print), wanted.map(print));
  return given;
}

const PLAIN: FrameOptions = { payload: octets(1000), flags: CWR | ACK | PSH | FIN, sequence: -400 };

test('one piece lost of five: two frames, one on each side', (t) => {
  // 8 of fields and 54 of headers are in the first piece of 220: 158 of payload, then 220 each.
  const given = compare(t, PLAIN, 100, 220, (index) => index === 2);
  t.is(given.length, 2);
  const [head, tail] = given.map(({ bytes }) => bytes);
  t.is(head.length, 54 + 300);
  t.is(tail.length, 54 + 400);
  t.deepEqual([head[47], tail[47]], [CWR | ACK, ACK | PSH | FIN]);
  t.is(Buffer.from(tail).readUInt32BE(38), 200, 'the sequence number wraps');
  t.is(Buffer.from(tail).readUInt16BE(18), 0x1234 + 6);
  t.true(given.every(({ fields }) => fields.offload === Offload.tcp4));
});

test('a single segment comes complete, with its checksum', (t) => {
  const given = compare(t, PLAIN, 100, 220, (index) => index === 1 || index === 3);
  t.deepEqual(
    given.map(({ bytes, fields }) => [bytes.length, fields.offload]),
    [
      [54 + 100, Offload.none],
      [54 + 100, Offload.none],
      [54 + 100, Offload.none],
    ],
  );
});

test('without the first piece there is nothing to be had', (t) => {
  t.deepEqual(
    compare(t, PLAIN, 100, 220, (index) => index === 0),
    [],
  );
});

test('nor with headers that go on behind it', (t) => {
  // 8 and 54 octets in front; the first piece ends one octet short, then right there.
  const lost = (index: number) => index === 5;
  t.deepEqual(compare(t, PLAIN, 100, 61, lost), []);
  t.true(compare(t, PLAIN, 100, 62, lost).length > 0);
});

test('a last segment that is shorter, alone and behind others', (t) => {
  const options = { ...PLAIN, payload: octets(950) };
  for (let missing = 1; missing < 16; missing++) {
    compare(t, options, 100, 64, (index) => index === missing);
    compare(t, options, 100, 64, (index) => index !== 0 && index < missing);
  }
});

test('nothing lost: the super-frame as it was', (t) => {
  const [only, ...more] = compare(t, PLAIN, 100, 220, () => false);
  t.deepEqual(more, []);
  t.is(only.bytes.length, 1054);
});

test('segments longer than pieces: those that are whole', (t) => {
  for (let missing = 1; missing < 5; missing++) {
    compare(t, { ...PLAIN, payload: octets(1000) }, 400, 220, (index) => index === missing);
  }
});

const random = fc.record({
  options: superFrameOptions(3000),
  size: fc.nat(),
  length: fc.nat(),
  lost: fc.uniqueArray(fc.nat(63), { maxLength: 40 }),
  /** Mostly few are lost, and the first is not. */
  few: fc.integer({ min: 0, max: 40 }),
  headless: fc.integer({ min: 0, max: 9 }),
});

test('any super-frame, any pieces lost: what came whole, once, in order, with right numbers', (t) => {
  let frames = 0;
  fc.assert(
    fc.property(random, ({ options, size, length, lost, few, headless }) => {
      const payload = options.payload?.length ?? 0;
      const least = Math.ceil(payload / MOST_SEGMENTS);
      const segmentSize = least + (size % Math.ceil(payload / 6));
      const { bytes, headers } = buildFrame(options);
      const { min, max } = pieceLengths(SUPER_HEADER_LENGTH + bytes.length);
      const fits = headless === 1 ? min : Math.max(min, SUPER_HEADER_LENGTH + headers);
      const pieceLength = Math.min(max, fits + (length % 300));
      const count = Math.ceil((SUPER_HEADER_LENGTH + bytes.length) / pieceLength);
      const missing = new Set(lost.slice(0, few).map((index) => index % count));
      if (headless !== 0) missing.delete(0);
      const given = compare(t, options, segmentSize, pieceLength, (index) => missing.has(index));
      frames += given.length;
      for (const { bytes, fields } of given) {
        if (fields.offload === Offload.none) continue;
        const { offload, checksumStart, checksumOffset } = fields;
        const { length: octets } = bytes;
        const valid = [0, octets, offload, segmentSize, checksumStart, checksumOffset] as const;
        t.is(checkOffload(bytes, ...valid), headers);
      }
    }),
    { numRuns: 400 },
  );
  t.true(frames > 300, 'most lose something and leave something');
});

test('hostile fields, headers and pieces: nothing throws, and what is given fits its fields', (t) => {
  const changes = fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(
      superFrameOptions(600),
      fc.nat(700),
      fc.nat(600),
      changes,
      fc.uint8Array({ minLength: 10, maxLength: 900, size: 'max' }),
      fc.boolean(),
      fc.uniqueArray(fc.integer({ min: 1, max: 63 }), { maxLength: 10 }),
      (options, size, length, altered, noise, valid, lost) => {
        const frame = buildFrame(options);
        const made = withFields(frame.bytes, fieldsOf(frame, size));
        const payload: Uint8Array = valid ? made : noise;
        for (const [at, value] of altered) payload[at % payload.length] = value;
        const { min, max } = pieceLengths(payload.length);
        const pieceLength = Math.min(max, min + length);
        const offload = payload[0];
        const word = (at: number) => Buffer.from(payload).readUInt16BE(at);
        const given = salvaged(t, payload, pieceLength, (index) => lost.includes(index));
        for (const { bytes, fields } of given) {
          const segmentSize = fields.segmentSize || word(2);
          const { length: octets } = bytes;
          const headers = checkOffload(bytes, 0, octets, offload, segmentSize, word(4), word(6));
          t.true(headers > 0);
          if (fields.offload === Offload.none) t.true(octets <= headers + segmentSize);
          else t.true(octets > headers + segmentSize);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('pieces of other turns, which have been copied', (t) => {
  const slots = new CheckedSlots(t, 1, SLOT_LENGTH);
  const slab = new Uint8Array(2 * SLOT_LENGTH);
  const reassembly = new SuperReassembly(slots);
  const frame = buildFrame({ ...PLAIN, partial: true });
  const pieces = cut(withFields(frame.bytes, fieldsOf(frame, 100)), 220);
  for (const index of [4, 0]) {
    slab.set(pieces[index], SLOT_LENGTH);
    reassembly.accept(slab, SLOT_LENGTH, pieces[index].length, 0);
    reassembly.settle(slab);
    slab.fill(0xee, SLOT_LENGTH);
  }
  const left = reassembly.late(10) as PartialSuperFrame;
  const lengths: number[] = [];
  salvage(slab, left, (_offset, length) => lengths.push(length));
  t.deepEqual(lengths, [54 + 100, 54 + 100]);
});
