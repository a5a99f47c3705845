import test from 'ava';
import fc from 'fast-check';
import { FilteringDatabase } from '../../src/switch/filtering-database.ts';
import {
  applyStatics,
  NO_STATICS,
  packStatics,
  type StaticAddress,
  stationAddress,
} from '../../src/switch/static-addresses.ts';

test('packed: high word, VLAN and low word, port', (t) => {
  const packed = packStatics([
    { mac: '02:00:00:00:00:01', vlan: 0, port: 7 },
    { mac: 'fe:dc:ba:98:76:54', vlan: 4094, port: 1023 },
  ]);
  t.deepEqual([...packed], [0x02000000, 1, 7, 0xfedcba98 | 0, (4094 << 16) | 0x7654 | 0, 1023]);
  t.throws(() => packStatics([{ mac: 'x', vlan: 0, port: 1 }]), { instanceOf: TypeError });
});

test('an address of one station, in one spelling', (t) => {
  t.is(stationAddress('0A:b:00:0:0:1'), '0a:0b:00:00:00:01');
  for (const none of ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '00:00:00:00:00:00', '1:2', '']) {
    t.is(stationAddress(none), undefined, none);
  }
});

test('whatever the lists, the database has the last one, and what was learnt besides', (t) => {
  const address = fc.record({
    mac: fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'),
    vlan: fc.constantFrom(0, 5),
    port: fc.integer({ min: 1, max: 4 }),
  });
  const list = fc.uniqueArray(address, { selector: ({ mac, vlan }) => `${mac} ${vlan}` });
  fc.assert(
    fc.property(fc.array(list, { minLength: 1, maxLength: 8 }), (lists) => {
      const database = new FilteringDatabase({ capacity: 64 });
      database.learn(0x02000000, 9, 0, 4, 0);
      let inForce: Int32Array = NO_STATICS;
      for (const each of lists) inForce = applyStatics(database, inForce, packStatics(each), 0);
      const found = database.snapshot(0).filter((entry) => entry.static);
      const text = ({ mac, vlan, port }: StaticAddress) => `${mac} ${vlan} ${port}`;
      t.deepEqual(found.map(text).sort(), lists.at(-1)!.map(text).sort());
      t.is(database.lookup(0x02000000, 9, 0), 4);
    }),
  );
});

test('the same list again changes nothing', (t) => {
  const database = new FilteringDatabase();
  const list = packStatics([{ mac: '02:00:00:00:00:01', vlan: 0, port: 7 }]);
  const inForce = applyStatics(database, NO_STATICS, list, 0);
  let told = 0;
  database.watch(() => told++);
  t.is(applyStatics(database, inForce, list.slice(), 0), inForce);
  t.is(told, 0);
});
