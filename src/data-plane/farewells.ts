/**
 * Copies of closing packets. A datagram that says that a session is over may get lost, and
 * nobody asks for it again: the other end would have to miss our pings. So there are three of
 * it, some way apart, as losses come in bursts.
 *
 *   close ── the first, at once; keys wiped, session gone
 *     │
 *     ├── 15 ms: a copy     ╲  sealed at the close, under numbers of their own;
 *     └── 45 ms: another    ╱  whoever has the first has no session for them, and says nothing
 *
 * If their socket is about to go, what is left goes at once. Nothing is kept for longer.
 */
import type { MessageSender } from './message-sender.ts';

/** Milliseconds after the first that copies leave, in order. */
export const COPY_DELAYS = [15, 45] as const;

/** Milliseconds after which all that was said has left. */
export const FAREWELL_TIME = 45;

/** Copies that wait at most; of sessions beyond that there are none. */
const MOST_COPIES = 512;

interface Copy {
  readonly descriptor: number;
  /** In the form of the slab. */
  readonly address: Uint8Array;
  readonly record: Uint8Array;
  /** When it leaves. */
  readonly due: number;
}

export class Farewells {
  readonly #messages: MessageSender;
  #copies: Copy[] = [];
  /** When the next copy leaves. */
  deadline = Number.POSITIVE_INFINITY;

  constructor(messages: MessageSender) {
    this.#messages = messages;
  }

  /** Whether copies of another session can wait. */
  get hasRoom(): boolean {
    return this.#copies.length + COPY_DELAYS.length <= MOST_COPIES;
  }

  add(copy: Copy): void {
    this.#copies.push(copy);
    this.deadline = Math.min(this.deadline, copy.due);
  }

  /** Sends what is due. */
  release(now: number): void {
    this.#send(({ due }) => due <= now);
  }

  /** Sends all that is left for a socket that is about to go. */
  hurry(descriptor: number): void {
    this.#send((copy) => copy.descriptor === descriptor);
  }

  #send(isDue: (copy: Copy) => boolean): void {
    if (this.#copies.length === 0) return;
    const due = this.#copies.filter(isDue);
    this.#copies = this.#copies.filter((copy) => !isDue(copy));
    this.deadline = Math.min(...this.#copies.map((copy) => copy.due)); // of none: Infinity
    for (const { descriptor, address, record } of due) {
      this.#messages.send(descriptor, address, record);
    }
  }
}
