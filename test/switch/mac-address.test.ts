import test from 'ava';
import fc from 'fast-check';
import {
  formatMac,
  formatParts,
  isBroadcast,
  isMulticast,
  isReservedMulticast,
  parseMac,
  readHigh32,
  readLow16,
  writeMac,
} from '../../src/switch/mac-address.ts';

const octets = fc.uint8Array({ minLength: 6, maxLength: 6 });

test('reads an address out of a frame', (t) => {
  const bytes = Uint8Array.of(0xff, 0xf2, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xff);
  t.is(readHigh32(bytes, 1), 0xf2345678 | 0);
  t.is(readLow16(bytes, 1), 0x9abc);
  t.is(formatMac(bytes, 1), 'f2:34:56:78:9a:bc');
});

test('writes an address and nothing beside it', (t) => {
  const bytes = new Uint8Array(8).fill(0xa5);
  writeMac(bytes, 1, 0xf2345678 | 0, 0x9abc);
  t.deepEqual([...bytes], [0xa5, 0xf2, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xa5]);
});

test('text and octets say the same', (t) => {
  fc.assert(
    fc.property(octets, (mac) => {
      t.deepEqual(parseMac(formatMac(mac)), mac);
      t.is(formatParts(readHigh32(mac, 0), readLow16(mac, 0)), formatMac(mac));
    }),
  );
});

test('takes either case and short octets, and nothing else', (t) => {
  t.deepEqual([...(parseMac('2:0:0:0:0:aF') ?? [])], [2, 0, 0, 0, 0, 0xaf]);
  for (const text of [
    '',
    '02:00:00:00:00',
    '02:00:00:00:00:01:02',
    '02-00-00-00-00-01',
    '02:00:00:00:00:0g',
    ' 02:00:00:00:00:01',
    '002:00:00:00:00:01',
    '02::00:00:00:01',
  ]) {
    t.is(parseMac(text), undefined, text);
  }
  fc.assert(fc.property(fc.string(), (text) => t.notThrows(() => parseMac(text))));
});

test('tells the kinds of address apart', (t) => {
  const kind = (text: string) => {
    const mac = parseMac(text) as Uint8Array;
    return [isMulticast(mac, 0), isBroadcast(mac, 0), isReservedMulticast(mac, 0)];
  };
  t.deepEqual(kind('02:00:00:00:00:01'), [false, false, false]);
  t.deepEqual(kind('ff:ff:ff:ff:ff:ff'), [true, true, false]);
  t.deepEqual(kind('ff:ff:ff:ff:ff:fe'), [true, false, false]);
  t.deepEqual(kind('01:80:c2:00:00:00'), [true, false, true]);
  t.deepEqual(kind('01:80:c2:00:00:0f'), [true, false, true]);
  t.deepEqual(kind('01:80:c2:00:00:10'), [true, false, false]);
  t.deepEqual(kind('01:80:c2:00:01:00'), [true, false, false]);
  t.deepEqual(kind('33:33:00:00:00:01'), [true, false, false]);
});
