/**
 * Round trips through one switch, one frame in flight.
 *
 * Pinned: the switch and both clients share one processor, so that no wake-up
 * crosses to another; this compares the code. Free: the scheduler places them,
 * and whether a wake-up crosses makes the times fall into two heaps; this shows
 * what a user sees.
 */

import type { Bench, Contender, Row } from '../row.ts';
import {
  missingKith,
  missingVdeSwitch,
  type RunningSwitch,
  startKith,
  startVdeSwitch,
} from '../switches.ts';
import { runPingPong } from '../traffic.ts';

/** Octets of the frame that goes to and fro. */
const LENGTH = 64;

export const pingPongRows: readonly Row[] = [pingPong(true), pingPong(false)];

function pingPong(pinned: boolean): Row {
  return {
    name: pinned ? 'ping-pinned' : 'ping-free',
    title: `Round trip through the switch, ${LENGTH} octets, ${pinned ? 'all on one processor' : 'placed by the scheduler'}`,
    metrics: [
      { name: 'p50', unit: 'µs', better: 'less', digits: 1 },
      { name: 'p99', unit: 'µs', better: 'less', digits: 1 },
      { name: 'round trips', unit: '', better: 'neither', digits: 0 },
      { name: 'lost', unit: '', better: 'neither', digits: 0 },
    ],
    targets: [{ metric: 'p50', contender: 'kith', over: 'vde_switch', atMost: 1.15 }],
    ratios: [['kith', 'vde_switch']],
    contenders: (bench) => {
      const cpu = pinned ? bench.pinnedCpu : undefined;
      return [
        contender(bench, 'kith', cpu, missingKith(bench), () => startKith(bench, { cpu })),
        contender(bench, 'vde_switch', cpu, missingVdeSwitch(), () => startVdeSwitch(bench, cpu)),
      ];
    },
  };
}

function contender(
  bench: Bench,
  name: string,
  cpu: number | undefined,
  missingSwitch: string | undefined,
  start: () => Promise<RunningSwitch>,
): Contender {
  const missing = missingSwitch ?? bench.clients.missing('vde-pingpong');
  return {
    name,
    ...(missing === undefined ? {} : { missing }),
    async measure() {
      const { directory, stop } = await start();
      try {
        const report = await runPingPong(bench, directory, directory, LENGTH, cpu);
        const { p50, p99, count, lost } = report;
        return { p50, p99, 'round trips': count, lost };
      } finally {
        await stop();
      }
    },
  };
}
