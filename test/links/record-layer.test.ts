/** Whole records, sealed by one suite and opened by the other. */

import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import test from 'ava';
import fc from 'fast-check';
import { CipherId } from '../../src/io/contract.ts';
import { nobleSuite } from '../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';
import { recordKey } from '../../src/links/record-keys.ts';
import {
  MAX_RECORD_PLAINTEXT,
  openRecord,
  recordNonce,
  sealRecord,
} from '../../src/links/record-layer.ts';

const KEY = recordKey(nodeSuite.hmac, new Uint8Array(32).fill(1));
const ciphers = fc.constantFrom(...Object.values(CipherId));
const uint32 = fc.nat(0xffffffff);
const addresses = fc.record({
  epoch: fc.nat(1000),
  receiver: uint32,
  numberHigh: uint32,
  numberLow: uint32,
});

test('the packet number goes into the last eight octets of the IV', (t) => {
  const iv = hexToBytes('000102030405060708090a0b');
  t.is(bytesToHex(recordNonce(iv, 0, 0)), '000102030405060708090a0b');
  t.is(bytesToHex(recordNonce(iv, 0x01020304, 0xa1b2c3d4)), '0001020305070503a9bbc9df');
  t.is(bytesToHex(iv), '000102030405060708090a0b');
});

test('a record begins with its header, and that is authenticated', (t) => {
  const address = { epoch: 0x1ff, receiver: 0xa1a2a3a4, numberHigh: 1, numberLow: 2 };
  const record = sealRecord(nodeSuite, CipherId.aes256gcm, KEY, address, Uint8Array.of(1, 2, 3));
  t.is(bytesToHex(record.subarray(0, 16)), '100020ffa1a2a3a40000000100000002');
  t.is(record.length, 16 + 3 + 16);
});

test('what one suite seals the other opens, and nothing else', (t) => {
  fc.assert(
    fc.property(
      ciphers,
      addresses,
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(),
      (cipher, address, packets, bit) => {
        const record = sealRecord(nodeSuite, cipher, KEY, address, packets);
        t.deepEqual(sealRecord(nobleSuite, cipher, KEY, address, packets), record);
        t.deepEqual(openRecord(nobleSuite, cipher, KEY, record), packets);
        t.deepEqual(openRecord(nodeSuite, cipher, KEY, record), packets);
        const at = bit % (8 * record.length);
        record[at >>> 3] ^= 1 << (at & 7);
        t.is(openRecord(nodeSuite, cipher, KEY, record), undefined);
        t.is(openRecord(nobleSuite, cipher, KEY, record), undefined);
      },
    ),
  );
});

test('a record cut short, lengthened or of no sense is not opened', (t) => {
  const address = { epoch: 0, receiver: 1, numberHigh: 0, numberLow: 1 };
  const record = sealRecord(nodeSuite, CipherId.aes256gcm, KEY, address, new Uint8Array(20));
  for (let end = 0; end < record.length; end++) {
    t.is(openRecord(nodeSuite, CipherId.aes256gcm, KEY, record.subarray(0, end)), undefined);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) =>
      Object.values(CipherId).every(
        (cipher) => openRecord(nodeSuite, cipher, KEY, bytes) === undefined,
      ),
    ),
  );
});

test('the largest record is exactly as long as a length can say', (t) => {
  const address = { epoch: 0, receiver: 1, numberHigh: 0, numberLow: 1 };
  const packets = new Uint8Array(MAX_RECORD_PLAINTEXT);
  const record = sealRecord(nodeSuite, CipherId.aes256gcm, KEY, address, packets);
  t.is(record.length, 3 + 0xffff);
  t.deepEqual(openRecord(nodeSuite, CipherId.aes256gcm, KEY, record), packets);
  t.throws(() =>
    sealRecord(nodeSuite, CipherId.aes256gcm, KEY, address, new Uint8Array(packets.length + 1)),
  );
});
