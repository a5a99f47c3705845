import test from 'ava';
import fc from 'fast-check';
import { KithError } from '../../src/errors.ts';
import {
  costOf,
  LinkCost,
  type LinkMeasurement,
  UNMEASURED_COST,
} from '../../src/stp/link-cost.ts';
import { MAXIMUM_PATH_COST } from '../../src/stp/parameters.ts';
import { type Link, Network, random } from './simulator.ts';

const LAN: LinkMeasurement = { roundTripTime: 0, loss: 0, throughput: 1e9, relayed: false };

test('the formula, line by line of the page', (t) => {
  t.is(costOf(LAN), 20_000);
  t.is(costOf({ ...LAN, throughput: 1e8 }), 200_000);
  t.is(costOf({ ...LAN, roundTripTime: 10 }), 40_000);
  t.is(costOf({ ...LAN, roundTripTime: 40 }), 100_000);
  t.is(costOf({ ...LAN, roundTripTime: 40, loss: 0.05 }), 200_000);
  t.is(costOf({ ...LAN, roundTripTime: 40, relayed: true }), 200_000);
  t.is(costOf({ ...LAN, throughput: 1e3 }), MAXIMUM_PATH_COST);
  t.is(costOf({ ...LAN, roundTripTime: Number.NaN }), MAXIMUM_PATH_COST);
});

test('a worse link never costs less, and every cost can be set', (t) => {
  const measurement = fc.record({
    roundTripTime: fc.double({ min: 0, max: 1e6, noNaN: true }),
    loss: fc.double({ min: 0, max: 1, noNaN: true }),
    throughput: fc.double({ min: 1, max: 1e12, noNaN: true }),
    relayed: fc.boolean(),
  });
  fc.assert(
    fc.property(measurement, (link) => {
      const cost = costOf(link);
      t.true(Number.isInteger(cost) && cost >= 1 && cost <= MAXIMUM_PATH_COST);
      t.true(costOf({ ...link, roundTripTime: link.roundTripTime * 2 }) >= cost);
      t.true(costOf({ ...link, loss: (link.loss + 1) / 2 }) >= cost);
      t.true(costOf({ ...link, throughput: link.throughput / 2 }) >= cost);
      t.true(costOf({ ...link, relayed: true }) >= cost);
    }),
  );
});

test('jitter never changes the cost, a new path changes it once', (t) => {
  const next = random(7);
  const link = new LinkCost();
  t.is(link.cost, UNMEASURED_COST);
  let changes = 0;
  const hour = (roundTripTime: number, from: number) => {
    for (let second = 0; second < 3600; second++) {
      // A third either way, and one wild value a minute.
      const jitter = second % 60 === 59 ? 10 : 0.7 + 0.6 * next();
      const measurement = { ...LAN, roundTripTime: roundTripTime * jitter };
      if (link.measure(measurement, (from + second) * 1000)) changes += 1;
    }
  };
  t.true(link.measure({ ...LAN, roundTripTime: 40 }, 0));
  hour(40, 0);
  t.is(changes, 0);
  hour(200, 3600);
  t.is(changes, 1);
  t.true(Math.abs(link.cost - 420_000) < 60_000, `${link.cost}`);
});

test('a change must last on one side', (t) => {
  const link = new LinkCost({ factor: 2, holdTime: 1000 });
  link.measure({ ...LAN, roundTripTime: 100 }, 0);
  t.is(link.cost, 220_000);
  t.false(link.measure({ ...LAN, roundTripTime: 1000 }, 100));
  t.false(link.measure({ ...LAN, roundTripTime: 1 }, 900));
  t.false(link.measure({ ...LAN, roundTripTime: 1 }, 1800));
  t.true(link.measure({ ...LAN, roundTripTime: 1 }, 1900));
  t.is(link.cost, 22_000);
  t.is(link.measured, 22_000);
});

test("the administrator's cost wins until it is taken back", (t) => {
  const link = new LinkCost({ administrative: 5 });
  t.false(link.measure({ ...LAN, roundTripTime: 10 }, 0));
  t.is(link.cost, 5);
  link.setAdministrative(null);
  t.is(link.cost, 40_000);
  t.throws(() => link.setAdministrative(0), { instanceOf: KithError });
  t.throws(() => new LinkCost({ administrative: 1.5 }), { instanceOf: KithError });
});

/** Twenty friends: four at each of five places, near within a place, far between them. */
function places(seed: number, measured: boolean): Network {
  const network = new Network(seed);
  const nodes = network.addNodes(20);
  for (const a of nodes) {
    for (const b of nodes.slice(a.index + 1)) {
      const sameplace = a.index % 5 === b.index % 5;
      if (!sameplace && network.random() > 0.25) continue;
      const delay = sameplace ? 0.5 : 10 + network.random() * 90;
      const cost = costOf({ ...LAN, roundTripTime: 2 * delay });
      network.connect(a, b, { delay, ...(measured ? { cost } : {}) });
    }
  }
  network.run(60_000);
  return network;
}

test('a tree by measured costs has shorter paths than one by equal costs', (t) => {
  for (let seed = 1; seed <= 5; seed++) {
    const equal = places(seed, false);
    const measured = places(seed, true);
    t.is(equal.fault(), null);
    t.is(measured.fault(), null);
    const [far, near] = [equal.meanPathDelay(), measured.meanPathDelay()];
    t.true(near < 0.8 * far, `seed ${seed}: ${near} ms measured, ${far} ms equal`);
  }
});

interface Measured {
  readonly link: Link;
  /** Of the path, 0 … 1 and milliseconds. */
  readonly path: LinkMeasurement;
  readonly cost: LinkCost;
}

/**
 * Twenty nodes, each with a line of its own, and links of all kinds between a third of them: the
 * same town, the next country, over an ocean, some relayed, some losing frames.
 */
function mixedLinks(network: Network): Measured[] {
  const nodes = network.addNodes(20);
  const throughputs = [1e9, 1e9, 1e9, 1e8];
  const list: Measured[] = [];
  for (const a of nodes) {
    for (const b of nodes.slice(a.index + 1)) {
      // A chain makes sure that all hang together.
      if (b.index !== a.index + 1 && network.random() > 0.3) continue;
      const kind = network.random();
      const delay = kind < 0.4 ? 1 + 4 * network.random() : 10 + 80 * network.random();
      const path = {
        roundTripTime: 2 * delay,
        loss: network.random() < 0.1 ? 0.03 : 0,
        throughput: throughputs[Math.floor(network.random() * throughputs.length)] as number,
        relayed: network.random() < 0.1,
      };
      const link = network.connect(a, b, { delay });
      list.push({ link, path, cost: new LinkCost() });
    }
  }
  return list;
}

/** The mean path delay by equal costs, by measured ones, and what an hour of jitter changed. */
function anHourOfJitter(seed: number): {
  readonly equal: number;
  readonly measured: number;
  readonly costChanges: number;
  readonly treeChanges: number;
  readonly naiveChanges: number;
} {
  const network = new Network(seed);
  network.strict = false; // a change of all costs at once may close a loop for a moment
  const links = mixedLinks(network);
  network.run(30_000);
  const equal = network.meanPathDelay();
  for (const { link, path, cost } of links) {
    cost.measure(path, network.now);
    network.setCost(link, cost.cost);
  }
  network.run(60_000);
  const measured = network.meanPathDelay();
  const tree = () => links.map(({ link }) => (link.forwarding ? '1' : '0')).join('');

  let [costChanges, treeChanges, naiveChanges] = [0, 0, 0];
  let [before, naiveBefore] = [tree(), ''];
  for (let second = 0; second < 3600; second += 5) {
    const naive: number[] = [];
    for (const { link, path, cost } of links) {
      // A third either way, and now and then a wild value.
      const jitter = network.random() < 0.01 ? 10 : 0.7 + 0.6 * network.random();
      const now = { ...path, roundTripTime: path.roundTripTime * jitter };
      naive.push(costOf(now));
      if (!cost.measure(now, network.now)) continue;
      costChanges += 1;
      network.setCost(link, cost.cost);
    }
    network.run(5000);
    const after = tree();
    if (after !== before) treeChanges += 1;
    before = after;
    const naiveAfter = shortestPathTree(network, naive);
    if (naiveBefore !== '' && naiveAfter !== naiveBefore) naiveChanges += 1;
    naiveBefore = naiveAfter;
  }
  return { equal, measured, costChanges, treeChanges, naiveChanges };
}

/** The tree that these costs would make at once: the way of each node to node 0. */
function shortestPathTree(network: Network, costs: readonly number[]): string {
  const best = network.nodes.map((node) => ({ cost: node.index === 0 ? 0 : Infinity, via: -1 }));
  for (let moved = true; moved; ) {
    moved = false;
    for (const [via, { ends }] of network.links.entries()) {
      for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
        const cost = (best[from.node.index]?.cost ?? Infinity) + (costs[via] ?? Infinity);
        const held = best[to.node.index];
        if (held === undefined || cost >= held.cost) continue;
        best[to.node.index] = { cost, via };
        moved = true;
      }
    }
  }
  return best.map(({ via }) => via).join();
}

test('twenty nodes with mixed links: shorter paths, and jitter moves nothing', (t) => {
  for (let seed = 1; seed <= 5; seed++) {
    const { equal, measured, costChanges, treeChanges, naiveChanges } = anHourOfJitter(seed);
    t.log(
      `seed ${seed}: mean path ${equal.toFixed(0)} ms by equal costs, ${measured.toFixed(0)} ms measured;` +
        ` an hour of jitter: ${costChanges} costs, ${treeChanges} trees changed;` +
        ` without hysteresis ${naiveChanges} of 719`,
    );
    t.true(measured < 0.8 * equal);
    t.is(costChanges, 0);
    t.is(treeChanges, 0);
    t.true(naiveChanges > 100, 'the jitter was worth the name');
  }
});
