/**
 * What the functions of the switch cost where they are not needed: local switching between two
 * clients, with each of them switched on, and with all of them.
 *
 * `plain again` is the yardstick: the same node with the same settings, so its ratio shows how
 * much two runs differ by themselves. What functions that are off cost shows against a build
 * without them: name its checkout in KITH_BENCH_OTHER, and it runs beside.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemSockets } from '../../src/io/system-sockets.ts';
import { connectVde } from '../../src/switch/vde/vde-client.ts';
import type { Bench, Contender, Measurement, Row, Target } from '../row.ts';
import { makeHome, missingKith, startKith, writeConfig } from '../switches.ts';
import { runTraffic, TRAFFIC_METRICS, trafficMeasurement } from '../traffic.ts';

/** Octets of a frame: the shortest, where every frame's own work weighs most. */
const LENGTH = 64;
/** Where the mirror would put copies; the clients have ports 1 and 2. */
const MIRROR_PORT = 3;
/** A port where nothing passes. */
const QUIET_PORT = 4;
/** Frames a second: more than there can be, so that buckets are looked at and never empty. */
const NO_STORM = 2_000_000;
/**
 * How much more a frame may cost the switch. Frames a second say less: they depend on which
 * processors the scheduler gives the three programs, and vary by a half between two plain runs.
 */
const COST = 1.1;

const PLAIN = 'plain';
const OTHER = 'other version';

const VLANS = { perPort: [1, 2].map((port) => ({ port, access: 10 })) };
const STORM = { storm: { broadcast: NO_STORM, multicast: NO_STORM, unknown: NO_STORM } };
const MIRROR = { mirror: { to: MIRROR_PORT, of: QUIET_PORT } };
const SNOOPING = { snooping: true };

/** Settings of the switch by contender. */
const VARIANTS: Readonly<Record<string, object>> = {
  [PLAIN]: {},
  'plain again': {},
  vlans: VLANS,
  storm: STORM,
  mirror: MIRROR,
  snooping: SNOOPING,
  all: { ...VLANS, ...STORM, ...MIRROR, ...SNOOPING },
};

const COMPARED = [...Object.keys(VARIANTS).filter((name) => name !== PLAIN), OTHER];

export const localFeaturesRows: readonly Row[] = [
  {
    name: 'local-features',
    title: `Local switching, ${LENGTH} octets, sender unpaced, with functions of the switch on`,
    metrics: TRAFFIC_METRICS,
    targets: COMPARED.filter((name) => name !== OTHER).map(
      (contender): Target => ({
        metric: 'CPU/frame',
        contender,
        over: PLAIN,
        atMost: COST,
      }),
    ),
    ratios: COMPARED.map((name) => [name, PLAIN] as const),
    layout: 'by-contender',
    pace: { runs: 5, seconds: 4 },
    onRequest: true,
    contenders: (bench) => [
      ...Object.entries(VARIANTS).map(([name, settings]) => contender(bench, name, settings)),
      otherVersion(bench),
    ],
  },
];

function contender(bench: Bench, name: string, settings: object): Contender {
  const missing = missingKith(bench) ?? bench.clients.missing('vde-traffic');
  return {
    name,
    ...(missing === undefined ? {} : { missing }),
    measure: () => measure(bench, settings),
  };
}

/** The plain switch of another checkout, built. */
function otherVersion(bench: Bench): Contender {
  const root = process.env.KITH_BENCH_OTHER;
  const missing =
    root === undefined || !existsSync(join(root, 'dist/src/main.js'))
      ? 'no other version: name a checkout that is built in KITH_BENCH_OTHER'
      : bench.clients.missing('vde-traffic');
  return {
    name: OTHER,
    ...(missing === undefined ? {} : { missing }),
    measure: () => measure({ ...bench, root: root ?? bench.root }, {}),
  };
}

async function measure(bench: Bench, settings: object): Promise<Measurement> {
  const home = makeHome(bench);
  const config = writeConfig(home, { switch: settings });
  const { directory, pid, stop } = await startKith(bench, {
    home,
    args: ['--config', config, '--listen', 'udp://127.0.0.1:0'],
  });
  const sockets = systemSockets();
  try {
    // The mirror's port is there in every contender; nothing but BPDUs goes there.
    const cable = await connectVde({
      switchPath: directory,
      sockets,
      description: 'mirror',
      port: MIRROR_PORT,
    });
    try {
      const ends = { from: directory, to: directory };
      const traffic = { ...ends, length: LENGTH, window: 0, watched: [pid] };
      return trafficMeasurement(await runTraffic(bench, traffic));
    } finally {
      cable.close();
      sockets.closeDescriptor(cable.systemDescriptor);
    }
  } finally {
    await stop();
  }
}
