/** What the configuration says of single ports to the spanning tree. */
import test from 'ava';
import { type ConfigInput, checkConfig, makeConfig } from '../../src/controller/config.ts';
import { configuredTreePort, type PortKind } from '../../src/controller/tree-ports.ts';

const resolve = (reference: number | string): number | undefined =>
  typeof reference === 'number' ? reference : { ada: 513 }[reference];

const settingsOf = (input: ConfigInput, port: number, kind: PortKind) =>
  configuredTreePort(makeConfig('/home/k', input), resolve, port, kind);

test('by default no port has a guard', (t) => {
  for (const kind of ['vde', 'tap', 'link'] as const) t.deepEqual(settingsOf({}, 1, kind), {});
});

test('guests and friends have a guard each, interfaces of the machine none', (t) => {
  const input: ConfigInput = { stp: { guestGuard: 'bpdu', friendGuard: 'root' } };
  t.deepEqual(settingsOf(input, 1, 'vde'), { bpduGuard: true });
  t.deepEqual(settingsOf(input, 513, 'link'), { rootGuard: true });
  t.deepEqual(settingsOf(input, 2, 'tap'), {});
});

test('what is said of a port wins over what is said of its kind', (t) => {
  const input: ConfigInput = {
    stp: { friendGuard: 'root' },
    switch: {
      perPort: [{ port: 'ada', stp: { rootGuard: false, cost: 9, changeGuard: true } }],
    },
  };
  t.deepEqual(settingsOf(input, 513, 'link'), { rootGuard: false, cost: 9, changeGuard: true });
  t.deepEqual(settingsOf(input, 514, 'link'), { rootGuard: true });
});

test('nonsense is told with its place', (t) => {
  for (const [stp, sentence] of [
    [{ cost: 0 }, /perPort\[0\]\.stp\.cost/],
    [{ cost: 200_000_001 }, /perPort\[0\]\.stp\.cost/],
    [{ rootGuard: 1 }, /true or false/],
    [{ guard: true }, /guard/],
  ] as const) {
    const raw = { switch: { perPort: [{ port: 1, stp }] } };
    t.throws(() => checkConfig('config.json', raw), { message: sentence });
  }
  t.throws(() => checkConfig('config.json', { stp: { friendGuard: 'all' } }), {
    message: /one of "none", "root", "bpdu"/,
  });
  t.throws(() => checkConfig('config.json', { stp: { helloTime: 3 } }), { message: /1 to 2/ });
});
