/** The other thread of lane.test.ts: numbers, each in a message of its own length. */
import { workerData } from 'node:worker_threads';
import { Lane } from '../../src/io/lane.ts';

const { buffer, count } = workerData as { buffer: SharedArrayBuffer; count: number };
const lane = new Lane(buffer);
for (let i = 0; i < count; ) {
  const at = lane.reserve(4 + (i % 90), 0);
  if (at >= 0) lane.words[at >> 2] = i++;
  if (at < 0 || i % 8 === 0) lane.publish();
}
lane.publish();
