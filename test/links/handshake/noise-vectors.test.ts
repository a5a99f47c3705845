/** HandshakeState against the published vectors; see test/vectors/README.md. */

import { readFileSync } from 'node:fs';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import test from 'ava';
import { CipherState } from '../../../src/links/handshake/cipher-state.ts';
import { HandshakeState } from '../../../src/links/handshake/handshake-state.ts';
import { nativeSuite } from '../../../src/links/handshake/native-suite.ts';
import { nobleSuite } from '../../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../../src/links/handshake/node-suite.ts';

interface Vector {
  readonly source: string;
  readonly init_prologue: string;
  readonly init_static: string;
  readonly init_ephemeral: string;
  readonly resp_prologue: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

// AVA runs with the project's root as working directory.
const file = readFileSync('test/vectors/noise-xx-25519-chachapoly-sha256.json', 'utf8');
const { vectors } = JSON.parse(file) as { vectors: readonly Vector[] };
const HANDSHAKE_MESSAGES = 3;
const NOTHING = new Uint8Array(0);

test('there are vectors', (t) => {
  t.deepEqual(
    vectors.map((vector) => vector.source),
    ['cacophony', 'snow'],
  );
});

for (const suite of [nobleSuite, nodeSuite, nativeSuite()]) {
  for (const vector of vectors) {
    test(`${suite.name} gives the octets of the vector of ${vector.source}`, (t) => {
      const initiator = new HandshakeState(suite, {
        initiator: true,
        prologue: hexToBytes(vector.init_prologue),
        localStatic: suite.keyPair(hexToBytes(vector.init_static)),
        localEphemeral: suite.keyPair(hexToBytes(vector.init_ephemeral)),
      });
      const responder = new HandshakeState(suite, {
        initiator: false,
        prologue: hexToBytes(vector.resp_prologue),
        localStatic: suite.keyPair(hexToBytes(vector.resp_static)),
        localEphemeral: suite.keyPair(hexToBytes(vector.resp_ephemeral)),
      });
      for (const [i, { payload, ciphertext }] of vector.messages
        .slice(0, HANDSHAKE_MESSAGES)
        .entries()) {
        const [from, to] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
        const message = from.writeMessage(() => hexToBytes(payload));
        t.is(message && bytesToHex(message), ciphertext);
        t.deepEqual(to.readMessage(hexToBytes(ciphertext))?.payload, hexToBytes(payload));
      }
      t.deepEqual(initiator.hash, responder.hash);
      if (vector.handshake_hash) t.is(bytesToHex(initiator.hash), vector.handshake_hash);
      t.deepEqual(initiator.split(), responder.split());
      const [toResponder, toInitiator] = initiator
        .split()
        .map((key) => new CipherState(suite, key));
      for (const [i, { payload, ciphertext }] of vector.messages
        .slice(HANDSHAKE_MESSAGES)
        .entries()) {
        const cipher = i % 2 === 0 ? toInitiator : toResponder;
        t.is(bytesToHex(cipher.encryptWithAd(NOTHING, hexToBytes(payload))), ciphertext);
      }
    });
  }
}
