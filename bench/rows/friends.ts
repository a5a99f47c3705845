/**
 * Node to node over UDP on the loopback: a client on A sends to a client on B.
 *
 * sealed: A and B share a security group. clear: they share none, so Ethernet
 * goes in the clear. cable: two vde_switches joined by vde_plug's UDP cable,
 * plaintext and without any identity, for information.
 */

import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import { eventually } from '../processes.ts';
import type { Bench, Contender, Measurement, Row } from '../row.ts';
import {
  freeUdpPort,
  kithLinks,
  kithUid,
  makeHome,
  missingKith,
  missingVdePlug,
  missingVdeSwitch,
  type RunningSwitch,
  startKith,
  startVdeSwitch,
} from '../switches.ts';
import { runTraffic, TRAFFIC_METRICS, trafficMeasurement } from '../traffic.ts';

/** Frames on the way in the windowed half of a run. */
const WINDOW = 64;

const WINDOWED_RATE = 'windowed frames/s';
const WINDOWED_LOSS = 'windowed loss';
const WINDOWED_CPU = 'windowed CPU/frame';

/** Milliseconds two friends have to find each other. */
const CONNECT_WITHIN = 20_000;

export const friendsRows: readonly Row[] = [friends(64), friends(1400)];

function friends(length: number): Row {
  return {
    name: `friends-${length}`,
    title: `Node to node over UDP on the loopback, ${length} octets; sender unpaced, then with a window of ${WINDOW}; CPU of both nodes`,
    metrics: [
      ...TRAFFIC_METRICS,
      { name: WINDOWED_RATE, unit: '', better: 'more', digits: 0 },
      { name: WINDOWED_LOSS, unit: '%', better: 'neither', digits: 3 },
      { name: WINDOWED_CPU, unit: 'µs', better: 'less', digits: 3 },
    ],
    targets: [{ metric: 'frames/s', contender: 'sealed', over: 'clear', atLeast: 0.8 }],
    ratios: [
      ['sealed', 'clear'],
      ['sealed', 'cable'],
      ['clear', 'cable'],
    ],
    contenders: (bench) => {
      const client = bench.clients.missing('vde-traffic');
      return [
        contender('sealed', missingKith(bench) ?? client, () =>
          measureKith(bench, length, 'sealed'),
        ),
        contender('clear', missingKith(bench) ?? client, () => measureKith(bench, length, 'clear')),
        contender('cable', missingVdeSwitch() ?? missingVdePlug() ?? client, () =>
          measureCable(bench, length),
        ),
      ];
    },
  };
}

function contender(
  name: string,
  missing: string | undefined,
  measure: () => Promise<Measurement>,
): Contender {
  return { name, ...(missing === undefined ? {} : { missing }), measure };
}

function measureKith(
  bench: Bench,
  length: number,
  security: LinkStatus['security'],
): Promise<Measurement> {
  return betweenFriends(bench, security, (a, b) =>
    measureBoth(bench, length, a.directory, b.directory, [a.pid, b.pid]),
  );
}

/**
 * Runs two nodes with a link over UDP between them, and `measure` meanwhile.
 * @param measure is given both, and the address that the second listens on
 */
export async function betweenFriends(
  bench: Bench,
  security: LinkStatus['security'],
  measure: (a: RunningSwitch, b: RunningSwitch, url: string) => Promise<Measurement>,
): Promise<Measurement> {
  const homes = [makeHome(bench), makeHome(bench)];
  const uids = await Promise.all(homes.map((home) => kithUid(bench, home)));
  const urls = [await freeUdpPort(), await freeUdpPort()].map((port) => `udp://127.0.0.1:${port}`);
  const groups = security === 'sealed' ? ['shared', 'shared'] : ['of-a', 'of-b'];
  const started = await Promise.allSettled(
    homes.map((home, self) => {
      const other = 1 - self;
      const args = ['--listen', urls[self], '--group', groups[self]];
      args.push('--plaintext', 'when-no-shared-group');
      args.push('--friend', `${uids[other]}@${urls[other]}`);
      return startKith(bench, { home, name: `node-${self}`, args });
    }),
  );
  const nodes = started.filter((result) => result.status === 'fulfilled').map((r) => r.value);
  try {
    for (const result of started) if (result.status === 'rejected') throw result.reason;
    await connected(bench, homes[0], security);
    const [a, b] = nodes;
    return await measure(a, b, urls[1]);
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
}

/** Half of the time unpaced, half with a window, as a protocol that heeds loss would send. */
async function measureBoth(
  bench: Bench,
  length: number,
  from: string,
  to: string,
  watched: readonly number[],
): Promise<Measurement> {
  const ends = { from, to, length, watched };
  const half = { ...bench, seconds: bench.seconds / 2 };
  const unpaced = trafficMeasurement(await runTraffic(half, { ...ends, window: 0 }));
  const windowed = trafficMeasurement(await runTraffic(half, { ...ends, window: WINDOW }));
  return {
    ...unpaced,
    [WINDOWED_RATE]: windowed['frames/s'],
    [WINDOWED_LOSS]: windowed.loss,
    [WINDOWED_CPU]: windowed['CPU/frame'],
  };
}

/** Waits for the link and makes sure that it is what is to be measured. */
async function connected(
  bench: Bench,
  home: string,
  security: LinkStatus['security'],
): Promise<void> {
  let links: readonly LinkStatus[] = [];
  const isUp = async () => {
    links = await kithLinks(bench, home);
    return links.length > 0;
  };
  if (!(await eventually(isUp, CONNECT_WITHIN))) throw new Error('the friends did not connect');
  if (links[0].security !== security) {
    throw new Error(`the link is ${links[0].security} where ${security} was to be measured`);
  }
}

async function measureCable(bench: Bench, length: number): Promise<Measurement> {
  const stops: (() => Promise<void>)[] = [];
  try {
    const a = await startVdeSwitch(bench);
    stops.unshift(a.stop);
    const b = await startVdeSwitch(bench);
    stops.unshift(b.stop);
    const ports = [await freeUdpPort(), await freeUdpPort()];
    const pids = [a.pid, b.pid];
    for (const [self, { directory }] of [a, b].entries()) {
      const cable = `udp://${ports[self]}->127.0.0.1:${ports[1 - self]}`;
      const plug = await bench.processes.start('vde_plug', [`vde://${directory}`, cable]);
      stops.unshift(plug.stop);
      pids.push(plug.pid);
    }
    return await measureBoth(bench, length, a.directory, b.directory, pids);
  } finally {
    for (const stop of stops) await stop();
  }
}
