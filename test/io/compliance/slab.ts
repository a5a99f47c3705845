/** What is done within the slab, without the system: super-frames cut, octets copied across threads. */
import { SLAB_LENGTH, SlabLayout } from '../../../src/io/contract.ts';
import { tcp4Offload, tcp4SuperFrame } from '../frames.ts';
import { octets } from '../rig.ts';
import type { Check } from './check.ts';

export function checkSlab(check: Check): void {
  check('octets cross to memory of another thread and back, and never beyond', (t, rig) => {
    const { io } = rig;
    const shared = new Uint8Array(new SharedArrayBuffer(100));
    const { arena } = SlabLayout;
    io.slab.set(octets(60, 7), arena);
    io.copyOut(arena + 1, 50, shared, 49);
    t.deepEqual(shared.slice(49, 99), octets(50, 8));
    t.deepEqual([shared[48], shared[99]], [0, 0]);
    io.copyIn(shared, 50, 49, arena + 1000);
    t.deepEqual(io.slab.slice(arena + 1000, arena + 1050), Uint8Array.of(...octets(49, 9), 0));
    io.copyOut(arena, 0, shared, 100);
    t.throws(() => io.copyOut(arena, 2, shared, 99));
    t.throws(() => io.copyOut(arena, 1, shared, -1));
    t.throws(() => io.copyOut(-1, 1, shared, 0));
    t.throws(() => io.copyOut(SLAB_LENGTH - 1, 2, shared, 0));
    t.throws(() => io.copyIn(shared, 99, 2, arena));
    t.throws(() => io.copyIn(shared, -1, 1, arena));
    t.throws(() => io.copyIn(shared, 0, 2, SLAB_LENGTH - 1));
    t.throws(() => io.copyIn(shared, 0, 1, -1));
  });

  check('a super-frame is cut where it was told to be, or not at all', (t, rig) => {
    const { io } = rig;
    const frame = tcp4SuperFrame(2500);
    const { offload, segmentSize, checksumStart, checksumOffset } = tcp4Offload(1000);
    const input = SlabLayout.free;
    const output = input + frame.length;
    const room = 2500 + 3 * 54;
    io.slab.set(frame, input);
    const cut = (at: number, length: number, to: number, most: number, size = segmentSize) =>
      io.segment(input + at, length, offload, size, checksumStart, checksumOffset, to, most);
    t.is(cut(0, frame.length, output, room), 3);
    const identifications = [0, 1054, 2108].map((at) => io.slab[output + at + 19]);
    t.deepEqual(identifications, [0x34, 0x35, 0x36]);
    t.deepEqual(io.slab.slice(input, input + frame.length), frame, 'only read');
    t.is(cut(0, frame.length, output, room - 1), -1, 'too little room');
    t.is(cut(0, frame.length, output - 1, room), -1, 'over itself');
    t.is(cut(0, frame.length, input - room + 1, room), -1, 'over itself');
    t.is(cut(0, frame.length - 1, output, room), -1);
    t.is(cut(0, frame.length, output, room, 0), -1);
    t.is(cut(0, -1, output, room), -1);
    t.is(cut(-input - 1, frame.length, output, room), -1);
    t.is(cut(0, frame.length, SLAB_LENGTH - room + 1, room), -1);
    t.is(cut(0, frame.length, SLAB_LENGTH - room, room), 3);
  });
}
