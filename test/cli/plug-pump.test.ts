import test from 'ava';
import fc from 'fast-check';
import { PlugPump } from '../../src/cli/plug-pump.ts';
import { MemoryIo } from '../../src/io/memory-io.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
import { emitPlugFrame, MAX_PLUG_FRAME } from '../../src/switch/vde/plug-framing.ts';

/** A pump between a switch and a program, both played by the test. */
function rig(switchBuffer = 1 << 20) {
  const network = new MemoryNetwork();
  const sockets = new MemorySockets(network, network.addHost('10.0.0.1'));
  const cable = sockets.openUnixDatagram('/cable', '', switchBuffer);
  const remote = sockets.openUnixDatagram('/switch', '/cable', 64 << 20);
  sockets.connectUnixDatagram(cable, '/switch');
  const [near, far] = sockets.openStreamPair();
  const io = new MemoryIo({ network, doorbell: -1 });
  const pump = new PlugPump(io, cable, far);
  const ofSwitch = network.descriptor(remote);
  const program = network.descriptor(near);
  if (ofSwitch?.type !== 'datagram' || program?.type !== 'stream') throw new Error('not so');
  return {
    pump,
    ofSwitch,
    program,
    turn: () => pump.turn(io.poll(0)),
    /** What the switch has got since the last look. */
    atSwitch: () => {
      const frames: Uint8Array[] = [];
      for (;;) {
        const frame = ofSwitch.receive();
        if (frame === undefined) return frames;
        frames.push(frame);
      }
    },
    /** The octets that have come out of the stream since the last look. */
    atProgram: () => {
      const chunks: Uint8Array[] = [];
      const buffer = new Uint8Array(1 << 20);
      for (;;) {
        const length = program.read(buffer);
        if (length <= 0) return Buffer.concat(chunks);
        chunks.push(buffer.slice(0, length));
      }
    },
  };
}

function frame(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff);
}

const framed = (frames: readonly Uint8Array[]) => Buffer.concat(frames.map(emitPlugFrame));

test('frames go both ways, the longest too', (t) => {
  const { turn, ofSwitch, program, atSwitch, atProgram } = rig();
  const frames = [frame(60, 1), frame(1514, 2), frame(MAX_PLUG_FRAME, 3)];
  program.write(framed(frames));
  for (const each of frames) ofSwitch.send(each);
  turn();
  t.deepEqual(atSwitch(), frames);
  t.deepEqual(atProgram(), framed(frames));
});

test('however the stream is cut, the same frames come out', (t) => {
  const length = fc.oneof(
    fc.integer({ min: 14, max: 200 }),
    fc.constant(0),
    fc.integer({ min: 9000, max: 65_535 }),
  );
  const cuts = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(length, { maxLength: 8 }), cuts, (lengths, sizes) => {
      const { pump, turn, program, atSwitch } = rig();
      const frames = lengths.map((each, index) => frame(each, index));
      const octets = framed(frames);
      const got: Uint8Array[] = [];
      for (let at = 0, i = 0; at < octets.length; i++) {
        const size = sizes[i % sizes.length];
        program.write(octets.slice(at, at + size));
        at += size;
        turn();
        got.push(...atSwitch());
      }
      const fitting = frames.filter((each) => each.length > 0 && each.length <= MAX_PLUG_FRAME);
      t.deepEqual(got, fitting);
      t.is(pump.oversized, frames.filter((each) => each.length > MAX_PLUG_FRAME).length);
      t.is(pump.state, 'open');
    }),
    { numRuns: 50 },
  );
});

test('a full switch holds the stream up and loses nothing', (t) => {
  const { turn, program, atSwitch } = rig(8000);
  const frames = Array.from({ length: 40 }, (_, index) => frame(1000, index));
  program.write(framed(frames));
  const got: Uint8Array[] = [];
  for (let i = 0; i < 40 && got.length < frames.length; i++) {
    turn();
    got.push(...atSwitch());
  }
  t.deepEqual(got, frames);
});

test('a slow reader loses whole frames, and never the step', (t) => {
  const { pump, turn, ofSwitch, atProgram } = rig();
  const count = 3000;
  for (let i = 0; i < count; i++) {
    ofSwitch.send(frame(1000, i));
    if (i % 20 === 19) turn();
  }
  t.true(pump.dropped > 0);
  const octets: Buffer[] = [];
  for (let i = 0; i < 40; i++) {
    octets.push(atProgram());
    turn();
  }
  const all = Buffer.concat(octets);
  let frames = 0;
  for (let at = 0; at < all.length; frames++) {
    t.is(all.readUInt16BE(at), 1000);
    at += 2 + 1000;
  }
  t.is(frames, count - pump.dropped);
  // And what comes now goes straight through again.
  ofSwitch.send(frame(60, 9));
  turn();
  t.deepEqual(atProgram(), framed([frame(60, 9)]));
});

test('the end of the stream comes after its last frame', (t) => {
  const { pump, turn, program, atSwitch } = rig();
  program.write(framed([frame(60, 1)]));
  program.close();
  for (let i = 0; i < 3 && pump.state === 'open'; i++) turn();
  t.is(pump.state, 'stream-ended');
  t.deepEqual(atSwitch(), [frame(60, 1)]);
});

test('a switch that is gone ends it', (t) => {
  const { pump, turn, ofSwitch, program } = rig();
  ofSwitch.close();
  program.write(framed([frame(60, 1)]));
  turn();
  t.is(pump.state, 'cable-ended');
});
