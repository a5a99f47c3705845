/**
 * A worker of the data plane: blocks in one native call, then does one turn.
 *
 * It never returns to its event loop until it is told to stop, so nothing here
 * may depend on one.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { RX_STRIDE, Rx } from '../io/contract.ts';
import { NativeIo } from '../io/native-io.ts';
import { SharedRing } from '../io/ring.ts';
import { systemSockets } from '../io/system-sockets.ts';
import type { Command } from './commands.ts';
import type { DataPlaneEngine } from './engine-contract.ts';
import { makeEngine } from './engine-maker.ts';
import type { WorkerMessage, WorkerStart } from './engine-thread.ts';
import { NoticeWriter } from './notice-writer.ts';
import { rehearse } from './rehearsal.ts';
import { withDeparted } from './report.ts';

function run(start: WorkerStart): void {
  const io = new NativeIo({ doorbell: start.doorbell });
  const sockets = systemSockets();
  const notices = new NoticeWriter(
    io.slab,
    new SharedRing(start.strangers),
    new SharedRing(start.friends),
  );
  const { settings, worker, shared } = start;
  const engine: DataPlaneEngine = makeEngine({
    io,
    sockets,
    notices,
    counters: start.counters,
    settings,
    worker,
    shared,
    timeOrigin: performance.timeOrigin,
    catchUp: () => {
      if (!carryOut(engine, now)) isOver = true;
    },
  });
  const flag = new Int32Array(start.flag);

  const clock = performance;
  let now = clock.now();
  /** It was told to stop in the midst of a turn. */
  let isOver = false;
  // A function of its own, so that it is compiled: the loop around it never returns.
  const turn = (): boolean => {
    // The time of the last turn will do: the wait is a little longer by what the turn took.
    const count = io.poll(engine.timeout(now));
    now = clock.now();
    engine.turn(count, now);
    const goOn = (!hasDoorbell(io.rx, count) || carryOut(engine, now)) && !isOver;
    if (notices.pending) {
      notices.pending = false;
      if (Atomics.exchange(flag, 0, 1) === 0) tell('notices');
    }
    return goOn;
  };
  if (settings.rehearse) {
    const workers = shared?.doorbells.length ?? 1;
    rehearse({ io, sockets, clock: () => clock.now(), worker, workers });
    io.restartCounters();
    sockets.ringDoorbell(start.doorbell); // it may have been rung meanwhile
  }
  while (turn());
  io.close();
}

function hasDoorbell(rx: Int32Array, count: number): boolean {
  for (let i = 0; i < count; i++) {
    if (rx[i * RX_STRIDE + Rx.descriptor] === -1) return true;
  }
  return false;
}

/** Carries out all commands that have come. @returns false when it is time to stop */
function carryOut(engine: DataPlaneEngine, now: number): boolean {
  if (parentPort === null) return false;
  for (;;) {
    const received: { message: Command | 'stop' } | undefined = receiveMessageOnPort(parentPort);
    if (received === undefined) break;
    const { message } = received;
    if (message === 'stop') return false;
    const answer = engine.execute(message, now);
    if (message.op === 'query') {
      tell({ id: message.id, answer: withDeparted(message, answer, engine.memory) });
    }
  }
  engine.drain();
  return true;
}

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

run(workerData as WorkerStart);
