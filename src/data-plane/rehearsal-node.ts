/** A node of a rehearsal: an engine with ports and links of its own, over an I/O that it shares. */
import { emitAddress } from '../io/address.ts';
import { ADDRESS_LENGTH, CipherId, DescriptorKind, KEY_LENGTH } from '../io/contract.ts';
import type { SystemSockets } from '../io/system-contract.ts';
import type { OpenSession } from './commands.ts';
import type { DataPlaneEngine } from './engine-contract.ts';

const LOOPBACK = '127.0.0.1';

/** A UDP socket of a node, and where others find it. */
export interface RehearsalSocket {
  readonly descriptor: number;
  readonly address: Uint8Array;
}

export interface RehearsalLink {
  readonly port: number;
  readonly mode: OpenSession['mode'];
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly from: RehearsalSocket;
  readonly to: RehearsalSocket;
}

export class RehearsalNode<E extends DataPlaneEngine> {
  readonly engine: E;
  readonly #now: number;
  /** The next free descriptor of the I/O. */
  readonly #next: () => number;
  readonly #descriptors: number[] = [];

  /** @param now milliseconds, for all that it is told */
  constructor(engine: E, now: number, next: () => number) {
    this.engine = engine;
    this.#now = now;
    this.#next = next;
  }

  /** An end of a pair of sockets becomes a client, or what is taken for a TAP. @returns its descriptor */
  join(systemDescriptor: number, kind: DescriptorKind, port: number): number {
    const descriptor = this.#add(systemDescriptor, kind);
    this.engine.execute({ op: 'add-endpoint', descriptor, port }, this.#now);
    return descriptor;
  }

  /** A UDP socket on loopback. Throws when there is no loopback. */
  listen(sockets: SystemSockets): RehearsalSocket {
    const systemDescriptor = sockets.openUdp(LOOPBACK, 0);
    const { port } = sockets.localAddress(systemDescriptor);
    const address = new Uint8Array(ADDRESS_LENGTH);
    emitAddress({ host: LOOPBACK, port }, address);
    return { descriptor: this.#add(systemDescriptor, DescriptorKind.udp), address };
  }

  /** A session whose other end has the same indices the other way round. */
  link({ port, mode, localIndex, remoteIndex, from, to }: RehearsalLink): void {
    this.engine.execute(
      {
        op: 'open-session',
        localIndex,
        remoteIndex,
        descriptor: from.descriptor,
        address: to.address,
        cipher: CipherId.aes256gcm,
        sendSecret: secret(localIndex),
        receiveSecret: secret(remoteIndex),
        firstNumber: 1,
        mode,
        largestFrame: 9216,
        superFrames: true,
        port,
      },
      this.#now,
    );
  }

  leave(now: number): void {
    for (const descriptor of this.#descriptors) {
      this.engine.execute({ op: 'remove-descriptor', descriptor }, now);
    }
  }

  #add(systemDescriptor: number, kind: DescriptorKind): number {
    const descriptor = this.#next();
    this.engine.execute({ op: 'add-descriptor', descriptor, systemDescriptor, kind }, this.#now);
    this.#descriptors.push(descriptor);
    return descriptor;
  }
}

/** Of no worth: it seals what never leaves this machine. */
function secret(index: number): Uint8Array {
  return new Uint8Array(KEY_LENGTH).fill(1 + index);
}
