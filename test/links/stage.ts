/** Two nodes' data planes with one provider each: real ones in workers, or in memory and in this thread. */
import { DataPlane, type DataPlaneEvents } from '../../src/data-plane/data-plane.ts';
import {
  type EngineThread,
  InlineThread,
  startWorkerThreads,
} from '../../src/data-plane/engine-thread.ts';
import { MemoryIo } from '../../src/io/memory-io.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
import type { SystemSockets } from '../../src/io/system-contract.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';
import type { Carrier, LinkProvider, ProviderFactory } from '../../src/links/contract.ts';

/** One node of a stage, and everything its provider told. */
export class StagePlace {
  readonly dataPlane: DataPlane;
  readonly provider: LinkProvider;
  readonly accepted: Carrier[] = [];
  readonly messages: { carrier: Carrier; message: Uint8Array }[] = [];
  readonly closed: { carrier: Carrier; reason: string }[] = [];

  constructor(dataPlane: DataPlane, makeProvider: ProviderFactory) {
    this.dataPlane = dataPlane;
    this.provider = makeProvider(this.dataPlane, {
      accepted: (carrier) => this.accepted.push(carrier),
      message: (carrier, message) => this.messages.push({ carrier, message }),
      closed: (carrier, reason) => this.closed.push({ carrier, reason }),
    });
  }

  send(carrier: Carrier, message: Uint8Array): void {
    this.dataPlane.send(carrier.descriptor, carrier.address, message);
  }
}

/** Nothing but what the providers are told is looked at. */
const UNHEARD: DataPlaneEvents = {
  bridgeFrame: () => {},
  packet: () => {},
  sessionDead: () => {},
  sessionRoamed: () => {},
  sessionAlive: () => {},
  dhcpReply: () => {},
  sessionEnded: () => {},
  bulkSent: () => {},
  addressNews: () => {},
  failed: (error) => {
    throw error;
  },
};

const PATIENCE = 10_000;
const LOOK_EVERY = 2;
/** Long enough for what should not come to have come. */
const QUIET = 30;

/** Two data planes, which may carry one stage after another. */
export class Grounds {
  readonly dataPlanes: readonly [DataPlane, DataPlane];
  readonly #threads: readonly EngineThread[];

  constructor(
    threads: readonly (readonly EngineThread[])[],
    sockets: readonly [SystemSockets, SystemSockets],
  ) {
    this.#threads = threads.flat();
    this.dataPlanes = [
      new DataPlane(threads[0]!, sockets[0], UNHEARD),
      new DataPlane(threads[1]!, sockets[1], UNHEARD),
    ];
  }

  /** Over the system's sockets, with the engines in workers: so many at each place. */
  static real(workers = 1): Grounds {
    const sockets = systemSockets();
    const threads = [1, 2].map(() => startWorkerThreads(sockets, workers));
    return new Grounds(threads, [sockets, sockets]);
  }

  async close(): Promise<void> {
    await Promise.all(this.dataPlanes.map((dataPlane) => dataPlane.stop()));
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }
}

export class Stage {
  readonly left: StagePlace;
  readonly right: StagePlace;
  /** Whether octets given to `send` are copied before it returns. */
  readonly copiesOnSend: boolean;
  /** What ends with the stage; others have their grounds for longer. */
  readonly #ownGrounds: Grounds | undefined;
  /** Turns of the engines that run in this thread. */
  readonly #pump: () => void;

  private constructor(
    grounds: Grounds,
    makeProvider: ProviderFactory,
    { isOwn, pump = () => {} }: { readonly isOwn: boolean; readonly pump?: () => void },
  ) {
    this.#ownGrounds = isOwn ? grounds : undefined;
    this.#pump = pump;
    this.left = new StagePlace(grounds.dataPlanes[0], makeProvider);
    this.right = new StagePlace(grounds.dataPlanes[1], makeProvider);
    this.copiesOnSend = true;
  }

  /** In workers of its own: so many at each place. */
  static real(makeProvider: ProviderFactory, workers = 1): Stage {
    return new Stage(Grounds.real(workers), makeProvider, { isOwn: true });
  }

  /** New providers on grounds that outlive them. */
  static on(grounds: Grounds, makeProvider: ProviderFactory): Stage {
    return new Stage(grounds, makeProvider, { isOwn: false });
  }

  /** Over a memory network of the hosts 192.0.2.1 and 192.0.2.2. */
  static memory(makeProvider: ProviderFactory): Stage {
    const network = new MemoryNetwork();
    const [left, right] = ['192.0.2.1', '192.0.2.2'].map((address) => {
      const sockets = new MemorySockets(network, network.addHost(address));
      const io = new MemoryIo({ network, doorbell: -1 });
      return { sockets, thread: new InlineThread(io, sockets, () => performance.now()) };
    });
    const grounds = new Grounds([[left.thread], [right.thread]], [left.sockets, right.sockets]);
    const pump = (): void => {
      left.thread.pump();
      right.thread.pump();
    };
    return new Stage(grounds, makeProvider, { isOwn: true, pump });
  }

  dial(url: string, signal: AbortSignal = new AbortController().signal): Promise<Carrier> {
    return this.whole(this.left.provider.dial(url, signal));
  }

  /** Waits for a promise while the engines turn. */
  async whole<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.until(() => settled);
    if (!settled) throw new Error('it neither came nor failed');
    return promise;
  }

  /** Waits until a condition holds; gives up in the end, and the test's own assertion speaks. */
  async until(condition: () => boolean, patience = PATIENCE): Promise<void> {
    // Looks are counted, not time: the process may have been held up in between.
    for (let looks = patience / LOOK_EVERY; looks > 0 && !condition(); looks--) {
      this.#pump();
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
  }

  /** Waits for what should not come. */
  async quiet(): Promise<void> {
    await this.until(() => false, QUIET);
  }

  /** All that was asked of the data planes is done; they may run in other threads. */
  async settled(): Promise<void> {
    await Promise.all([this.left, this.right].map(({ dataPlane }) => dataPlane.ioCounters()));
  }

  /** Messages that made no sense, at one place. */
  async malformed(place: StagePlace): Promise<number> {
    return (await place.dataPlane.ioCounters()).malformed;
  }

  async close(): Promise<void> {
    for (const { provider } of [this.left, this.right]) provider.close();
    if (this.#ownGrounds === undefined) await this.settled();
    else await this.#ownGrounds.close();
  }
}
