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
import { Network, random } from './simulator.ts';

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
