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
import { compareCosts, jitterForAnHour } from './link-cost-simulation.ts';
import { random } from './simulator.ts';

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

test('whatever comes, the cost is one that can be set', (t) => {
  const anything = fc.double();
  const measurement = fc.record({
    roundTripTime: anything,
    loss: anything,
    throughput: anything,
    relayed: fc.boolean(),
  });
  const waits = fc.integer({ min: -1000, max: 100_000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(measurement, waits), { maxLength: 50 }), (steps) => {
      const link = new LinkCost();
      let now = 0;
      for (const [each, wait] of steps) {
        link.measure(each, now);
        now += wait;
        t.true(Number.isInteger(link.cost) && link.cost >= 1 && link.cost <= MAXIMUM_PATH_COST);
      }
    }),
  );
});

test('jitter within the factor never changes the cost, whatever its order', (t) => {
  const steps = fc.array(fc.double({ min: 0.82, max: 1.22, noNaN: true }), { maxLength: 300 });
  fc.assert(
    fc.property(fc.double({ min: 1, max: 500, noNaN: true }), steps, (roundTripTime, factors) => {
      const link = new LinkCost();
      link.measure({ ...LAN, roundTripTime }, 0);
      for (const [i, factor] of factors.entries()) {
        const jittered = { ...LAN, roundTripTime: roundTripTime * factor };
        t.false(link.measure(jittered, (i + 1) * 5000));
      }
    }),
  );
});

test('whoever makes a link look good and bad in turn moves the tree a few times an hour', (t) => {
  const spans = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(spans, (pattern) => {
      const link = new LinkCost();
      link.measure({ ...LAN, roundTripTime: 10 }, 0);
      let changes = 0;
      let [bad, left, turn] = [false, 0, 0];
      for (let now = 5000; now <= 3_600_000; now += 5000) {
        if (left-- <= 0) {
          left = pattern[turn++ % pattern.length];
          bad = !bad;
        }
        if (link.measure({ ...LAN, roundTripTime: bad ? 1000 : 10 }, now)) changes += 1;
      }
      t.true(changes <= 12, `${changes}`);
    }),
  );
});

test('loss is averaged, so that one lost ping changes nothing and a bad line does', (t) => {
  const link = new LinkCost();
  const lossy = (loss: number) => ({ ...LAN, roundTripTime: 20, loss });
  link.measure(lossy(0), 0);
  // Keepalive counts one lost ping as a sixteenth, which dies away in a quarter of a minute.
  for (let now = 5000; now < 600_000; now += 5000) {
    t.false(link.measure(lossy(now % 60_000 < 10_000 ? 1 / 16 : 0), now));
  }
  let changedAt = 0;
  for (let now = 600_000; now < 1_200_000 && changedAt === 0; now += 5000) {
    if (link.measure(lossy(0.2), now)) changedAt = now;
  }
  t.true(changedAt > 600_000 && changedAt < 720_000, `${changedAt}`);
});

test('twenty nodes with mixed links: measured costs make shorter trees', (t) => {
  const sum = { equal: 0, measured: 0 };
  for (let seed = 1; seed <= 50; seed++) {
    const { equal, measured } = compareCosts(seed);
    t.true(measured.latency < equal.latency, `seed ${seed}`);
    sum.equal += equal.latency;
    sum.measured += measured.latency;
  }
  t.true(sum.measured < 0.5 * sum.equal, `${sum.measured / 50} ms, ${sum.equal / 50} ms`);
});

test('an hour of jittering pings hardly ever moves the tree', (t) => {
  for (let seed = 1; seed <= 8; seed++) {
    const { trees, naive } = jitterForAnHour(seed);
    t.true(trees <= 2, `seed ${seed}: ${trees} changes`);
    t.true(naive > 100, `seed ${seed}: the jitter was worth the name`);
  }
});
