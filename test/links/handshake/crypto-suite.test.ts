/** The suites against published values and against one another. */

import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import test from 'ava';
import fc from 'fast-check';
import { CipherId } from '../../../src/io/contract.ts';
import { expand, expandLabel, extract } from '../../../src/links/handshake/hkdf.ts';
import { nativeSuite } from '../../../src/links/handshake/native-suite.ts';
import { nobleSuite } from '../../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../../src/links/handshake/node-suite.ts';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const ciphers = fc.constantFrom(...Object.values(CipherId));
const suites = [nobleSuite, nodeSuite, nativeSuite()];

for (const suite of suites) {
  test(`${suite.name}: RFC 7748 section 6.1`, (t) => {
    const a = suite.keyPair(
      hexToBytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
    );
    const b = suite.keyPair(
      hexToBytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'),
    );
    t.is(
      bytesToHex(a.publicKey),
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    );
    t.is(
      bytesToHex(b.publicKey),
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    );
    const shared = hexToBytes('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
    t.deepEqual(suite.dh(a, b.publicKey), shared);
    t.deepEqual(suite.dh(b, a.publicKey), shared);
  });

  test(`${suite.name}: RFC 8032 section 7.1, test 1`, (t) => {
    const seed = hexToBytes('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    t.is(
      bytesToHex(suite.signingKey(seed)),
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    t.is(
      bytesToHex(suite.sign(seed, new Uint8Array(0))),
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
  });

  test(`${suite.name}: RFC 5869 test case 1`, (t) => {
    const inputKey = hexToBytes('0b'.repeat(22));
    const salt = hexToBytes('000102030405060708090a0b0c');
    const info = hexToBytes('f0f1f2f3f4f5f6f7f8f9');
    t.is(
      bytesToHex(expand(suite.hmac, extract(suite.hmac, salt, inputKey), info, 42)),
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    );
  });

  test(`${suite.name}: points of low order have no shared secret`, (t) => {
    const pair = suite.keyPair(new Uint8Array(32).fill(3));
    const one = new Uint8Array(32);
    one[0] = 1;
    t.is(suite.dh(pair, new Uint8Array(32)), undefined);
    t.is(suite.dh(pair, one), undefined);
  });

  test(`${suite.name}: what a peer chose never throws`, (t) => {
    fc.assert(
      fc.property(octets(32), octets(64), fc.uint8Array({ maxLength: 40 }), (key, tag, text) => {
        suite.verify(key, text, tag);
        suite.verify(key, text, text);
        suite.dh(suite.keyPair(tag.slice(0, 32)), key);
        for (const cipher of Object.values(CipherId)) {
          if (suite.open(cipher, key, key.slice(0, 12), text, text) !== undefined) return false;
        }
        return true;
      }),
    );
    t.pass();
  });

  test(`${suite.name}: an altered signature does not hold`, (t) => {
    const seed = new Uint8Array(32).fill(5);
    const key = suite.signingKey(seed);
    const message = utf8ToBytes('kith');
    const signature = suite.sign(seed, message);
    t.true(suite.verify(key, message, signature));
    for (let bit = 0; bit < 8 * signature.length; bit += 7) {
      const altered = signature.slice();
      altered[bit >>> 3] ^= 1 << (bit & 7);
      t.false(suite.verify(key, message, altered));
    }
  });

  test(`${suite.name}: equal compares contents and lengths`, (t) => {
    t.true(suite.equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
    t.false(suite.equal(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
    t.false(suite.equal(Uint8Array.of(1, 2), Uint8Array.of(1)));
    t.true(suite.equal(new Uint8Array(0), new Uint8Array(0)));
  });
}

test('all suites give the same octets', (t) => {
  fc.assert(
    fc.property(
      octets(32),
      octets(32),
      fc.uint8Array({ maxLength: 100 }),
      (first, second, data) => {
        const [reference, ...others] = suites.map((suite) => ({
          pair: suite.keyPair(first),
          shared: suite.dh(suite.keyPair(first), suite.keyPair(second).publicKey),
          hash: suite.hash(data),
          hmac: suite.hmac(data, first),
          signing: suite.signingKey(first),
          signature: suite.sign(first, data),
          label: expandLabel(suite.hmac, first, 'label', 77),
        }));
        for (const each of others) t.deepEqual(each, reference);
      },
    ),
    { numRuns: 30 },
  );
});

test('what one suite seals the others seal alike and open', (t) => {
  fc.assert(
    fc.property(
      ciphers,
      octets(32),
      octets(12),
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(),
      (cipher, key, nonce, additional, plaintext, position) => {
        const sealed = nobleSuite.seal(cipher, key, nonce, additional, plaintext);
        const altered = sealed.slice();
        altered[position % sealed.length] ^= 1;
        for (const suite of suites) {
          t.deepEqual(suite.seal(cipher, key, nonce, additional, plaintext), sealed);
          t.deepEqual(suite.open(cipher, key, nonce, additional, sealed), plaintext);
          t.is(suite.open(cipher, key, nonce, additional, altered), undefined);
        }
      },
    ),
  );
});
