/** Local switching: two libvdeplug clients on one switch, one sends as fast as it can. */

import type { Bench, Contender, Row } from '../row.ts';
import {
  missingKith,
  missingVdeSwitch,
  type RunningSwitch,
  startKith,
  startVdeSwitch,
} from '../switches.ts';
import { runTraffic, TRAFFIC_METRICS, trafficMeasurement } from '../traffic.ts';

export const localSwitchingRows: readonly Row[] = [
  localSwitching(64, 1.2),
  localSwitching(1500, 1.1),
];

function localSwitching(length: number, speedTarget: number): Row {
  return {
    name: `local-${length}`,
    title: `Local switching, ${length} octets, two libvdeplug clients, sender unpaced`,
    metrics: TRAFFIC_METRICS,
    targets: [
      { metric: 'frames/s', contender: 'kith', over: 'vde_switch', atLeast: speedTarget },
      { metric: 'loss', contender: 'kith', atMost: 0.5 },
      { metric: 'CPU/frame', contender: 'kith', over: 'vde_switch', atMost: 0.7 },
    ],
    ratios: [['kith', 'vde_switch']],
    contenders: (bench) => [
      contender(bench, 'kith', length, missingKith(bench), () => startKith(bench)),
      contender(bench, 'vde_switch', length, missingVdeSwitch(), () => startVdeSwitch(bench)),
    ],
  };
}

function contender(
  bench: Bench,
  name: string,
  length: number,
  missingSwitch: string | undefined,
  start: () => Promise<RunningSwitch>,
): Contender {
  const missing = missingSwitch ?? bench.clients.missing('vde-traffic');
  return {
    name,
    ...(missing === undefined ? {} : { missing }),
    async measure() {
      const { directory, pid, stop } = await start();
      try {
        const ends = { from: directory, to: directory };
        const traffic = { ...ends, length, window: 0, watched: [pid] };
        return trafficMeasurement(await runTraffic(bench, traffic));
      } finally {
        await stop();
      }
    },
  };
}
