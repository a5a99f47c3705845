/**
 * Twenty nodes with links of all kinds, by equal costs and by measured ones, and an hour of
 * pings with jitter: keepalives, link costs and spanning trees as a node has them, in virtual time.
 */
import { Keepalive } from '../../src/links/keepalive.ts';
import { costOf, LinkCost, type LinkMeasurement } from '../../src/stp/link-cost.ts';
import { type Link, Network } from './simulator.ts';

const NODES = 20;
/** Share of the pairs that are friends, those next to each other in a chain apart. */
const FRIENDSHIP = 0.3;

/** Milliseconds; as a node has them. */
const PING_INTERVAL = 800;
const LOOK_INTERVAL = 5000;
const HOUR = 3_600_000;

/** A sample is off by a third either way, and one in a hundred takes ten times as long. */
const JITTER = 0.3;
const WILD = { share: 0.01, factor: 10 };

interface Kind {
  readonly name: string;
  readonly share: number;
  /** Round trip, milliseconds. */
  readonly roundTripTime: readonly [least: number, most: number];
  readonly loss: readonly [least: number, most: number];
  readonly relayed: boolean;
}

const KINDS: readonly Kind[] = [
  { name: 'LAN', share: 0.15, roundTripTime: [0.2, 2], loss: [0, 0], relayed: false },
  { name: 'same city', share: 0.25, roundTripTime: [3, 15], loss: [0, 0], relayed: false },
  {
    name: 'cross-continent',
    share: 0.3,
    roundTripTime: [30, 180],
    loss: [0, 0.002],
    relayed: false,
  },
  { name: 'relayed', share: 0.15, roundTripTime: [40, 250], loss: [0, 0.01], relayed: true },
  { name: 'lossy', share: 0.15, roundTripTime: [10, 80], loss: [0.02, 0.08], relayed: false },
];

/** One way along the tree, over all pairs. */
export interface Paths {
  /** Mean, milliseconds. */
  readonly latency: number;
  /** Mean share of frames that do not arrive, 0 … 1. */
  readonly loss: number;
  /** Mean number of relayed links. */
  readonly relays: number;
}

export interface Comparison {
  readonly links: number;
  readonly equal: Paths;
  readonly measured: Paths;
}

export interface HourOfJitter {
  /** Costs in force that changed, over all ends of links. */
  readonly costs: number;
  /** Looks after which another set of links forwarded. */
  readonly trees: number;
  /** The same, if each measurement were in force at once. */
  readonly naive: number;
  readonly looks: number;
}

interface MixedLink {
  readonly link: Link;
  readonly truth: LinkMeasurement;
  readonly cost: LinkCost;
}

function mixedLinks(network: Network): MixedLink[] {
  const { random } = network;
  const between = ([least, most]: readonly [number, number]) => least + (most - least) * random();
  const kindOf = () => {
    let left = random();
    for (const kind of KINDS) {
      left -= kind.share;
      if (left < 0) return kind;
    }
    return KINDS[0];
  };
  const nodes = network.addNodes(NODES);
  const list: MixedLink[] = [];
  for (const a of nodes) {
    for (const b of nodes.slice(a.index + 1)) {
      if (b.index !== a.index + 1 && random() > FRIENDSHIP) continue;
      const { roundTripTime, loss, relayed } = kindOf();
      const truth = {
        roundTripTime: between(roundTripTime),
        loss: between(loss),
        throughput: 1e9,
        relayed,
      };
      const link = network.connect(a, b, { delay: truth.roundTripTime / 2 });
      list.push({ link, truth, cost: new LinkCost() });
    }
  }
  return list;
}

function pathsOf(network: Network, links: readonly MixedLink[]): Paths {
  const truths = new Map(links.map(({ link, truth }) => [link, truth]));
  const sum = { latency: 0, loss: 0, relays: 0, pairs: 0 };
  for (const start of network.nodes) {
    const reached = new Map([[start, { latency: 0, kept: 1, relays: 0 }]]);
    for (const [node, { latency, kept, relays }] of reached) {
      for (const [port, link] of node.links) {
        const next = link.other(node, port).node;
        const truth = truths.get(link);
        if (truth === undefined || !link.forwarding || reached.has(next)) continue;
        reached.set(next, {
          latency: latency + truth.roundTripTime / 2,
          kept: kept * (1 - truth.loss),
          relays: relays + (truth.relayed ? 1 : 0),
        });
      }
    }
    for (const { latency, kept, relays } of reached.values()) {
      sum.latency += latency;
      sum.loss += 1 - kept;
      sum.relays += relays;
    }
    sum.pairs += reached.size - 1;
  }
  const { pairs } = sum;
  return { latency: sum.latency / pairs, loss: sum.loss / pairs, relays: sum.relays / pairs };
}

/** The network by measured costs, at rest, with what it was by equal ones. */
function compare(seed: number): {
  readonly network: Network;
  readonly links: readonly MixedLink[];
  readonly comparison: Comparison;
} {
  const network = new Network(seed);
  const links = mixedLinks(network);
  network.run(30_000);
  mustBeWhole(network);
  const equal = pathsOf(network, links);
  for (const { link, truth, cost } of links) {
    cost.measure({ ...truth, loss: pingLoss(truth) }, network.now);
    network.setCost(link, cost.cost);
  }
  network.run(60_000);
  mustBeWhole(network);
  const measured = pathsOf(network, links);
  return { network, links, comparison: { links: links.length, equal, measured } };
}

function mustBeWhole(network: Network): void {
  const fault = network.fault();
  if (fault !== null) throw new Error(`seed ${network.seed}: ${fault}`);
}

/** @throws with the seed, if a tree is not whole or a loop closes */
export function compareCosts(seed: number): Comparison {
  return compare(seed).comparison;
}

/** @throws as compareCosts does */
export function jitterForAnHour(seed: number): HourOfJitter {
  const { network, links } = compare(seed);
  const alive = links.map((each) => ({
    ...each,
    keepalive: new Keepalive({ interval: PING_INTERVAL, failAfter: HOUR }, network.now),
  }));
  const tree = () => links.map(({ link }) => (link.forwarding ? '1' : '0')).join('');
  const end = network.now + HOUR;
  const counted = { costs: 0, trees: 0, naive: 0, looks: 0 };
  let [before, naiveBefore] = [tree(), ''];
  let pinged = network.now;
  while (network.now < end) {
    const now = network.now + LOOK_INTERVAL;
    for (; pinged < now; pinged += PING_INTERVAL) {
      for (const { keepalive, truth } of alive) ping(network, keepalive, truth, pinged);
    }
    network.run(LOOK_INTERVAL);
    const naive: number[] = [];
    for (const { keepalive, truth, link, cost } of alive) {
      const seen = { ...truth, roundTripTime: keepalive.rtt, loss: keepalive.loss };
      if (Number.isNaN(seen.roundTripTime)) seen.roundTripTime = truth.roundTripTime;
      naive.push(costOf(seen));
      if (!cost.measure(seen, now)) continue;
      counted.costs += 1;
      network.setCost(link, cost.cost);
    }
    const [after, naiveAfter] = [tree(), shortestPathTree(network, naive)];
    counted.looks += 1;
    if (after !== before) counted.trees += 1;
    if (naiveBefore !== '' && naiveAfter !== naiveBefore) counted.naive += 1;
    [before, naiveBefore] = [after, naiveAfter];
  }
  return counted;
}

/** A ping is lost if either way loses it. */
function pingLoss({ loss }: LinkMeasurement): number {
  return 1 - (1 - loss) ** 2;
}

function ping(network: Network, keepalive: Keepalive, truth: LinkMeasurement, now: number): void {
  const { random } = network;
  const sequence = keepalive.ping(now);
  if (random() < pingLoss(truth)) return;
  const wild = random() < WILD.share ? WILD.factor : 1;
  const sample = truth.roundTripTime * wild * (1 - JITTER + 2 * JITTER * random());
  keepalive.pong(sequence, now - sample, now);
}

/** The tree that these costs would make at once: the way of each node to node 0. */
function shortestPathTree(network: Network, costs: readonly number[]): string {
  const best = network.nodes.map((node) => ({ cost: node.index === 0 ? 0 : Infinity, via: -1 }));
  for (let moved = true; moved; ) {
    moved = false;
    for (const [via, { ends }] of network.links.entries()) {
      for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
        const cost = best[from.node.index].cost + costs[via];
        if (cost >= best[to.node.index].cost) continue;
        best[to.node.index] = { cost, via };
        moved = true;
      }
    }
  }
  return best.map(({ via }) => via).join();
}
