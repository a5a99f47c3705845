/** The clear outside of the handshake's messages, octet by octet. */

import { concatBytes, hexToBytes } from '@noble/hashes/utils.js';
import test from 'ava';
import fc from 'fast-check';
import {
  emitCookieReply,
  emitFinal,
  emitInit,
  emitRefuse,
  emitResponse,
  handshakeReceiver,
  INIT_LENGTH,
  INIT_PAYLOAD_LENGTH,
  parseCookieReply,
  parseFinal,
  parseInit,
  parseRefuse,
  parseResponse,
  prologue,
} from '../../../src/links/handshake/handshake-message.ts';

const EPHEMERAL = new Uint8Array(32).fill(0xee);
const COOKIE = new Uint8Array(16).fill(0xc0);
const PAYLOAD = new Uint8Array(INIT_PAYLOAD_LENGTH).fill(0x77);
const NOISE = concatBytes(EPHEMERAL, PAYLOAD);

const INIT = concatBytes(hexToBytes('0104ad0101020304'), COOKIE, EPHEMERAL, PAYLOAD);
const RESPONSE_NOISE = new Uint8Array(32 + 48 + 16).fill(0x22);
const RESPONSE = concatBytes(hexToBytes('020064a1a2a3a4'), RESPONSE_NOISE);
const FINAL_NOISE = new Uint8Array(48 + 16).fill(0x33);
const FINAL = concatBytes(hexToBytes('030044a1a2a3a4'), FINAL_NOISE);
const COOKIE_REPLY = concatBytes(hexToBytes('040034a1a2a3a4'), EPHEMERAL, COOKIE);
const REFUSE = hexToBytes('050007a1a2a3a4010205');

test('handshakeInit, deconstructed', (t) => {
  t.is(INIT.length, INIT_LENGTH);
  t.deepEqual(parseInit(INIT), {
    version: 1,
    sender: 0x01020304,
    cookie: COOKIE,
    ephemeral: EPHEMERAL,
    noise: NOISE,
  });
});

test('handshakeInit, constructed', (t) => {
  t.deepEqual(emitInit(0x01020304, COOKIE, NOISE), INIT);
});

test('handshakeResponse and handshakeFinal, deconstructed', (t) => {
  t.deepEqual(parseResponse(RESPONSE), { receiver: 0xa1a2a3a4, noise: RESPONSE_NOISE });
  t.deepEqual(parseFinal(FINAL), { receiver: 0xa1a2a3a4, noise: FINAL_NOISE });
  t.is(parseFinal(RESPONSE), undefined);
  t.is(parseResponse(FINAL), undefined);
});

test('handshakeResponse and handshakeFinal, constructed', (t) => {
  t.deepEqual(emitResponse(0xa1a2a3a4, RESPONSE_NOISE), RESPONSE);
  t.deepEqual(emitFinal(0xa1a2a3a4, FINAL_NOISE), FINAL);
});

test('a response longer than message 1 is malformed', (t) => {
  const long = (length: number) => emitResponse(1, new Uint8Array(length - 7));
  t.not(parseResponse(long(INIT_LENGTH)), undefined);
  t.is(parseResponse(long(INIT_LENGTH + 1)), undefined);
});

test('cookieReply and refuse, deconstructed', (t) => {
  t.deepEqual(parseCookieReply(COOKIE_REPLY), {
    receiver: 0xa1a2a3a4,
    ephemeral: EPHEMERAL,
    cookie: COOKIE,
  });
  t.deepEqual(parseRefuse(REFUSE), {
    receiver: 0xa1a2a3a4,
    reason: 1,
    lowestVersion: 2,
    highestVersion: 5,
  });
});

test('cookieReply and refuse, constructed', (t) => {
  const receiver = 0xa1a2a3a4;
  t.deepEqual(emitCookieReply({ receiver, ephemeral: EPHEMERAL, cookie: COOKIE }), COOKIE_REPLY);
  t.deepEqual(emitRefuse({ receiver, reason: 1, lowestVersion: 2, highestVersion: 5 }), REFUSE);
});

test('the receiver is found in every message that has one', (t) => {
  for (const message of [RESPONSE, FINAL, COOKIE_REPLY, REFUSE]) {
    t.is(handshakeReceiver(message), 0xa1a2a3a4);
  }
  t.is(handshakeReceiver(INIT), undefined);
  t.is(handshakeReceiver(hexToBytes('020003a1a2a3')), undefined);
});

test('the prologue holds version and index', (t) => {
  t.deepEqual(prologue(0x01020304), hexToBytes('6b697468206c696e6b0101020304'));
});

test('no parser throws or takes a message cut short', (t) => {
  const parsers = [parseInit, parseResponse, parseFinal, parseCookieReply, parseRefuse];
  const samples = [INIT, RESPONSE, FINAL, COOKIE_REPLY, REFUSE];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      for (const parse of [...parsers, handshakeReceiver]) parse(bytes);
    }),
  );
  for (const [i, sample] of samples.entries()) {
    for (let end = 0; end < sample.length; end++) {
      t.is(parsers[i](sample.subarray(0, end)), undefined);
    }
  }
});
