/**
 * The records of a session that lie side by side, as rows: datagrams of one size as one
 * segmented send (UDP_SEGMENT), a stream's as one write.
 */
import type { Session } from '../session.ts';
import type { Refusals } from './refusals.ts';
import type { SendRows } from './send-rows.ts';
import type { StreamBacklog } from './stream-backlog.ts';

/** UDP_SEGMENT: at most 64 segments, and 65,000 octets with headers to spare. */
const MAX_SEGMENTS = 64;
const MAX_SEGMENTED_OCTETS = 65_000;

export class SessionSends {
  readonly #rows: SendRows;
  readonly #refusals: Refusals;
  readonly #backlog: StreamBacklog;

  constructor(rows: SendRows, refusals: Refusals, backlog: StreamBacklog) {
    this.#rows = rows;
    this.#refusals = refusals;
    this.#backlog = backlog;
  }

  /** Records of `size` octets that one send may have. */
  perSend(size: number): number {
    if (!this.#refusals.segmentation) return 1;
    return Math.min(MAX_SEGMENTS, Math.floor(MAX_SEGMENTED_OCTETS / size));
  }

  /** Hands over the records of a datagram session: runs of equal size as one segmented send. */
  datagrams(session: Session): void {
    const ends = session.recordEnds;
    let start = session.staging;
    let index = 0;
    while (index < session.recordCount) {
      const size = ends[index] - start;
      let end = ends[index];
      let next = index + 1;
      // A record larger than the path is known to let through is a probe, and travels alone.
      if (this.#refusals.segmentation && size <= session.recordLength) {
        while (
          next < session.recordCount &&
          next - index < MAX_SEGMENTS &&
          ends[next] - start <= MAX_SEGMENTED_OCTETS
        ) {
          const following = ends[next] - end;
          if (following > size) break;
          end = ends[next];
          next++;
          if (following < size) break; // a shorter segment ends the send
        }
      }
      const segment = next - index > 1 ? size : 0;
      this.#rows.push(session, session.descriptor, start, end - start, session.address, segment);
      start = end;
      index = next;
    }
  }

  stream(session: Session): void {
    const length = session.stagingFill;
    if (length === 0) return;
    if (session.backlog >= 0) this.#backlog.keep(session, session.staging, length, true);
    else this.#rows.push(session, session.descriptor, session.staging, length, -1, 0);
  }
}
