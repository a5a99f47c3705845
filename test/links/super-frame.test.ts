/** The header of super-frames: literal octets both ways, and any fields there and back. */
import test from 'ava';
import fc from 'fast-check';
import { MAX_SUPER_FRAME_LENGTH, Offload } from '../../src/io/contract.ts';
import { checkOffload } from '../../src/io/offload.ts';
import { PacketType } from '../../src/links/packet.ts';
import {
  COMPLETE,
  FEATURE_SUPER_FRAMES,
  type FrameOffload,
  MAX_SUPER_FRAGMENTS,
  MAX_SUPER_FRAME,
  readSuperHeader,
  SUPER_HEADER_LENGTH,
  superFrameHeaders,
  writeSuperHeader,
} from '../../src/links/super-frame.ts';
import { buildFrame, superFrameOptions } from '../io/frames.ts';
import { fieldsOf } from './super-rig.ts';

const HEADER = [0x02, 0x00, 0x05, 0xa8, 0x01, 0x36, 0x00, 0x10];
const FIELDS: FrameOffload = {
  offload: Offload.tcp6,
  segmentSize: 1448,
  checksumStart: 310,
  checksumOffset: 16,
};

test('deconstruct', (t) => {
  const fields: FrameOffload = { ...COMPLETE };
  readSuperHeader(Uint8Array.from([0xee, ...HEADER, 0xee]), 1, fields);
  t.deepEqual(fields, FIELDS);
});

test('construct', (t) => {
  const bytes = new Uint8Array(SUPER_HEADER_LENGTH + 2).fill(0xa5);
  writeSuperHeader(bytes, 1, FIELDS);
  t.deepEqual([...bytes], [0xa5, ...HEADER, 0xa5]);
});

test('numbers that the protocol fixes', (t) => {
  t.is(PacketType.superFrame, 0x0a);
  t.is(PacketType.superFragment, 0x0b);
  t.is(FEATURE_SUPER_FRAMES, 1);
  t.is(SUPER_HEADER_LENGTH, 8);
  t.is(MAX_SUPER_FRAGMENTS, 64);
  t.is(MAX_SUPER_FRAME, 65_527);
  t.true(MAX_SUPER_FRAME < MAX_SUPER_FRAME_LENGTH);
  t.deepEqual({ ...Offload }, { none: 0, tcp4: 1, tcp6: 2, udp: 3 });
});

test('any fields come back; the octet that is zero is not read', (t) => {
  const word = fc.nat(0xffff);
  fc.assert(
    fc.property(fc.nat(0xff), word, word, word, fc.nat(0xff), (type, size, start, at, zero) => {
      const fields: FrameOffload = {
        offload: type as Offload,
        segmentSize: size,
        checksumStart: start,
        checksumOffset: at,
      };
      const bytes = new Uint8Array(SUPER_HEADER_LENGTH).fill(0xa5);
      writeSuperHeader(bytes, 0, fields);
      t.is(bytes[1], 0);
      bytes[1] = zero;
      const read: FrameOffload = { ...COMPLETE };
      readSuperHeader(bytes, 0, read);
      t.deepEqual(read, fields);
    }),
  );
});

test('the octets of all headers are those that checkOffload finds', (t) => {
  fc.assert(
    fc.property(superFrameOptions(100), fc.nat(9), (options, offset) => {
      const frame = buildFrame(options);
      const fields = fieldsOf(frame, 1000);
      const slab = new Uint8Array(offset + frame.bytes.length);
      slab.set(frame.bytes, offset);
      t.is(superFrameHeaders(slab, offset, fields), frame.headers);
      const { offload, segmentSize, checksumStart, checksumOffset } = fields;
      const { length } = frame.bytes;
      t.is(
        checkOffload(slab, offset, length, offload, segmentSize, checksumStart, checksumOffset),
        frame.headers,
      );
    }),
  );
});
