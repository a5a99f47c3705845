/**
 * First messages of handshakes that nobody means, at a steady rate, from many addresses.
 *
 *   flood.js HOST PORT RATE SECONDS [SOURCES]      prints {"sent", "seconds"}
 *
 * It comes from SOURCES addresses of the loopback, each in a network of its own; 64 if left out.
 * PORT 0: into a socket of its own that nobody reads, which costs this machine the same
 * and its target nothing.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  COOKIE_LENGTH,
  emitInit,
  INIT_PAYLOAD_LENGTH,
} from '../../src/links/handshake/handshake-message.ts';

const USUAL_SOURCES = 64;
/** Milliseconds between bursts. */
const PACE = 2;
/** Different messages; an ephemeral key that is not new is a repeat and costs its target less. */
const MESSAGES = 4096;
const DH_LENGTH = 32;

const [host, portText, rateText, secondsText, sourcesText] = process.argv.slice(2);
const sources = Number(sourcesText ?? USUAL_SOURCES);
const rate = Number(rateText);
const seconds = Number(secondsText);

async function bound(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('error', () => {}); // a full queue is the target's affair
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

const sink = await bound('127.0.0.1');
const port = Number(portText) || sink.address().port;
const sockets: Socket[] = [];
for (let i = 0; i < sources; i++) sockets.push(await bound(`127.${i >> 8}.${i & 0xff}.2`));

const messages = Array.from({ length: MESSAGES }, (_, index) =>
  emitInit(
    randomBytes(4).readUInt32BE(),
    new Uint8Array(COOKIE_LENGTH),
    new Uint8Array(DH_LENGTH + INIT_PAYLOAD_LENGTH).fill(index, 0, 4).fill(index >>> 8, 4, 8),
  ),
);

const start = performance.now();
let sent = 0;
for (;;) {
  const elapsed = (performance.now() - start) / 1000;
  if (elapsed >= seconds) break;
  // What is due and was missed is made up for, but not all at once.
  const due = Math.min(rate * elapsed - sent, (rate * PACE * 10) / 1000);
  for (let i = 0; i < due; i++) {
    const message = messages[sent % MESSAGES];
    new DataView(message.buffer, message.byteOffset + 24).setUint32(0, sent);
    sockets[sent % sources].send(message, port, host);
    sent++;
  }
  await delay(PACE);
}
for (const socket of [...sockets, sink]) socket.close();
process.stdout.write(`${JSON.stringify({ sent, seconds: (performance.now() - start) / 1000 })}\n`);
