/**
 * What the command line is given by the process, so that it runs as well inside
 * a test: streams, environment, signals, and the node to start.
 */
import type { Readable, Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { NodeOptions, RunningNode } from '../controller/node.ts';

/** A standard stream; what a terminal adds is optional. */
export type Output = Writable & { readonly isTTY?: boolean };

/** As `process.on`: calls the listener for each signal that comes. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export type StartNode = (options: NodeOptions, log: Logger) => Promise<RunningNode>;

export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signals: SignalSource;
  /** Loads the node; called by `up` only, because it is heavy. */
  readonly loadNode: () => Promise<StartNode>;
  /** Ends the process at once, without manners. */
  readonly abandon: () => void;
  /** Names the work to be done before the process ends by an error nobody caught. */
  readonly setLastWish: (wish: (() => Promise<void>) | undefined) => void;
}
