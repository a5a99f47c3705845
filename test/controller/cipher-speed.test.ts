import test from 'ava';
import { measureCiphers } from '../../src/controller/cipher-speed.ts';
import { CipherId } from '../../src/io/contract.ts';

test('both ciphers are measured, in whole megabytes a second', (t) => {
  const speeds = measureCiphers();
  t.deepEqual(
    speeds.map(({ cipher }) => cipher),
    [CipherId.aes256gcm, CipherId.chacha20poly1305],
  );
  // A handshake carries them as unsigned integers of 32 bits.
  for (const { speed } of speeds) t.true(Number.isInteger(speed) && speed >= 1 && speed < 2 ** 32);
});

test('only the ciphers that are asked for are measured', (t) => {
  const measured = (names: readonly string[]) => measureCiphers(names).map(({ cipher }) => cipher);
  t.deepEqual(measured(['chacha20-poly1305']), [CipherId.chacha20poly1305]);
  t.deepEqual(measured(['aes-256-gcm']), [CipherId.aes256gcm]);
  t.deepEqual(measured([]), []);
});
