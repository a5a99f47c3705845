/** An idle node: a hub with ten friends, nobody sends anything. */

import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, eventually, residentMegabytes } from '../processes.ts';
import type { Bench, Contender, Measurement, Row } from '../row.ts';
import {
  freeUdpPort,
  kithLinks,
  kithUid,
  makeHome,
  missingKith,
  type RunningSwitch,
  startKith,
} from '../switches.ts';

const FRIENDS = 10;

/** Milliseconds for all friends to connect, and then for the hub to come to rest. */
const CONNECT_WITHIN = 60_000;
const SETTLE = 5_000;

export const idleRows: readonly Row[] = [
  {
    name: 'idle',
    title: `An idle node with ${FRIENDS} links over UDP`,
    metrics: [
      { name: 'CPU', unit: '% of a core', better: 'less', digits: 2 },
      { name: 'resident', unit: 'MB', better: 'less', digits: 1 },
      { name: 'links', unit: '', better: 'neither', digits: 0 },
    ],
    targets: [
      { metric: 'CPU', contender: 'kith', atMost: 1 },
      { metric: 'resident', contender: 'kith', atMost: 120 },
    ],
    ratios: [],
    mostRuns: 1,
    contenders: (bench): Contender[] => {
      const missing = missingKith(bench);
      return [
        {
          name: 'kith',
          ...(missing === undefined ? {} : { missing }),
          measure: () => measureIdle(bench),
        },
      ];
    },
  },
];

async function measureIdle(bench: Bench): Promise<Measurement> {
  const homes = Array.from({ length: FRIENDS + 1 }, () => makeHome(bench));
  const uids: string[] = [];
  const urls: string[] = [];
  for (const home of homes) {
    uids.push(await kithUid(bench, home));
    urls.push(`udp://127.0.0.1:${await freeUdpPort()}`);
  }
  const friend = (index: number) => ['--friend', `${uids[index]}@${urls[index]}`];
  const running: RunningSwitch[] = [];
  try {
    const known = homes.slice(1).flatMap((_, index) => friend(index + 1));
    const hub = await startKith(bench, {
      home: homes[0],
      name: 'hub',
      args: ['--listen', urls[0], ...known],
    });
    running.push(hub);
    for (let index = 1; index <= FRIENDS; index++) {
      const args = ['--listen', urls[index], ...friend(0)];
      running.push(await startKith(bench, { home: homes[index], name: `friend-${index}`, args }));
    }
    const all = async () => (await kithLinks(bench, homes[0])).length === FRIENDS;
    if (!(await eventually(all, CONNECT_WITHIN))) throw new Error('not all friends connected');
    await delay(Math.min(SETTLE, bench.idleSeconds * 1000));

    const cpuBefore = cpuSeconds(hub.pid);
    const before = performance.now();
    await delay(bench.idleSeconds * 1000);
    const cpu = cpuSeconds(hub.pid) - cpuBefore;
    const elapsed = (performance.now() - before) / 1000;
    const resident = residentMegabytes(hub.pid);
    const links = (await kithLinks(bench, homes[0])).length;
    return { CPU: (cpu / elapsed) * 100, resident, links };
  } finally {
    await Promise.all(running.map((node) => node.stop()));
  }
}
