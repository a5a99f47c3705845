import test from 'ava';
import fc from 'fast-check';
import {
  EtherType,
  emitFrame,
  frameLength,
  HEADER_LENGTH,
  parseFrame,
  readType,
} from '../../src/switch/ethernet.ts';

const FRAME = Uint8Array.of(
  ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  ...[0x02, 0x00, 0x00, 0x00, 0x00, 0x01],
  ...[0x08, 0x06],
  ...[0xde, 0xad],
);

test('deconstruct', (t) => {
  const frame = parseFrame(FRAME);
  t.deepEqual(frame?.destination, FRAME.slice(0, 6));
  t.deepEqual(frame?.source, FRAME.slice(6, 12));
  t.is(frame?.etherType, EtherType.arp);
  t.deepEqual(frame?.payload, Uint8Array.of(0xde, 0xad));
  t.is(readType(FRAME, 0), EtherType.arp);
});

test('construct', (t) => {
  const out = new Uint8Array(20).fill(0xa5);
  const written = emitFrame(
    {
      destination: FRAME.slice(0, 6),
      source: FRAME.slice(6, 12),
      etherType: EtherType.arp,
      payload: Uint8Array.of(0xde, 0xad),
    },
    out,
    2,
  );
  t.is(written, FRAME.length);
  t.deepEqual(out, Uint8Array.of(0xa5, 0xa5, ...FRAME, 0xa5, 0xa5));
});

test('a runt is no frame, and whatever is a frame comes out as it went in', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100, size: 'max' }), (bytes) => {
      const frame = parseFrame(bytes);
      if (bytes.length < HEADER_LENGTH) return t.is(frame, undefined);
      if (frame === undefined) return t.fail();
      const out = new Uint8Array(frameLength(frame));
      emitFrame(frame, out, 0);
      return t.deepEqual(out, bytes);
    }),
  );
});
