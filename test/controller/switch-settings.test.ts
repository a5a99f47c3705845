import test from 'ava';
import { SwitchSettings } from '../../src/controller/switch-settings.ts';
import type { ForwarderSettings } from '../../src/switch/forwarder-settings.ts';
import { buildVlanTables } from '../../src/switch/vlan-table.ts';

test('what the tree says and what the administrator sets go over together', (t) => {
  const sent: ForwarderSettings[] = [];
  const settings = new SwitchSettings((whole) => void sent.push(whole));
  const portStates = Uint8Array.of(0, 3);
  const stormRates = Int32Array.of(0, 500);
  settings.setTree({ portStates, stormRates });
  t.deepEqual(sent.at(-1), { portStates, stormRates });
  settings.set({ hub: true, ageingTime: 5000 });
  t.deepEqual(sent.at(-1), { portStates, stormRates, hub: true, ageingTime: 5000 });
  const vlans = buildVlanTables(new Map([[1, { untagged: 5, tagged: [] }]]));
  settings.setVlans(vlans);
  settings.set({ hub: false, mirrorTo: 7 });
  t.deepEqual(settings.admin, { hub: false, ageingTime: 5000, mirrorTo: 7 });
  const other = Uint8Array.of(0, 1);
  settings.setTree({ portStates: other });
  t.deepEqual(sent.at(-1), {
    portStates: other,
    vlans,
    hub: false,
    ageingTime: 5000,
    mirrorTo: 7,
  });
  settings.setVlans(undefined);
  t.false('vlans' in sent.at(-1)!);
  t.is(sent.length, 6);
});
