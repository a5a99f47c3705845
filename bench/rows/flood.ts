/**
 * A link under a flood: what strangers' first messages cost the friends' traffic.
 *
 * The same flood runs in both contenders. In one it hits the receiving node, in the
 * other a socket that nobody reads, so that the flood's own share of the processors
 * is no part of the ratio.
 */

import { join } from 'node:path';
import type { Bench, Contender, Measurement, Row } from '../row.ts';
import { missingKith } from '../switches.ts';
import { runTraffic, TRAFFIC_METRICS, trafficMeasurement } from '../traffic.ts';
import { betweenFriends } from './friends.ts';

/** First messages in a second. */
const FLOOD_RATE = 20_000;
/** Octets of a frame. */
const LENGTH = 1400;
/** Frames on the way: the sender heeds loss, as protocols do. */
const WINDOW = 64;
/** Seconds that the flood goes on before and after what is counted. */
const MARGIN = 1;

const REACHED = 'flood/s';

export const floodRows: readonly Row[] = [
  {
    name: 'flood',
    title: `A sealed link, ${LENGTH} octets with a window of ${WINDOW}, while ${FLOOD_RATE} bogus first messages a second hit the receiving node, or nobody`,
    metrics: [...TRAFFIC_METRICS, { name: REACHED, unit: '', better: 'neither', digits: 0 }],
    targets: [{ metric: 'frames/s', contender: 'flooded', over: 'spared', atLeast: 0.9 }],
    ratios: [['flooded', 'spared']],
    contenders: (bench) => [contender(bench, 'flooded'), contender(bench, 'spared')],
  },
];

function contender(bench: Bench, name: 'flooded' | 'spared'): Contender {
  const missing = missingKith(bench) ?? bench.clients.missing('vde-traffic');
  return {
    name,
    ...(missing === undefined ? {} : { missing }),
    measure: () => measure(bench, name === 'flooded'),
  };
}

function measure(bench: Bench, hits: boolean): Promise<Measurement> {
  return betweenFriends(bench, 'sealed', async (a, b, url) => {
    const { hostname, port } = new URL(url.replace(/^udp:/, 'http:'));
    const seconds = bench.warmup + bench.seconds + 2 * MARGIN;
    const flood = bench.processes.run(
      process.execPath,
      [
        join(bench.root, 'dist/bench/programs/flood.js'),
        ...[hostname, hits ? port : '0', `${FLOOD_RATE}`, `${seconds}`],
      ],
      { within: seconds * 1000 + 20_000 },
    );
    flood.catch(() => {}); // it is awaited below; the traffic may fail first
    const traffic = await runTraffic(bench, {
      from: a.directory,
      to: b.directory,
      length: LENGTH,
      window: WINDOW,
      watched: [a.pid, b.pid],
    });
    const { sent, seconds: taken } = JSON.parse(await flood) as { sent: number; seconds: number };
    return { ...trafficMeasurement(traffic), [REACHED]: sent / taken };
  });
}
