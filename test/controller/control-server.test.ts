import { link, readdir, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { controlClient } from '../../src/controller/control-client.ts';
import { CONTROL_ROUTES } from '../../src/controller/control-routes.ts';
import { openControlServer } from '../../src/controller/control-server.ts';
import { openApiDocument, openApiPath } from '../../src/controller/openapi.ts';
import { KithError } from '../../src/errors.ts';
import { BOB, type FakeNode, fakeApi } from '../cli/fake-node.ts';
import { temporaryHome } from '../cli/run-cli.ts';

const log = pino({ enabled: false });
const version = '0.1.0';

async function served(t: ExecutionContext) {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version, log });
  t.teardown(() => server.close());
  const calls: FakeNode['calls'] = [];
  const api = fakeApi(calls);
  server.serve(api);
  return { home, server, calls, api, client: controlClient(home) };
}

interface Answer {
  readonly status: number;
  readonly body: { error?: { code: string; message: string } } & Record<string, unknown>;
}

function ask(path: string, method: string, route: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, method, path: route, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('the client sees the node as it is', async (t) => {
  const { client, api, calls } = await served(t);
  for (const name of ['status', 'friends', 'links', 'ports', 'mac', 'stp', 'groups'] as const) {
    t.deepEqual(await client[name](), await api[name]());
  }
  t.deepEqual(await client.missingLinks(), await api.missingLinks());
  t.is((await client.why('bob')).friendName, 'bob');
  t.is((await client.invite({ expiresInMs: 5000 })).ticket, 'kith1-ticket');
  t.deepEqual(await client.join('T'), { uid: BOB, name: 'bob' });
  t.deepEqual(await client.removeFriend('bo/b ü?'), { uid: BOB });
  await client.down();
  t.deepEqual(calls, [
    ['why', 'bob'],
    ['invite', { expiresInMs: 5000 }],
    ['join', 'T'],
    ['removeFriend', 'bo/b ü?'],
    ['down'],
  ]);
});

test('refusals keep their code and get a status', async (t) => {
  const { server, client } = await served(t);
  const error = await t.throwsAsync(client.why('eve'), { instanceOf: KithError });
  t.is(error?.code, 'not-found');
  t.regex(error?.message ?? '', /there is no friend eve/);
  const { path } = server;
  const expectations: readonly (readonly [string, string, string | undefined, number, string])[] = [
    ['GET', '/v1/why/eve', undefined, 404, 'not-found'],
    ['GET', '/v1/nothing', undefined, 404, 'not-found'],
    ['PUT', '/v1/status', undefined, 404, 'not-found'],
    ['POST', '/v1/join', '{"ticket":5}', 400, 'usage'],
    ['POST', '/v1/join', '', 400, 'usage'],
    ['POST', '/v1/join', '{', 400, 'usage'],
    ['POST', '/v1/invite', '{"expiresIn":5}', 400, 'usage'],
    ['POST', '/v1/invite', '{"expiresInMs":-5}', 400, 'usage'],
    ['POST', '/v1/invite', '[]', 400, 'usage'],
    ['POST', '/v1/join', `{"ticket":"${'x'.repeat(70_000)}"}`, 413, 'usage'],
    ['POST', '/v1/join', '{"ticket":"broken"}', 500, 'system'],
    ['GET', `/v1/why/${'x'.repeat(2000)}`, undefined, 414, 'usage'],
    ['GET', '/v1/why/%ff', undefined, 400, 'usage'],
    ['GET', '/v1/capture?port=x', undefined, 400, 'usage'],
    ['GET', '/v1/capture?port=0', undefined, 400, 'usage'],
    ['GET', '/v1/capture?prot=1', undefined, 400, 'usage'],
    ['GET', '/v1/capture?port=1&link=bob', undefined, 400, 'usage'],
  ];
  for (const [method, route, body, status, code] of expectations) {
    const answer = await ask(path, method, route, body);
    t.is(answer.status, status, `${method} ${route.slice(0, 60)}`);
    t.is(answer.body.error?.code, code, `${method} ${route.slice(0, 60)}`);
    t.is(typeof answer.body.error?.message, 'string');
  }
  t.is((await ask(path, 'POST', '/v1/invite')).status, 200);
  t.is((await ask(path, 'POST', '/v1/down')).status, 202);
});

test('slow, rude and many clients do no harm', async (t) => {
  const { server, client } = await served(t);
  const sockets = Array.from({ length: 20 }, () => connect(server.path));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  sockets.forEach((socket, index) => {
    socket.on('error', () => {});
    const sent = [
      '',
      'GET /v1/status HTTP/1.1\r\n',
      '\0\0\0\0',
      'POST /v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{',
    ];
    socket.write(sent[index % sent.length]);
  });
  for (const socket of sockets.slice(0, 8)) socket.destroy();
  t.is((await client.status()).name, 'alice');
  await server.close();
  t.false(await client.isListening());
});

test('before and after the node there is an answer, too', async (t) => {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version, log });
  t.teardown(() => server.close());
  const client = controlClient(home);
  const early = await t.throwsAsync(client.status(), { instanceOf: KithError });
  t.is(early?.code, 'not-running');
  t.regex(early?.message ?? '', /starting/);
  server.serve(fakeApi());
  t.is((await client.status()).name, 'alice');
  server.retire();
  await t.throwsAsync(client.status(), { message: /ending/ });
});

test('a request under way is answered when the server closes', async (t) => {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version, log });
  let closed: Promise<void> | undefined;
  server.serve({
    ...fakeApi(),
    down: async () => {
      closed = server.close();
      await sleep(30);
    },
  });
  await t.notThrowsAsync(controlClient(home).down());
  await closed;
  t.deepEqual(await readdir(home), []);
});

test('a request that never ends does not hold up the closing', async (t) => {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version, log });
  let heard = (): void => {};
  const isAsked = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const status = (): Promise<never> => {
    heard();
    return new Promise(() => {});
  };
  server.serve({ ...fakeApi(), status });
  const asked = t.throwsAsync(controlClient(home).status(), { instanceOf: KithError });
  await isAsked;
  await server.close();
  t.is((await asked)?.code, 'not-running');
});

test('the socket is ours alone, and gone afterwards', async (t) => {
  const { home, server } = await served(t);
  const status = await stat(server.path);
  t.true(status.isSocket());
  t.is(status.mode & 0o777, 0o600);
  t.deepEqual(await readdir(home), ['control.sock']);
  await server.close();
  await server.close();
  t.deepEqual(await readdir(home), []);
});

test('a live node is not pushed aside', async (t) => {
  const { home, client } = await served(t);
  const error = await t.throwsAsync(openControlServer({ home, version, log }), {
    instanceOf: KithError,
  });
  t.is(error?.code, 'already-running');
  t.is((await client.status()).name, 'alice');
  t.deepEqual(await readdir(home), ['control.sock']);
});

test('a stale socket is taken over', async (t) => {
  const home = await temporaryHome(t);
  const path = join(home, 'control.sock');
  await leaveStaleSocket(path);
  t.true((await stat(path)).isSocket());
  const server = await openControlServer({ home, version, log });
  server.serve(fakeApi());
  t.is((await controlClient(home).status()).name, 'alice');
  t.deepEqual(await readdir(home), ['control.sock']);
  await server.close();
});

test('of many who start at once, over a stale socket, one wins', async (t) => {
  const home = await temporaryHome(t);
  await leaveStaleSocket(join(home, 'control.sock'));
  const opened = await Promise.allSettled(
    Array.from({ length: 6 }, (_, index) =>
      openControlServer({ home, version, log, privateName: `.private${index}` }),
    ),
  );
  const winners = opened.filter((each) => each.status === 'fulfilled');
  t.is(winners.length, 1);
  for (const each of opened) {
    if (each.status === 'rejected') t.is(each.reason.code, 'already-running');
  }
  await winners[0].value.close();
  t.deepEqual(await readdir(home), []);
});

test('nobody there, or somebody else', async (t) => {
  const home = await temporaryHome(t);
  const client = controlClient(home);
  const nobody = await t.throwsAsync(client.status(), { instanceOf: KithError });
  t.is(nobody?.code, 'not-running');
  t.regex(nobody?.message ?? '', /start one with `kith up`/);

  const path = join(home, 'control.sock');
  const stranger = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
  });
  await new Promise<void>((resolve) => stranger.listen(path, resolve));
  t.teardown(() => new Promise<void>((resolve) => void stranger.close(() => resolve())));
  const nonsense = await t.throwsAsync(client.status(), { instanceOf: KithError });
  t.is(nonsense?.code, 'protocol');
});

test('a file in the way is no socket, and is told', async (t) => {
  const home = await temporaryHome(t);
  await writeFile(join(home, 'control.sock'), 'precious');
  const error = await t.throwsAsync(openControlServer({ home, version, log }), {
    instanceOf: KithError,
  });
  t.is(error?.code, 'system');
  t.regex(error?.message ?? '', /control\.sock is no socket; move it away/);
  t.deepEqual(await readdir(home), ['control.sock']);
});

test('the description has every route', async (t) => {
  const { client } = await served(t);
  const document = await client.openApi();
  t.deepEqual(document, JSON.parse(JSON.stringify(openApiDocument(version))));
  t.is(document.openapi, '3.1.0');
  const paths = document.paths as Record<string, Record<string, { operationId: string }>>;
  for (const route of CONTROL_ROUTES) {
    const operation = paths[openApiPath(route.path)]?.[route.method.toLowerCase()];
    t.is(operation?.operationId, route.operation);
  }
  t.is(paths['/v1/openapi.json']?.get.operationId, 'openapi');
  const described = Object.values(paths).flatMap((path) => Object.keys(path));
  t.is(described.length, CONTROL_ROUTES.length + 1);
});

test('what the node answers fits its description', async (t) => {
  const api = fakeApi();
  for (const route of CONTROL_ROUTES.filter(({ mediaType }) => mediaType === undefined)) {
    const body = { ticket: 'T', name: 'lab', plaintext: 'never' };
    const answer = await firstOf(await route.run(api, 'bob', body));
    const result = route.answer.safeParse(answer);
    t.true(result.success, `${route.operation}: ${result.error?.message}`);
  }
});

/** The answer, or the first value of one that goes on. */
async function firstOf(answer: unknown): Promise<unknown> {
  if (typeof answer !== 'object' || answer === null || !(Symbol.asyncIterator in answer)) {
    return answer;
  }
  for await (const value of answer as AsyncIterable<unknown>) return value;
  return undefined;
}

/** What a process leaves that was killed: the name of a socket nobody listens at. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.bound`, resolve));
  await link(`${path}.bound`, path);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
}
