/**
 * What a port has said of late, to tell an agreement to it from one to something older.
 *
 * Read first: IEEE 802.1D-2004, 17.21.9 (recordAgreement), 17.6 (vectors).
 *
 * An agreement does not name what it agrees to. It carries the vector D of the bridge that
 * agrees, and the standard takes it if D is no better than what the port says now. That is
 * right where messages take no time. Otherwise it may be the answer to something older:
 *
 *   said      V ────────── U ──── W     U is worse than V. By now the far end may have gone
 *   heard       ╲_ D(V) _____▲          another way, and have let go of what it promised.
 *
 *   said      V ── (Root, Alternate) ── W     the same: the port has given way in between
 *   heard       ╲_ D(V) ________________▲
 *
 * So each port remembers what it said in the last IN_FLIGHT milliseconds. An agreement counts
 * if what it may be about has only become better since, or if it is certainly about what the
 * port says now: a Root Port's cost is that of the port plus its own Port Path Cost, which an
 * earlier agreement has shown. All others are passed over, and the port asks again.
 *
 * Ours; docs/protocol/stp.md tells what it is worth.
 */
import { compareVectors, type PriorityVector } from './priority-vector.ts';

/** Milliseconds, there and back, in which an answer comes in or never will. */
export const IN_FLIGHT = 1000;

interface Said {
  /** null: the port did not speak as a Designated Port. */
  readonly vector: PriorityVector | null;
  /** Milliseconds. */
  readonly at: number;
}

export class SentHistory {
  /** Oldest first; the first was in force when the time that counts began. */
  readonly #said: Said[] = [];
  /** Port Path Cost at the far end, as its agreements have shown; null: not known. */
  #farCost: number | null = null;

  /** A message left with `vector`, as a Designated Port's; null: as that of another role. */
  record(vector: PriorityVector | null, now: number): void {
    const last = this.#said.at(-1);
    if (last !== undefined && same(last.vector, vector)) return;
    this.#forget(now);
    this.#said.push({ vector, at: now });
  }

  /** The link went down; whatever was on its way is lost. */
  clear(): void {
    this.#said.length = 0;
    this.#farCost = null;
  }

  /**
   * Whether an agreement that came in at `now` holds for `current`, which was said last.
   * @param agreed the vector of the bridge that agrees  @param fromRoot its port is a Root Port
   */
  isAnswered(
    current: PriorityVector,
    agreed: PriorityVector,
    fromRoot: boolean,
    now: number,
  ): boolean {
    this.#forget(now);
    const fitting = this.#fitting(agreed);
    if (fitting !== null) {
      if (fromRoot && fitting === 1) this.#farCost = costBetween(current, agreed);
      return true;
    }
    if (!fromRoot || this.#farCost === null) return false;
    const isAnswer = (vector: PriorityVector | null) =>
      vector !== null && costBetween(vector, agreed) === this.#farCost;
    const answered = this.#said.filter(({ vector }) => isAnswer(vector));
    return answered.length === 1 && isAnswer(current);
  }

  /** How many vectors `agreed` may be about; null where one of them has become worse since. */
  #fitting(agreed: PriorityVector): number | null {
    let count = 0;
    let before: PriorityVector | undefined;
    for (const { vector } of this.#said) {
      const fits = vector !== null && compareVectors(vector, agreed) <= 0;
      if (fits && (before === undefined || compareVectors(vector, before) <= 0)) {
        before = vector;
        count += 1;
      } else if (before !== undefined) return null;
    }
    return count;
  }

  #forget(now: number): void {
    const said = this.#said;
    while (said.length > 1 && said[1].at < now - IN_FLIGHT) said.shift();
  }
}

/** What a Root Port whose bridge has the vector `agreed` adds to `vector`; null: it follows another root. */
function costBetween(vector: PriorityVector, agreed: PriorityVector): number | null {
  if (vector.rootBridge !== agreed.rootBridge) return null;
  return agreed.rootPathCost - vector.rootPathCost;
}

function same(a: PriorityVector | null, b: PriorityVector | null): boolean {
  if (a === null || b === null) return a === b;
  return compareVectors(a, b) === 0;
}
