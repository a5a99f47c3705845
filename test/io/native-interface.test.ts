/** Descriptors between processes, and network namespaces, as far as they need no privilege. */
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KithError } from '../../src/errors.ts';
import { DescriptorKind } from '../../src/io/contract.ts';
import { Errno, SystemError } from '../../src/io/errno.ts';
import { MAX_DESCRIPTOR_PAYLOAD } from '../../src/io/system-contract.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';
import { octets, Rig } from './rig.ts';

const sockets = systemSockets();

function scratch(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kith-if-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function receiver(t: ExecutionContext): { path: string; socket: number } {
  const path = join(scratch(t), 'sock');
  const socket = sockets.openUnixDatagram(path, '', 65_536);
  t.teardown(() => sockets.closeDescriptor(socket));
  return { path, socket };
}

test('a descriptor arrives as one of its own, with its payload', (t) => {
  const { path, socket } = receiver(t);
  t.is(sockets.receiveDescriptor(socket), undefined);
  const file = join(scratch(t), 'file');
  writeFileSync(file, 'what it is about');
  const sent = openSync(file, 'r');
  sockets.sendDescriptor(path, sent, Uint8Array.of(7, 8, 9));
  sockets.closeDescriptor(sent);
  const received = sockets.receiveDescriptor(socket);
  t.deepEqual(received?.payload, Uint8Array.of(7, 8, 9));
  const descriptor = received?.descriptor as number;
  t.is(readFileSync(descriptor, 'utf8'), 'what it is about');
  // FD_CLOEXEC shows as O_CLOEXEC (02000000) in proc(5).
  const flags = /^flags:\s+0*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'));
  t.not(Number.parseInt(flags?.[1] ?? '', 8) & 0o2000000, 0);
  sockets.closeDescriptor(descriptor);
  t.is(sockets.receiveDescriptor(socket), undefined);
});

test('who is at the other end of a stream, and of nothing else', (t) => {
  const [near, far] = sockets.openStreamPair();
  t.is(sockets.peerUser(near), process.geteuid?.() ?? -1);
  const { socket } = receiver(t);
  const file = openSync('/dev/null', 'r');
  const udp = sockets.openUdp('127.0.0.1', 0);
  for (const other of [socket, file, udp, 999_999]) {
    t.throws(() => sockets.peerUser(other), { instanceOf: KithError });
  }
  for (const each of [near, far, file, udp]) sockets.closeDescriptor(each);
});

test('a datagram too long is refused, and its descriptor closed', (t) => {
  const { path, socket } = receiver(t);
  const [near, far] = sockets.openStreamPair();
  t.teardown(() => sockets.closeDescriptor(far));
  sockets.sendDescriptor(path, near, new Uint8Array(MAX_DESCRIPTOR_PAYLOAD + 1));
  const error = t.throws(() => sockets.receiveDescriptor(socket), { instanceOf: SystemError });
  t.is(error?.errno, Errno.EBADMSG);
  sockets.sendDescriptor(path, near, new Uint8Array(MAX_DESCRIPTOR_PAYLOAD));
  const received = sockets.receiveDescriptor(socket);
  t.is(received?.payload.length, MAX_DESCRIPTOR_PAYLOAD);
  sockets.closeDescriptor(received?.descriptor as number);
  sockets.closeDescriptor(near);
});

test('a datagram without a descriptor is refused', (t) => {
  const { path, socket } = receiver(t);
  const rig = Rig.native(t);
  const sender = rig.sockets.openUnixDatagram(join(scratch(t), 'from'), path, 65_536);
  rig.io.addDescriptor(0, sender, DescriptorKind.unixDatagram);
  t.deepEqual(rig.send([{ descriptor: 0, payload: octets(3) }]), [3]);
  const error = t.throws(() => sockets.receiveDescriptor(socket), { instanceOf: SystemError });
  t.is(error?.errno, Errno.EBADMSG);
  t.is(sockets.receiveDescriptor(socket), undefined);
});

test('nobody at the path, and a path too long', (t) => {
  const nowhere = join(scratch(t), 'nowhere');
  t.throws(() => sockets.sendDescriptor(nowhere, 0, Uint8Array.of(0)), { message: /ENOENT/ });
  const long = `/${'x'.repeat(200)}`;
  t.throws(() => sockets.sendDescriptor(long, 0, Uint8Array.of(0)), { message: /ENAMETOOLONG/ });
  const { path } = receiver(t);
  const never = 1 << 24;
  t.throws(() => sockets.sendDescriptor(path, never, Uint8Array.of(0)), { message: /EBADF/ });
});

test('only a TAP is taken for one', (t) => {
  const doorbell = sockets.openDoorbell();
  t.teardown(() => sockets.closeDescriptor(doorbell));
  t.throws(() => sockets.adoptTap(doorbell), { message: /ENOTTY/ });
  const [near, far] = sockets.openStreamPair();
  t.throws(() => sockets.adoptTap(near), { message: /ENOTTY/ });
  for (const each of [near, far]) sockets.closeDescriptor(each);
});

test('a namespace that is none', (t) => {
  t.notThrows(() => sockets.tryNamespace(''));
  const nowhere = join(scratch(t), 'nowhere');
  t.throws(() => sockets.tryNamespace(nowhere), { message: /ENOENT/ });
  const file = join(scratch(t), 'file');
  writeFileSync(file, '');
  t.throws(() => sockets.tryNamespace(file), { message: /EINVAL/ });
});

test('an interface that is not there', (t) => {
  const error = t.throws(() => sockets.configureInterface('kith-none', '', { up: true }), {
    instanceOf: SystemError,
  });
  t.is(error?.errno, Errno.ENODEV);
});
