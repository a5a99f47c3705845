/** The other thread of the ring's test: pushes numbered messages, again when it was full. */
import { workerData } from 'node:worker_threads';
import { SharedRing } from '../../src/io/ring.ts';

const { buffer, count } = workerData as { buffer: SharedArrayBuffer; count: number };
const ring = new SharedRing(buffer);
const header = new Uint8Array(4);
const view = new DataView(header.buffer);

for (let i = 0; i < count; i++) {
  view.setUint32(0, i);
  const filler = new Uint8Array(i % 200).fill(i & 0xff);
  while (!ring.push([header, filler]));
}
