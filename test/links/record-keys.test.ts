import { bytesToHex } from '@noble/hashes/utils.js';
import test from 'ava';
import fc from 'fast-check';
import { nobleSuite } from '../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';
import {
  EpochPosition,
  nextSecret,
  RETAIN_PREVIOUS,
  ReceiveKeys,
  recordKey,
  SendKeys,
  UPDATE_AGE,
  UPDATE_PACKETS,
} from '../../src/links/record-keys.ts';

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i);
const { hmac } = nodeSuite;

const copy = ({ key, iv }: { key: Uint8Array; iv: Uint8Array }) => ({
  key: key.slice(),
  iv: iv.slice(),
});
const isWiped = ({ key, iv }: { key: Uint8Array; iv: Uint8Array }) =>
  [...key, ...iv].every((octet) => octet === 0);

test('key, IV and next secret of a secret', (t) => {
  for (const suite of [nodeSuite, nobleSuite]) {
    const { key, iv } = recordKey(suite.hmac, SECRET);
    t.is(bytesToHex(key), '394c36832be89c7dcd60cfe1ab4d99a1debbe5c3f0f6819c17b9ab4cd88d0a02');
    t.is(bytesToHex(iv), '97659ce01b507bf88fd10bd8');
    t.is(
      bytesToHex(nextSecret(suite.hmac, SECRET)),
      'b282e767c4d5d54be829d51619bc912fc0a42348d12c2070dd48aa7989d67f2d',
    );
  }
});

test('sender and receiver go through the epochs together', (t) => {
  const send = new SendKeys(hmac, SECRET, 1, 0);
  const receive = new ReceiveKeys(hmac, SECRET);
  for (let epoch = 0; epoch < 600; epoch++) {
    t.is(send.epoch, epoch);
    t.is(receive.position(send.epoch & 0xff), EpochPosition.current);
    t.deepEqual(send.current, receive.current);
    send.update(epoch);
    t.is(receive.position(send.epoch & 0xff), EpochPosition.next);
    t.deepEqual(send.current, receive.next);
    receive.advance(epoch);
  }
});

test('the sender moves on after enough packets or time', (t) => {
  const send = new SendKeys(hmac, SECRET, 1, 1000);
  t.true(UPDATE_PACKETS <= 2 ** 32);
  t.false(send.isUpdateDue(1000 + UPDATE_AGE - 1));
  t.true(send.isUpdateDue(1000 + UPDATE_AGE));
  t.false(send.isUpdateDue(1000, UPDATE_PACKETS));
  send.advance();
  t.true(send.isUpdateDue(1000, UPDATE_PACKETS));
  t.false(send.isUpdateDue(1000, UPDATE_PACKETS - 1));
  send.update(5000);
  t.false(send.isUpdateDue(5000 + UPDATE_AGE - 1, UPDATE_PACKETS));
});

test('packet numbers go on across epochs and past 2^32', (t) => {
  const send = new SendKeys(hmac, SECRET, 0xfffffffe, 0);
  const numbers: [number, number][] = [];
  for (let i = 0; i < 4; i++) {
    numbers.push([send.numberHigh, send.numberLow]);
    send.advance();
    send.update(i);
  }
  t.deepEqual(numbers, [
    [0, 0xfffffffe],
    [0, 0xffffffff],
    [1, 0],
    [1, 1],
  ]);
});

test('old keys are wiped', (t) => {
  const send = new SendKeys(hmac, SECRET, 1, 0);
  const old = send.current;
  send.update(1);
  t.true(isWiped(old));
  const latest = send.current;
  send.wipe();
  t.true(isWiped(latest));
  t.deepEqual(SECRET[1], 1, "the caller's secret is the caller's");

  const receive = new ReceiveKeys(hmac, SECRET);
  const { current, next } = receive;
  const expected = copy(current);
  receive.advance(0);
  t.deepEqual(receive.previous, expected, 'kept for late records');
  receive.advance(1);
  t.true(isWiped(current));
  t.false(isWiped(next));
  receive.wipe();
  t.true(isWiped(next));
  t.true(isWiped(receive.current));
});

test('the previous epoch is kept for a bounded while', (t) => {
  const receive = new ReceiveKeys(hmac, SECRET);
  t.is(receive.position(0xff), EpochPosition.none, 'there is none before the first');
  t.is(receive.deadline, Number.POSITIVE_INFINITY);
  t.false(receive.expire(1e9));
  receive.advance(100);
  t.is(receive.position(0), EpochPosition.previous);
  t.is(receive.position(1), EpochPosition.current);
  t.is(receive.position(2), EpochPosition.next);
  t.is(receive.position(3), EpochPosition.none);
  t.is(receive.deadline, 100 + RETAIN_PREVIOUS);
  t.false(receive.expire(99 + RETAIN_PREVIOUS));
  t.true(receive.expire(100 + RETAIN_PREVIOUS));
  t.is(receive.previous, undefined);
  t.is(receive.position(0), EpochPosition.none);
  t.false(receive.expire(1e9));
});

test('an epoch octet stands for at most one epoch', (t) => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(255), (epochs, octet) => {
      const receive = new ReceiveKeys(hmac, SECRET);
      for (let i = 0; i < epochs; i++) receive.advance(i);
      const names = {
        [receive.epoch & 0xff]: EpochPosition.current,
        [(receive.epoch + 1) & 0xff]: EpochPosition.next,
        ...(epochs > 0 && { [(receive.epoch - 1) & 0xff]: EpochPosition.previous }),
      };
      return receive.position(octet) === (names[octet] ?? EpochPosition.none);
    }),
    { numRuns: 30 },
  );
  t.pass();
});
