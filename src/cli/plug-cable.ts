/**
 * `kith plug`: a cable from two streams to a VDE switch.
 *
 *   input  -->  socket pair  -->  worker: PlugPump  -->  cable to the switch
 *   output <--  socket pair  <--                    <--
 *
 * It ends well when the input ends, when nobody reads the output any more and by
 * SIGTERM or SIGINT; it ends with an error when the switch goes away.
 */
import { Socket } from 'node:net';
import { userInfo } from 'node:os';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { KithError } from '../errors.ts';
import { systemSockets } from '../io/system-sockets.ts';
import { connectVde } from '../switch/vde/vde-client.ts';
import type { Output, SignalSource } from './context.ts';
import type { PlugOutcome, PlugWorkerData } from './plug-worker.ts';

export interface CableOptions {
  readonly switchDirectory: string;
  /** Wanted port of the switch; 0 for any. */
  readonly port: number;
  readonly input: Readable;
  readonly output: Output;
  readonly signals: SignalSource;
}

const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** Resolved when the cable has ended well. @throws KithError 'not-found', 'permission', 'system', 'native' */
export async function runCable(options: CableOptions): Promise<PlugOutcome> {
  const { input, output, signals } = options;
  const sockets = systemSockets();
  const cable = await connectVde({
    switchPath: options.switchDirectory,
    sockets,
    description: `kith plug user=${userName()} pid=${process.pid}`,
    port: options.port,
  });
  const doorbell = sockets.openDoorbell();
  const [near, far] = sockets.openStreamPair();
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const endWorker = () => {
    if (Atomics.exchange(new Int32Array(stop), 0, 1) === 0) sockets.ringDoorbell(doorbell);
  };

  // Half of it may end: end of input is told to the worker, which empties what it holds.
  const pair = new Socket({ fd: near, readable: true, writable: true, allowHalfOpen: true });
  // Whatever breaks between the threads breaks by one of them ending, which is told otherwise.
  pair.on('error', endWorker);
  const workerData: PlugWorkerData = { cable: cable.systemDescriptor, stream: far, doorbell, stop };
  const worker = new Worker(new URL('./plug-worker.js', import.meta.url), {
    workerData,
    name: 'kith-plug',
  });

  let isGone = false;
  const outputFailed = () => endWorker();
  output.on('error', outputFailed);
  input.on('error', endWorker);
  for (const each of ENDING_SIGNALS) signals.on(each, endWorker);
  void cable.ended.then(() => {
    isGone = true;
    endWorker();
  });
  input.pipe(pair);
  pair.pipe(output, { end: false });

  try {
    const outcome = await outcomeOf(worker);
    if (isGone || outcome.state === 'cable-ended') {
      throw new KithError(
        'not-running',
        `the switch at ${options.switchDirectory} went away; plug in again when it is back`,
      );
    }
    return outcome;
  } finally {
    for (const each of ENDING_SIGNALS) signals.off(each, endWorker);
    input.unpipe(pair);
    input.destroy();
    cable.close();
    await ended(pair);
    output.off('error', outputFailed);
    sockets.closeDescriptor(doorbell);
  }
}

function outcomeOf(worker: Worker): Promise<PlugOutcome> {
  return new Promise((resolve, reject) => {
    worker.once('message', (outcome: PlugOutcome) => {
      worker.once('exit', () => resolve(outcome));
    });
    worker.once('error', reject);
  });
}

/** Waits, but not for ever, until what the worker wrote has been passed on. */
function ended(pair: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      clearTimeout(limit);
      pair.destroy();
      resolve();
    };
    const limit = setTimeout(settle, LAST_OCTETS);
    if (pair.readableEnded || pair.destroyed) settle();
    else pair.once('end', settle).once('close', settle);
  });
}

/** Milliseconds for the last octets to reach whoever reads the output. */
const LAST_OCTETS = 500;

/** For the description of the cable; a user without an entry has a number only. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
