/**
 * Kith against the field: everything on this machine that joins two hosts, each
 * as its own defaults have it.
 */

import type { Bench, Contender, Measurement, Row, Target } from '../row.ts';
import type { Contestant } from './contestant.ts';
import { bareCopy } from './contestants/bare-copy.ts';
import { kithGuests, kithPlainGuests, measureGuests, vdeGuests } from './contestants/guests.ts';
import { veth, vethWithoutOffloads, vxlan } from './contestants/kernel.ts';
import { kithAes, kithChaCha, kithLocal, kithPlain, kithTcp } from './contestants/kith.ts';
import { n2nAes, n2nPlain } from './contestants/n2n.ts';
import { nebula } from './contestants/nebula.ts';
import { openvpnAes, openvpnPlain } from './contestants/openvpn.ts';
import { tincEncrypted, tincPlain } from './contestants/tinc.ts';
import { vde, vdeLocal, vdePlug2tapLocal } from './contestants/vde.ts';
import { wireguardGo } from './contestants/wireguard-go.ts';
import {
  CPU,
  CPU_METRIC,
  LOADED_P99,
  METRICS,
  measureAll,
  measureBulk,
  measureContestant,
  P50,
  P99,
  type Probe,
  TCP,
  TCP_METRIC,
  UDP,
} from './measure.ts';
import { missingStage, type WireKind } from './stage.ts';

const PACE = { runs: 3, seconds: 5 };

/** Every user-space program between two hosts that is not ours. */
const PEERS = [
  ...[vde, n2nPlain, n2nAes, tincPlain, tincEncrypted, wireguardGo],
  ...[nebula, openvpnPlain, openvpnAes],
];
const KITHS = [kithPlain, kithAes, kithChaCha, kithTcp];
const BEST_PEER = 'best peer';

const ALL = [veth, vethWithoutOffloads, vxlan, bareCopy, ...KITHS, ...PEERS];

export const fieldRows: readonly Row[] = [
  {
    ...shared(
      'field-peers',
      'Two hosts, one cable: TCP with one and four flows, packets, round trips, cost',
    ),
    metrics: METRICS,
    best: { name: BEST_PEER, of: PEERS.map(({ name }) => name) },
    ratios: [
      ...ratiosTo(veth.name, ALL),
      ...ratiosTo(BEST_PEER, [...KITHS, ...PEERS]),
      ...ratiosTo(bareCopy.name, [kithPlain]),
    ],
    targets: [
      atLeast(TCP, kithPlain, 0.5, veth.name),
      atLeast(TCP, kithPlain, 0.8, vxlan.name),
      atLeast(TCP, kithPlain, 10, n2nPlain.name),
      atLeast(TCP, kithPlain, 10, tincPlain.name),
      atLeast(TCP, kithAes, 1.7, wireguardGo.name),
      atLeast(TCP, kithAes, 8, nebula.name),
      atLeast(TCP, kithAes, 8, openvpnAes.name),
      atLeast(TCP, kithChaCha, 1.3, wireguardGo.name),
      atLeast(TCP, kithAes, 0.55, kithPlain.name),
      atLeast(UDP, kithAes, 1.5, BEST_PEER),
      atMost(P50, kithAes, 1, BEST_PEER),
      { ...atMost(LOADED_P99, kithAes, 3, kithAes.name), overMetric: P99 },
      atMost(CPU, kithAes, 0.6, wireguardGo.name),
    ],
    contenders: (bench) =>
      ALL.map((each) => {
        const wire = each === vethWithoutOffloads ? 'no-offloads' : 'plain';
        return contender(bench, each, wire, measureAll);
      }),
  },
  {
    ...shared('field-no-gso', 'The same where the cable does not carry UDP super-packets whole'),
    metrics: METRICS,
    ratios: ratiosTo(wireguardGo.name, [kithPlain, kithAes, kithChaCha]),
    targets: [],
    contenders: (bench) =>
      [veth, kithPlain, kithAes, kithChaCha, wireguardGo].map((each) =>
        contender(bench, each, 'no-udp-segmentation', measureAll),
      ),
  },
  {
    ...shared('field-shaped', 'One TCP flow where the cable carries a gigabit a second'),
    metrics: [TCP_METRIC, CPU_METRIC],
    ratios: ratiosTo(veth.name, [kithPlain, kithAes, wireguardGo]),
    targets: [atLeast(TCP, kithPlain, 0.97, veth.name), atLeast(TCP, kithAes, 0.97, veth.name)],
    contenders: (bench) =>
      [veth, kithPlain, kithAes, wireguardGo].map((each) =>
        contender(bench, each, 'shaped', measureBulk),
      ),
  },
  {
    ...shared('field-local', 'Two TAPs on one switch, no cable between'),
    metrics: METRICS,
    ratios: ratiosTo(vdeLocal.name, [kithLocal, vdePlug2tapLocal]),
    targets: [atLeast(TCP, kithLocal, 5, vdeLocal.name)],
    contenders: (bench) =>
      [kithLocal, vdeLocal, vdePlug2tapLocal].map((each) =>
        contender(bench, each, 'plain', measureAll),
      ),
  },
  {
    ...shared(
      'field-guests',
      'One TCP flow between QEMU guests (virtio, -netdev vde) on two hosts',
    ),
    metrics: [TCP_METRIC],
    ratios: ratiosTo(vdeGuests.name, [kithGuests, kithPlainGuests]),
    targets: [atLeast(TCP, kithGuests, 1.2, vdeGuests.name)],
    contenders: (bench) =>
      [kithGuests, kithPlainGuests, vdeGuests].map((host): Contender => {
        const missing = missingStage() ?? host.missing(bench);
        return {
          name: host.name,
          ...(missing === undefined ? {} : { missing }),
          measure: () => measureGuests(bench, host),
        };
      }),
  },
];

function shared(name: string, title: string) {
  return { name, title, pace: PACE, onRequest: true, layout: 'by-contender' } as const;
}

function contender(
  bench: Bench,
  contestant: Contestant,
  wire: WireKind,
  measure: (probe: Probe) => Promise<Measurement>,
): Contender {
  const missing = missingStage(wire) ?? contestant.missing(bench);
  const version = missing === undefined ? contestant.version?.() : undefined;
  return {
    name: contestant.name,
    ...(missing === undefined ? {} : { missing }),
    ...(version === undefined ? {} : { version }),
    measure: () => measureContestant(bench, contestant, wire, measure),
  };
}

type Named = { readonly name: string };

/** Each of them, except the one it would be a ratio to, over `over`. */
function ratiosTo(over: string, contenders: readonly Named[]): (readonly [string, string])[] {
  return contenders.filter(({ name }) => name !== over).map(({ name }) => [name, over] as const);
}

function atLeast(metric: string, { name }: Named, limit: number, over: string): Target {
  return { metric, contender: name, over, atLeast: limit };
}

function atMost(metric: string, { name }: Named, limit: number, over: string): Target {
  return { metric, contender: name, over, atMost: limit };
}
