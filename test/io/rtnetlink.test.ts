import { endianness } from 'node:os';
import test from 'ava';
import fc from 'fast-check';
import { configureInterface } from '../../src/io/configure-interface.ts';
import { Errno, SystemError } from '../../src/io/errno.ts';
import {
  emitDefaultRoute,
  emitGetLink,
  emitNewAddress,
  emitRemoveAddress,
  emitSetLink,
  parseRouteAnswer,
  type RouteAnswer,
} from '../../src/io/rtnetlink.ts';
import type { InterfaceSettings } from '../../src/io/system-contract.ts';

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

// The literal octets below are of a little-endian host, as nearly all are.
const literal = endianness() === 'LE' ? test : test.skip;

literal('an interface is asked for by name', (t) => {
  t.deepEqual(
    emitGetLink('kith0'),
    hex(`2c000000 1200 0100 00000000 00000000
         00000000 00000000 00000000 00000000
         0a00 0300 6b69746830 00 0000`),
  );
});

literal('an interface is changed', (t) => {
  t.deepEqual(
    emitSetLink(7, { mac: Uint8Array.of(2, 0, 0, 0, 0, 9), mtu: 1500 }),
    hex(`34000000 1300 0500 00000000 00000000
         00000000 07000000 00000000 00000000
         0a00 0100 020000000009 0000
         0800 0400 dc050000`),
  );
  t.deepEqual(
    emitSetLink(7, { superFrame: { octets: 60_000, segments: 64 } }),
    hex(`30000000 1300 0500 00000000 00000000
         00000000 07000000 00000000 00000000
         0800 2800 40000000
         0800 2900 60ea0000`),
  );
  t.deepEqual(
    emitSetLink(7, { up: true }),
    hex(`20000000 1300 0500 00000000 00000000
         00000000 07000000 01000000 01000000`),
  );
  t.deepEqual(
    emitSetLink(7, { up: false }),
    hex(`20000000 1300 0500 00000000 00000000
         00000000 07000000 00000000 01000000`),
  );
});

literal('an address is given, with the broadcast address of its network', (t) => {
  t.deepEqual(
    emitNewAddress(7, { host: '10.1.2.3', prefix: 20 }),
    hex(`30000000 1400 0505 00000000 00000000
         02 14 00 00 07000000
         0800 0200 0a010203
         0800 0100 0a010203
         0800 0400 0a010fff`),
  );
});

literal('a network of two has no broadcast address, and IPv6 has none at all', (t) => {
  t.deepEqual(
    emitNewAddress(7, { host: '10.1.2.3', prefix: 31 }),
    hex(`28000000 1400 0505 00000000 00000000
         02 1f 00 00 07000000
         0800 0200 0a010203
         0800 0100 0a010203`),
  );
  t.deepEqual(
    emitNewAddress(7, { host: 'fd00::1', prefix: 64 }),
    hex(`40000000 1400 0505 00000000 00000000
         0a 40 00 00 07000000
         1400 0200 fd000000000000000000000000000001
         1400 0100 fd000000000000000000000000000001`),
  );
});

literal('an address is taken away', (t) => {
  t.deepEqual(
    emitRemoveAddress(7, { host: '10.1.2.3', prefix: 20 }),
    hex(`20000000 1500 0500 00000000 00000000
         02 14 00 00 07000000
         0800 0200 0a010203`),
  );
});

literal('the default route', (t) => {
  t.deepEqual(
    emitDefaultRoute(7, '10.1.2.254'),
    hex(`2c000000 1800 0505 00000000 00000000
         02 00 00 00 fe 04 00 01 00000000
         0800 0500 0a0102fe
         0800 0400 07000000`),
  );
});

literal('answers', (t) => {
  const done = hex('24000000 0200 0001 00000000 34120000 00000000 00000000 0000 0000 00000000 00');
  t.deepEqual(parseRouteAnswer(done), { kind: 'result', result: 0 });
  const refused = hex('14000000 0200 0000 00000000 34120000 ffffffff');
  t.deepEqual(parseRouteAnswer(refused), { kind: 'result', result: -1 });
  const link = hex(`20000000 1000 0000 00000000 34120000
                    0000 0100 07000000 43100100 00000000`);
  t.deepEqual(parseRouteAnswer(link), { kind: 'link', index: 7 });
  t.is(parseRouteAnswer(link.subarray(0, 31)), undefined);
  t.is(parseRouteAnswer(refused.subarray(0, 19)), undefined);
  t.is(parseRouteAnswer(hex('14000000 0300 0000 00000000 34120000 00000000')), undefined);
  t.is(parseRouteAnswer(new Uint8Array(0)), undefined);
});

test('any octets are an answer or none', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const answer = parseRouteAnswer(bytes);
      return answer === undefined || answer.kind === 'link' || answer.kind === 'result';
    }),
  );
  t.pass();
});

test('a host that is not numeric is a mistake of the caller', (t) => {
  t.throws(() => emitDefaultRoute(1, 'example.org'), { instanceOf: RangeError });
});

// ---- the order of requests

const ALL: InterfaceSettings = {
  mac: Uint8Array.of(2, 0, 0, 0, 0, 9),
  mtu: 1400,
  superFrame: { octets: 60_000, segments: 64 },
  removeAddresses: [{ host: '10.0.0.1', prefix: 24 }],
  addresses: [
    { host: '10.0.0.2', prefix: 24 },
    { host: 'fd00::2', prefix: 64 },
  ],
  up: true,
  gateway: '10.0.0.254',
};

const REQUESTS = [
  emitGetLink('kith0'),
  emitSetLink(5, { mac: Uint8Array.of(2, 0, 0, 0, 0, 9), mtu: 1400 }),
  emitSetLink(5, { superFrame: { octets: 60_000, segments: 64 } }),
  emitRemoveAddress(5, { host: '10.0.0.1', prefix: 24 }),
  emitNewAddress(5, { host: '10.0.0.2', prefix: 24 }),
  emitNewAddress(5, { host: 'fd00::2', prefix: 64 }),
  emitSetLink(5, { up: true }),
  emitDefaultRoute(5, '10.0.0.254'),
];

/** A kernel that refuses one request. */
function kernel(refused: number, errno: number) {
  const asked: Uint8Array[] = [];
  const ask = (request: Uint8Array): RouteAnswer => {
    asked.push(request);
    if (asked.length - 1 === refused) return { kind: 'result', result: -errno };
    return asked.length === 1 ? { kind: 'link', index: 5 } : { kind: 'result', result: 0 };
  };
  return { asked, ask };
}

test('everything is set in the order in which it makes sense', (t) => {
  const { asked, ask } = kernel(-1, 0);
  configureInterface(ask, 'kith0', ALL);
  t.deepEqual(asked, REQUESTS);
});

test('what is not named is left alone', (t) => {
  const { asked, ask } = kernel(-1, 0);
  configureInterface(ask, 'kith0', {});
  t.deepEqual(asked, REQUESTS.slice(0, 1));
});

test('a refusal ends it, with the number for those who know better', (t) => {
  const harmless = [2, 3];
  for (const refused of REQUESTS.keys()) {
    const { asked, ask } = kernel(refused, Errno.EADDRNOTAVAIL);
    const run = () => configureInterface(ask, 'kith0', ALL);
    if (harmless.includes(refused)) {
      run();
      t.is(asked.length, REQUESTS.length);
      continue;
    }
    const error = t.throws(run, { instanceOf: SystemError });
    t.is(error?.errno, Errno.EADDRNOTAVAIL);
    t.is(asked.length, refused + 1);
  }
});

test('a kernel that talks nonsense', (t) => {
  t.throws(() => configureInterface(() => undefined, 'kith0', ALL), { code: 'unsupported' });
  const done = (): RouteAnswer => ({ kind: 'result', result: 0 });
  t.throws(() => configureInterface(done, 'kith0', ALL), { code: 'unsupported' });
});
