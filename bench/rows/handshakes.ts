/** Whole handshakes on one processor, both ends of each. */

import { join } from 'node:path';
import type { Bench, Contender, Measurement, Row } from '../row.ts';

const RATE = 'handshakes/s';

export const handshakeRows: readonly Row[] = [
  {
    name: 'handshakes',
    title: 'Handshakes on one processor, both ends counted, in a process of their own',
    metrics: [{ name: RATE, unit: '', better: 'more', digits: 0 }],
    targets: [{ metric: RATE, contender: 'native', atLeast: 800 }],
    ratios: [
      ['native', 'node:crypto'],
      ['native', 'noble'],
    ],
    contenders: (bench) => ['native', 'node:crypto', 'noble'].map((name) => contender(bench, name)),
  },
];

function contender(bench: Bench, name: string): Contender {
  return { name, measure: () => measure(bench, name) };
}

async function measure(bench: Bench, suite: string): Promise<Measurement> {
  const { root, warmup, seconds, pinnedCpu: cpu } = bench;
  const program = join(root, 'dist/bench/programs/handshakes.js');
  const output = await bench.processes.run(
    process.execPath,
    [program, suite, `${warmup}`, `${seconds}`],
    { cpu, within: (warmup + seconds) * 1000 + 20_000 },
  );
  const counted = JSON.parse(output) as { handshakes: number; seconds: number };
  return { [RATE]: counted.handshakes / counted.seconds };
}
