/**
 * What happens to an interface of another process, for as long as that process listens:
 * events in order, and an end that either side can make.
 *
 *   open --end()--> ended       the interface is gone; the listener hears the end
 *     |
 *     +--return()--> returned   the listener has gone; `released` is called, once
 */
import type { TapEvent } from './node-api-taps.ts';

export class TapHold implements AsyncIterableIterator<TapEvent> {
  readonly #events: TapEvent[] = [];
  readonly #waiting: ((result: IteratorResult<TapEvent, undefined>) => void)[] = [];
  readonly #released: () => void;
  #state: 'open' | 'ended' | 'returned' = 'open';

  constructor(released: () => void) {
    this.#released = released;
  }

  tell(event: TapEvent): void {
    if (this.#state !== 'open') return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#events.push(event);
    else waiting({ done: false, value: event });
  }

  end(): void {
    if (this.#state === 'open') this.#finish('ended');
  }

  next(): Promise<IteratorResult<TapEvent, undefined>> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#state !== 'open') return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<TapEvent, undefined>> {
    if (this.#state === 'open') {
      this.#finish('returned');
      this.#released();
    }
    this.#events.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(state: 'ended' | 'returned'): void {
    this.#state = state;
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }
}
