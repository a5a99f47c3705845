/** The memory of the Filtering Database by itself: chains, gaps and counts. */
import test from 'ava';
import fc from 'fast-check';
import { AddressTable, STATIC_BIT } from '../../src/switch/address-table.ts';

const HIGH = 0x02000000;

/** The table with its inner parts in reach. */
class BareTable extends AddressTable {
  put(low16: number, vid: number, holder: number, now: number): void {
    const at = this.seek(HIGH, low16, vid);
    if (at >= 0) this.setHolder(at, holder);
    else this.insert(~at, HIGH, low16, vid, holder, now);
  }

  take(low16: number, vid: number): boolean {
    const at = this.seek(HIGH, low16, vid);
    if (at >= 0) this.delete(at);
    return at >= 0;
  }

  get(low16: number, vid: number): number {
    const at = this.seek(HIGH, low16, vid);
    return at < 0 ? 0 : this.holderAt(at);
  }

  expire(now: number, ageingTime: number): number {
    return this.sweep(now, ageingTime, this.capacity + this.size);
  }

  makeRoom(): boolean {
    return this.evict();
  }
}

const key = fc.record({ low16: fc.nat(30), vid: fc.constantFrom(0, 1, 4095) });
const holder = fc.constantFrom(1, 2, 3, 1 | STATIC_BIT, 3 | STATIC_BIT);

test('whatever comes and goes, the rest is found and counted', (t) => {
  const steps = fc.array(fc.record({ key, holder, there: fc.boolean() }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer(), steps, (seed, all) => {
      const table = new BareTable(16, seed);
      const twin = new Map<string, number>();
      for (const { key, holder, there } of all) {
        const name = `${key.low16} ${key.vid}`;
        if (!there) t.is(table.take(key.low16, key.vid), twin.delete(name));
        else if (twin.has(name) || table.size < table.limit) {
          table.put(key.low16, key.vid, holder, 0);
          twin.set(name, holder);
        } else t.true(table.resize(table.capacity * 2));
        t.is(table.size, twin.size);
      }
      for (const [name, holder] of twin) {
        const [low16, vid] = name.split(' ').map(Number);
        t.is(table.get(low16, vid), holder);
      }
      for (const port of [1, 2, 3]) {
        t.is(table.portSize(port), [...twin.values()].filter((each) => each === port).length);
      }
    }),
    { numRuns: 300 },
  );
});

test('the dynamic addresses of a port are visited, each once', (t) => {
  const table = new BareTable(64, 9);
  for (let low16 = 0; low16 < 20; low16++) table.put(low16, low16 % 3, 1 + (low16 % 2), 0);
  table.put(100, 5, 2 | STATIC_BIT, 0);
  const seen: number[][] = [];
  table.forEachOn(2, (high, low16, vid) => seen.push([high, low16, vid]));
  t.deepEqual(
    seen.sort(([, a], [, b]) => a - b),
    Array.from({ length: 10 }, (_, i) => [HIGH, 2 * i + 1, (2 * i + 1) % 3]),
  );
});

test('what was not seen since a time is forgotten, of that port only', (t) => {
  for (const start of [0, 2 ** 31 - 50, 2 ** 32 - 50]) {
    const table = new BareTable(64, 3);
    for (let i = 0; i < 10; i++) table.put(i, 0, 1, start + 10 * i);
    table.put(50, 0, 2, start);
    table.put(51, 0, 1 | STATIC_BIT, start);
    t.is(table.flushUnseen(1, start + 50), 5);
    t.deepEqual(
      Array.from({ length: 10 }, (_, i) => table.get(i, 0)),
      [0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
    );
    t.is(table.size, 7);
  }
});

test('a sweep spares static entries, and so does what makes room', (t) => {
  const table = new BareTable(16, 1);
  for (let i = 0; i < 6; i++) table.put(i, 0, 1, 0);
  for (let i = 6; i < 12; i++) table.put(i, 0, 1 | STATIC_BIT, 0);
  t.is(table.expire(999, 1000), 0);
  t.true(table.makeRoom());
  t.is(table.expire(1000, 1000), 5);
  t.false(table.makeRoom(), 'only static ones are left');
  t.is(table.size, 6);
  t.is(table.flushAll(), 0);
  t.is(table.flushPort(1, true), 6);
});

test('a table that its entries would not fit into is left as it is', (t) => {
  const table = new BareTable(32, 1);
  for (let i = 0; i < 13; i++) table.put(i, 0, 1, 0);
  t.false(table.resize(16));
  t.is(table.capacity, 32);
  t.throws(() => table.resize(8), { instanceOf: RangeError });
  t.is(table.take(0, 0), true);
  t.true(table.resize(16));
  t.is(table.limit, 12);
});
