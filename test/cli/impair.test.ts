/** `kith impair` against a node that is not there. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import {
  formatPercent,
  formatRate,
  parseFraction,
  parseMilliseconds,
  parseOctets,
  parseRate,
} from '../../src/cli/impair-text.ts';
import { openControlServer } from '../../src/controller/control-server.ts';
import type { NodeApi } from '../../src/controller/node-api.ts';
import { FAKE_IMPAIRMENT, type FakeNode, fakeApi } from './fake-node.ts';
import { run, temporaryHome } from './run-cli.ts';

async function withNode(t: ExecutionContext, changes: Partial<NodeApi> = {}) {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version: '0.1.0', log: pino({ enabled: false }) });
  t.teardown(() => server.close());
  const calls: FakeNode['calls'] = [];
  server.serve({ ...fakeApi(calls, () => {}, home), ...changes });
  return { calls, kith: (...args: readonly string[]) => run(['impair', ...args, '--home', home]) };
}

test('the node is told what the flags say', async (t) => {
  const { calls, kith } = await withNode(t);
  const all = [
    ...['--delay', '20ms', '--jitter', '500us', '--loss', '1.5%', '--burst', '0.1%,25%'],
    ...['--duplicate', '0.25', '--reorder', '10%', '--rate', '10mbit', '--queue', '64kB'],
    ...['--seed', '7'],
  ];
  const done = await kith('bob', ...all);
  t.deepEqual([done.code, done.stderr], [0, '']);
  t.is(
    done.stdout,
    'bob (port 513): delay 20ms, jitter 0.5ms, loss 1.5%, burst 0.1%,25%,100%, duplicate 25%, reorder 10%, rate 10mbit, queue 64000, seed 7\n',
  );
  t.is((await kith('3', '--burst', '1%,50%,20%')).code, 0);
  t.is((await kith('bob', '--off')).stdout, 'bob (port 513): not impaired any more\n');
  const json = await kith('bob', '--loss', '1', '--json');
  t.deepEqual(JSON.parse(json.stdout), { port: 513, name: 'bob', impair: { loss: 1 } });
  t.deepEqual(calls, [
    [
      'impair',
      {
        port: 'bob',
        impair: {
          delay: 20,
          jitter: 0.5,
          loss: 0.015,
          burst: { begin: 0.001, end: 0.25, loss: 1 },
          duplicate: 0.25,
          reorder: 0.1,
          rate: 10_000_000,
          queue: 64_000,
          seed: 7,
        },
      },
    ],
    ['impair', { port: 3, impair: { burst: { begin: 0.01, end: 0.5, loss: 0.2 } } }],
    ['impair', { port: 'bob', impair: null }],
    ['impair', { port: 'bob', impair: { loss: 1 } }],
  ]);
});

test('without a port, those that are impaired', async (t) => {
  const { kith } = await withNode(t);
  const { stdout, code } = await kith();
  t.is(code, 0);
  t.regex(stdout, /^PORT +NAME +IMPAIRED BY +WAITING +LOST\n/);
  t.regex(stdout, /513 +bob +delay 20ms, loss 1\.5%, burst 0\.1%,25%,100%, rate 10mbit +3 +7\n$/);
  t.deepEqual(JSON.parse((await kith('--json')).stdout), [FAKE_IMPAIRMENT]);
  const well = await withNode(t, { impairments: async () => [] });
  t.regex((await well.kith()).stdout, /^no port is impaired;/);
});

test('mistakes are told', async (t) => {
  const { calls, kith } = await withNode(t);
  for (const [args, message] of [
    [['bob'], /^kith: what about bob\? say how/],
    [['--loss', '1%'], /^kith: which port\?/],
    [['--off'], /^kith: which port\?/],
    [['bob', '--off', '--loss', '1%'], /--off goes without other flags/],
    [['bob', '--loss', '2'], /--loss '2' must be a part such as 1% or 0\.01/],
    [['bob', '--delay', '20'], /--delay '20' must be a time such as 500us, 20ms or 1s/],
    [['bob', '--rate', 'fast'], /--rate 'fast' must be a rate/],
    [['bob', '--queue', '1 box'], /--queue/],
    [['bob', '--burst', '1%'], /--burst '1%' must be BEGIN,END/],
    [['bob', '--burst', '1%,2%,x'], /--burst/],
    [['bob', '--burst', '1%,2%,3%,4%'], /--burst/],
    [['bob', '--reorder', '1%'], /only where there is a --delay/],
    [['bob', '--delay', '2000s'], /a number from 0 to 60000 milliseconds/],
    [['bob', '--rate', '1bit'], /a whole number from 1000 to/],
    [['5000', '--loss', '1%'], /the number of a port, or the name/],
  ] as const) {
    const failed = await kith(...args);
    t.is(failed.code, 2, args.join(' '));
    t.regex(failed.stderr, message);
    t.is(failed.stdout, '');
  }
  t.deepEqual(calls, []);
});

test('numbers with units, both ways', (t) => {
  t.deepEqual(['1s', '1.5 ms', '20us', '7', '-1ms', '1m'].map(parseMilliseconds), [
    ...[1000, 1.5, 0.02, undefined, undefined, undefined],
  ]);
  t.deepEqual(['9600bit', '64Kbit', '1.5gbit', '10mb'].map(parseRate), [
    ...[9600, 64_000, 1_500_000_000, undefined],
  ]);
  t.deepEqual(['3000', '2KB', '1.5MB', 'x'].map(parseOctets), [3000, 2000, 1_500_000, undefined]);
  t.deepEqual(['1%', '0.5', '100 %', '101%', '1.1', '%'].map(parseFraction), [
    ...[0.01, 0.5, 1, undefined, undefined, undefined],
  ]);
  t.deepEqual([1000, 9600, 64_000, 10e6, 2.5e9].map(formatRate), [
    ...['1kbit', '9.6kbit', '64kbit', '10mbit', '2.5gbit'],
  ]);
  t.deepEqual([0, 0.001, 1 / 3, 1].map(formatPercent), ['0%', '0.1%', '33.33%', '100%']);
});
