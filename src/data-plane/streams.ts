/**
 * The streams of a data plane: finds the messages in what they bring, and keeps what
 * they would not take yet.
 */
import { type BatchedIo, MAX_DESCRIPTORS } from '../io/contract.ts';
import { LINK_HEADER_LENGTH, MAX_BODY_LENGTH, readLength } from '../links/link-message.ts';
import type { Egress } from './egress/egress.ts';
import type { Ingress } from './ingress.ts';
import type { PiecePool } from './memory.ts';
import type { Session } from './session.ts';
import { StreamQueue } from './stream-queue.ts';

interface Stream {
  /** Slab offset of what has come in. */
  readonly area: number;
  readonly queue: StreamQueue;
  /** Octets at the front of the area that are dealt with. */
  consumed: number;
  connecting: boolean;
}

export interface StreamsParts {
  readonly io: BatchedIo;
  readonly chunks: PiecePool;
  readonly ingress: Ingress;
  readonly egress: Egress;
  /** The session that lives on a stream, if any. */
  readonly sessionOn: (descriptor: number) => Session | undefined;
  /** Opens and delivers what was found so far: there is no room for more, or the stream ends. */
  readonly makeRoom: () => void;
}

export class Streams {
  readonly #parts: StreamsParts;
  readonly #streams: (Stream | undefined)[] = new Array(MAX_DESCRIPTORS).fill(undefined);
  /** Those with consumed octets at the front of their areas. */
  readonly #touched: number[] = [];

  constructor(parts: StreamsParts) {
    this.#parts = parts;
  }

  /** A stream whose octets gather at `area`, a chunk that is given back by `remove`. */
  add(descriptor: number, area: number): void {
    this.#streams[descriptor] = {
      area,
      queue: new StreamQueue(),
      consumed: 0,
      connecting: true,
    };
  }

  remove(descriptor: number): void {
    const stream = this.#streams[descriptor];
    if (stream === undefined) return;
    this.#streams[descriptor] = undefined;
    this.#parts.chunks.give(stream.area);
  }

  /** Gives all whole messages to ingress. @returns false when it brought nonsense and has to end */
  scan(descriptor: number): boolean {
    const stream = this.#streams[descriptor];
    if (stream === undefined) return true;
    const { io, ingress, makeRoom } = this.#parts;
    const end = stream.area + io.fill[descriptor];
    let offset = stream.area + stream.consumed;
    while (end - offset >= LINK_HEADER_LENGTH) {
      const length = LINK_HEADER_LENGTH + readLength(io.slab, offset);
      if (offset + length > end) break;
      if (ingress.isFull) makeRoom();
      if (!ingress.streamMessage(descriptor, offset, length)) {
        makeRoom(); // what came before the nonsense still counts
        return false;
      }
      offset += length;
    }
    if (stream.consumed === 0 && offset > stream.area) this.#touched.push(descriptor);
    stream.consumed = offset - stream.area;
    return true;
  }

  /** Moves what the streams have not consumed to the front of their areas; ends a turn. */
  compact(): void {
    if (this.#touched.length === 0) return;
    const { slab, fill } = this.#parts.io;
    for (const descriptor of this.#touched) {
      const stream = this.#streams[descriptor];
      if (stream === undefined) continue;
      const { area, consumed } = stream;
      const rest = fill[descriptor] - consumed;
      if (rest > 0) slab.copyWithin(area, area + consumed, area + fill[descriptor]);
      fill[descriptor] = rest;
      stream.consumed = 0;
    }
    this.#touched.length = 0;
  }

  /** It can be written. @returns true when that means that its connection has come about */
  writable(descriptor: number): boolean {
    const stream = this.#streams[descriptor];
    if (stream === undefined) return false;
    const { connecting } = stream;
    stream.connecting = false;
    return connecting;
  }

  /** One link message, behind what waits. @returns false when too much waits: it has to end */
  send(descriptor: number, message: Uint8Array): boolean {
    const stream = this.#streams[descriptor];
    if (stream === undefined || message.length > LINK_HEADER_LENGTH + MAX_BODY_LENGTH) return true;
    stream.queue.push(message);
    return this.sendQueued(descriptor) && !stream.queue.isOverfull;
  }

  /** What a session that ends has waiting goes on behind it: no message is left in half. */
  keep(descriptor: number, octets: Uint8Array): void {
    this.#streams[descriptor]?.queue.push(octets);
  }

  /**
   * Sends what waits outside of sessions, as far as the stream takes it.
   * @returns false when there is no memory to do it with: the stream has to end
   */
  sendQueued(descriptor: number): boolean {
    const stream = this.#streams[descriptor];
    if (stream === undefined || stream.queue.isEmpty) return true;
    const { io, chunks, egress, sessionOn } = this.#parts;
    const { queue } = stream;
    const session = sessionOn(descriptor);
    const chunk = chunks.take();
    if (chunk < 0) return false;
    for (let front = queue.front(); front !== undefined; front = queue.front()) {
      io.slab.set(front, chunk);
      let taken = front.length;
      if (session !== undefined) egress.streams.message(session, chunk, front.length);
      else taken = Math.max(0, egress.streams.octets(descriptor, chunk, front.length));
      queue.drop(taken);
      if (taken < front.length) {
        io.watchWritable(descriptor);
        break;
      }
    }
    chunks.give(chunk);
    return true;
  }
}
