import test from 'ava';
import fc from 'fast-check';
import {
  emitSockaddr,
  fitsSockaddr,
  HOST_LITTLE_ENDIAN,
  parseSockaddr,
  SOCKADDR_LENGTH,
} from '../../../src/switch/vde/sockaddr.ts';

const FAMILY = HOST_LITTLE_ENDIAN ? [1, 0] : [0, 1];
const PATH = [0x2f, 0x61, 0x2f, 0x62];
const ADDRESS = Uint8Array.of(...FAMILY, ...PATH, ...new Array(104).fill(0));

test('deconstruct', (t) => {
  t.deepEqual(parseSockaddr(ADDRESS, 0), { path: '/a/b' });
});

test('construct', (t) => {
  const out = new Uint8Array(SOCKADDR_LENGTH + 2).fill(0xa5);
  t.is(emitSockaddr({ path: '/a/b' }, out, 1), 110);
  t.deepEqual(out, Uint8Array.of(0xa5, ...ADDRESS, 0xa5));
});

test('says what is wrong with an address', (t) => {
  t.is(parseSockaddr(ADDRESS.subarray(0, 109), 0), 'truncated');
  t.is(parseSockaddr(new Uint8Array(110), 0), 'family');
  const abstract = ADDRESS.slice();
  abstract[2] = 0;
  t.is(parseSockaddr(abstract, 0), 'unnamed');
  const odd = ADDRESS.slice();
  odd[3] = 0xff;
  t.is(parseSockaddr(odd, 0), 'encoding');
});

test('octets behind the closing zero mean nothing; a path may fill the field', (t) => {
  const noisy = ADDRESS.slice().fill(0xee, 7);
  t.deepEqual(parseSockaddr(noisy, 0), { path: '/a/b' });
  const full = ADDRESS.slice().fill(0x61, 2);
  t.deepEqual(parseSockaddr(full, 0), { path: 'a'.repeat(108) });
});

test('what fits comes back, and what does not is a mistake', (t) => {
  const path = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 120, size: 'max' })
    .filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(path, (text) => {
      const out = new Uint8Array(SOCKADDR_LENGTH).fill(0xa5);
      if (!fitsSockaddr(text)) {
        t.throws(() => emitSockaddr({ path: text }, out, 0), { instanceOf: RangeError });
        return;
      }
      emitSockaddr({ path: text }, out, 0);
      t.deepEqual(parseSockaddr(out, 0), { path: text });
    }),
  );
  t.true(fitsSockaddr('a'.repeat(107)));
  t.false(fitsSockaddr('a'.repeat(108)));
  t.false(fitsSockaddr('é'.repeat(54)));
  t.false(fitsSockaddr(''));
});
