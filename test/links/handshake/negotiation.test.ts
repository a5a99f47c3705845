import test from 'ava';
import fc from 'fast-check';
import { CipherId } from '../../../src/io/contract.ts';
import { chooseCipher, decideMode } from '../../../src/links/handshake/negotiation.ts';

const { aes256gcm, chacha20poly1305 } = CipherId;

test('the cipher whose slower end is the faster one', (t) => {
  const desktop = [
    { cipher: aes256gcm, speed: 5000 },
    { cipher: chacha20poly1305, speed: 1500 },
  ];
  const board = [
    { cipher: aes256gcm, speed: 60 },
    { cipher: chacha20poly1305, speed: 250 },
  ];
  t.is(chooseCipher(desktop, desktop)?.cipher, aes256gcm);
  t.is(chooseCipher(desktop, board)?.cipher, chacha20poly1305);
  t.is(chooseCipher(desktop, [{ cipher: 99, speed: 9999 }]), undefined);
  t.is(
    chooseCipher(desktop, [{ cipher: aes256gcm, speed: 1 }])?.reason,
    'aes-256-gcm is the only cipher that both ends offer',
  );
  const even = [
    { cipher: chacha20poly1305, speed: 7 },
    { cipher: aes256gcm, speed: 7 },
  ];
  t.is(chooseCipher(even, even)?.cipher, aes256gcm, 'of equals the lower number');
});

test('both ends choose alike', (t) => {
  const offers = fc.array(fc.record({ cipher: fc.nat(3), speed: fc.nat(50) }), { maxLength: 5 });
  fc.assert(
    fc.property(
      offers,
      offers,
      (a, b) => chooseCipher(a, b)?.cipher === chooseCipher(b, a)?.cipher,
    ),
  );
  t.pass();
});

test('frames are sealed, clear or refused', (t) => {
  const never = 'never';
  const lax = 'when-no-shared-group';
  t.is(decideMode(1, lax, lax), 'sealed');
  t.is(decideMode(1, never, never), 'sealed');
  t.is(decideMode(0, lax, lax), 'clear');
  t.is(decideMode(0, never, lax), 'plaintext-refused');
  t.is(decideMode(0, lax, never), 'plaintext-refused');
});
