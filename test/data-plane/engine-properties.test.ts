/**
 * Whatever is asked of an engine and whatever comes in, in any order: nothing
 * throws, and when everything is taken away all memory is back.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ManualClock } from '../../src/clock.ts';
import type { Command } from '../../src/data-plane/commands.ts';
import { DescriptorKind } from '../../src/io/contract.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { LinkMessageType, linkMessage } from '../../src/links/link-message.ts';
import { PortState } from '../../src/switch/port.ts';
import { cut } from '../links/super-rig.ts';
import { authenticRecord, packet, superFramePayload } from './hostile-friend.ts';
import {
  broadcast,
  type Client,
  frame,
  Node,
  openSession,
  secret,
  slabAddress,
  type Tap,
  UDP_PORT,
} from './node.ts';
import { Super } from './super-pair.ts';

const DESCRIPTORS = 6;
const PORTS = 4;
const SESSIONS = 4;
const PEER = '192.0.2.2';

/** Of a piece and a bit, of three, and longer ones. */
const SUPERS = [1000, 2000, 2600, 9000, 60_000].map((length) => new Super(length, 900));

/** One step against the world: what it does is in `World`. */
type Step = readonly [kind: string, a: number, b: number, c: number];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom(
    'add-udp',
    'add-client',
    'add-tap',
    'add-stream',
    'add-twice',
    'remove',
    'watch',
    'open-datagram',
    'open-stream',
    'use',
    'close',
    'control',
    'bulk',
    'send-frame',
    'send-message',
    'flush',
    'configure',
    'query',
    'client-frames',
    'client-reads',
    'tap-frames',
    'tap-reads',
    'peer-garbage',
    'peer-record',
    'peer-fragment',
    'peer-super',
    'peer-clear',
    'stream-octets',
    'stream-reads',
    'stream-ends',
    'turn',
    'wait',
  ),
  fc.nat(DESCRIPTORS - 1),
  fc.nat(0xffff),
  fc.nat(0xffff),
);

class World {
  readonly clock = new ManualClock(1000);
  readonly network = new MemoryNetwork({ largestDatagram: 1472 });
  readonly peerHost = this.network.addHost(PEER);
  readonly node = new Node(this.network, this.network.addHost('192.0.2.1'), this.clock);
  /** What was free at the start. */
  readonly free = this.node.free;
  readonly #clients: Client[] = [];
  readonly #taps: Tap[] = [];
  /** Far ends of streams. */
  readonly #streams: number[] = [];
  #numbers = 0;

  run([kind, a, b, c]: Step): void {
    const { node, network } = this;
    const port = 1 + (b % PORTS);
    const localIndex = 1 + (b % SESSIONS);
    switch (kind) {
      case 'add-udp':
        // Two sockets cannot have one port; the system says so.
        if (network.hostOf(node.address, this.peerHost)?.udp.has(UDP_PORT + a)) return;
        node.addUdp(a, UDP_PORT + a);
        return;
      case 'add-client':
        this.#clients.push(node.addClient(a, port, 1 + (c % 20_000)));
        return;
      case 'add-tap':
        this.#taps.push(node.addTap(a, port));
        return;
      case 'add-stream':
      case 'add-twice': {
        const [near, far] = node.sockets.openStreamPair();
        this.#streams.push(far);
        const add = { op: 'add-descriptor', kind: DescriptorKind.stream } as const;
        node.post({ ...add, descriptor: a, systemDescriptor: near });
        // The index is taken now; or, a doorbell is no stream.
        if (kind !== 'add-twice') return;
        const other = c % 2 === 0 ? node.sockets.openStreamPair()[0] : node.sockets.openDoorbell();
        node.post({ ...add, descriptor: (a + (c % 3)) % DESCRIPTORS, systemDescriptor: other });
        return;
      }
      case 'remove':
        node.post({ op: 'remove-descriptor', descriptor: a });
        return;
      case 'watch':
        node.post({ op: 'watch-descriptor', descriptor: a });
        return;
      case 'open-datagram':
      case 'open-stream':
        node.post(
          openSession({
            localIndex,
            descriptor: a,
            port,
            receiveSecret: secret(1),
            mode: c % 2 === 0 ? 'sealed' : 'clear',
            largestFrame: 1514 + (c % 7703),
            superFrames: c % 3 > 0,
            ...(kind === 'open-stream' ? {} : { address: slabAddress(PEER, UDP_PORT) }),
          }),
        );
        return;
      case 'use':
        // Also for a port that is not the session's own.
        node.post({ op: 'use-session', port: 1 + (c % PORTS), localIndex });
        return;
      case 'close':
        node.post({
          op: 'close-session',
          localIndex,
          ...(c % 2 === 0 ? {} : { reason: 'why not' }),
        });
        return;
      case 'control':
      case 'bulk': {
        const payload = new Uint8Array(c);
        const send = { op: 'send-packet', localIndex, type: 0x40, payload } as const;
        node.post({ ...send, priority: kind });
        return;
      }
      case 'send-frame':
        node.post({ op: 'send-frame', port, frame: new Uint8Array(c % 12_000) });
        return;
      case 'send-message': {
        const message = linkMessage(LinkMessageType.handshakeInit, new Uint8Array(c));
        const send: Command = { op: 'send-message', descriptor: a, message };
        node.post(b % 2 === 0 ? send : { ...send, address: slabAddress(PEER) });
        return;
      }
      case 'flush':
        node.post({ op: 'flush-port', port });
        return;
      case 'configure': {
        const portStates = new Uint8Array(PORTS + 1).fill(b % (PortState.forwarding + 1));
        node.post({
          op: 'configure',
          settings: { portStates, hub: c % 2 === 0, mirrorTo: c % PORTS },
        });
        return;
      }
      case 'query':
        node.post({ op: 'query', id: 1, what: (['addresses', 'sessions', 'io'] as const)[c % 3] });
        return;
      case 'client-frames':
        for (let i = 0; i < b % 150; i++) {
          const each =
            c % 2 === 0 ? broadcast(14 + ((c * 31 + i) % 9300), a) : frame(c % 64, i % 8, a);
          this.#clients.at(c % 7)?.send(each);
        }
        return;
      case 'client-reads':
        for (const client of this.#clients) client.receive();
        return;
      case 'tap-frames':
        for (let i = 0; i < b % 40; i++) {
          const each = SUPERS[(c + i) % SUPERS.length];
          // Every third is complete, every seventh has fields that do not fit.
          const bytes = i % 3 === 0 ? broadcast(14 + ((c * 31) % 9300), a) : each.bytes;
          const needs = i % 7 === 0 ? SUPERS[0].needs : each.needs;
          if (i % 3 === 0) this.#taps.at(c % 3)?.send(bytes);
          else this.#taps.at(c % 3)?.send(bytes, needs);
        }
        return;
      case 'tap-reads':
        for (const tap of this.#taps) tap.receive();
        return;
      case 'peer-garbage':
        this.#fromPeer(
          a,
          Uint8Array.from({ length: c % 200 }, (_, i) => (i * b) >> 3),
        );
        return;
      case 'peer-record': {
        const content = packet(
          b % 14,
          c % 3 === 0 ? broadcast(14 + (c % 1200)) : new Uint8Array(c % 40),
        );
        this.#fromPeer(a, this.#record(content, localIndex, c));
        return;
      }
      case 'peer-fragment': {
        // Pieces that mostly fit together, of two frames at a time.
        const count = 2 + (b % 2);
        const index = c % count;
        const data = index === count - 1 ? 20 : 30;
        const payload = new Uint8Array(8 + data + (c % 7 === 0 ? 1 : 0));
        payload.set([0, b % 2, index, count, 0, index * 30, 0, 30 * count - 10]);
        this.#fromPeer(a, this.#record(packet(0x03, payload), localIndex, c));
        return;
      }
      case 'peer-super': {
        // Pieces of three super-frames, each a while from the others; or a whole one.
        const each = SUPERS[b % 3];
        const payload = superFramePayload(each.needs, each.bytes);
        const pieces = cut(payload, 900, b % 3);
        const piece = pieces[c % pieces.length];
        const content = c % 5 === 0 ? packet(0x0a, payload) : packet(0x0b, piece);
        if (c % 4 === 0) this.#onStream(b, this.#record(content, localIndex, c));
        else this.#fromPeer(a, this.#record(content, localIndex, c));
        return;
      }
      case 'peer-clear': {
        const types = [0x02, 0x03, 0x0a, 0x0b];
        const content = packet(types[c % 4], new Uint8Array(c % 100));
        const record = new Uint8Array(16 + content.length);
        record.set([0x11, 0, record.length - 3, 0, 0, 0, 0, localIndex]);
        record.set(content, 16);
        this.#fromPeer(a, record);
        return;
      }
      case 'stream-octets': {
        const content = packet(0x02 + (c % 2), new Uint8Array(c % 600));
        const record = this.#record(content, localIndex, c);
        this.#onStream(b, c % 11 === 0 ? record.subarray(0, c % record.length) : record);
        return;
      }
      case 'stream-reads':
        this.#readStream(b);
        return;
      case 'stream-ends':
        network.closeDescriptor(this.#streams[b % (this.#streams.length + 1)] ?? -1);
        return;
      case 'turn':
        for (let i = 0; i <= c % 4; i++) node.pump();
        return;
      default:
        this.clock.advance(c % 3000);
    }
  }

  /** Takes everything away. */
  end(): void {
    for (let index = 0; index < DESCRIPTORS; index++) {
      this.node.post({ op: 'remove-descriptor', descriptor: index });
    }
    for (let i = 0; i < 4; i++) this.node.pump();
  }

  /** Sealed with the right keys; numbers go up, down and come again. */
  #record(content: Uint8Array, receiver: number, chance: number): Uint8Array {
    const number = Math.max(0, ++this.#numbers - (chance % 3));
    const epoch = chance % 50 === 0 ? 1 : 0;
    return authenticRecord(content, { receiver, number, epoch });
  }

  #fromPeer(descriptor: number, bytes: Uint8Array): void {
    this.network.send(this.peerHost, {
      from: { host: PEER, port: UDP_PORT + (bytes.length % 50 === 0 ? 1 : 0) },
      to: { host: this.node.address, port: UDP_PORT + descriptor },
      bytes,
    });
  }

  #stream(which: number) {
    const far = this.network.descriptor(this.#streams[which % (this.#streams.length + 1)] ?? -1);
    return far?.type === 'stream' ? far : undefined;
  }

  #onStream(which: number, bytes: Uint8Array): void {
    this.#stream(which)?.write(bytes);
  }

  #readStream(which: number): void {
    this.#stream(which)?.read(new Uint8Array(100_000));
  }
}

function check(t: ExecutionContext, steps: readonly Step[]): void {
  const world = new World();
  for (const each of steps) world.run(each);
  world.end();
  t.deepEqual(world.node.free, world.free);
  t.is(world.node.sessionCount, 0);
  world.node.close();
}

test('any sequence of commands, frames and garbage', (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => check(t, steps)),
    { numRuns: 150 },
  );
});

test('the same with sessions open from the start', (t) => {
  const prologue: Step[] = [
    ['add-udp', 0, 0, 0],
    ['add-stream', 1, 0, 0],
    ['add-client', 2, 0, 5000],
    ['add-client', 3, 1, 60_000],
    ['add-tap', 4, 1, 0],
    ['open-datagram', 0, 2, 0],
    ['open-stream', 1, 3, 1],
    ['use', 0, 2, 2],
    ['use', 0, 3, 3],
  ];
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), (steps) =>
      check(t, [...prologue, ...steps]),
    ),
    { numRuns: 150 },
  );
});
