import test from 'ava';
import fc from 'fast-check';
import { DescriptorKind } from '../../src/io/contract.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { type Steering, steer, steeringProgram } from '../../src/io/steering.ts';
import type { SystemSockets } from '../../src/io/system-contract.ts';
import { Rig } from './rig.ts';

/** As records of links have it: type 0x10 or 0x11, a worker in bits 10 to 12 of the receiver. */
const STEERING: Steering = { mark: 0x10, markMask: 0xfe, offset: 4, shift: 10, mask: 7 };

/** Runs a program of classic BPF as the kernel does: a load from behind the end returns 0. */
function run(program: Uint8Array, datagram: Uint8Array): number {
  const view = new DataView(program.buffer);
  let accumulator = 0;
  for (let pc = 0; ; pc++) {
    const at = 8 * pc;
    const code = view.getUint16(at, true);
    const k = view.getUint32(at + 4, true);
    const jump = (taken: boolean): void => {
      pc += program[at + (taken ? 2 : 3)]!;
    };
    const load = (length: number): boolean => {
      if (k + length > datagram.length) return false;
      accumulator = 0;
      for (let i = 0; i < length; i++) accumulator = accumulator * 256 + datagram[k + i]!;
      return true;
    };
    if (code === 0x30) {
      if (!load(1)) return 0;
    } else if (code === 0x20) {
      if (!load(4)) return 0;
    } else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x74) accumulator >>>= k;
    else if (code === 0x15) jump(accumulator === k);
    else if (code === 0x35) jump(accumulator >= k);
    else if (code === 0x06) return k;
    else if (code === 0x16) return accumulator;
    else throw new RangeError(`no such instruction: ${code}`);
  }
}

test('the program is what the kernel expects, octet by octet', (t) => {
  const words = [
    [0x30, 0, 0, 0],
    [0x54, 0, 0, 0xfe],
    [0x15, 0, 5, 0x10],
    [0x20, 0, 0, 4],
    [0x74, 0, 0, 10],
    [0x54, 0, 0, 7],
    [0x35, 1, 0, 3],
    [0x16, 0, 0, 0],
    [0x06, 0, 0, 0],
  ] as const;
  const expected = words.flatMap(([code, yes, no, k]) => [code, 0, yes, no, k, 0, 0, 0]);
  t.deepEqual([...steeringProgram(STEERING, 3)], expected);
});

const datagrams = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .tuple(fc.constantFrom(0x10, 0x11), fc.uint8Array({ minLength: 3, maxLength: 20 }))
    .map(([type, rest]) => Uint8Array.of(type, ...rest)),
);

test('function and program agree about every datagram', (t) => {
  fc.assert(
    fc.property(datagrams, fc.integer({ min: 1, max: 8 }), (datagram, count) => {
      const place = steer(STEERING, datagram, count);
      return place < count && place === run(steeringProgram(STEERING, count), datagram);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('a record goes where its receiver says, all else to the first', (t) => {
  const to = (type: number, receiver: number): Uint8Array => {
    const bytes = new Uint8Array(20);
    bytes[0] = type;
    new DataView(bytes.buffer).setUint32(4, receiver);
    return bytes;
  };
  t.is(steer(STEERING, to(0x10, 0xffff_e000 | (2 << 10) | 0x3ff), 3), 2);
  t.is(steer(STEERING, to(0x11, 1 << 10), 3), 1);
  t.is(steer(STEERING, to(0x10, 3 << 10), 3), 0, 'there are three only');
  t.is(steer(STEERING, to(0x01, 2 << 10), 3), 0, 'a handshake');
  t.is(steer(STEERING, to(0x10, 2 << 10).subarray(0, 7), 3), 0, 'too short');
});

/** Which socket of a group real datagrams come to. */
function arrivals(rig: Rig, sockets: SystemSockets, sent: readonly Uint8Array[]): number[] {
  const group = sockets.openUdpGroup('127.0.0.1', 0, 3, STEERING);
  const to = sockets.localAddress(group[0]!);
  if (group.some((socket) => sockets.localAddress(socket).port !== to.port))
    throw new Error('ports');
  for (const [i, socket] of group.entries()) rig.io.addDescriptor(i, socket, DescriptorKind.udp);
  const sender = sockets.openUdp('127.0.0.1', 0);
  rig.io.addDescriptor(9, sender, DescriptorKind.udp);
  return sent.map((payload) => {
    rig.send([{ descriptor: 9, payload, to }]);
    const [received] = rig.receive(1);
    return received!.descriptor;
  });
}

for (const [name, makeRig] of [
  ['native', Rig.native],
  ['memory', Rig.memory],
] as const) {
  test(`${name}: a group of sockets gets what the function says`, (t) => {
    const rig = makeRig(t);
    const sent = fc.sample(
      datagrams.filter(({ length }) => length > 0),
      { numRuns: 200, seed: 11 },
    );
    t.deepEqual(
      arrivals(rig, rig.sockets, sent),
      sent.map((datagram) => steer(STEERING, datagram, 3)),
    );
  });

  test(`${name}: the address of a group is nobody else's, and a taken one is refused`, (t) => {
    const { sockets } = makeRig(t);
    const group = sockets.openUdpGroup('127.0.0.1', 0, 2, STEERING);
    const { port } = sockets.localAddress(group[0]!);
    t.throws(() => sockets.openUdp('127.0.0.1', port), { code: 'address' });
    t.throws(() => sockets.openUdpGroup('127.0.0.1', port, 2, STEERING), { code: 'address' });
    for (const socket of group) sockets.closeDescriptor(socket);
    const alone = sockets.openUdp('127.0.0.1', port);
    t.throws(() => sockets.openUdpGroup('127.0.0.1', port, 2, STEERING), { code: 'address' });
    sockets.closeDescriptor(alone);
  });

  test(`${name}: a group is dual-stack where one socket is`, (t) => {
    const { sockets } = makeRig(t);
    const group = sockets.openUdpGroup('::', 0, 4, STEERING);
    t.is(group.length, 4);
    t.is(new Set(group.map((socket) => sockets.localAddress(socket).host)).size, 1);
    for (const socket of group) sockets.closeDescriptor(socket);
  });
}

test('a kernel that joins datagrams may give one to another socket', (t) => {
  t.is(new MemoryNetwork().steered(2, 3), 2);
});
