/**
 * Octets that wait for a stream: the system would not take them yet. Each session has at most
 * one chunk of them, in order.
 */
import type { BatchedIo } from '../../io/contract.ts';
import { CHUNK_LENGTH, type DataPlaneMemory } from '../memory.ts';
import type { Session } from '../session.ts';

/** Octets waiting for a stream beyond which Ethernet frames are dropped; control may fill the rest. */
const STREAM_PATIENCE = 64 * 1024;

export class StreamBacklog {
  readonly #io: BatchedIo;
  readonly #memory: DataPlaneMemory;
  #broken: number[] = [];

  constructor(io: BatchedIo, memory: DataPlaneMemory) {
    this.#io = io;
    this.#memory = memory;
  }

  /** Octets of a stream that have to wait. `whole`: they begin with a record, so may be dropped. */
  keep(session: Session, offset: number, length: number, whole: boolean): void {
    if (session.backlog < 0) {
      session.backlog = this.#memory.chunks.take();
      if (session.backlog < 0) {
        session.drops.full++;
        if (!whole) this.#broken.push(session.descriptor);
        return;
      }
      session.backlogStart = session.backlogEnd = session.backlog;
      this.#io.watchWritable(session.descriptor);
    }
    const { slab } = this.#io;
    if (session.backlogEnd + length > session.backlog + CHUNK_LENGTH) {
      slab.copyWithin(session.backlog, session.backlogStart, session.backlogEnd);
      session.backlogEnd -= session.backlogStart - session.backlog;
      session.backlogStart = session.backlog;
    }
    if (whole && session.backlogEnd + length > session.backlog + CHUNK_LENGTH) {
      session.drops.full += Math.max(1, session.recordCount);
      return;
    }
    slab.copyWithin(session.backlogEnd, offset, offset + length);
    session.backlogEnd += length;
  }

  /** The system has taken so many octets of what waits. */
  taken(session: Session, octets: number): void {
    session.backlogStart += octets;
    if (session.waiting > 0) {
      this.#io.watchWritable(session.descriptor);
    } else {
      this.#memory.chunks.give(session.backlog);
      session.backlog = -1;
      session.backlogStart = session.backlogEnd = 0;
    }
  }

  /** Streams that lost octets in the middle of a message since the last call, if any. */
  takeBroken(): readonly number[] | undefined {
    if (this.#broken.length === 0) return undefined;
    const broken = this.#broken;
    this.#broken = [];
    return broken;
  }
}

/** So much waits for a stream that Ethernet frames are dropped, or would with `more` octets. */
export function isPatienceOver(session: Session, more = 0): boolean {
  if (session.datagram) return false;
  return session.waiting + session.stagingFill + more > STREAM_PATIENCE + CHUNK_LENGTH / 4;
}
