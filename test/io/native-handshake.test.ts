/** The addon's functions for handshakes, where it minds what it is given; results: crypto-suite.test.ts. */
import test from 'ava';
import { CipherId } from '../../src/io/contract.ts';
import { nativeBinding } from '../../src/io/native-binding.ts';
import { nativeSuite } from '../../src/links/handshake/native-suite.ts';

const native = nativeBinding();
const octets = (length: number): Uint8Array => new Uint8Array(length).fill(9);

test('a wrong length throws, and nothing is read or written', (t) => {
  const [short, right, long] = [octets(31), octets(32), octets(33)];
  for (const wrong of [short, long, new Uint8Array(0)]) {
    t.throws(() => native.x25519Public(wrong, right), { instanceOf: TypeError });
    t.throws(() => native.x25519Public(right, wrong), { instanceOf: TypeError });
    for (let at = 0; at < 4; at++) {
      const [a, b, c, d] = [0, 1, 2, 3].map((each) => (each === at ? wrong : right));
      t.throws(() => native.x25519(a, b, c, d), { instanceOf: TypeError });
    }
    t.throws(() => native.sha256(right, wrong), { instanceOf: TypeError });
    t.throws(() => native.hmacSha256(right, right, wrong), { instanceOf: TypeError });
    t.throws(() => native.verifyEd25519(wrong, right, octets(64)), { instanceOf: TypeError });
  }
  t.deepEqual(right, octets(32));
});

test('another kind of array throws', (t) => {
  const floats = new Float64Array(32) as unknown as Uint8Array;
  const nothing = undefined as unknown as Uint8Array;
  for (const wrong of [floats, nothing]) {
    t.throws(() => native.sha256(wrong, octets(32)), { instanceOf: TypeError });
    t.throws(() => native.hmacSha256(wrong, octets(3), octets(32)), { instanceOf: TypeError });
  }
});

test('a seal minds key, nonce, cipher and the room for its tag', (t) => {
  const cipher = CipherId.chacha20poly1305;
  const seal = (which: number, key: number, nonce: number, text: number, out: number) => () =>
    native.sealOnce(which, octets(key), octets(nonce), octets(5), octets(text), octets(out));
  t.notThrows(seal(cipher, 32, 12, 10, 26));
  for (const wrong of [
    seal(0, 32, 12, 10, 26),
    seal(3, 32, 12, 10, 26),
    seal(cipher, 16, 12, 10, 26),
    seal(cipher, 32, 8, 10, 26),
    seal(cipher, 32, 12, 10, 25),
    seal(cipher, 32, 12, 10, 27),
  ]) {
    t.throws(wrong, { instanceOf: TypeError });
  }
});

test('what did not authenticate is wiped', (t) => {
  for (const cipher of Object.values(CipherId)) {
    const plaintext = octets(100);
    const opened = native.openOnce(
      cipher,
      octets(32),
      octets(12),
      octets(0),
      octets(116),
      plaintext,
    );
    t.is(opened, 0);
    t.deepEqual(plaintext, new Uint8Array(100));
  }
});

test('views into larger memory are taken as they are', (t) => {
  const suite = nativeSuite();
  const memory = Uint8Array.from({ length: 200 }, (_, i) => i);
  const apart = memory.slice(50, 82);
  t.deepEqual(suite.hash(memory.subarray(50, 82)), suite.hash(apart));
  t.deepEqual(suite.keyPair(memory.subarray(50, 82)), suite.keyPair(apart));
  t.deepEqual(
    suite.hmac(memory.subarray(50, 82), memory.subarray(3, 3)),
    suite.hmac(apart, octets(0)),
  );
});

test('a signature of another length does not hold', (t) => {
  const key = nativeSuite().signingKey(octets(32));
  for (const length of [0, 63, 65]) t.is(native.verifyEd25519(key, octets(4), octets(length)), 0);
});

test('refusals leave the thread as it was', (t) => {
  const suite = nativeSuite();
  const pair = suite.keyPair(octets(32));
  for (let i = 0; i < 100; i++) {
    t.is(suite.dh(pair, new Uint8Array(32)), undefined);
    t.false(suite.verify(octets(32), octets(1), octets(64)));
    t.is(suite.open(CipherId.aes256gcm, octets(32), octets(12), octets(0), octets(40)), undefined);
  }
  t.deepEqual(suite.keyPair(octets(32)), pair);
});
