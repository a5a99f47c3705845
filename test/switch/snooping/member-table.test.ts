import test from 'ava';
import fc from 'fast-check';
import { Family } from '../../../src/switch/snooping/internet.ts';
import {
  Joined,
  MemberTable,
  MOST_GROUPS,
  MOST_MEMBERSHIPS,
  MOST_OF_PORT,
  scopeOf,
} from '../../../src/switch/snooping/member-table.ts';

const act = fc.oneof(
  fc.record({
    do: fc.constantFrom('join' as const, 'shorten' as const),
    scope: fc.nat(2),
    key: fc.constantFrom(-7, 1000, 0x7fffff),
    port: fc.nat(3),
    end: fc.nat(100),
  }),
  fc.record({ do: fc.constant('age' as const), now: fc.nat(100) }),
  fc.record({ do: fc.constant('flush' as const), port: fc.integer({ min: 1, max: 3 }) }),
);

test('the table does what a list does', (t) => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const table = new MemberTable();
      let list: { scope: number; key: number; port: number; end: number }[] = [];
      for (const each of acts) {
        if (each.do === 'age') {
          table.age(each.now);
          list = list.filter(({ end }) => end > each.now);
        } else if (each.do === 'flush') {
          table.flushPort(each.port);
          list = list.filter(({ port }) => port !== each.port);
        } else {
          const { scope, key, port, end } = each;
          const there = list.filter((one) => one.scope === scope && one.key === key);
          if (each.do === 'shorten') {
            table.shorten(scope, key, port, end);
            for (const one of there) {
              if (port === 0 || one.port === port) one.end = Math.min(one.end, end);
            }
          } else {
            const mine = there.find((one) => one.port === port + 1);
            const joined = table.join(scope, key, port + 1, end);
            t.is(joined, mine === undefined ? Joined.joined : Joined.refreshed);
            if (mine === undefined) list.push({ scope, key, port: port + 1, end });
            else mine.end = end;
          }
        }
        t.is(table.memberships, list.length);
        t.is(table.groups, new Set(list.map(({ scope, key }) => `${scope} ${key}`)).size);
      }
      for (const scope of [0, 1, 2]) {
        for (const key of [-7, 1000, 0x7fffff]) {
          const expected = list.filter((one) => one.scope === scope && one.key === key);
          t.deepEqual(
            [...(table.find(scope, key) ?? [])].sort(),
            expected.map(({ port, end }): [number, number] => [port, end]).sort(),
          );
        }
      }
    }),
  );
});

test('one port, and all together, have only so much room', (t) => {
  const table = new MemberTable();
  let joined = 0;
  for (let key = 300; key < 300 + 2 * MOST_OF_PORT; key++) {
    if (table.join(0, key, 1, 9) === Joined.joined) joined++;
  }
  t.is(joined, MOST_OF_PORT);
  t.is(table.join(0, 300, 1, 9), Joined.refreshed);
  t.is(table.join(0, 300, 2, 9), Joined.joined);
  for (let port = 2; port < 200; port++) {
    for (let i = 0; i < MOST_OF_PORT; i++) table.join(0, 300 + port * 1000 + i, port, 9);
  }
  t.is(table.groups, MOST_GROUPS);
  for (let port = 2; port < 200; port++) {
    for (let i = 0; i < MOST_OF_PORT; i++) table.join(0, 300 + i, port, 9);
  }
  t.is(table.memberships, MOST_MEMBERSHIPS);
  table.age(9);
  t.deepEqual([table.groups, table.memberships], [0, 0]);
  t.is(table.join(scopeOf(4094, Family.six), -1, 1, 9), Joined.joined);
});
