/** Time for tests: stands still until told to move, and takes every timer of the process along. */
import type { Clock } from '../../src/clock.ts';

interface Timer {
  readonly callback: () => void;
  readonly interval: number | undefined;
  at: number;
}

/**
 * A clock that also replaces setTimeout and setInterval of the process, so that
 * minutes pass in milliseconds. Tests that install it run serially.
 */
export class VirtualTime implements Clock {
  readonly #timers = new Map<object, Timer>();
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
  };
  #now = 1000;

  now(): number {
    return this.#now;
  }

  /** Timers that are armed. */
  get armed(): number {
    return this.#timers.size;
  }

  /** @returns the way back */
  install(): () => void {
    const arm = (callback: () => void, delay: number, repeats: boolean): object => {
      const handle = { unref: () => handle, ref: () => handle, hasRef: () => true };
      const wait = Math.max(1, delay);
      const interval = repeats ? wait : undefined;
      this.#timers.set(handle, { callback, interval, at: this.#now + wait });
      return handle;
    };
    const disarm = (handle: object): void => void this.#timers.delete(handle);
    Object.assign(globalThis, {
      setTimeout: (callback: () => void, delay = 0) => arm(callback, delay, false),
      setInterval: (callback: () => void, delay = 0) => arm(callback, delay, true),
      clearTimeout: disarm,
      clearInterval: disarm,
    });
    return () => void Object.assign(globalThis, this.#real);
  }

  /** Lets `milliseconds` pass; promises settle before each timer and at the end. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settle();
    for (;;) {
      const [handle, timer] = this.#earliest();
      if (timer === undefined || timer.at > end) break;
      this.#now = Math.max(this.#now, timer.at);
      if (timer.interval === undefined) this.#timers.delete(handle);
      else timer.at += timer.interval;
      timer.callback();
      await settle();
    }
    this.#now = end;
  }

  #earliest(): [object, Timer | undefined] {
    let found: [object, Timer | undefined] = [{}, undefined];
    for (const [handle, timer] of this.#timers) {
      if (found[1] === undefined || timer.at < found[1].at) found = [handle, timer];
    }
    return found;
  }
}

/** Everything that promises have to do is done. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
