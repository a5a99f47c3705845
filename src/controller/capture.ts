/**
 * A capture as a stream of pcapng: what the data plane copies into a ring, with the ports as
 * interfaces.
 *
 *   worker --> ring --> this stream --> the control socket
 *
 * When the reader is slow the stream stops emptying the ring, the ring fills, and the worker
 * drops and counts; the count goes into the next packet. The stream ends with the node, or when
 * it has what was asked for, and then says how much each port lost. Destroying it ends the
 * capture at once.
 */
import { Readable } from 'node:stream';
import type { CaptureEvents, FrameCapture } from '../data-plane/data-plane.ts';
import { type FrameRecord, parseRecord } from '../data-plane/frame-record.ts';
import type { CaptureFilter } from '../data-plane/recorder.ts';
import { KithError } from '../errors.ts';
import {
  type InterfaceDescription,
  interfaceLength,
  packetLength,
  STATISTICS_LENGTH,
  sectionHeaderLength,
  writeInterface,
  writePacket,
  writeSectionHeader,
  writeStatistics,
} from '../switch/capture/pcapng.ts';

/** Octets of a super-frame and of any frame at most: nothing is cut. */
export const WHOLE_FRAMES = 262_144;
/** Packets taken out of the ring before the event loop goes on. */
const PACKETS_PER_TURN = 256;
const MICROSECONDS = 1000;

export interface CaptureOptions extends CaptureFilter {
  /** Packets after which it ends; absent: none. */
  readonly count?: number;
  /** Milliseconds after which it ends; absent: never. */
  readonly duration?: number;
  /** What writes the file. */
  readonly application: string;
  /** Ports that are described at the start, whether a frame comes or not. */
  readonly ports: readonly number[];
  /** What a port is called. */
  describe(port: number): Omit<InterfaceDescription, 'snaplen'>;
}

/** What of the data plane captures need. */
export interface CapturePlane {
  startCapture(filter: CaptureFilter, events: CaptureEvents): FrameCapture | undefined;
}

interface Interface {
  readonly index: number;
  received: number;
  dropped: number;
}

export class CaptureStream extends Readable {
  readonly #options: CaptureOptions;
  readonly #capture: FrameCapture;
  readonly #interfaces = new Map<number, Interface>();
  readonly #timer: NodeJS.Timeout | undefined;
  #wanted = false;
  #scheduled = false;
  #left: number;
  #dropsTold = 0;
  /** Whose packet came last. */
  #last: Interface | undefined;
  #finished = false;

  /** @throws KithError 'system' when too many captures run */
  constructor(plane: CapturePlane, options: CaptureOptions) {
    super({ highWaterMark: 256 * 1024 });
    this.#options = options;
    this.#left = options.count ?? Number.POSITIVE_INFINITY;
    const capture = plane.startCapture(options, {
      recorded: () => this.#pump(),
      ended: () => this.#finish(),
    });
    if (capture === undefined) {
      throw new KithError('system', 'as many captures as can run do so already; end one of them');
    }
    this.#capture = capture;
    const blocks = [this.#header(), ...options.ports.map((port) => this.#addInterface(port).block)];
    this.push(Buffer.concat(blocks));
    if (options.duration !== undefined) {
      this.#timer = setTimeout(() => this.#finish(), options.duration);
    }
  }

  override _read(): void {
    this.#wanted = true;
    this.#pump();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#stop();
    callback(error);
  }

  /** Takes what is in the ring as long as somebody wants it. */
  #pump(): void {
    if (!this.#wanted || this.#scheduled || this.#finished) return;
    const blocks: Buffer[] = [];
    const { ring } = this.#capture;
    const most = Math.min(PACKETS_PER_TURN, this.#left);
    const taken = ring.drain((message) => this.#packet(parseRecord(message), blocks), most);
    this.#left -= taken;
    if (blocks.length > 0) this.#wanted = this.push(Buffer.concat(blocks));
    if (this.#left === 0) this.#finish();
    else if (taken === most) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#pump();
      });
    }
  }

  #packet(record: FrameRecord, blocks: Buffer[]): void {
    let port = this.#interfaces.get(record.port);
    if (port === undefined) {
      const added = this.#addInterface(record.port);
      blocks.push(added.block);
      port = added.port;
    }
    const drops = this.#capture.ring.drops;
    // Whose they were is not known; the packet behind the gap tells of them.
    const dropped = (drops - this.#dropsTold) >>> 0;
    this.#dropsTold = drops;
    port.received++;
    port.dropped += dropped;
    this.#last = port;
    const facts = {
      interface: port.index,
      direction: record.direction,
      time: Math.round(record.time * MICROSECONDS),
      originalLength: record.originalLength,
      dropped,
    };
    const block = Buffer.allocUnsafe(packetLength(record.octets.length, dropped));
    writePacket(block, 0, facts, record.octets);
    blocks.push(block);
  }

  #header(): Buffer {
    const { application } = this.#options;
    const block = Buffer.allocUnsafe(sectionHeaderLength(application));
    writeSectionHeader(block, 0, application);
    return block;
  }

  #addInterface(number: number): { block: Buffer; port: Interface } {
    const { snaplen } = this.#options;
    const described = { ...this.#options.describe(number), snaplen };
    const block = Buffer.allocUnsafe(interfaceLength(described));
    writeInterface(block, 0, described);
    const port = { index: this.#interfaces.size, received: 0, dropped: 0 };
    this.#interfaces.set(number, port);
    return { block, port };
  }

  /** Ends in good order. */
  #finish(): void {
    if (this.#finished) return;
    this.#stop();
    const { ring } = this.#capture;
    const blocks: Buffer[] = [];
    ring.drain((message) => this.#packet(parseRecord(message), blocks), this.#left);
    if (this.#last !== undefined) this.#last.dropped += (ring.drops - this.#dropsTold) >>> 0;
    const time = Date.now() * MICROSECONDS;
    for (const { index, received, dropped } of this.#interfaces.values()) {
      const block = Buffer.allocUnsafe(STATISTICS_LENGTH);
      writeStatistics(block, 0, { interface: index, time, received, dropped });
      blocks.push(block);
    }
    this.push(Buffer.concat(blocks));
    this.push(null);
  }

  #stop(): void {
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#capture.stop();
  }
}
