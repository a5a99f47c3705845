/** The server and the client over real sockets, against Debian's programs where they are installed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DescriptorKind, RX_STRIDE, Rx, RxEvent, TX_STRIDE, Tx } from '../../../src/io/contract.ts';
import { NativeIo } from '../../../src/io/native-io.ts';
import { systemSockets } from '../../../src/io/system-sockets.ts';
import { emitPlugFrame, PlugDeframer } from '../../../src/switch/vde/plug-framing.ts';
import { connectVde } from '../../../src/switch/vde/vde-client.ts';
import { VdeServer, type VdeServerOptions } from '../../../src/switch/vde/vde-server.ts';
import { filesIn, scratch, until } from './fixtures.ts';
import { RelayHost } from './relay-host.ts';

const sockets = systemSockets();

const withPlug = existsSync('/usr/bin/vde_plug') ? test : test.skip;
const withSwitch = existsSync('/usr/bin/vde_switch') ? test : test.skip;

async function started(t: ExecutionContext, options: Partial<VdeServerOptions> = {}) {
  const { path, remove } = scratch();
  const directory = join(path, 'switch');
  const host = new RelayHost();
  const server = new VdeServer({ directory, sockets, host, ...options });
  await server.start();
  t.teardown(async () => {
    await server.stop();
    host.close();
    const left = filesIn(path);
    remove();
    if (left.length > 0) throw new Error(`left behind: ${left}`);
  });
  return { server, directory, host };
}

/** A vde_plug with its frames; it is ended with the test. */
function plug(t: ExecutionContext, ...options: string[]) {
  const child = spawn('vde_plug', options, { stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = new Promise<void>((settle) => child.on('exit', () => settle()));
  t.teardown(() => end(child, exited));
  const deframer = new PlugDeframer();
  const frames: Uint8Array[] = [];
  child.stdout.on('data', (chunk: Uint8Array) => {
    deframer.push(chunk, (bytes, offset, length) => {
      frames.push(Uint8Array.from(bytes.subarray(offset, offset + length)));
    });
  });
  child.stdin.on('error', () => {});
  return {
    child,
    exited,
    frames,
    send: (frame: Uint8Array) => child.stdin.write(emitPlugFrame(frame)),
  };
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill();
  await exited;
}

function frame(length: number, mark: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(mark);
  bytes.fill(0xff, 0, 6);
  bytes.set([2, 0, 0, 0, 0, mark], 6);
  return bytes;
}

/** How many bound Unix sockets of the whole machine have a path that begins so. */
function boundSockets(directory: string): number {
  const table = readFileSync('/proc/net/unix', 'utf8').split('\n');
  return table.filter((line) => line.includes(` ${directory}`)).length;
}

withPlug('two vde_plugs talk through the server', async (t) => {
  const { server, directory, host } = await started(t);
  const a = plug(t, directory);
  const b = plug(t, directory);
  await until(() => server.list().length === 2);
  t.deepEqual(
    server.list().map((endpoint) => endpoint.port),
    [1, 2],
  );
  t.true(server.list().every((endpoint) => /vde_plug|user=/i.test(endpoint.description)));
  a.send(frame(60, 1));
  b.send(frame(1514, 2));
  await until(() => a.frames.length === 1 && b.frames.length === 1);
  t.deepEqual(b.frames, [frame(60, 1)]);
  t.deepEqual(a.frames, [frame(1514, 2)]);
  await end(a.child, a.exited);
  await until(() => server.list().length === 1);
  t.is(host.size, 1);
});

withPlug('a vde_plug gets the port it asks for, and is told when there is none', async (t) => {
  const { server, directory } = await started(t);
  plug(t, '--port=7', directory);
  await until(() => server.list().length === 1);
  t.is(server.list()[0].port, 7);
  const refused = plug(t, `${directory}[500]`);
  await refused.exited;
  t.not(refused.child.exitCode, 0);
  t.is(server.refusals().get('no-such-port'), 1);
});

withPlug('stopping the server ends its clients and leaves no file', async (t) => {
  const { server, directory } = await started(t);
  const a = plug(t, directory);
  await until(() => server.list().length === 1);
  await server.stop();
  await a.exited;
  t.false(existsSync(directory));
});

test('our cable, both ways through our server; large frames stay whole', async (t) => {
  const { server, directory, host } = await started(t);
  const io = new NativeIo({ doorbell: -1 });
  t.teardown(() => io.close());
  const cables = [];
  for (const index of [0, 1]) {
    const cable = await connectVde({
      switchPath: directory,
      sockets,
      description: `cable ${index}`,
    });
    io.addDescriptor(index, cable.systemDescriptor, DescriptorKind.unixDatagram);
    cables.push(cable);
  }
  t.deepEqual(
    server.list().map((endpoint) => endpoint.description),
    ['cable 0', 'cable 1'],
  );
  t.deepEqual(filesIn(directory), ['001.1', '002.2', 'ctl']);
  const sent = frame(9216, 3);
  const { tx, rx, slab } = io;
  const offset = slab.length - 10_000;
  slab.set(sent, offset);
  tx.fill(0, 0, TX_STRIDE);
  tx[Tx.payloadOffset] = offset;
  tx[Tx.payloadLength] = sent.length;
  tx[Tx.address] = -1;
  t.is(io.flush(1), 0);
  await until(() => io.poll(0) > 0);
  t.is(rx[Rx.descriptor], 1);
  t.is(rx[Rx.event], RxEvent.data);
  t.deepEqual(slab.slice(rx[Rx.offset], rx[Rx.offset] + rx[Rx.length]), sent);
  t.is(rx.length % RX_STRIDE, 0);
  cables[0].close();
  await cables[0].ended;
  await until(() => host.size === 1);
  await server.stop();
  await cables[1].ended;
});

test('200 cables in and out without a pause leave no socket behind', async (t) => {
  const { server, directory, host } = await started(t);
  for (let i = 0; i < 200; i++) {
    const cable = await connectVde({ switchPath: directory, sockets, description: 'brief' });
    cable.close();
    sockets.closeDescriptor(cable.systemDescriptor);
  }
  await until(() => server.list().length === 0);
  t.is(host.size, 0);
  t.deepEqual(filesIn(directory), ['ctl']);
  await until(() => boundSockets(directory) === 1);
  t.deepEqual(server.ports.list(), []);
});

test('says why a cable cannot be plugged in, and leaves nothing', async (t) => {
  const { server, directory } = await started(t);
  const connect = (switchPath: string, port?: number) =>
    connectVde({ switchPath, sockets, description: 'x', ...(port !== undefined && { port }) });
  await t.throwsAsync(connect(join(directory, 'none')), { code: 'not-found' });
  await t.throwsAsync(connect('/proc'), { code: 'not-found' });
  await t.throwsAsync(connect('/etc/passwd'), { code: 'not-found' });
  await t.throwsAsync(connect(directory, 999), { code: 'system', message: /refuses port 999/ });
  await t.throwsAsync(connect(directory, -1), { code: 'usage' });
  t.deepEqual(filesIn(directory), ['ctl']);
  const cable = await connect(join(directory, 'ctl'));
  t.is(server.list()[0].port, 1);
  cable.close();
  sockets.closeDescriptor(cable.systemDescriptor);
  await until(() => server.list().length === 0);
});

withSwitch("our cable and vde_plug talk through Debian's vde_switch", async (t) => {
  const { path, remove } = scratch();
  const directory = join(path, 'theirs');
  const child = spawn('vde_switch', ['-s', directory], { stdio: ['pipe', 'ignore', 'ignore'] });
  const exited = new Promise<void>((settle) => child.on('exit', () => settle()));
  const io = new NativeIo({ doorbell: -1 });
  t.teardown(async () => {
    io.close();
    await end(child, exited);
    remove();
  });
  await until(() => existsSync(join(directory, 'ctl')));
  const cable = await connectVde({ switchPath: directory, sockets, description: 'kith', port: 3 });
  io.addDescriptor(0, cable.systemDescriptor, DescriptorKind.unixDatagram);
  t.true(cable.switchSocket.startsWith(join(directory, '003.')));
  const other = plug(t, directory);
  await until(() => readdirSync(directory).some((name) => name.startsWith('001.')));
  other.send(frame(100, 5));
  await until(() => io.poll(0) > 0);
  t.deepEqual(io.slab.slice(io.rx[Rx.offset], io.rx[Rx.offset] + io.rx[Rx.length]), frame(100, 5));
  // A living switch, theirs, is never taken over.
  const server = new VdeServer({ directory, sockets, host: new RelayHostStub() });
  await t.throwsAsync(server.start(), { code: 'already-running' });
  t.true(statSync(join(directory, 'ctl')).isSocket());
  cable.close();
  await cable.ended;
});

class RelayHostStub {
  addEndpoint(): number {
    throw new Error('nobody asks');
  }
  removeEndpoint(): void {}
}
