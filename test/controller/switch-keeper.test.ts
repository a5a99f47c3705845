import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type ConfigInput, makeConfig } from '../../src/controller/config.ts';
import type { PortReference } from '../../src/controller/config-ports.ts';
import { lastingPortName } from '../../src/controller/port-names.ts';
import { SwitchAdmin } from '../../src/controller/switch-admin.ts';
import {
  differences,
  overlay,
  reconcile,
  type SwitchSetting,
} from '../../src/controller/switch-differences.ts';
import { SwitchKeeper } from '../../src/controller/switch-keeper.ts';
import { SwitchSettings } from '../../src/controller/switch-settings.ts';
import { loadSwitchFile, saveSwitchFile } from '../../src/controller/switch-store.ts';
import type { TreePortSettings } from '../../src/controller/tree-ports.ts';
import { MAX_STATICS } from '../../src/switch/static-addresses.ts';

type SwitchInput = NonNullable<ConfigInput['switch']>;

const BOB = 'b0'.repeat(20);
const MAC = '02:00:00:00:00:09';

async function homeOf(t: ExecutionContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'kith-keep-'));
  t.teardown(() => rm(home, { recursive: true }));
  return home;
}

/** A keeper as in a node that starts with that configuration. */
async function started(home: string, input: SwitchInput = {}) {
  const config = makeConfig('/home/k', { switch: input }).switch;
  const settings = new SwitchSettings(() => {});
  const resolve = (reference: PortReference): number | undefined =>
    typeof reference === 'number' ? reference : { [BOB]: 513, bob: 513, kith0: 3 }[reference];
  const admin = new SwitchAdmin({ config, settings, resolve });
  const said = new Map<number, TreePortSettings>();
  const warnings: object[] = [];
  const keeper = new SwitchKeeper({
    home,
    config,
    kept: await loadSwitchFile(home),
    settings,
    admin,
    resolve,
    lastingName: (port) =>
      lastingPortName(port, [{ uid: BOB, name: 'bob', port: 513 }], [{ name: 'kith0', port: 3 }]),
    saidToTree: () => said,
    log: { warn: (details) => void warnings.push(details) },
  });
  keeper.restore();
  return { keeper, admin, settings, said, warnings };
}

test('what nobody has changed is not kept, and leaves no file', async (t) => {
  const home = await homeOf(t);
  const input: SwitchInput = {
    hub: true,
    ageing: 77,
    storm: { broadcast: 5 },
    mirror: { to: 7, of: 'bob' },
    addresses: [{ mac: MAC, port: 513 }],
    perPort: [{ port: 'bob', storm: { unknown: 1 }, stp: { rootGuard: true } }],
  };
  const { keeper } = await started(home, input);
  t.deepEqual(keeper.report(), { kept: [], unsaved: [] });
  await keeper.save();
  t.deepEqual(await readdir(home), []);
  await keeper.forget();
});

test('ports by number are kept by what hangs there, unless the configuration has the number', async (t) => {
  const home = await homeOf(t);
  const input: SwitchInput = { addresses: [{ mac: MAC, port: 3 }] };
  const { keeper, admin, said } = await started(home, input);
  admin.setMirror({ to: 3, of: 513 });
  admin.setStorm(514, { broadcast: 1 });
  admin.setStorm(9, { broadcast: 2 });
  said.set(513, { edge: true });
  said.set(600, { edge: true });
  said.set(9, {});
  await keeper.save();
  const { settings } = JSON.parse(await readFile(join(home, 'switch.json'), 'utf8'));
  t.deepEqual(settings, [
    { set: 'mirror', is: { to: 3, of: BOB }, insteadOf: null },
    { set: 'storm', port: 9, is: { broadcast: 2 }, insteadOf: null },
    { set: 'stp', port: BOB, is: { edge: true }, insteadOf: null },
  ]);
  t.deepEqual(keeper.report().unsaved, []);
  const again = await started(home, input);
  t.deepEqual(again.admin.mirror, { to: 3, of: BOB });
  t.deepEqual(again.keeper.treePort(513), { edge: true });
  t.deepEqual(again.keeper.treePort(9), {});
});

test('what was said of the port of a friend who is gone is not kept for the next one there', async (t) => {
  const home = await homeOf(t);
  const { keeper, admin } = await started(home);
  for (const mirror of [{ to: 514 }, { to: 3, of: 514 }]) {
    admin.setMirror(mirror);
    admin.setStorm(514, { broadcast: 1 });
    admin.addAddress({ mac: MAC, vlan: 0, port: 514 });
    await keeper.save();
    t.deepEqual(await readdir(home), []);
    t.deepEqual(keeper.report(), { kept: [], unsaved: [] });
  }
});

test('what the configuration said and was taken away stays away, until it says something else', async (t) => {
  const home = await homeOf(t);
  const input: SwitchInput = {
    mirror: { to: 7 },
    addresses: [{ mac: MAC, port: 3 }],
    perPort: [{ port: 'bob', storm: { broadcast: 1 }, stp: { rootGuard: true } }],
  };
  const { keeper, admin, said } = await started(home, input);
  admin.setMirror(undefined);
  admin.removeAddress({ mac: MAC, vlan: 0 });
  admin.setStorm('bob', undefined);
  said.set(513, { rootGuard: false, cost: null });
  t.is(keeper.report().unsaved.length, 4);
  await keeper.save();
  const again = await started(home, input);
  t.deepEqual([again.admin.mirror, again.admin.addresses], [undefined, []]);
  t.is(again.admin.portStorms.size, 0);
  t.deepEqual(again.keeper.treePort(513), { rootGuard: false, cost: null });
  t.deepEqual(again.keeper.report().unsaved, []);
  t.deepEqual(again.warnings, []);
  const edited = await started(home, { ...input, mirror: { to: 8 } });
  t.deepEqual(edited.admin.mirror, { to: 8 });
  t.deepEqual(edited.warnings, [{ set: 'mirror' }]);
  t.is(edited.keeper.report().kept.length, 3);
  await edited.keeper.save();
  t.deepEqual((await started(home, input)).admin.mirror, { to: 7 }, 'dropped for good');
});

test('a configuration without room for what was kept keeps no node from starting', async (t) => {
  const home = await homeOf(t);
  const { keeper, admin } = await started(home);
  admin.addAddress({ mac: MAC, vlan: 0, port: 3 });
  await keeper.save();
  const addresses = Array.from({ length: MAX_STATICS }, (_, i) => {
    return { mac: `02:00:00:01:${(i >> 8).toString(16)}:${(i & 255).toString(16)}`, port: 1 };
  });
  const full = await started(home, { addresses });
  t.is(full.admin.addresses.length, MAX_STATICS);
  t.like(full.warnings, [{ set: 'address', mac: MAC }]);
  t.deepEqual(full.keeper.report().unsaved, [{ set: 'address', mac: MAC, vlan: 0 }]);
});

test('a file that is damaged, or not ours to write, is told', async (t) => {
  const home = await homeOf(t);
  for (const text of ['', '{', '{"version":2,"settings":[]}', '{"version":1,"settings":[{}]}']) {
    await writeFile(join(home, 'switch.json'), text);
    await t.throwsAsync(loadSwitchFile(home), { message: /switch\.json is damaged; restore/ });
  }
  const odd = [{ set: 'ageing', is: 0, insteadOf: 5 }];
  await writeFile(join(home, 'switch.json'), JSON.stringify({ version: 1, settings: odd }));
  await t.throwsAsync(loadSwitchFile(home), { message: /is damaged/ });
  await saveSwitchFile(home, []);
  t.deepEqual(await readdir(home), []);
  const nowhere = join(home, 'file', 'below');
  await writeFile(join(home, 'file'), '');
  const some = [{ set: 'hub', is: true, insteadOf: false }] as const;
  await t.throwsAsync(saveSwitchFile(nowhere, some), { message: /cannot be written/ });
});

// ---- any two states of a switch

const port = fc.constantFrom<PortReference>(1, 9, 513, 'bob', 'kith0');
const storm = fc.record(
  { broadcast: fc.nat(9), multicast: fc.nat(9), unknown: fc.nat(9) },
  { requiredKeys: [] },
);
const setting = fc.oneof<fc.Arbitrary<SwitchSetting>[]>(
  fc.record({ set: fc.constant('hub' as const), is: fc.boolean() }),
  fc.record({ set: fc.constant('ageing' as const), is: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ set: fc.constant('mirror' as const), is: fc.record({ to: port }) }),
  fc.record({ set: fc.constant('storm' as const), is: storm }),
  fc.record({ set: fc.constant('storm' as const), port, is: storm }),
  fc.record({ set: fc.constant('stp' as const), port, is: fc.record({ edge: fc.boolean() }) }),
  fc.record({
    set: fc.constant('address' as const),
    mac: fc.constantFrom(MAC, '02:00:00:00:00:0a'),
    vlan: fc.nat(2),
    is: port,
  }),
);
/** Numbers and flags are always there, whatever is said. */
const state = fc
  .uniqueArray(setting, { selector: ({ is: _, ...name }) => JSON.stringify(name) })
  .map((settings) =>
    overlay(
      [
        { set: 'hub', is: false },
        { set: 'ageing', is: 1 },
      ],
      settings.map((each) => ({ ...each, insteadOf: null }) as never),
    ),
  );

test('what two states differ in, laid over the one, gives the other', (t) => {
  fc.assert(
    fc.property(state, state, (before, now) => {
      const changes = differences(before, now);
      t.deepEqual(differences(overlay(before, changes), now), []);
      t.deepEqual(differences(now, now), []);
      t.deepEqual(reconcile(before, changes), { valid: changes, stale: [] });
      const { valid, stale } = reconcile(now, changes);
      t.deepEqual([valid, stale], [[], changes], 'the configuration has it so now, or otherwise');
    }),
    { numRuns: 300 },
  );
});

test('what is written is what is read', async (t) => {
  const home = await homeOf(t);
  await fc.assert(
    fc.asyncProperty(state, state, async (before, now) => {
      const changes = differences(before, now);
      await saveSwitchFile(home, changes);
      t.deepEqual(await loadSwitchFile(home), changes);
    }),
    { numRuns: 30 },
  );
});
