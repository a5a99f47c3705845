/**
 * The thread of `kith plug` that waits for frames: it blocks in one native call.
 * The main thread keeps the streams, the signals and the control connection.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { NativeIo } from '../io/native-io.ts';
import { PlugPump, type PumpState } from './plug-pump.ts';

export interface PlugWorkerData {
  /** System descriptors; the worker closes the first two. */
  readonly cable: number;
  readonly stream: number;
  readonly doorbell: number;
  /** One Int32 that is not 0 when the worker is to stop; the doorbell is rung then. */
  readonly stop: SharedArrayBuffer;
}

export interface PlugOutcome {
  readonly state: PumpState;
  readonly dropped: number;
  readonly oversized: number;
}

function run({ cable, stream, doorbell, stop }: PlugWorkerData): void {
  const io = new NativeIo({ doorbell });
  const pump = new PlugPump(io, cable, stream);
  const stopped = new Int32Array(stop);
  while (pump.state === 'open' && Atomics.load(stopped, 0) === 0) pump.turn(io.poll(-1));
  io.close();
  const outcome: PlugOutcome = {
    state: pump.state,
    dropped: pump.dropped,
    oversized: pump.oversized,
  };
  parentPort?.postMessage(outcome);
}

run(workerData as PlugWorkerData);
