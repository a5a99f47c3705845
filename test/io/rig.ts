/** A BatchedIo with its sockets, and short words to drive it in tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { addressText, emitAddress } from '../../src/io/address.ts';
import {
  ADDRESS_LENGTH,
  type BatchedIo,
  DescriptorKind,
  Offload,
  PART_STRIDE,
  Part,
  RX_STRIDE,
  Rx,
  RxEvent,
  SLOT_HEADROOM,
  SlabLayout,
  TX_STRIDE,
  Tx,
} from '../../src/io/contract.ts';
import { MemoryIo } from '../../src/io/memory-io.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
import { NativeIo } from '../../src/io/native-io.ts';
import type { SystemSockets } from '../../src/io/system-contract.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';

/** A copy of one receive record with what it points at. */
export interface Received {
  readonly descriptor: number;
  readonly event: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  /** Text of the source address: of a datagram or an accepted connection. */
  readonly from: string;
  readonly offload: Offload;
  readonly segmentSize: number;
  /** Only of a super-frame. */
  readonly checksumStart: number;
  readonly checksumOffset: number;
}

export interface Send {
  readonly descriptor: number;
  readonly header?: Uint8Array;
  readonly payload?: Uint8Array;
  /** The payload in pieces. */
  readonly parts?: readonly Uint8Array[];
  readonly to?: { readonly host: string; readonly port: number };
  readonly segmentSize?: number;
  readonly offload?: Offload;
  readonly checksumStart?: number;
  readonly checksumOffset?: number;
}

const POLL_TIMEOUT = 50;
/** Polls before a wait is given up: half a minute of real waiting. */
const MOST_POLLS = 600;

export class Rig {
  readonly io: BatchedIo;
  readonly sockets: SystemSockets;
  readonly doorbell: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'kith-io-'));

  #closed = false;

  /** Closed at the end of the test `t`, where one is given. */
  constructor(
    makeIo: (doorbell: number) => BatchedIo,
    sockets: SystemSockets,
    t?: ExecutionContext,
  ) {
    t?.teardown(() => this.close());
    this.sockets = sockets;
    this.doorbell = sockets.openDoorbell();
    this.io = makeIo(this.doorbell);
  }

  static native(t?: ExecutionContext): Rig {
    return new Rig((doorbell) => new NativeIo({ doorbell }), systemSockets(), t);
  }

  static memory(t?: ExecutionContext): Rig {
    const network = new MemoryNetwork();
    const host = network.addHost('192.0.2.1', '2001:db8::1');
    const sockets = new MemorySockets(network, host);
    return new Rig((doorbell) => new MemoryIo({ network, doorbell }), sockets, t);
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.io.close();
    this.sockets.closeDescriptor(this.doorbell);
    rmSync(this.#directory, { recursive: true });
  }

  /** Two connected Unix datagram sockets under these indices. */
  datagramPair(a: number, b: number, bufferLength = 1 << 20): void {
    const [pathA, pathB] = [this.path(`s${a}`), this.path(`s${b}`)];
    const first = this.sockets.openUnixDatagram(pathA, '', bufferLength);
    const second = this.sockets.openUnixDatagram(pathB, pathA, bufferLength);
    this.sockets.connectUnixDatagram(first, pathB);
    this.io.addDescriptor(a, first, DescriptorKind.unixDatagram);
    this.io.addDescriptor(b, second, DescriptorKind.unixDatagram);
  }

  /** Two connected streams, each with an area of `length` octets at 1 MB steps of free memory. */
  streamPair(a: number, b: number, length: number): void {
    const [first, second] = this.sockets.openStreamPair();
    this.io.addDescriptor(a, first, DescriptorKind.stream, this.area(a, length));
    this.io.addDescriptor(b, second, DescriptorKind.stream, this.area(b, length));
  }

  area(index: number, length: number): { offset: number; length: number } {
    return { offset: SlabLayout.free + (index << 20), length };
  }

  /** Flushes once and returns the results. */
  send(sends: readonly Send[]): number[] {
    const { io } = this;
    let at: number = SlabLayout.arena;
    let nextPart = 0;
    const put = (bytes: Uint8Array): number => {
      io.slab.set(bytes, at);
      at += bytes.length;
      return at - bytes.length;
    };
    sends.forEach((send, i) => {
      const { descriptor, header, payload, parts, to } = send;
      const record = io.tx.subarray(i * TX_STRIDE, (i + 1) * TX_STRIDE);
      record[Tx.descriptor] = descriptor;
      record[Tx.headerLength] = header?.length ?? 0;
      record[Tx.headerOffset] = header ? put(header) : 0;
      record[Tx.payloadLength] = payload?.length ?? 0;
      record[Tx.payloadOffset] = payload ? put(payload) : 0;
      record[Tx.segmentSize] = send.segmentSize ?? 0;
      record[Tx.offload] = send.offload ?? Offload.none;
      record[Tx.checksumStart] = send.checksumStart ?? 0;
      record[Tx.checksumOffset] = send.checksumOffset ?? 0;
      record[Tx.partCount] = parts?.length ?? 0;
      if (parts) {
        record[Tx.payloadOffset] = nextPart;
        record[Tx.payloadLength] = parts.reduce((sum, { length }) => sum + length, 0);
        for (const part of parts) {
          io.parts[nextPart * PART_STRIDE + Part.offset] = put(part);
          io.parts[nextPart++ * PART_STRIDE + Part.length] = part.length;
        }
      }
      record[Tx.address] = -1;
      record[Tx.result] = 0x5a5a5a;
      if (to) {
        record[Tx.address] = put(new Uint8Array(ADDRESS_LENGTH));
        emitAddress(to, io.slab, record[Tx.address]);
      }
    });
    io.flush(sends.length);
    return sends.map((_, i) => io.tx[i * TX_STRIDE + Tx.result]);
  }

  /** One poll. */
  poll(timeout = POLL_TIMEOUT): Received[] {
    const { io } = this;
    const count = io.poll(timeout);
    if (count < 0) throw new Error(`poll failed with ${count}`);
    return Array.from({ length: count }, (_, i) => {
      const record = io.rx.subarray(i * RX_STRIDE, (i + 1) * RX_STRIDE);
      const [descriptor, offset, length, event] = record;
      const hasData = event === RxEvent.data || event === RxEvent.oversized;
      const source = event === RxEvent.accepted ? offset : offset - SLOT_HEADROOM;
      return {
        descriptor,
        event,
        length,
        bytes: hasData ? io.slab.slice(offset, offset + length) : new Uint8Array(0),
        from: source >= 0 ? addressText(io.slab, source) : '',
        offload: record[Rx.offload] as Offload,
        segmentSize: record[Rx.segmentSize],
        checksumStart: record[Rx.checksumStart],
        checksumOffset: record[Rx.checksumOffset],
      };
    });
  }

  /** Polls until `enough` says so of all that came; throws when it never does. */
  receive(enough: number | ((all: readonly Received[]) => boolean)): Received[] {
    const done =
      typeof enough === 'number' ? (all: readonly Received[]) => all.length >= enough : enough;
    const all: Received[] = [];
    for (let i = 0; i < MOST_POLLS; i++) {
      if (done(all)) return all;
      all.push(...this.poll());
    }
    throw new Error(`waited in vain; came: ${JSON.stringify(all.slice(0, 5))}`);
  }

  /** What a stream has gathered; empties its area. */
  takeStream(index: number): Uint8Array {
    const { offset } = this.area(index, 0);
    const bytes = this.io.slab.slice(offset, offset + this.io.fill[index]);
    this.io.fill[index] = 0;
    return bytes;
  }
}

/** The datagrams of receive records, whether the system has joined them or not. */
export function datagrams(all: readonly Received[]): Uint8Array[] {
  return all.flatMap(({ bytes, segmentSize }) => {
    if (segmentSize === 0) return [bytes];
    const count = Math.ceil(bytes.length / segmentSize);
    return Array.from({ length: count }, (_, i) =>
      bytes.slice(i * segmentSize, (i + 1) * segmentSize),
    );
  });
}

export function octets(length: number, first = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = first + i;
  return bytes;
}
