/** What a node runs on: the system's sockets, workers and kinds of links. Tests may bring their own. */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type EngineThread, startWorkerThreads } from '../data-plane/engine-thread.ts';
import { workerCount } from '../data-plane/worker-count.ts';
import type { SystemSockets } from '../io/system-contract.ts';
import { systemSockets } from '../io/system-sockets.ts';
import type { ProviderFactory } from '../links/contract.ts';
import { memoryProvider } from '../links/memory/memory-provider.ts';
import { tcpProvider } from '../links/tcp/tcp-provider.ts';
import { udpProvider } from '../links/udp/udp-provider.ts';
import type { KithConfig } from './config.ts';

export interface NodeEnvironment {
  readonly sockets: SystemSockets;
  /** The workers of the data plane, that of the ports first. */
  startEngines(config: KithConfig): readonly EngineThread[];
  readonly providers: readonly ProviderFactory[];
}

/** @param options.rehearse whether the data path is walked through before the first frame */
export function systemEnvironment({ rehearse = true } = {}): NodeEnvironment {
  const sockets = systemSockets();
  return {
    sockets,
    startEngines: ({ link, switch: bridge, dataPlane }) =>
      startWorkerThreads(sockets, workerCount(dataPlane.workers, availableParallelism()), {
        rehearse,
        keepalive: { interval: link.keepaliveMs, failAfter: link.failAfterMs },
        database: {
          ageingTime: bridge.ageing * 1000,
          minPersistence: bridge.minPersistence * 1000,
          portLimit: bridge.addressesPerPort,
          collectionInterval: bridge.collection * 1000,
          capacity: bridge.tableSize,
          seed: randomBytes(4).readUInt32LE(),
        },
      }),
    providers: [memoryProvider, udpProvider, tcpProvider],
  };
}
