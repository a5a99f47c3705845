/**
 * Whole handshakes, one after another, both ends in this process, for a while.
 *
 *   handshakes.js SUITE WARMUP SECONDS      prints {"handshakes", "seconds"}
 *
 * A process of its own, so that nothing else shares its heap and its processor.
 */
import { randomBytes } from 'node:crypto';
import { makeIdentity } from '../../src/f2f/identity.ts';
import { CipherId } from '../../src/io/contract.ts';
import type { CryptoSuite } from '../../src/links/handshake/crypto-suite.ts';
import { HandshakeMachine } from '../../src/links/handshake/handshake-machine.ts';
import { nativeSuite } from '../../src/links/handshake/native-suite.ts';
import { nobleSuite } from '../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';

const [name, warmup, seconds] = process.argv.slice(2);
const suites: Record<string, CryptoSuite> = {
  native: nativeSuite(),
  'node:crypto': nodeSuite,
  noble: nobleSuite,
};
const suite = suites[name];

const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));
const owner = () => makeIdentity(suite, random(32), random(32), '');
const [caller, called] = [owner(), owner()];

const common = {
  suite,
  random,
  localIndex: 1,
  reliable: false,
  features: 0,
  largestFrame: 9216,
  ciphers: [
    { cipher: CipherId.aes256gcm, speed: 3000 },
    { cipher: CipherId.chacha20poly1305, speed: 1500 },
  ],
  groups: [{ name: 'default', keys: [] }],
  floor: 'never',
  addresses: ['udp://192.0.2.1:4000', 'tcp://192.0.2.1:4000'],
} as const;

/** What two nodes do to get from nothing to a session. */
function handshake(): void {
  const initiator = HandshakeMachine.initiate(
    { ...common, name: 'caller', identity: caller, expectedUid: called.uid },
    0,
  );
  const [init] = initiator.takeOutgoing();
  const responder = HandshakeMachine.respond(
    { ...common, name: 'called', identity: called, isFriend: (uid) => uid === caller.uid },
    init,
    0,
  );
  for (const message of responder.takeOutgoing()) initiator.receive(message, 0);
  for (const message of initiator.takeOutgoing()) responder.receive(message, 0);
  for (const message of responder.takeOutgoing()) initiator.receive(message, 0);
  if (initiator.result === undefined || responder.result === undefined) {
    throw new Error('a handshake came to nothing');
  }
}

function repeat(milliseconds: number): { handshakes: number; seconds: number } {
  const start = performance.now();
  let handshakes = 0;
  let now = start;
  for (; now - start < milliseconds; now = performance.now()) {
    handshake();
    handshakes++;
  }
  return { handshakes, seconds: (now - start) / 1000 };
}

repeat(Number(warmup) * 1000);
process.stdout.write(`${JSON.stringify(repeat(Number(seconds) * 1000))}\n`);
