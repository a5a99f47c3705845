/** Two nodes with a session between them and a client each: most tests of the engine begin here. */
import { ManualClock } from '../../src/clock.ts';
import type { OpenSession } from '../../src/data-plane/commands.ts';
import type { EngineSettings } from '../../src/data-plane/engine-maker.ts';
import { DescriptorKind } from '../../src/io/contract.ts';
import {
  type MemoryDatagram,
  type MemoryHost,
  MemoryNetwork,
  type MemoryNetworkOptions,
} from '../../src/io/memory-network.ts';
import { type Client, LINK_PORT, Node, openSession, secret, slabAddress, UDP } from './node.ts';

/** Of several workers they name the third. */
export const LEFT_INDEX = 0x0a01;
export const RIGHT_INDEX = 0x0b02;
const CLIENT = 1;
export const SPREAD_WORKERS = 3;
/** Descriptor of the stream between the two. */
export const STREAM = 2;

export interface PairOptions extends MemoryNetworkOptions {
  readonly mode?: OpenSession['mode'];
  /** 'spread': over datagrams, and sessions live in other workers than the ports. */
  readonly carrier?: 'datagram' | 'spread' | 'stream';
  readonly settings?: EngineSettings;
  readonly session?: Partial<OpenSession>;
  /** Octets of the clients' sockets. */
  readonly bufferLength?: number;
}

export class Pair {
  readonly clock = new ManualClock(1_000_000);
  readonly network: MemoryNetwork;
  readonly leftHost: MemoryHost;
  readonly left: Node;
  readonly right: Node;
  readonly leftClient: Client;
  readonly rightClient: Client;
  /** The system descriptor of the left end of the stream, where there is one. */
  leftStream = -1;
  /** Every datagram that was sent, unless a test took `network.delivery` over. */
  readonly wire: MemoryDatagram[] = [];

  constructor(options: PairOptions = {}) {
    this.network = new MemoryNetwork(options);
    const deliverAs = this.network.delivery;
    this.network.delivery = (datagram, deliver) => {
      this.wire.push(datagram);
      deliverAs(datagram, deliver);
    };
    const { settings, bufferLength, carrier } = options;
    const workers = carrier === 'spread' ? SPREAD_WORKERS : 1;
    this.leftHost = this.network.addHost('192.0.2.1');
    this.left = new Node(this.network, this.leftHost, this.clock, settings, workers);
    const rightHost = this.network.addHost('192.0.2.2');
    this.right = new Node(this.network, rightHost, this.clock, settings, workers);
    this.leftClient = this.left.addClient(CLIENT, 1, bufferLength);
    this.rightClient = this.right.addClient(CLIENT, 1, bufferLength);
    if (options.carrier === 'stream') this.#joinByStream(options);
    else this.#joinByDatagrams(options);
    this.left.post({ op: 'use-session', port: LINK_PORT, localIndex: LEFT_INDEX });
    this.right.post({ op: 'use-session', port: LINK_PORT, localIndex: RIGHT_INDEX });
  }

  /** Both nodes are at their end; what makes many pairs says so (see Node). */
  close(): void {
    this.left.close();
    this.right.close();
  }

  /** Turns of both until nothing is left to do. */
  settle(most = 200): void {
    for (let i = 0; i < most; i++) {
      const left = this.left.pump();
      const right = this.right.pump();
      if (!left && !right) return;
    }
  }

  /** Lets time pass in steps, with turns in between. */
  pass(milliseconds: number, step = 100): void {
    for (let left = milliseconds; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      this.settle();
    }
  }

  /** What comes out on the right of frames put in on the left. */
  carry(...frames: Uint8Array[]): Uint8Array[] {
    for (const each of frames) this.leftClient.send(each);
    this.settle();
    return this.rightClient.receive();
  }

  #joinByDatagrams({ mode, session }: PairOptions): void {
    this.left.addUdp();
    this.right.addUdp();
    const common = { ...(mode === undefined ? {} : { mode }), descriptor: UDP };
    this.left.post(
      openSession({ ...common, address: slabAddress(this.right.address), ...session }),
    );
    this.right.post(
      openSession({
        ...this.#mirrored(),
        ...common,
        address: slabAddress(this.left.address),
        ...session,
      }),
    );
  }

  #joinByStream({ mode, session }: PairOptions): void {
    const [left, right] = this.left.sockets.openStreamPair();
    this.leftStream = left;
    const add = { op: 'add-descriptor', descriptor: STREAM, kind: DescriptorKind.stream } as const;
    this.left.post({ ...add, systemDescriptor: left });
    this.right.post({ ...add, systemDescriptor: right });
    const common = { ...(mode === undefined ? {} : { mode }), descriptor: STREAM };
    this.left.post(openSession({ ...common, ...session }));
    this.right.post(openSession({ ...this.#mirrored(), ...common, ...session }));
  }

  #mirrored(): Partial<OpenSession> {
    return {
      localIndex: RIGHT_INDEX,
      remoteIndex: LEFT_INDEX,
      sendSecret: secret(2),
      receiveSecret: secret(1),
    };
  }
}
