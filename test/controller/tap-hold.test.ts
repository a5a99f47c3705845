/** Interfaces of other processes, held: events in order, an end from either side. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { pino } from 'pino';
import { controlClient } from '../../src/controller/control-client.ts';
import { openControlServer } from '../../src/controller/control-server.ts';
import { JSON_LINES, jsonLines, parseJsonLines } from '../../src/controller/json-lines.ts';
import type { TapEvent } from '../../src/controller/node-api-taps.ts';
import { TapHold } from '../../src/controller/tap-hold.ts';
import { KithError } from '../../src/errors.ts';
import { fakeApi } from '../cli/fake-node.ts';
import { temporaryHome } from '../cli/run-cli.ts';

const event = (address: string): TapEvent => ({ lease: { address, prefix: 24 } });

function turns(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

test('events come in order, those before the listener too', async (t) => {
  const hold = new TapHold(() => t.fail());
  hold.tell(event('192.0.2.1'));
  hold.tell(event('192.0.2.2'));
  t.deepEqual((await hold.next()).value, event('192.0.2.1'));
  t.deepEqual((await hold.next()).value, event('192.0.2.2'));
  const third = hold.next();
  hold.tell({ lease: null });
  t.deepEqual((await third).value, { lease: null });
  const end = hold.next();
  hold.end();
  t.true((await end).done);
  t.true((await hold.next()).done);
  hold.tell(event('192.0.2.4'));
  t.true((await hold.next()).done);
});

test('what was told before the end is heard', async (t) => {
  const hold = new TapHold(() => t.fail());
  hold.tell(event('192.0.2.1'));
  hold.end();
  const heard: TapEvent[] = [];
  for await (const each of hold) heard.push(each);
  t.deepEqual(heard, [event('192.0.2.1')]);
});

test('a listener that goes is told of once, also when it waits', async (t) => {
  let released = 0;
  const hold = new TapHold(() => released++);
  const waiting = hold.next();
  await hold.return();
  t.true((await waiting).done);
  await hold.return();
  hold.end();
  t.is(released, 1);
});

test('lines of JSON, cut anywhere, are values again', async (t) => {
  const stream = new PassThrough();
  const values = parseJsonLines<unknown>(stream, () => new KithError('system', 'no'));
  const text = '{"a":1}\n\n[2,"ü"]\nnull\n';
  const octets = Buffer.from(text);
  for (const octet of octets) stream.write(Uint8Array.of(octet));
  stream.end();
  const heard: unknown[] = [];
  for await (const each of values) heard.push(each);
  t.deepEqual(heard, [{ a: 1 }, [2, 'ü'], null]);
});

test('what is no JSON, and a line without an end, are faults', async (t) => {
  for (const text of ['{"a":\n', `"${'x'.repeat(70_000)}`]) {
    const stream = new PassThrough();
    const values = parseJsonLines<unknown>(stream, () => new KithError('system', 'no'));
    stream.end(text);
    await t.throwsAsync(values.next(), { code: 'protocol' });
  }
  const broken = new PassThrough();
  const values = parseJsonLines<unknown>(broken, () => new KithError('not-running', 'gone'));
  broken.destroy(new Error('reset'));
  await t.throwsAsync(values.next(), { code: 'not-running' });
});

test('a stream of values ends with them, and returns them when it is destroyed', async (t) => {
  let released = 0;
  const first = new TapHold(() => released++);
  first.tell({ lease: null });
  first.end();
  const chunks: string[] = [];
  for await (const chunk of jsonLines(first)) chunks.push(String(chunk));
  t.deepEqual(chunks, ['{"lease":null}\n']);
  t.is(released, 0);
  const second = new TapHold(() => released++);
  const stream = jsonLines(second);
  stream.resume();
  await turns();
  stream.destroy();
  await turns();
  t.is(released, 1);
});

test('the control socket carries a hold, and its end', async (t) => {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version: '0', log: pino({ enabled: false }) });
  t.teardown(() => server.close());
  const holds: TapHold[] = [];
  const asked: unknown[] = [];
  let released = 0;
  server.serve({
    ...fakeApi(),
    holdTap: async (name, request) => {
      asked.push([name, request]);
      if (name === 'none') throw new KithError('not-found', 'no such interface');
      const hold = new TapHold(() => released++);
      holds.push(hold);
      hold.tell({ lease: null });
      return hold;
    },
  });
  const client = controlClient(home);
  const error = await t.throwsAsync(client.holdTap('none', {}), { instanceOf: KithError });
  t.is(error?.code, 'not-found');

  const heard: TapEvent[] = [];
  const events = await client.holdTap('eth0@7', { dhcp: true });
  t.deepEqual(asked.at(-1), ['eth0@7', { dhcp: true }]);
  for await (const each of events) {
    heard.push(each);
    if (heard.length === 1) holds[0].tell(event('192.0.2.9'));
    else holds[0].end();
  }
  t.deepEqual(heard, [{ lease: null }, event('192.0.2.9')]);
  t.is(released, 0);

  // A holder that dies closes its connection, and nothing else tells.
  const response = await new Promise<IncomingMessage>((resolve) => {
    const options = { socketPath: server.path, method: 'POST', path: '/v1/taps/eth0@8/hold' };
    httpRequest({ ...options, agent: false }, resolve).end();
  });
  t.is(response.headers['content-type'], JSON_LINES);
  response.destroy();
  for (let i = 0; i < 100 && released === 0; i++) await turns();
  t.is(released, 1);
});

test('a node that ends ends the holds', async (t) => {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version: '0', log: pino({ enabled: false }) });
  server.serve(fakeApi());
  const events = await controlClient(home).holdTap('eth0@7', {});
  const heard = (async () => {
    for await (const _ of events);
  })();
  await server.close();
  await t.throwsAsync(heard, { code: 'not-running' });
});
