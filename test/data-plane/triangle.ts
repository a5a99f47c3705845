/**
 * Three nodes: a and b share a security group, c shares none with either. The links of c are
 * in the clear; that of a and b is sealed, and either direct or relayed by c.
 */
import { ManualClock } from '../../src/clock.ts';
import { type MemoryDatagram, MemoryNetwork } from '../../src/io/memory-network.ts';
import { RECEIVERS } from '../../src/links/relay/relay-packet.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';
import { type Client, contains, Node, openSession, secret, slabAddress, UDP } from './node.ts';
import { SPREAD_WORKERS } from './pair.ts';

/** Ports of a's and b's links: to c, and to one another. */
export const TO_C = 9;
export const TO_PEER = 10;
/** Ports of c's links. */
export const TO_A = 9;
export const TO_B = 10;
/** Where a and b have the circuit between them. */
const CIRCUIT = 7;
/** Indices of sessions: of a and b to c, of a and b with one another, of c. */
const INDEX = { ac: 0xa001, bc: 0xb001, ab: 0xa002, ba: 0xb002, ca: 0xc001, cb: 0xc002 };
/** The same where sessions are spread: those over UDP name the workers 1 and 2. */
const SPREAD: typeof INDEX = {
  ac: 0xa401,
  bc: 0xc801,
  ab: 0xa802,
  ba: 0xc402,
  ca: 0xe401,
  cb: 0xe802,
};
const RELAYED_INDEX = { ab: 0xa002, ba: 0xc002 };

export interface TriangleOptions {
  /** How a and b are linked. */
  readonly way: 'relayed' | 'direct' | 'relayed, spread' | 'direct, spread';
  /** Whether a and b are in any group. By default they are. */
  readonly confined?: boolean;
  /** The ports between a and b are blocked by the spanning tree. By default they are. */
  readonly blocked?: boolean;
  readonly largestDatagram?: number;
  /** Sessions take super-frames. */
  readonly superFrames?: boolean;
}

export class Triangle {
  readonly clock = new ManualClock(1_000_000);
  readonly network: MemoryNetwork;
  readonly a: Node;
  readonly b: Node;
  readonly c: Node;
  /** Hosts 1, 2 and 3. */
  readonly hostA: Client;
  readonly hostB: Client;
  readonly hostC: Client;
  readonly wire: MemoryDatagram[] = [];
  readonly #options: TriangleOptions;
  readonly #isDirect: boolean;
  readonly #index: typeof INDEX;

  constructor(options: TriangleOptions) {
    this.#options = options;
    const { way } = options;
    const isSpread = way.endsWith('spread');
    this.#isDirect = way.startsWith('direct');
    const relayed = this.#isDirect ? {} : RELAYED_INDEX;
    this.#index = isSpread ? { ...SPREAD, ...relayed } : INDEX;
    const { largestDatagram } = options;
    this.network = new MemoryNetwork(largestDatagram === undefined ? {} : { largestDatagram });
    const deliverAs = this.network.delivery;
    this.network.delivery = (datagram, deliver) => {
      this.wire.push(datagram);
      deliverAs(datagram, deliver);
    };
    const node = (last: number): Node => {
      const host = this.network.addHost(`192.0.2.${last}`);
      const workers = isSpread ? SPREAD_WORKERS : 1;
      const made = new Node(this.network, host, this.clock, {}, workers);
      made.addUdp();
      return made;
    };
    [this.a, this.b, this.c] = [node(1), node(2), node(3)];
    this.hostA = this.a.addClient(1);
    this.hostB = this.b.addClient(1);
    this.hostC = this.c.addClient(1);
    this.linkToC();
    if (options.blocked !== false) for (const each of [this.a, this.b]) this.block(each, TO_PEER);
  }

  /** Links a and b with c, in the clear. */
  linkToC(): void {
    const confined = this.#options.confined ?? true;
    const index = this.#index;
    this.#link(this.a, index.ac, TO_C, this.c, index.ca, TO_A, 'clear', confined, 1);
    this.#link(this.b, index.bc, TO_C, this.c, index.cb, TO_B, 'clear', confined, 3);
  }

  /** Links a and b with one another. */
  linkPeers(mode: 'sealed' | 'clear' = 'sealed'): void {
    const index = this.#index;
    if (this.#isDirect) {
      this.#link(this.a, index.ab, TO_PEER, this.b, index.ba, TO_PEER, mode, true, 5);
      return;
    }
    // a has given the number on its link, c the one on b's.
    const [fromA, fromB] = [
      { port: TO_A, number: 1 },
      { port: TO_B, number: 2 | RECEIVERS },
    ];
    this.c.post({ op: 'join-circuits', one: fromA, other: fromB });
    const atA = { port: TO_C, number: 1 | RECEIVERS };
    const atB = { port: TO_C, number: 2 };
    for (const [node, end] of [
      [this.a, atA],
      [this.b, atB],
    ] as const) {
      node.post({ op: 'add-circuit', descriptor: CIRCUIT, end });
    }
    const { superFrames = false } = this.#options;
    const common = { descriptor: CIRCUIT, port: TO_PEER, mode, confined: true, superFrames };
    this.a.post(openSession({ localIndex: index.ab, remoteIndex: index.ba, ...common }));
    this.b.post(
      openSession({
        localIndex: index.ba,
        remoteIndex: index.ab,
        sendSecret: secret(2),
        receiveSecret: secret(1),
        ...common,
      }),
    );
    this.a.post({ op: 'use-session', port: TO_PEER, localIndex: index.ab });
    this.b.post({ op: 'use-session', port: TO_PEER, localIndex: index.ba });
  }

  /** Ends the session of a and b at both ends, without a word. */
  unlinkPeers(): void {
    const index = this.#index;
    this.a.post({ op: 'close-session', localIndex: index.ab });
    this.b.post({ op: 'close-session', localIndex: index.ba });
  }

  /** The spanning tree blocks a port of a node; all others forward. */
  block(node: Node, ...ports: readonly number[]): void {
    const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
    for (const port of ports) portStates[port] = PortState.discarding;
    node.post({ op: 'configure', settings: { portStates } });
  }

  settle(most = 300): void {
    for (let i = 0; i < most; i++) {
      const busy = [this.a.pump(), this.b.pump(), this.c.pump()];
      if (!busy.includes(true)) return;
    }
  }

  pass(milliseconds: number, step = 100): void {
    for (let left = milliseconds; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      this.settle();
    }
  }

  /** Sends frames from a host, and lets them arrive. */
  send(from: Client, ...frames: readonly Uint8Array[]): void {
    for (const each of frames) from.send(each);
    this.settle();
  }

  /** Empties what all hosts have received, and the record of the wire. */
  forget(): void {
    for (const host of [this.hostA, this.hostB, this.hostC]) host.receive();
    this.wire.length = 0;
  }

  /** Whether the wire has carried the payload of a frame, or a part of it, so that it can be read. */
  hasLeaked(frame: Uint8Array): boolean {
    const marker = frame.subarray(14, Math.min(frame.length, 14 + 24));
    return this.wire.some(({ bytes }) => contains(bytes, marker));
  }

  #link(
    one: Node,
    oneIndex: number,
    onePort: number,
    other: Node,
    otherIndex: number,
    otherPort: number,
    mode: 'sealed' | 'clear',
    confined: boolean,
    seed: number,
  ): void {
    const { superFrames = false } = this.#options;
    const common = { descriptor: UDP, mode, superFrames };
    one.post(
      openSession({
        ...common,
        localIndex: oneIndex,
        remoteIndex: otherIndex,
        port: onePort,
        confined,
        address: slabAddress(other.address),
        sendSecret: secret(seed),
        receiveSecret: secret(seed + 1),
      }),
    );
    other.post(
      openSession({
        ...common,
        localIndex: otherIndex,
        remoteIndex: oneIndex,
        port: otherPort,
        confined: confined && other !== this.c,
        address: slabAddress(one.address),
        sendSecret: secret(seed + 1),
        receiveSecret: secret(seed),
      }),
    );
    one.post({ op: 'use-session', port: onePort, localIndex: oneIndex });
    other.post({ op: 'use-session', port: otherPort, localIndex: otherIndex });
  }
}
