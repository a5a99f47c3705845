import { once } from 'node:events';
import { lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { ConsoleServer, type ConsoleServerOptions } from '../../src/controller/console-server.ts';
import { KithError } from '../../src/errors.ts';
import type { Category } from '../../src/switch/vde/console/categories.ts';
import type { ConsoleTarget } from '../../src/switch/vde/console/target.ts';
import { type FakeTarget, fakeTarget } from '../switch/vde/console/fake-target.ts';
import { RawConsole } from './console-fixtures.ts';
import { scratch } from './node-fixtures.ts';

const GREETING = 'VDE switch V.2.3.2\nsomebody\n\nvde$ ';
const SUCCESS = '1000 Success\n\nvde$ ';

interface Stand {
  readonly path: string;
  readonly target: FakeTarget;
  readonly server: ConsoleServer;
  /** What somebody wanted to hear of, at each change. */
  readonly interests: (readonly Category[])[];
}

async function stand(
  t: ExecutionContext,
  options: Partial<ConsoleServerOptions> = {},
): Promise<Stand> {
  const target = fakeTarget();
  const interests: (readonly Category[])[] = [];
  const path = options.path ?? join(scratch(t), 'console');
  const server = new ConsoleServer({
    path,
    mode: 0o600,
    target,
    log: pino({ level: 'silent' }),
    onInterest: (wanted) => void interests.push([...wanted]),
    ...options,
  });
  await server.start();
  t.teardown(() => server.close());
  return { path, target, server, interests };
}

async function open(t: ExecutionContext, path: string): Promise<RawConsole> {
  const client = await RawConsole.open(t, path);
  t.is(await client.answer(), GREETING);
  return client;
}

test('a conversation, octet by octet', async (t) => {
  const { path } = await stand(t);
  const client = await open(t, path);
  t.is(
    await client.say('ds/showinfo'),
    `0000 DATA END WITH '.'\nctl dir /run/switch\nstd mode 0660\n.\n${SUCCESS}`,
  );
  t.is(await client.say('foo'), '1038 Function not implemented\n\nvde$ ');
  client.send('logout\n');
  t.is(await client.until(() => client.ended), '9999 END OF SESSION');
});

test('the mode, and nothing else in the directory', async (t) => {
  const { path, server } = await stand(t, { mode: 0o640 });
  t.is(lstatSync(path).mode & 0o777, 0o640);
  t.deepEqual(readdirSync(join(path, '..')), ['console']);
  await server.close();
  await server.close();
  t.deepEqual(readdirSync(join(path, '..')), []);
});

test('a socket that nobody answers on is taken over; one that somebody does is not', async (t) => {
  const path = join(scratch(t), 'console');
  const first = createServer();
  first.listen(path);
  await once(first, 'listening');
  const error = await t.throwsAsync(stand(t, { path }), { instanceOf: KithError });
  t.is(error.code, 'already-running');
  t.regex(error.message, /--mgmt/);
  t.deepEqual(readdirSync(join(path, '..')), ['console']);
  // As a process that was killed leaves it: a name, and nobody behind it.
  const { stale } = await staleSocket(t);
  await stand(t, { path: stale });
  await open(t, stale);
  first.close();
});

async function staleSocket(t: ExecutionContext): Promise<{ stale: string }> {
  const stale = join(scratch(t), 'console');
  const { spawnSync } = await import('node:child_process');
  const script = `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  t.true(lstatSync(stale).isSocket());
  return { stale };
}

test('what cannot be a socket is said in a sentence', async (t) => {
  const home = scratch(t);
  writeFileSync(join(home, 'console'), 'mine');
  const taken = await t.throwsAsync(stand(t, { path: join(home, 'console') }));
  t.regex(String(taken?.message), /no socket; move it away/);
  const absent = await t.throwsAsync(stand(t, { path: join(home, 'no', 'console') }));
  t.regex(String(absent?.message), /cannot be made \(E\w+\)/);
  const long = await t.throwsAsync(stand(t, { path: join(home, 'x'.repeat(120)) }));
  t.is((long as KithError).code, 'address');
  t.deepEqual(readdirSync(home), ['console']);
});

test('lines in pieces, several in one, and one without its end', async (t) => {
  const { path, target } = await stand(t);
  const client = await open(t, path);
  for (const piece of ['po', 'rt/cre', 'ate 7', '\n']) {
    client.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.is(await client.answer(), SUCCESS);
  client.send('port/create 8\nport/create 9\nport/create 10\n');
  t.is(await client.until((heard) => heard.length >= 3 * SUCCESS.length), SUCCESS.repeat(3));
  // vdeterm sends no newline.
  client.send('port/create 11');
  t.is(await client.answer(), SUCCESS);
  client.send('vlan/create 5\nport/create 12');
  client.socket.end();
  t.is(await client.until(() => client.ended), SUCCESS.repeat(2));
  t.deepEqual(
    target.calls.map((call) => call[1]),
    [7, 8, 9, 10, 11, 5, 12],
  );
});

test('a line of somebody who is gone at once is carried out', async (t) => {
  const { path, target } = await stand(t);
  for (const [index, line] of ['port/create 7\n', 'port/create 8', 'shutdown'].entries()) {
    const client = connect(path);
    await once(client, 'connect');
    // The greeting is left unread, which makes of the end of the stream an error.
    client.pause();
    client.write(line, () => client.destroy());
    while (target.calls.length <= index) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.deepEqual(target.calls, [['createPort', 7], ['createPort', 8], ['shutDown']]);
});

test('lines that are too long, binary or empty do no harm', async (t) => {
  const { path, target } = await stand(t);
  const client = await open(t, path);
  client.send(`${'x'.repeat(300_000)}\n`);
  t.is(await client.answer(), '1007 Argument list too long\n\nvde$ ');
  const binary = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)).filter(
    (octet) => octet !== 0x0a,
  );
  client.send(Buffer.concat([binary.subarray(1), Buffer.from('\n')]));
  t.is(await client.answer(), '1038 Function not implemented\n\nvde$ ');
  client.send('\n'.repeat(500));
  t.is(await client.until((heard) => heard.length >= 500 * 6), '\nvde$ '.repeat(500));
  t.is(await client.say('port/create 7'), SUCCESS);
  t.is(target.calls.length, 1);
});

test('ten clients at once, each in its own conversation', async (t) => {
  const { path, target } = await stand(t);
  const clients = await Promise.all(Array.from({ length: 10 }, () => open(t, path)));
  const answers = await Promise.all(
    clients.map(async (client, index) => {
      const answered: string[] = [];
      for (let round = 0; round < 20; round++) {
        answered.push(await client.say(`port/create ${100 * index + round + 1}`));
        answered.push(await client.say('port/showinfo'));
      }
      return answered;
    }),
  );
  const info = `0000 DATA END WITH '.'\nNumports=32\nHUB=false\ncounters=true\n.\n${SUCCESS}`;
  for (const each of answers) {
    each.forEach((said, index) => {
      t.is(said, index % 2 === 0 ? SUCCESS : info);
    });
  }
  t.is(new Set(target.calls.map((call) => call[1])).size, 200);
});

test('events go to those who want them', async (t) => {
  const { path, server, interests } = await stand(t);
  const [a, b] = [await open(t, path), await open(t, path)];
  server.announce('port/+', '01');
  t.is(await a.say('debug/add port/+'), SUCCESS);
  t.deepEqual(interests, [['port/+']]);
  t.is(await b.say('debug/add hash'), SUCCESS);
  t.deepEqual(interests.at(-1), ['hash/+', 'hash/-', 'port/+']);
  server.announce('port/+', '02');
  server.announce('hash/+', 'x');
  t.is(await a.until((heard) => heard.endsWith('\n')), '3021 port/+ 02\n');
  t.is(await b.until((heard) => heard.endsWith('\n')), '3011 hash/+ x\n');
  b.socket.destroy();
  while (interests.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  t.deepEqual(interests.at(-1), ['port/+']);
  t.is(await a.say('debug/del'), SUCCESS);
  t.deepEqual(interests.at(-1), []);
});

test('who does not read has bounded memory, and disturbs nobody', async (t) => {
  const page = 'x'.repeat(100_000);
  const base = fakeTarget();
  let pages = 0;
  const target: ConsoleTarget = {
    ...base,
    readScript: async () => ({ text: 'showinfo\n'.repeat(2000) }),
    about: () => {
      pages++;
      return { ...base.about(), introduction: page };
    },
  };
  const { path, server } = await stand(t, { target });
  const deaf = connect(path);
  t.teardown(() => deaf.destroy());
  await once(deaf, 'connect');
  deaf.pause();
  deaf.write('debug/add\nload /big\n');
  const before = process.memoryUsage().rss;
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (let count = 0; count < 20_000; count++) server.announce('port/+', page.slice(0, 100));
  // The script of 200 MB has stopped near its beginning, for want of a reader.
  t.true(pages < 100, `${pages} pages`);
  t.true(process.memoryUsage().rss - before < 100e6);
  const other = await RawConsole.open(t, path);
  await other.answer();
  t.is(await other.say('port/create 7'), SUCCESS);
  deaf.destroy();
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.true(pages < 100, `${pages} pages after it went`);
  t.is(await other.say('port/create 8'), SUCCESS);
});

test('clients beyond what there is room for are closed, and come later', async (t) => {
  const { path } = await stand(t);
  const clients = [];
  for (let count = 0; count < 64; count++) clients.push(await open(t, path));
  const extra = connect(path);
  extra.on('error', () => {});
  extra.resume();
  await once(extra, 'close');
  clients[0].socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await open(t, path);
  t.pass();
});

test('a fault of ours ends one conversation only', async (t) => {
  const base = fakeTarget();
  const target: ConsoleTarget = {
    ...base,
    addresses: async () => {
      throw new Error('a bug');
    },
  };
  const { path } = await stand(t, { target });
  const [a, b] = [await open(t, path), await open(t, path)];
  a.send('hash/print\n');
  await a.until(() => a.ended);
  t.is(await b.say('port/create 7'), SUCCESS);
});

test('shutdown says farewell; closing hangs up on everybody', async (t) => {
  const { path, target, server } = await stand(t);
  const [a, b] = [await open(t, path), await open(t, path)];
  a.send('shutdown\nshowinfo\n');
  t.is(await a.until(() => a.ended), '9999 END OF SESSION');
  t.deepEqual(target.calls, [['shutDown']]);
  await server.close();
  await b.until(() => b.ended);
  server.announce('port/+', '01');
  t.pass();
});
