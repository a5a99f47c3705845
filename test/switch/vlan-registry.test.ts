import test from 'ava';
import fc from 'fast-check';
import { MAX_CREATED_VID, VlanRegistry } from '../../src/switch/vlan-registry.ts';
import { hasPort, NO_VLAN, rowOffset } from '../../src/switch/vlan-table.ts';

const PORTS = [1, 2, 3, 513];

test('VLAN 0 is there, and makes no tables', (t) => {
  const registry = new VlanRegistry();
  t.deepEqual(registry.vlans, [0]);
  t.is(registry.tables(), undefined);
  t.deepEqual(registry.members(0, [2, 1]), [
    { port: 1, tagged: false },
    { port: 2, tagged: false },
  ]);
  t.is(registry.remove(0, []), 'in-use');
});

test('what is refused', (t) => {
  const registry = new VlanRegistry();
  for (const vid of [-1, 0, MAX_CREATED_VID + 1, 4095, 1.5]) t.is(registry.create(vid), 'range');
  t.is(registry.create(5), undefined);
  t.is(registry.create(5), 'exists');
  t.is(registry.addTagged(6, 1), 'no-such-vlan');
  t.is(registry.addTagged(5, 0), 'range');
  t.is(registry.addTagged(5, 1024), 'range');
  t.is(registry.addTagged(4094, 1), 'range');
  t.is(registry.setUntagged(1, 6), 'no-such-vlan');
  t.is(registry.setUntagged(1, 4096), 'range');
  t.is(registry.setUntagged(1, 5), undefined);
  t.is(registry.addTagged(0, 1), 'range');
  t.is(registry.removeTagged(5, 1), 'in-use');
  t.is(registry.removeTagged(6, 1), 'no-such-vlan');
  t.is(registry.removeTagged(5, 2), undefined);
  t.is(registry.remove(5, PORTS), 'in-use');
  t.is(registry.remove(4094, PORTS), 'no-such-vlan');
  t.is(registry.remove(4095, PORTS), 'range');
  registry.forgetPort(1);
  t.is(registry.remove(5, PORTS), undefined);
  t.is(registry.tables(), undefined);
});

test('a port that becomes untagged in a VLAN is no tagged member of it any more', (t) => {
  const registry = new VlanRegistry();
  registry.create(5);
  registry.addTagged(5, 1);
  t.deepEqual(registry.members(5, PORTS), [{ port: 1, tagged: true }]);
  registry.setUntagged(1, 5);
  t.deepEqual(registry.members(5, PORTS), [{ port: 1, tagged: false }]);
  registry.setUntagged(1, NO_VLAN);
  t.deepEqual(registry.members(5, PORTS), []);
  t.is(registry.untaggedOf(1), NO_VLAN);
});

test('a trunk that carries all VLANs holds none, and can leave one', (t) => {
  const registry = new VlanRegistry();
  registry.configure([], new Map([[513, { untagged: 0, tagged: 'all' as const }]]), false);
  t.is(registry.tables(), undefined);
  for (const vid of [5, 6]) registry.create(vid);
  t.deepEqual(registry.members(5, PORTS), [{ port: 513, tagged: true }]);
  t.is(registry.addTagged(5, 513), undefined);
  t.is(registry.remove(5, PORTS), undefined);
  registry.create(5);
  t.is(registry.removeTagged(5, 513), undefined);
  t.deepEqual(registry.members(5, PORTS), []);
  t.deepEqual(registry.members(6, PORTS), [{ port: 513, tagged: true }]);
  t.is(registry.remove(6, PORTS), 'in-use', 'now it is a member like any other');
  registry.forgetPort(513);
  t.deepEqual(registry.members(5, PORTS), [{ port: 513, tagged: true }]);
});

test('the tables say what the registry says, whatever was done', (t) => {
  const vid = fc.integer({ min: -1, max: 6 });
  const port = fc.constantFrom(...PORTS);
  const act = fc.oneof(
    fc.record({ do: fc.constant('create' as const), vid, port }),
    fc.record({ do: fc.constant('remove' as const), vid, port }),
    fc.record({ do: fc.constant('add' as const), vid, port }),
    fc.record({ do: fc.constant('del' as const), vid, port }),
    fc.record({
      do: fc.constant('untagged' as const),
      vid: fc.oneof(vid, fc.constant(NO_VLAN)),
      port,
    }),
    fc.record({ do: fc.constant('forget' as const), vid, port }),
  );
  const configured = fc.dictionary(
    fc.constantFrom('1', '2', '513'),
    fc.record({
      untagged: fc.constantFrom(0, 1, 2, NO_VLAN),
      tagged: fc.oneof(fc.subarray([1, 2]), fc.constant('all' as const)),
    }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), fc.option(configured), (acts, from) => {
      const registry = new VlanRegistry();
      const ports = new Map(Object.entries(from ?? {}).map(([key, value]) => [Number(key), value]));
      if (from !== null) registry.configure([1, 2], ports, true);
      for (const { do: what, vid: vlan, port: number } of acts) {
        if (what === 'create') registry.create(vlan);
        else if (what === 'remove') registry.remove(vlan, PORTS);
        else if (what === 'add') registry.addTagged(vlan, number);
        else if (what === 'del') registry.removeTagged(vlan, number);
        else if (what === 'untagged') registry.setUntagged(number, vlan);
        else registry.forgetPort(number);
      }
      const tables = registry.tables();
      if (tables === undefined) {
        t.deepEqual(registry.vlans, [0]);
        return;
      }
      for (const each of PORTS) t.is(tables.pvid[each], registry.untaggedOf(each));
      for (const vlan of registry.vlans) {
        const members = new Map(
          registry.members(vlan, PORTS).map((member) => [member.port, member.tagged]),
        );
        const row = rowOffset(tables, vlan);
        for (const each of PORTS) {
          t.is(hasPort(tables.members, row, each), members.has(each));
          t.is(hasPort(tables.untagged, row, each), members.get(each) === false);
        }
      }
    }),
  );
});
