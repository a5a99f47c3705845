import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { basename, join } from 'node:path';
import test from 'ava';
import { MAX_PORT } from '../../../src/switch/port.ts';
import { PortTable } from '../../../src/switch/vde/port-table.ts';
import { VdeServer, type VdeServerEvent } from '../../../src/switch/vde/vde-server.ts';
import {
  ask,
  bench,
  deadSocket,
  FakeHost,
  FakeSockets,
  filesIn,
  hangUp,
  requestOctets,
  scratch,
  socketFile,
  until,
} from './fixtures.ts';

test('plugs a client in, and out when it hangs up', async (t) => {
  const events: VdeServerEvent['type'][] = [];
  await using b = await bench({ onEvent: (event) => events.push(event.type) });
  const description = 'QEMU user=root\u001b[2J pid=7';
  const client = await ask(b.directory, requestOctets({ path: b.clientPath, description }));
  t.is(basename(client.reply ?? ''), '001.1');
  t.like(b.server.list(), [
    { id: 1, port: 1, uid: process.getuid?.(), description: 'QEMU user=root?[2J pid=7' },
  ]);
  t.deepEqual([...b.sockets.open.values()], [{ path: client.reply, peer: b.clientPath }]);
  t.deepEqual(filesIn(b.directory), ['001.1', 'ctl']);
  await hangUp(b, client);
  t.is(b.sockets.open.size, 0);
  t.is(b.host.endpoints.size, 0);
  t.deepEqual(filesIn(b.directory), ['ctl']);
  t.deepEqual(b.server.ports.list(), []);
  t.deepEqual(events, ['endpoint-added', 'endpoint-removed']);
});

test('version 1, a wanted port, and port 0', async (t) => {
  await using b = await bench();
  const path = b.clientPath;
  const old = await ask(b.directory, requestOctets({ path, version: 1 }));
  const fifth = await ask(b.directory, requestOctets({ path, wantedPort: 5 }));
  const again = await ask(b.directory, requestOctets({ path, wantedPort: 5 }));
  const zero = await ask(b.directory, requestOctets({ path, kind: 1 }));
  const names = [old, fifth, again, zero].map((client) => basename(client.reply ?? ''));
  t.deepEqual(names, ['001.1', '005.2', '005.3', '000.4']);
  t.deepEqual(
    b.server.list().map((endpoint) => endpoint.port),
    [1, 5, 5, MAX_PORT],
  );
});

test('modes are set', async (t) => {
  await using b = await bench({ mode: 0o660, directoryMode: 0o2750 });
  const client = await ask(b.directory, requestOctets({ path: b.clientPath }));
  t.is(statSync(b.directory).mode & 0o7777, 0o2750);
  t.is(statSync(join(b.directory, 'ctl')).mode & 0o777, 0o660);
  t.is(statSync(client.reply ?? '').mode & 0o777, 0o660);
});

test('modes are tight when nothing is said', async (t) => {
  await using b = await bench();
  t.is(statSync(b.directory).mode & 0o7777, 0o2700);
  t.is(statSync(join(b.directory, 'ctl')).mode & 0o777, 0o600);
});

test('a bad request closes its stream at once, is counted, and leaves nothing', async (t) => {
  await using b = await bench();
  const good = requestOctets({ path: b.clientPath });
  const spoilt = (at: number, ...octets: number[]) => {
    const bytes = good.slice();
    bytes.set(octets, at);
    return bytes;
  };
  const notSocket = join(b.root, 'file');
  writeFileSync(notSocket, '');
  const link = join(b.root, 'link');
  symlinkSync(b.clientPath, link);
  const bad: [string, Uint8Array][] = [
    ['truncated', good.subarray(0, 100)],
    ['truncated', Uint8Array.of(1)],
    ['oversized', new Uint8Array(5000)],
    ['oversized', Uint8Array.of(...good, ...new Array(200).fill(0x68))],
    ['magic', new Uint8Array(150)],
    ['version', spoilt(4, 2)],
    ['version', spoilt(4, 4)],
    ['kind', spoilt(8, 9)],
    ['family', spoilt(12, 2)],
    ['unnamed', spoilt(14, 0)],
    ['encoding', spoilt(15, 0xff)],
    ['client-socket', requestOctets({ path: join(b.root, 'absent') })],
    ['client-socket', requestOctets({ path: notSocket })],
    ['client-socket', requestOctets({ path: link })],
    ['no-such-port', requestOctets({ path: b.clientPath, wantedPort: 129 })],
  ];
  const expected = new Map<string, number>();
  for (const [reason, octets] of bad) {
    expected.set(reason, (expected.get(reason) ?? 0) + 1);
    t.is((await ask(b.directory, octets)).reply, undefined, reason);
  }
  t.deepEqual(b.server.refusals() as ReadonlyMap<string, number>, expected);
  t.deepEqual(filesIn(b.directory), ['ctl']);
  t.deepEqual(b.server.ports.list(), []);
  t.truthy((await ask(b.directory, good)).reply);
});

test('who names the socket of somebody else gets no port; root may', async (t) => {
  await using b = await bench();
  const request = requestOctets({ path: b.clientPath });
  const own = b.sockets.peer;
  b.sockets.peer = 4711;
  t.is((await ask(b.directory, request)).reply, undefined);
  t.deepEqual([...b.server.refusals()], [['foreign-socket', 1]]);
  t.deepEqual(b.server.ports.list(), []);
  t.deepEqual(filesIn(b.directory), ['ctl']);
  b.sockets.peer = 0;
  t.truthy((await ask(b.directory, request)).reply);
  b.sockets.peer = own;
  t.truthy((await ask(b.directory, request)).reply);
  t.is(b.server.list()[0]?.uid, own, 'the owner of the socket, who asked');
});

test('a client that says nothing is closed', async (t) => {
  await using b = await bench({ requestTimeout: 20 });
  t.is((await ask(b.directory, new Uint8Array())).reply, undefined);
  t.is(b.server.refusals().get('silent'), 1);
});

test('a failing system closes the stream and leaves nothing', async (t) => {
  await using b = await bench();
  const octets = requestOctets({ path: b.clientPath });
  b.sockets.failing = true;
  t.is((await ask(b.directory, octets)).reply, undefined);
  b.sockets.failing = false;
  b.host.failing = true;
  t.is((await ask(b.directory, octets)).reply, undefined);
  b.host.failing = false;
  t.is(b.server.refusals().get('system'), 2);
  t.is(b.sockets.open.size, 0);
  t.deepEqual(filesIn(b.directory), ['ctl']);
  t.deepEqual(b.server.ports.list(), []);
  t.is(basename((await ask(b.directory, octets)).reply ?? ''), '001.3');
});

test('when ports run out a client is closed at once, and served when one is free', async (t) => {
  await using b = await bench({ ports: new PortTable(2) });
  const octets = requestOctets({ path: b.clientPath });
  const first = await ask(b.directory, octets);
  await ask(b.directory, octets);
  t.is((await ask(b.directory, octets)).reply, undefined);
  t.is(b.server.refusals().get('ports-full'), 1);
  await hangUp(b, first);
  t.is(basename((await ask(b.directory, octets)).reply ?? ''), '001.3');
});

test('the number of endpoints is bounded, on one port too', async (t) => {
  await using b = await bench({ maxEndpoints: 2 });
  const octets = requestOctets({ path: b.clientPath, wantedPort: 1 });
  await ask(b.directory, octets);
  await ask(b.directory, octets);
  t.is((await ask(b.directory, octets)).reply, undefined);
  t.is(b.server.refusals().get('endpoints-full'), 1);
});

test('200 opens and closes without a pause leak nothing', async (t) => {
  await using b = await bench();
  const octets = requestOctets({ path: b.clientPath });
  let opened = 0;
  for (let i = 0; i < 200; i++) {
    const client = await ask(b.directory, octets);
    if (client.reply !== undefined) opened++;
    client.connection.destroy();
  }
  t.is(opened, 200);
  await until(() => b.server.list().length === 0);
  t.is(b.sockets.open.size, 0);
  t.is(b.host.endpoints.size, 0);
  t.deepEqual(b.server.ports.list(), []);
  t.deepEqual(filesIn(b.directory), ['ctl']);
});

test('clients that die half-way leak nothing', async (t) => {
  await using b = await bench();
  const octets = requestOctets({ path: b.clientPath });
  for (let i = 0; i < 60; i++) {
    const connection = createConnection(join(b.directory, 'ctl'));
    connection.on('error', () => {});
    await new Promise<void>((settle) => {
      connection.on('connect', () => {
        if (i % 3 > 0) connection.write(i % 3 === 1 ? octets.subarray(0, 50) : octets);
        connection.end(() => settle());
        if (i % 2 === 0) connection.destroy();
        settle();
      });
    });
  }
  const last = await ask(b.directory, octets);
  t.truthy(last.reply);
  await until(() => b.server.list().length === 1);
  await hangUp(b, last);
  t.is(b.sockets.open.size, 0);
  t.deepEqual(filesIn(b.directory), ['ctl']);
  t.deepEqual(b.server.ports.list(), []);
});

test('an endpoint can be closed from here; its client sees the end', async (t) => {
  await using b = await bench();
  const client = await ask(b.directory, requestOctets({ path: b.clientPath }));
  const ended = new Promise((settle) => client.connection.on('close', settle));
  t.false(b.server.closeEndpoint(99));
  t.true(b.server.closeEndpoint(1));
  t.deepEqual(b.server.list(), []);
  await ended;
  t.is(b.host.endpoints.size, 0);
});

test('stopping removes every file and unplugs everybody; it may be done twice', async (t) => {
  await using b = await bench();
  const client = await ask(b.directory, requestOctets({ path: b.clientPath }));
  const ended = new Promise((settle) => client.connection.on('close', settle));
  const left = await socketFile(join(b.directory, '.00042-00000'));
  await b.server.stop();
  left.close();
  await ended;
  t.deepEqual(filesIn(b.root), ['client']);
  t.is(b.sockets.open.size, 0);
  await b.server.stop();
});

test('a directory that was there stays, with what others keep in it', async (t) => {
  const { path, remove } = scratch();
  t.teardown(remove);
  const sockets = new FakeSockets();
  const directory = join(path, 'mine');
  mkdirSync(directory, { mode: 0o755 });
  writeFileSync(join(directory, 'notes'), '');
  writeFileSync(join(directory, '007.1'), 'not a socket');
  const server = new VdeServer({ directory, sockets: sockets.system, host: new FakeHost(sockets) });
  await server.start();
  t.is(statSync(directory).mode & 0o777, 0o755);
  await server.stop();
  t.deepEqual(filesIn(directory), ['007.1', 'notes']);
});

test('leaves a living switch alone', async (t) => {
  await using b = await bench();
  const other = new VdeServer({ directory: b.directory, sockets: b.sockets.system, host: b.host });
  await t.throwsAsync(other.start(), { code: 'already-running' });
  t.deepEqual(filesIn(b.directory), ['ctl']);
  t.truthy((await ask(b.directory, requestOctets({ path: b.clientPath }))).reply);
});

test('takes over what a dead switch left', async (t) => {
  const { path: directory, remove } = scratch();
  t.teardown(remove);
  for (const name of ['ctl', '001.7', '012.3', '.00042-00000', '1.2']) {
    await deadSocket(join(directory, name));
  }
  writeFileSync(join(directory, 'notes'), '');
  const sockets = new FakeSockets();
  const host = new FakeHost(sockets);
  const server = new VdeServer({ directory, sockets: sockets.system, host });
  await server.start();
  t.deepEqual(filesIn(directory), ['.00042-00000', '1.2', 'ctl', 'notes']);
  t.is(statSync(directory).mode & 0o7777, 0o2700);
  await server.stop();
  t.deepEqual(filesIn(directory), ['1.2', 'notes']);
});

test('says what is wrong with a directory, in one sentence', async (t) => {
  const { path, remove } = scratch();
  t.teardown(remove);
  const sockets = new FakeSockets();
  const start = (directory: string) =>
    new VdeServer({ directory, sockets: sockets.system, host: new FakeHost(sockets) }).start();
  await t.throwsAsync(start(join(path, 'x'.repeat(100))), {
    code: 'config',
    message: /octets long.*--switch DIR\.$/,
  });
  writeFileSync(join(path, 'file'), '');
  await t.throwsAsync(start(join(path, 'file')), { code: 'config' });
  await t.throwsAsync(start(join(path, 'file', 'below')), { code: 'config' });
  mkdirSync(join(path, 'odd'));
  writeFileSync(join(path, 'odd', 'ctl'), '');
  await t.throwsAsync(start(join(path, 'odd')), { code: 'config', message: /not a socket/ });
  t.deepEqual(filesIn(path), ['file', 'odd']);
});
