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
