/**
 * A node's data plane in this thread, over a memory network and in virtual time:
 * what the tests of the engine drive, in short words.
 */
import { createHash } from 'node:crypto';
import type { ManualClock } from '../../src/clock.ts';
import type { Command, OpenSession } from '../../src/data-plane/commands.ts';
import { type EngineSettings, shareMemory } from '../../src/data-plane/engine-maker.ts';
import { InlineThread } from '../../src/data-plane/engine-thread.ts';
import { RECORD_STEERING } from '../../src/data-plane/local-index.ts';
import { type Notice, type NoticeKind, parseNotice } from '../../src/data-plane/notice.ts';
import { addDrops, type RemoteDrops, type SessionReport } from '../../src/data-plane/report.ts';
import { route } from '../../src/data-plane/routes.ts';
import { emitAddress } from '../../src/io/address.ts';
import { ADDRESS_LENGTH, CipherId, DescriptorKind } from '../../src/io/contract.ts';
import { MemoryIo } from '../../src/io/memory-io.ts';
import type {
  MemoryDatagramSocket,
  MemoryHost,
  MemoryNetwork,
} from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
import type { FrameNeeds, MemoryFrame, MemoryTap } from '../../src/io/memory-tap.ts';
import { type Counter, CounterReader } from '../../src/switch/counters.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';

export const UDP_PORT = 7000;
/** Where the tests put a node's UDP socket, its clients, and its friend. */
export const UDP = 0;
export const CLIENT_PORT = 1;
export const LINK_PORT = 9;
export const TAP_PORT = 2;

/** The program at the other end of an endpoint. */
export class Client {
  readonly #socket: MemoryDatagramSocket;

  constructor(socket: MemoryDatagramSocket) {
    this.#socket = socket;
  }

  /** @returns octets taken, or a negated errno */
  send(frame: Uint8Array): number {
    return this.#socket.send(frame.slice());
  }

  /** All frames that have come. */
  receive(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let next = this.#socket.receive(); next; next = this.#socket.receive()) frames.push(next);
    return frames;
  }
}

/** The host's side of a TAP. */
export class Tap {
  readonly #tap: MemoryTap;

  constructor(tap: MemoryTap) {
    this.#tap = tap;
  }

  send(bytes: Uint8Array, needs?: FrameNeeds): void {
    this.#tap.hostSend(bytes, needs);
  }

  /** All frames that have come, with what they still need. */
  receive(): MemoryFrame[] {
    const frames: MemoryFrame[] = [];
    for (let next = this.#tap.hostReceive(); next; next = this.#tap.hostReceive()) {
      frames.push(next);
    }
    return frames;
  }
}

/**
 * Slabs of nodes that were closed. Megabytes each, they keep the garbage collection of a property
 * of a hundred runs busy. Nobody wipes them: that of a node is full of old frames, too.
 */
const freeSlabs: Uint8Array<ArrayBuffer>[] = [];

export class Node {
  readonly io: MemoryIo;
  readonly sockets: MemorySockets;
  /** The worker of the ports. */
  readonly thread: InlineThread;
  readonly threads: readonly InlineThread[];
  readonly counters: CounterReader;
  readonly address: string;
  /** Every notice that was fetched. */
  readonly notices: Notice[] = [];
  readonly #network: MemoryNetwork;
  readonly #ios: readonly MemoryIo[];
  #answer: unknown;
  #paths = 0;

  constructor(
    network: MemoryNetwork,
    host: MemoryHost,
    clock: ManualClock,
    settings: EngineSettings = {},
    workers = 1,
  ) {
    this.#network = network;
    this.address = host.addresses[0];
    this.sockets = new MemorySockets(network, host);
    const now = () => clock.now();
    const doorbells = Array.from({ length: workers }, () => this.sockets.openDoorbell());
    const shared = shareMemory(doorbells);
    const ios = doorbells.map((doorbell) => {
      const slab = freeSlabs.pop();
      return new MemoryIo({ network, doorbell, ...(slab === undefined ? {} : { slab }) });
    });
    this.io = ios[0]!;
    this.#ios = ios;
    this.threads = ios.map(
      (io, worker) => new InlineThread(io, this.sockets, now, settings, worker, shared),
    );
    this.thread = this.threads[0]!;
    for (const thread of this.threads) {
      thread.onAnswer = (_id, answer) => {
        this.#answer = answer;
      };
    }
    this.counters = new CounterReader(...this.threads.map(({ counters }) => counters));
    this.post({
      op: 'configure',
      settings: { portStates: new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding) },
    });
  }

  /** For what makes many nodes: others use the memory of this one, which is at its end. */
  close(): void {
    for (const io of this.#ios) {
      io.close();
      freeSlabs.push(io.slab);
    }
  }

  post(command: Command): void {
    route(command, this.threads.length, (worker, each) => this.threads[worker]!.post(each));
  }

  pump(): boolean {
    let busy = false;
    for (const thread of this.threads) busy = thread.pump() || busy;
    const keep = (bytes: Uint8Array): void => {
      const notice = parseNotice(bytes);
      if (notice !== undefined) this.notices.push(notice);
    };
    for (const { friends, strangers } of this.threads) {
      friends.drain(keep);
      strangers.drain(keep);
    }
    return busy;
  }

  /** Notices of one kind so far. */
  told(kind: NoticeKind): Notice[] {
    return this.notices.filter((notice) => notice.kind === kind);
  }

  addUdp(descriptor = UDP, port = UDP_PORT): void {
    const { length } = this.threads;
    const systems =
      length === 1
        ? [this.sockets.openUdp(this.address, port)]
        : this.sockets.openUdpGroup(this.address, port, length, RECORD_STEERING);
    const { udp } = DescriptorKind;
    for (const [worker, systemDescriptor] of systems.entries()) {
      const command = { op: 'add-descriptor', descriptor, systemDescriptor, kind: udp } as const;
      this.threads[worker]!.post(command);
    }
  }

  /** A client whose socket has room for `bufferLength` octets. */
  addClient(descriptor: number, port = CLIENT_PORT, bufferLength = 1 << 22): Client {
    const [inside, outside] = [this.#path(), this.#path()];
    const system = this.sockets.openUnixDatagram(inside, '', bufferLength);
    const far = this.sockets.openUnixDatagram(outside, inside, bufferLength);
    this.sockets.connectUnixDatagram(system, outside);
    const { unixDatagram } = DescriptorKind;
    this.post({ op: 'add-descriptor', descriptor, systemDescriptor: system, kind: unixDatagram });
    this.post({ op: 'add-endpoint', descriptor, port });
    return new Client(this.#network.descriptor(far) as MemoryDatagramSocket);
  }

  addTap(descriptor: number, port = TAP_PORT): Tap {
    const { descriptor: systemDescriptor } = this.sockets.openTap('tap%d', '');
    const tap = this.#network.descriptor(systemDescriptor) as MemoryTap;
    this.post({ op: 'add-descriptor', descriptor, systemDescriptor, kind: DescriptorKind.tap });
    this.post({ op: 'add-endpoint', descriptor, port });
    return new Tap(tap);
  }

  session(localIndex: number): SessionReport {
    this.thread.post({ op: 'query', id: 0, what: 'remote-drops' });
    const remote = this.#answer as RemoteDrops[];
    const all = addDrops(this.#sessions(), remote);
    const found = all.find((report) => report.localIndex === localIndex);
    if (found === undefined) throw new Error(`there is no session ${localIndex}`);
    return found;
  }

  get sessionCount(): number {
    return this.#sessions().length;
  }

  /** Drops of ingress and counters of the I/O. */
  get ioReport(): Readonly<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const report of this.#ask('io') as Record<string, number>[]) {
      for (const [name, value] of Object.entries(report)) sum[name] = (sum[name] ?? 0) + value;
    }
    return sum;
  }

  count(port: number, counter: Counter): number {
    return this.counters.value(port, counter);
  }

  /** Pieces of memory that are free: addresses, frames, chunks, large pieces, late frames. */
  get free(): readonly number[] {
    const each = this.threads.map(({ engine }) => {
      const { addresses, frames, chunks, large, late } = engine.memory;
      return [addresses, frames, chunks, large, late].map(({ available }) => available);
    });
    return each.reduce((sum, more) => sum.map((value, i) => value + more[i]!));
  }

  #sessions(): readonly SessionReport[] {
    return (this.#ask('sessions').flat() as SessionReport[]).filter(({ ended }) => !ended);
  }

  /** The answers of all workers. */
  #ask(what: 'sessions' | 'io'): unknown[] {
    return this.threads.map((thread) => {
      thread.post({ op: 'query', id: 0, what });
      return this.#answer;
    });
  }

  #path(): string {
    return `/${this.address}/${this.#paths++}`;
  }
}

/** An address as it lies in the slab. */
export function slabAddress(host: string, port = UDP_PORT): Uint8Array {
  const out = new Uint8Array(ADDRESS_LENGTH);
  if (!emitAddress({ host, port }, out)) throw new RangeError(`${host} is not numeric`);
  return out;
}

/** A made-up traffic secret. */
export function secret(seed: number): Uint8Array {
  return new Uint8Array(32).fill(seed);
}

/** How one end of a made-up session is opened; the other end swaps indices and secrets. */
export function openSession(fields: Partial<OpenSession> = {}): OpenSession {
  return {
    op: 'open-session',
    localIndex: 0x0a01,
    remoteIndex: 0x0b02,
    descriptor: UDP,
    cipher: CipherId.chacha20poly1305,
    sendSecret: secret(1),
    receiveSecret: secret(2),
    firstNumber: 1,
    mode: 'sealed',
    largestFrame: 9216,
    port: LINK_PORT,
    ...fields,
  };
}

/** An Ethernet frame between two stations; its octets count up from `seed`. */
export function frame(length: number, to = 2, from = 1, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i + seed;
  bytes.set([0x02, 0, 0, 0, 0, to, 0x02, 0, 0, 0, 0, from, 0x88, 0xb5].slice(0, length));
  return bytes;
}

/** A frame for everybody, from station `from`. */
export function broadcast(length: number, from = 1, seed = 0): Uint8Array {
  const bytes = frame(length, 0, from, seed);
  bytes.fill(0xff, 0, 6);
  return bytes;
}

/** Whether `part` stands anywhere in `bytes`. */
export function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes).includes(Buffer.from(part));
}

/** Frames as short texts, which a failing test can show. */
export function prints(frames: readonly Uint8Array[]): string[] {
  return frames.map((each) => {
    const digest = createHash('sha1').update(each).digest('hex').slice(0, 8);
    return `${each.length} octets, ${digest}`;
  });
}
