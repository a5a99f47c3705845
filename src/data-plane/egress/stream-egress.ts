/** Octets to streams that are no records of this turn: link messages, and what had to wait. */
import { type BatchedIo, Tx } from '../../io/contract.ts';
import type { Session } from '../session.ts';
import type { SendRows } from './send-rows.ts';
import type { SessionRecords } from './session-records.ts';
import type { StreamBacklog } from './stream-backlog.ts';

export class StreamEgress {
  readonly #io: BatchedIo;
  readonly #rows: SendRows;
  readonly #records: SessionRecords;
  readonly #backlog: StreamBacklog;

  constructor(io: BatchedIo, rows: SendRows, records: SessionRecords, backlog: StreamBacklog) {
    this.#io = io;
    this.#rows = rows;
    this.#records = records;
    this.#backlog = backlog;
  }

  /**
   * Octets for a stream without a session, at once.
   * @returns how many the system took, or a negated errno
   */
  octets(descriptor: number, offset: number, length: number): number {
    this.#records.drain();
    this.#rows.push(undefined, descriptor, offset, length, -1, 0);
    this.#rows.flushForResults();
    return this.#io.tx[Tx.result];
  }

  /** A link message for the stream that a session lives on, behind what waits there. */
  message(session: Session, offset: number, length: number): void {
    this.#records.drain();
    if (session.backlog >= 0) {
      this.#backlog.keep(session, offset, length, true);
      return;
    }
    this.#rows.push(session, session.descriptor, offset, length, -1, 0);
    this.#rows.flush();
  }

  /** A stream can take octets again. */
  writable(session: Session): void {
    if (session.backlog < 0) return;
    this.#records.drain();
    this.#rows.push(undefined, session.descriptor, session.backlogStart, session.waiting, -1, 0);
    this.#rows.flushForResults();
    this.#backlog.taken(session, Math.max(0, this.#io.tx[Tx.result]));
  }

  /** As in StreamBacklog. */
  takeBroken(): readonly number[] | undefined {
    return this.#backlog.takeBroken();
  }
}
