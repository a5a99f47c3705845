/**
 * The command that runs inside: its signals, its end, its exit code.
 *
 *    running --SIGTERM or SIGHUP--> asked --5 s, or another one--> killed
 *       |                             |                              |
 *       +------------- it ends -------+------------------------------+--> ended
 *
 * SIGINT and SIGQUIT are passed on and lead nowhere else: programs at a terminal live on.
 */
import { constants } from 'node:os';

/** What of a child process is needed. */
export interface Child {
  kill(signal: NodeJS.Signals): boolean;
  once(
    event: 'exit',
    listener: (code: number | null, signal: NodeJS.Signals | null) => void,
  ): unknown;
  once(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** Milliseconds between SIGTERM and SIGKILL. */
export const GRACE = 5000;

/** sh(1): what a shell says of a program that cannot be found, or not be run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;
const SIGNALLED = 128;

const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP'];

export class CommandRun {
  /** The exit code, as a shell would have it: 128 and the signal for a program that died of one. */
  readonly ended: Promise<number>;
  readonly #child: Child;
  readonly #grace: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param grace milliseconds */
  constructor(child: Child, grace = GRACE) {
    this.#child = child;
    this.#grace = grace;
    this.ended = new Promise<number>((resolve) => {
      child.once('exit', (code, signal) => resolve(exitCodeOf(code, signal)));
      child.once('error', ({ code }) => resolve(code === 'ENOENT' ? NOT_FOUND : NOT_RUNNABLE));
    }).finally(() => clearTimeout(this.#timer));
  }

  pass(signal: NodeJS.Signals): void {
    if (!ENDING_SIGNALS.includes(signal)) {
      this.#child.kill(signal);
      return;
    }
    if (this.#timer !== undefined) {
      this.#child.kill('SIGKILL');
      return;
    }
    this.#child.kill(signal);
    this.#timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#grace);
  }
}

/** 0 … 255 */
export function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (signal === null) return code ?? 0;
  return SIGNALLED + constants.signals[signal];
}
