/**
 * Where the engines of a data plane run: each in a worker of its own, or, for tests, right here.
 *
 * Commands go in by message and an eventfd that ends the worker's poll; notices
 * come out through shared rings and one coalesced message.
 */
import { Worker } from 'node:worker_threads';
import type { BatchedIo } from '../io/contract.ts';
import { SharedRing } from '../io/ring.ts';
import type { SystemSockets } from '../io/system-contract.ts';
import { allocateCounters } from '../switch/counters.ts';
import type { Command } from './commands.ts';
import type { DataPlaneEngine } from './engine-contract.ts';
import { type EngineSettings, makeEngine, type SharedMemory, shareMemory } from './engine-maker.ts';
import { NoticeWriter } from './notice-writer.ts';
import { withDeparted } from './report.ts';

/** Octets of the ring for strangers: more than sixteen hundred first messages. */
const STRANGERS_RING_LENGTH = 2 * 1024 * 1024;
/** Octets of the ring for friends and the node itself. */
const FRIENDS_RING_LENGTH = 1024 * 1024;

export interface EngineThread {
  /** A word for the log: 'native' or 'memory'. */
  readonly implementation: string;
  readonly strangers: SharedRing;
  readonly friends: SharedRing;
  readonly counters: SharedArrayBuffer;
  /** Called when there may be notices. */
  onNotices: () => void;
  onAnswer: (id: number, answer: unknown) => void;
  /** Called once if the thread dies by itself. */
  onFailure: (error: Error) => void;
  post(command: Command): void;
  /** Ends it, closing every descriptor it owns. */
  stop(): Promise<void>;
}

/** What the worker is started with. */
export interface WorkerStart {
  readonly doorbell: number;
  readonly strangers: SharedArrayBuffer;
  readonly friends: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  /** One Int32: 1 while the main thread has been told and has not looked yet. */
  readonly flag: SharedArrayBuffer;
  readonly settings: EngineSettings;
  /** 0: that of the ports. */
  readonly worker: number;
  /** Absent while there is one worker only. */
  readonly shared: SharedMemory | undefined;
}

/** From the worker: there are notices, or an answer. */
export type WorkerMessage = 'notices' | { readonly id: number; readonly answer: unknown };

class WorkerThread implements EngineThread {
  readonly implementation = 'native';
  readonly strangers: SharedRing;
  readonly friends: SharedRing;
  readonly counters = allocateCounters();
  onNotices: () => void = () => {};
  onAnswer: (id: number, answer: unknown) => void = () => {};
  onFailure: (error: Error) => void = () => {};
  readonly #sockets: SystemSockets;
  readonly #doorbell: number;
  readonly #flag = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #worker: Worker;
  /** Settled when the worker is gone, however that came about. */
  readonly ended: Promise<void>;
  /** All workers of the data plane: each may ring the doorbell of any. */
  readonly #together: readonly WorkerThread[];
  #stopping = false;
  #rung = false;

  constructor(
    sockets: SystemSockets,
    settings: EngineSettings,
    doorbell: number,
    together: readonly WorkerThread[],
    shared: SharedMemory | undefined,
  ) {
    const worker = together.length;
    this.#sockets = sockets;
    this.#doorbell = doorbell;
    this.#together = together;
    this.strangers = SharedRing.create(STRANGERS_RING_LENGTH);
    this.friends = SharedRing.create(FRIENDS_RING_LENGTH);
    const workerData: WorkerStart = {
      doorbell: this.#doorbell,
      strangers: this.strangers.buffer,
      friends: this.friends.buffer,
      counters: this.counters,
      flag: this.#flag,
      settings,
      worker,
      shared,
    };
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      name: worker === 0 ? 'kith-data-plane' : `kith-sessions-${worker}`,
      // The worker allocates next to nothing; small heaps keep an idle node small.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    const flag = new Int32Array(this.#flag);
    this.#worker.on('message', (message: WorkerMessage) => {
      if (message === 'notices') {
        Atomics.store(flag, 0, 0);
        this.onNotices();
      } else {
        this.onAnswer(message.id, message.answer);
      }
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => resolve());
    });
    this.#worker.once('error', (error: Error) => {
      if (!this.#stopping) this.onFailure(error);
    });
  }

  post(command: Command): void {
    this.#worker.postMessage(command);
    if (this.#rung) return;
    // One ring for all commands of this turn of the event loop.
    this.#rung = true;
    queueMicrotask(() => {
      this.#rung = false;
      if (!this.#stopping) this.#sockets.ringDoorbell(this.#doorbell);
    });
  }

  async stop(): Promise<void> {
    if (this.#stopping) return this.ended;
    this.#stopping = true;
    this.#worker.postMessage('stop');
    this.#sockets.ringDoorbell(this.#doorbell);
    // Its number may be another descriptor's once it is closed.
    await Promise.all(this.#together.map(({ ended }) => ended));
    this.#sockets.closeDescriptor(this.#doorbell);
  }
}

/** Starts a data plane of one worker. */
export function startWorkerThread(
  sockets: SystemSockets,
  settings: EngineSettings = {},
): EngineThread {
  return startWorkerThreads(sockets, 1, settings)[0];
}

/** Starts a data plane of several workers, that of the ports first. All have to be stopped. */
export function startWorkerThreads(
  sockets: SystemSockets,
  workers: number,
  settings: EngineSettings = {},
): readonly EngineThread[] {
  const doorbells = Array.from({ length: workers }, () => sockets.openDoorbell());
  const shared = shareMemory(doorbells);
  const threads: WorkerThread[] = [];
  for (const doorbell of doorbells) {
    threads.push(new WorkerThread(sockets, settings, doorbell, threads, shared));
  }
  return threads;
}

/** An engine in this thread over any I/O; `pump` does what the worker's loop would. */
export class InlineThread implements EngineThread {
  readonly implementation: string;
  readonly strangers = SharedRing.create(STRANGERS_RING_LENGTH);
  readonly friends = SharedRing.create(FRIENDS_RING_LENGTH);
  readonly counters = allocateCounters();
  readonly engine: DataPlaneEngine;
  onNotices: () => void = () => {};
  onAnswer: (id: number, answer: unknown) => void = () => {};
  onFailure: (error: Error) => void = () => {};
  readonly #io: BatchedIo;
  readonly #notices: NoticeWriter;
  readonly #now: () => number;
  readonly #isOneOfMany: boolean;
  #stopped = false;

  constructor(
    io: BatchedIo,
    sockets: SystemSockets,
    now: () => number,
    settings: EngineSettings = {},
    worker = 0,
    shared?: SharedMemory,
  ) {
    this.implementation = io.implementation;
    this.#io = io;
    this.#now = now;
    this.#isOneOfMany = shared !== undefined;
    this.#notices = new NoticeWriter(io.slab, this.strangers, this.friends);
    this.engine = makeEngine({
      io,
      sockets,
      notices: this.#notices,
      counters: this.counters,
      settings,
      worker,
      shared,
    });
  }

  post(command: Command): void {
    if (this.#stopped) return;
    const answer = this.engine.execute(command, this.#now());
    this.engine.drain();
    if (command.op !== 'query') return;
    this.onAnswer(command.id, withDeparted(command, answer, this.engine.memory));
  }

  /** One turn without waiting. @returns whether there was anything to do */
  pump(): boolean {
    if (this.#stopped) return false;
    // What crossed over from another worker is news as well.
    const crossed = this.engine.timeout(this.#now()) === 0 && this.#isOneOfMany;
    const count = this.#io.poll(0);
    this.engine.turn(count, this.#now());
    const noticed = this.#notices.pending;
    this.#notices.pending = false;
    if (noticed) this.onNotices();
    return count > 0 || noticed || crossed;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#io.close();
  }
}
