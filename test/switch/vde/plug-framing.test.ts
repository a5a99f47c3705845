import test from 'ava';
import fc from 'fast-check';
import {
  emitPlugFrame,
  MAX_PLUG_FRAME,
  PlugDeframer,
  readPlugLength,
  writePlugHeader,
} from '../../../src/switch/vde/plug-framing.ts';

function collect(chunks: Uint8Array[]) {
  const deframer = new PlugDeframer();
  const frames: Uint8Array[] = [];
  for (const chunk of chunks) {
    deframer.push(chunk, (bytes, offset, length) => {
      frames.push(Uint8Array.from(bytes.subarray(offset, offset + length)));
    });
  }
  return { frames, deframer };
}

test('deconstruct', (t) => {
  const { frames } = collect([Uint8Array.of(0, 3, 0xaa, 0xbb, 0xcc, 0, 0, 0, 1, 0xdd)]);
  t.deepEqual(frames, [Uint8Array.of(0xaa, 0xbb, 0xcc), Uint8Array.of(0xdd)]);
});

test('construct', (t) => {
  const out = new Uint8Array(4).fill(0xa5);
  writePlugHeader(out, 1, 0x1234);
  t.deepEqual(out, Uint8Array.of(0xa5, 0x12, 0x34, 0xa5));
  t.is(readPlugLength(out, 1), 0x1234);
  t.deepEqual(emitPlugFrame(Uint8Array.of(7)), Uint8Array.of(0, 1, 7));
});

const length = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 80 }) },
  { weight: 1, arbitrary: fc.constantFrom(1522, MAX_PLUG_FRAME, MAX_PLUG_FRAME + 1, 0xffff) },
);

test('finds the same frames wherever the stream is cut', (t) => {
  const lengths = fc.array(length, { maxLength: 12, size: 'max' });
  const cuts = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3000 })),
  );
  fc.assert(
    fc.property(lengths, cuts, (all, steps) => {
      const sent = all.map((size, i) => new Uint8Array(size).fill(i + 1));
      const stream = Buffer.concat(sent.map(emitPlugFrame));
      const chunks: Uint8Array[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const step = steps.length > 0 ? steps[i % steps.length] : stream.length;
        chunks.push(stream.subarray(at, at + step));
        at += step;
      }
      const { frames, deframer } = collect(chunks);
      t.deepEqual(
        frames,
        sent.filter((frame) => frame.length > 0 && frame.length <= MAX_PLUG_FRAME),
      );
      t.is(deframer.oversized, sent.filter((frame) => frame.length > MAX_PLUG_FRAME).length);
      t.true(deframer.idle);
    }),
  );
});

test('knows when it is in the middle of a frame', (t) => {
  t.false(collect([Uint8Array.of(0)]).deframer.idle);
  t.false(collect([Uint8Array.of(0, 2, 1)]).deframer.idle);
  t.false(collect([Uint8Array.of(0xff, 0xff, 1)]).deframer.idle);
  t.true(collect([Uint8Array.of(0), Uint8Array.of(0)]).deframer.idle);
});
