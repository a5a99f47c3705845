import test from 'ava';
import fc from 'fast-check';
import {
  buildVlanTables,
  hasPort,
  NO_VLAN,
  type PortVlans,
  rowOffset,
} from '../../src/switch/vlan-table.ts';

const vlans: fc.Arbitrary<PortVlans> = fc.record({
  untagged: fc.oneof(fc.integer({ min: 0, max: 4094 }), fc.constant(NO_VLAN)),
  tagged: fc.oneof(
    { weight: 3, arbitrary: fc.array(fc.integer({ min: 1, max: 4094 }), { maxLength: 5 }) },
    { weight: 1, arbitrary: fc.constant('all' as const) },
  ),
});

const carries = (tagged: PortVlans['tagged'], vid: number): boolean =>
  tagged === 'all' ? vid > 0 : tagged.includes(vid);

test('says of each port and VLAN what the description says', (t) => {
  const ports = fc.array(fc.tuple(fc.integer({ min: 1, max: 1023 }), vlans), {
    maxLength: 20,
    size: 'max',
  });
  fc.assert(
    fc.property(ports, (list) => {
      const description = new Map(list);
      const tables = buildVlanTables(description);
      for (const [port, { untagged, tagged }] of description) {
        t.is(tables.pvid[port], untagged);
        for (const vid of [0, 1, 17, 4094, untagged, ...(tagged === 'all' ? [] : tagged)]) {
          if (vid === NO_VLAN) continue;
          const row = rowOffset(tables, vid);
          t.is(hasPort(tables.untagged, row, port), vid === untagged);
          t.is(hasPort(tables.members, row, port), vid === untagged || carries(tagged, vid));
        }
        // The row of what does not exist is that of 4095 too: the path refuses it by number.
        const nowhere = hasPort(tables.members, rowOffset(tables, NO_VLAN), port);
        t.is(nowhere, tagged === 'all');
      }
    }),
  );
});

test('a port that is not described is in VLAN 0, untagged, alone', (t) => {
  const tables = buildVlanTables(new Map([[1, { untagged: 5, tagged: [] }]]));
  t.is(tables.pvid[2], 0);
  t.true(hasPort(tables.untagged, rowOffset(tables, 0), 2));
  t.false(hasPort(tables.members, rowOffset(tables, 5), 2));
  t.false(hasPort(tables.members, rowOffset(tables, 0), 1));
});

test('what is out of range is a mistake', (t) => {
  const build = (port: number, untagged: number, tagged: number[]) => () =>
    buildVlanTables(new Map([[port, { untagged, tagged }]]));
  for (const bad of [
    build(0, 1, []),
    build(1024, 1, []),
    build(1, 4096, []),
    build(1, -1, []),
    build(1, 1, [0]),
    build(1, 1, [4095]),
    build(1, 1.5, []),
  ]) {
    t.throws(bad, { instanceOf: RangeError });
  }
  t.notThrows(build(1, NO_VLAN, [4094]));
});
