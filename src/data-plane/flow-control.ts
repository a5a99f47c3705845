/**
 * Flow control between endpoints: a sender that overruns a receiver is held back
 * for a moment instead of losing frames.
 *
 * Read first: IEEE 802.3 annex 31B (PAUSE). Ours is the same idea without the
 * frame: we stop reading the sender's socket, which fills, and so slows it.
 *
 *                     backlog > HOLD_ABOVE
 *   [flowing] ------------------------------> [held]
 *       ^                                       |
 *       +---- backlog <= RELEASE_AT ------------+
 *       |                                       | no progress for STALL_AFTER
 *       |                                       | or LONGEST_HOLD is over
 *       +---- backlog empty ---- [stalled] <----+
 *             (and a second over, if it dawdled)
 *
 * A receiver that reads nothing at all is stalled: nobody waits for it, and its
 * tail is dropped. So a hold ends within milliseconds whatever a client does, and
 * frames between other ports wait no longer than that.
 */
import type { BatchedIo } from '../io/contract.ts';
import type { Endpoint } from './endpoint.ts';

/** Who frames wait for: an endpoint, or a worker that has sessions (crossing.ts). */
export interface Receiver {
  /** Frames that wait for it. */
  readonly waiting: number;
  /** It has taken nothing for a while: nobody is held back for it. */
  stalled: boolean;
  /** Until then it stays so, milliseconds, though it may take a frame now and then. */
  stalledUntil: number;
}

/** Frames waiting for a receiver above which its senders are held. */
export const HOLD_ABOVE = 64;
/** Frames waiting for it at which they are released. */
export const RELEASE_AT = 16;
/** Milliseconds between looks at a receiver that others are held for. */
const REVIEW_INTERVAL = 1;
/** Milliseconds without a frame taken after which a receiver is stalled. */
const STALL_AFTER = 8;
/** Milliseconds that a hold lasts at most, however a slow receiver dawdles. */
const LONGEST_HOLD = 40;
/** Milliseconds for which nobody waits for a receiver that was waited for that long. */
const STALLED_FOR = 1000;

interface Hold {
  readonly receiver: Receiver;
  readonly senders: Set<Endpoint>;
  /** Frames that waited at the last look. */
  waiting: number;
  progressAt: number;
  readonly since: number;
}

export class FlowControl {
  readonly #io: BatchedIo;
  readonly #holds = new Map<Receiver, Hold>();
  /** By sender: for how many receivers it is held. */
  readonly #counts = new Map<Endpoint, number>();
  #reviewAt = Number.POSITIVE_INFINITY;

  constructor(io: BatchedIo) {
    this.#io = io;
  }

  /** When `review` wants to be called; infinite while nobody is held. */
  get deadline(): number {
    return this.#reviewAt;
  }

  /** Somebody is held back. */
  get isHolding(): boolean {
    return this.#holds.size > 0;
  }

  /** A frame of `sender` has just been queued for `receiver`. */
  queued(receiver: Receiver, sender: Endpoint, now: number): void {
    if (receiver.stalled || receiver.waiting <= HOLD_ABOVE) return;
    let hold = this.#holds.get(receiver);
    if (hold === undefined) {
      hold = {
        receiver,
        senders: new Set(),
        waiting: receiver.waiting,
        progressAt: now,
        since: now,
      };
      this.#holds.set(receiver, hold);
      this.#reviewAt = Math.min(this.#reviewAt, now + REVIEW_INTERVAL);
    }
    hold.waiting = receiver.waiting; // what is taken from now on is progress
    if (hold.senders.has(sender)) return;
    hold.senders.add(sender);
    const count = this.#counts.get(sender) ?? 0;
    this.#counts.set(sender, count + 1);
    if (count === 0) this.#io.hold(sender.descriptor, true);
  }

  /** Some of what waited for `receiver` has been sent. */
  drained(receiver: Receiver, now: number): void {
    if (receiver.waiting === 0 && now >= receiver.stalledUntil) receiver.stalled = false;
    const hold = this.#holds.get(receiver);
    if (hold === undefined) return;
    if (receiver.waiting <= RELEASE_AT) this.#release(hold);
    else if (receiver.waiting < hold.waiting) hold.progressAt = now;
    hold.waiting = receiver.waiting;
  }

  /** Looks after the receivers that others are held for. `retry` tries to send what waits. */
  review(now: number, retry: (receiver: Receiver) => void): void {
    if (now < this.#reviewAt) return;
    for (const hold of [...this.#holds.values()]) {
      retry(hold.receiver); // calls `drained`
      if (!this.#holds.has(hold.receiver)) continue;
      const dawdles = now - hold.since >= LONGEST_HOLD;
      if (!dawdles && now - hold.progressAt < STALL_AFTER) continue;
      hold.receiver.stalled = true;
      hold.receiver.stalledUntil = dawdles ? now + STALLED_FOR : now;
      this.#release(hold);
    }
    this.#reviewAt = this.#holds.size > 0 ? now + REVIEW_INTERVAL : Number.POSITIVE_INFINITY;
  }

  /** An endpoint goes; its descriptor is still there. */
  removed(endpoint: Endpoint): void {
    const own = this.#holds.get(endpoint);
    if (own !== undefined) this.#release(own);
    for (const hold of this.#holds.values()) hold.senders.delete(endpoint);
    this.#counts.delete(endpoint);
  }

  #release(hold: Hold): void {
    this.#holds.delete(hold.receiver);
    for (const sender of hold.senders) {
      const count = (this.#counts.get(sender) ?? 1) - 1;
      if (count > 0) {
        this.#counts.set(sender, count);
        continue;
      }
      this.#counts.delete(sender);
      this.#io.hold(sender.descriptor, false);
    }
    if (this.#holds.size === 0) this.#reviewAt = Number.POSITIVE_INFINITY;
  }
}
