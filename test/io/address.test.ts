import { isIPv6 } from 'node:net';
import { endianness, networkInterfaces } from 'node:os';
import test from 'ava';
import fc from 'fast-check';
import {
  addressesEqual,
  addressText,
  copyAddress,
  emitAddress,
  formatAddress,
  isMapped,
  parseAddress,
  portOf,
} from '../../src/io/address.ts';
import { ADDRESS_LENGTH } from '../../src/io/contract.ts';

const IPV4 = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 33],
  ...[0x1f, 0x90, 0, 0, 0, 0, 0, 0],
);
const SCOPE = endianness() === 'LE' ? [7, 0, 0, 0] : [0, 0, 0, 7];
const LINK_LOCAL = Uint8Array.of(
  ...[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0x01],
  ...[0xff, 0xfe, 0, 0, ...SCOPE],
);

function emit(host: string, port = 0): Uint8Array | undefined {
  const out = new Uint8Array(ADDRESS_LENGTH).fill(0xa5);
  return emitAddress({ host, port }, out) ? out : undefined;
}

test('deconstruct', (t) => {
  t.deepEqual(parseAddress(IPV4), { host: '192.0.2.33', port: 8080 });
  t.deepEqual(parseAddress(LINK_LOCAL), { host: 'fe80::ab01%7', port: 65534 });
  const shifted = Uint8Array.of(1, 2, 3, ...IPV4, 9);
  t.deepEqual(parseAddress(shifted, 3), { host: '192.0.2.33', port: 8080 });
  t.is(parseAddress(IPV4.subarray(1)), undefined);
  t.is(parseAddress(shifted, 5), undefined);
  t.is(parseAddress(shifted, -1), undefined);
  t.is(portOf(shifted, 3), 8080);
  t.true(isMapped(shifted, 3));
  t.false(isMapped(LINK_LOCAL, 0));
  t.is(addressText(LINK_LOCAL), '[fe80::ab01%7]:65534');
  t.is(addressText(new Uint8Array(0)), 'no address');
});

test('construct', (t) => {
  const out = new Uint8Array(ADDRESS_LENGTH + 4).fill(0xa5);
  t.true(emitAddress({ host: '192.0.2.33', port: 8080 }, out, 2));
  t.deepEqual(out, Uint8Array.of(0xa5, 0xa5, ...IPV4, 0xa5, 0xa5));
  t.deepEqual(emit('fe80::ab01%7', 65534), LINK_LOCAL);
  t.deepEqual(emit('::ffff:192.0.2.33', 8080), IPV4);
  t.deepEqual(emit('::ffff:c000:221', 8080), IPV4);
});

test('what is no address is not written', (t) => {
  const out = new Uint8Array(ADDRESS_LENGTH).fill(0xa5);
  const hosts = ['', 'localhost', '1.2.3', '1.2.3.4.5', '::1::', 'fe80::1%', 'fe80::1%nowhere0'];
  for (const host of [
    ...hosts,
    '1.2.3.4%1',
    '[::1]',
    'fe80::1%99999999999',
    'fe80::1%4294967296',
  ]) {
    t.false(emitAddress({ host, port: 1 }, out), host);
  }
  for (const port of [-1, 65536, 1.5, Number.NaN]) t.false(emitAddress({ host: '::1', port }, out));
  t.false(emitAddress({ host: '::1', port: 1 }, out, 1));
  t.false(emitAddress({ host: '::1', port: 1 }, out, -1));
  t.true(out.every((octet) => octet === 0xa5));
});

test('the text of IPv6 is that of RFC 5952', (t) => {
  const cases = [
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:1::', '0:0:1::'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['::1.2.3.4', '::102:304'],
    ['1:2:3:4:5:6:7.8.9.10', '1:2:3:4:5:6:708:90a'],
    ['1:2:3:4:5:6::', '1:2:3:4:5:6::'],
    ['::3:4:5:6:7:8', '::3:4:5:6:7:8'],
  ];
  for (const [given, expected] of cases) {
    t.is(parseAddress(emit(given) as Uint8Array)?.host, expected, given);
  }
  t.is(formatAddress({ host: '::1', port: 7 }), '[::1]:7');
  t.is(formatAddress({ host: '10.0.0.1', port: 7 }), '10.0.0.1:7');
});

test('an interface of this machine can name a scope', (t) => {
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    const scope = entries?.find((entry) => entry.family === 'IPv6' && entry.scopeid)?.scopeid;
    if (scope) t.deepEqual(emit(`fe80::1%${name}`), emit(`fe80::1%${scope}`));
  }
  t.pass();
});

test('24 octets survive the way through text and back', (t) => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(
      fc.array(group, { minLength: 8, maxLength: 8 }),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0xffffffff }),
      (groups, port, scope) => {
        const bytes = new Uint8Array(ADDRESS_LENGTH);
        const view = new DataView(bytes.buffer);
        groups.forEach((value, i) => {
          view.setUint16(2 * i, value);
        });
        view.setUint16(16, port);
        if (!isMapped(bytes, 0)) view.setUint32(20, scope, endianness() === 'LE');
        const address = parseAddress(bytes);
        const again = new Uint8Array(ADDRESS_LENGTH).fill(0xa5);
        t.true(address !== undefined && emitAddress(address, again));
        t.deepEqual(again, bytes);
      },
    ),
  );
});

test('any text is either refused or read as IPv6 is', (t) => {
  const piece = fc.constantFrom('0', '1', 'ffff', '12345', '::', ':', '1.2.3.4', '%', '%3', 'g');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const text = pieces.join('');
      const bytes = emit(text);
      if (!bytes) return;
      const host = parseAddress(bytes)?.host as string;
      t.deepEqual(emit(host), bytes);
      if (text.includes(':')) t.true(isIPv6(text));
    }),
    { numRuns: 2000 },
  );
});

test('addresses in the slab compare and move', (t) => {
  const slab = new Uint8Array(100);
  slab.set(IPV4, 1);
  copyAddress(slab, 1, 50);
  t.deepEqual(slab.slice(50, 74), IPV4);
  t.true(addressesEqual(slab, 1, 50));
  for (let i = 0; i < ADDRESS_LENGTH; i++) {
    slab[50 + i] ^= 1;
    t.false(addressesEqual(slab, 1, 50));
    slab[50 + i] ^= 1;
  }
  t.is(slab[74], 0);
});
