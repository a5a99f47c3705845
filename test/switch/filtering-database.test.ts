import test from 'ava';
import fc from 'fast-check';
import { FilteringDatabase, Learned } from '../../src/switch/filtering-database.ts';
import { formatParts } from '../../src/switch/mac-address.ts';
import { key, NaiveFilteringDatabase } from './naive-filtering-database.ts';

const HIGH = 0x02000000;
const CAPACITY = 32;
const LIMIT = 24;

type Step =
  | { do: 'learn' | 'static' | 'remove' | 'lookup'; low: number; vid: number; port: number }
  | { do: 'flush'; port: number; all: boolean }
  | { do: 'wait'; time: number }
  | { do: 'sweep' | 'resize' }
  | { do: 'set'; ageing: number; persistence: number; ports: number };

const low = fc.integer({ min: 0, max: 60 });
const vid = fc.constantFrom(0, 1, 4094);
const port = fc.integer({ min: 1, max: 3 });
const touch = (what: 'learn' | 'static' | 'remove' | 'lookup') =>
  fc.record({ do: fc.constant(what), low, vid, port });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: touch('learn') },
  { weight: 3, arbitrary: touch('lookup') },
  { weight: 3, arbitrary: touch('remove') },
  { weight: 1, arbitrary: touch('static') },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('flush' as const),
      port: fc.integer({ min: 0, max: 3 }),
      all: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      time: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 60_000 })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('sweep' as const, 'resize' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      ageing: fc.integer({ min: 1, max: 200_000 }),
      persistence: fc.integer({ min: 0, max: 10_000 }),
      ports: fc.integer({ min: 1, max: 30 }),
    }),
  },
);

test('does what its naive twin does', (t) => {
  const start = fc.constantFrom(0, 12_345.75, 2 ** 31 - 90_000, 2 ** 32 - 90_000);
  fc.assert(
    fc.property(
      start,
      fc.integer(),
      fc.array(step, { maxLength: 300, size: 'max' }),
      (at, seed, steps) => {
        const database = new FilteringDatabase({ capacity: CAPACITY, seed, portLimit: 15 });
        const twin = new NaiveFilteringDatabase(LIMIT, 100_000, 3_000, 15);
        const told = new Set<string>();
        const gone: string[] = [];
        database.watch((there, high, low, vid) => {
          const name = key(formatParts(high, low), vid);
          t.is(told.has(name), !there, `${name} comes and goes by turns`);
          if (there) told.add(name);
          else gone.push(name);
          if (!there) told.delete(name);
        });
        let now = at;
        for (const one of steps) {
          gone.length = 0;
          now = take(t, one, database, twin, now);
          // Which dynamic address makes room for a static one is the database's affair.
          if (one.do === 'static' && gone.length > 0) {
            t.false(twin.entries.get(gone[0])!.static);
            twin.entries.delete(gone[0]);
          }
          t.deepEqual([...told].sort(), [...twin.entries.keys()].sort());
        }
        same(t, database, twin);
      },
    ),
    { numRuns: 400 },
  );
});

function take(
  t: import('ava').ExecutionContext,
  step: Step,
  database: FilteringDatabase,
  twin: NaiveFilteringDatabase,
  now: number,
): number {
  switch (step.do) {
    case 'learn': {
      const mac = formatParts(HIGH, step.low);
      const learned = database.learn(HIGH, step.low, step.vid, step.port, now);
      t.is(learned, twin.learn(mac, step.vid, step.port, now));
      break;
    }
    case 'lookup':
      t.is(
        database.lookup(HIGH, step.low, step.vid),
        twin.lookup(formatParts(HIGH, step.low), step.vid),
      );
      break;
    case 'static':
      t.is(
        database.addStatic(HIGH, step.low, step.vid, step.port, now),
        twin.addStatic(formatParts(HIGH, step.low), step.vid, step.port, now),
      );
      break;
    case 'remove':
      t.is(
        database.remove(HIGH, step.low, step.vid),
        twin.remove(formatParts(HIGH, step.low), step.vid),
      );
      break;
    case 'flush': {
      const { port, all } = step;
      const removed = port === 0 ? database.flushAll(all) : database.flushPort(port, all);
      t.is(
        removed,
        twin.removeWhere(all, true, (entry) => port === 0 || entry.port === port),
      );
      break;
    }
    case 'sweep': {
      const old = twin.removeWhere(
        false,
        false,
        (entry) => Math.floor(now) - Math.floor(entry.seen) >= twin.ageingTime,
      );
      t.is(database.age(now, database.capacity + database.size), old);
      same(t, database, twin);
      break;
    }
    case 'resize':
      // There and back, past a size that does not fit.
      t.true(database.resize(CAPACITY * 4));
      if (database.size > 12) t.false(database.resize(16));
      t.true(database.resize(CAPACITY));
      break;
    case 'set':
      twin.ageingTime = step.ageing;
      twin.minPersistence = step.persistence;
      twin.portLimit = step.ports;
      database.configure({
        ageingTime: step.ageing,
        minPersistence: step.persistence,
        portLimit: step.ports,
      });
      break;
    case 'wait':
      return now + step.time;
  }
  return now;
}

function same(
  t: import('ava').ExecutionContext,
  database: FilteringDatabase,
  twin: NaiveFilteringDatabase,
): void {
  const entries = database.snapshot(0);
  t.is(entries.length, database.size);
  const ours = entries.map((e) => `${key(e.mac, e.vlan)} ${e.port} ${e.static}`).sort();
  const theirs = [...twin.entries].map(([name, e]) => `${name} ${e.port} ${e.static}`).sort();
  t.deepEqual(ours, theirs);
  for (const port of [1, 2, 3]) {
    const dynamic = [...twin.entries.values()].filter((e) => !e.static && e.port === port);
    t.is(database.portSize(port), dynamic.length);
  }
}

test('sweeps in small steps remove all that is old and nothing else', (t) => {
  const ages = fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 12, size: 'max' });
  fc.assert(
    fc.property(ages, fc.integer(), fc.integer({ min: 1, max: 7 }), (times, seed, budget) => {
      const database = new FilteringDatabase({ capacity: 16, seed });
      times.sort((a, b) => a - b);
      for (const [i, time] of times.entries()) database.learn(HIGH, i, 0, 1, time);
      for (let examined = 0; examined < 32; examined += budget) database.age(200_000, budget);
      const left = database.snapshot(200_000).map((entry) => entry.ageMs);
      const young = times.map((time) => 200_000 - time).filter((age) => age < 100_000);
      t.deepEqual(
        left.sort((a, b) => a - b),
        young.sort((a, b) => a - b),
      );
    }),
  );
});

test('an address must stay three seconds on a port before it moves', (t) => {
  const database = new FilteringDatabase();
  t.is(database.learn(HIGH, 1, 0, 1, 1000), Learned.added);
  t.is(database.learn(HIGH, 1, 0, 2, 3999), Learned.moveRefused);
  t.is(database.lookup(HIGH, 1, 0), 1);
  t.is(database.movesRefused, 1);
  t.is(database.learn(HIGH, 1, 0, 2, 4000), Learned.moved);
  t.is(database.lookup(HIGH, 1, 0), 2);
  t.is(database.learn(HIGH, 1, 0, 1, 5000), Learned.moveRefused);
});

test('an address may move after a month on its port', (t) => {
  const database = new FilteringDatabase();
  const month = 30 * 86_400_000;
  database.learn(HIGH, 1, 0, 1, 0);
  t.is(database.learn(HIGH, 1, 0, 1, month), Learned.refreshed);
  t.is(database.learn(HIGH, 1, 0, 2, month), Learned.moved);
});

test('another size leaves every entry as it was, its time on the port too', (t) => {
  const database = new FilteringDatabase({ capacity: 64 });
  for (let i = 0; i < 40; i++) database.learn(HIGH, i, 0, 1, 0);
  database.learn(HIGH, 7, 0, 1, 2900);
  t.false(database.resize(32));
  t.true(database.resize(1024));
  t.is(database.capacity, 1024);
  t.is(database.size, 40);
  t.is(database.find(HIGH, 7, 0, 3000)?.ageMs, 100);
  t.is(database.learn(HIGH, 7, 0, 2, 2999), Learned.moveRefused);
  t.is(database.learn(HIGH, 7, 0, 2, 3000), Learned.moved);
});

test('the same address lives in two VLANs apart', (t) => {
  const database = new FilteringDatabase();
  database.learn(HIGH, 1, 10, 1, 0);
  database.learn(HIGH, 1, 20, 2, 0);
  t.is(database.lookup(HIGH, 1, 10), 1);
  t.is(database.lookup(HIGH, 1, 20), 2);
  t.is(database.lookup(HIGH, 1, 0), 0);
  t.is(database.find(HIGH, 1, 20, 500)?.ageMs, 500);
});

test('signed and unsigned high words mean the same address', (t) => {
  const database = new FilteringDatabase();
  database.learn(0xfe000000, 1, 0, 5, 0);
  t.is(database.lookup(0xfe000000 | 0, 1, 0), 5);
});

test('a flood of a million addresses keeps the bounds', (t) => {
  const database = new FilteringDatabase({ seed: 7, portLimit: 1e9 });
  database.learn(HIGH, 1, 0, 1, 0);
  let added = 1;
  for (let i = 0; i < 1_000_000; i++) {
    const learned = database.learn(0x0a000000 | (i >>> 12), i & 0xfff, 0, 2, 1);
    if (learned === Learned.added) added++;
  }
  t.is(database.size, database.limit);
  t.is(added, database.limit);
  t.is(database.tableRefused, 1_000_001 - database.limit);
  t.is(database.lookup(HIGH, 1, 0), 1);
  t.is(database.flushPort(2), database.limit - 1);
  t.is(database.size, 1);
});

test('one port fills no more than its share', (t) => {
  const database = new FilteringDatabase();
  for (let i = 0; i < 5000; i++) database.learn(0x0a000000, i, 0, 2, 0);
  t.is(database.size, 1024);
  t.is(database.portRefused, 5000 - 1024);
  t.is(database.learn(HIGH, 1, 0, 1, 0), Learned.added);
});

test('settings out of range are mistakes', (t) => {
  t.throws(() => new FilteringDatabase({ capacity: 1 }), { instanceOf: RangeError });
  t.throws(() => new FilteringDatabase({ ageingTime: 0 }), { instanceOf: RangeError });
  t.throws(() => new FilteringDatabase({ minPersistence: -1 }), { instanceOf: RangeError });
  t.throws(() => new FilteringDatabase({ portLimit: Number.NaN }), { instanceOf: RangeError });
  t.is(new FilteringDatabase({ capacity: 1000 }).capacity, 1024);
  t.is(new FilteringDatabase({ capacity: 1024 }).capacity, 1024);
});

test('a round through the addresses takes the collection interval, however often it is called', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(1000, 2000, 7777, 100_000),
      fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 60 }),
      (interval, waits) => {
        const database = new FilteringDatabase({ capacity: 4096, collectionInterval: interval });
        const count = 1000;
        for (let low = 0; low < count; low++) database.learn(HIGH, low, 0, 1, 0);
        let now = 200_000;
        let forgotten = database.collect(now);
        t.is(forgotten, 0, 'the first call only looks at the clock');
        const start = now;
        for (const wait of waits) {
          now += wait;
          forgotten += database.collect(now);
          const share = Math.min((now - start) / interval, 1);
          // The cursor stays where something was forgotten, so a little less than the share.
          if (share === 1) continue;
          t.true(forgotten <= count);
        }
        for (let i = 0; i < 20; i++) {
          now += interval / 10;
          forgotten += database.collect(now);
        }
        t.is(forgotten, count, 'two rounds find everything');
      },
    ),
    { numRuns: 50 },
  );
});

test('a great table and a short interval do not make one call long', (t) => {
  const database = new FilteringDatabase({
    capacity: 1 << 18,
    portLimit: 1 << 20,
    collectionInterval: 1,
    ageingTime: 1,
  });
  for (let low = 0; low < 100_000; low++) database.learn(HIGH + (low >> 16), low & 0xffff, 0, 1, 0);
  database.collect(0);
  t.true(database.collect(1000) <= 65_536);
  t.true(database.size > 0);
});

test('a static address is heard once, and again when its port was flushed', (t) => {
  const database = new FilteringDatabase();
  database.addStatic(HIGH, 1, 0, 5, 0);
  t.is(database.learn(HIGH, 1, 0, 6, 10), Learned.fixed);
  t.is(database.learn(HIGH, 1, 0, 5, 10), Learned.added);
  t.is(database.learn(HIGH, 1, 0, 5, 10), Learned.refreshed);
  t.is(database.flushPort(5), 0);
  t.is(database.learn(HIGH, 1, 0, 5, 10), Learned.added);
  t.is(database.lookup(HIGH, 1, 0), 5);
  t.false(database.removeStatic(HIGH, 2, 0));
  t.true(database.removeStatic(HIGH, 1, 0));
  t.is(database.size, 0);
  database.learn(HIGH, 1, 0, 5, 10);
  t.false(database.removeStatic(HIGH, 1, 0), 'a learnt one');
});

test('a static address finds room in a full table', (t) => {
  const database = new FilteringDatabase({ capacity: 16 });
  for (let low = 0; low < 12; low++) database.learn(HIGH, low, 0, 1, 0);
  for (let low = 100; low < 112; low++) t.true(database.addStatic(HIGH, low, 0, 2, 0));
  t.is(database.size, database.limit);
  t.is(database.portSize(1), 0);
  t.false(database.addStatic(HIGH, 200, 0, 2, 0), 'nothing but static ones');
  for (let low = 100; low < 112; low++) t.is(database.lookup(HIGH, low, 0), 2);
});
