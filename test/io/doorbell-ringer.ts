/** Rings the doorbell it is given once, from a thread of its own. */
import { workerData } from 'node:worker_threads';
import { systemSockets } from '../../src/io/system-sockets.ts';

systemSockets().ringDoorbell(workerData as number);
