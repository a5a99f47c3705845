/** Whom a command is for, where sessions are spread over workers. Pure. */
import type { Command, OpenRemoteSession, OpenSession } from './commands.ts';
import { workerOf } from './local-index.ts';

/**
 * Hands a command to every worker that it concerns, in the order in which they should know.
 * What is for one worker alone (descriptors that come, questions) the caller says.
 */
export function route(
  command: Command,
  workers: number,
  post: (worker: number, command: Command) => void,
): void {
  switch (command.op) {
    case 'open-session': {
      const worker = workerOf(command.localIndex, workers);
      // In this order: what comes out of it at once finds its port, at the latest when worker 0
      // looks what it has been told; and `use-session`, which follows, comes after both.
      if (worker > 0) post(0, remoteOf(command, worker));
      post(worker, command);
      return;
    }
    case 'close-session': {
      const worker = workerOf(command.localIndex, workers);
      if (worker > 0) post(worker, command);
      post(0, command);
      return;
    }
    case 'send-packet':
      post(workerOf(command.localIndex, workers), command);
      return;
    case 'remove-descriptor':
      for (let worker = 0; worker < workers; worker++) post(worker, command);
      return;
    default:
      post(0, command);
  }
}

/** A session without its secrets, which stay with the worker that has it. */
function remoteOf(open: OpenSession, worker: number): OpenRemoteSession {
  const { localIndex, descriptor, address, port, mode, confined, superFrames } = open;
  return {
    op: 'open-remote-session',
    worker,
    localIndex,
    descriptor,
    port,
    mode,
    ...(address === undefined ? {} : { address }),
    ...(confined === undefined ? {} : { confined }),
    ...(superFrames === undefined ? {} : { superFrames }),
  };
}
