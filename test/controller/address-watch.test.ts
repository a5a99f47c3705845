import test from 'ava';
import { AddressWatch } from '../../src/controller/address-watch.ts';
import type { FilteringEntry } from '../../src/switch/filtering-database.ts';
import { VirtualTime } from '../f2f/virtual-time.ts';

function entry(mac: string, vlan = 0, port = 1): FilteringEntry {
  return { mac, vlan, port, ageMs: 0, static: false };
}

test.serial('what comes and goes is told, while somebody listens', async (t) => {
  const time = new VirtualTime();
  t.teardown(time.install());
  let table = [entry('a')];
  let asked = 0;
  const told: string[] = [];
  const watch = new AddressWatch({
    addresses: async () => {
      asked++;
      return table;
    },
    learnt: ({ mac, vlan }) => void told.push(`+${mac} ${vlan}`),
    forgotten: ({ mac, vlan }) => void told.push(`-${mac} ${vlan}`),
  });
  await time.advance(5000);
  t.is(asked, 0, 'nobody listens');
  watch.start();
  watch.start();
  await time.advance(600);
  t.deepEqual(told, [], 'what was there is no news');
  table = [entry('a', 0, 2), entry('a', 5), entry('b')];
  await time.advance(600);
  t.deepEqual(told, ['+a 5', '+b 0'], 'a move is no news either');
  table = [entry('b')];
  await time.advance(600);
  t.deepEqual(told.slice(2), ['-a 0', '-a 5']);
  watch.stop();
  const before = asked;
  table = [];
  await time.advance(5000);
  t.is(asked, before);
  watch.start();
  await time.advance(600);
  t.is(told.length, 4, 'and from the beginning');
  watch.stop();
  t.is(time.armed, 0);
});
