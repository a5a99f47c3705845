/** `kith switch` against a node that is not there. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { openControlServer } from '../../src/controller/control-server.ts';
import type { NodeApi } from '../../src/controller/node-api.ts';
import { FAKE_SWITCH, type FakeNode, fakeApi } from './fake-node.ts';
import { run, temporaryHome } from './run-cli.ts';

async function withNode(t: ExecutionContext, changes: Partial<NodeApi> = {}) {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version: '0.1.0', log: pino({ enabled: false }) });
  t.teardown(() => server.close());
  const calls: FakeNode['calls'] = [];
  server.serve({ ...fakeApi(calls, () => {}, home), ...changes });
  return { calls, kith: (...args: readonly string[]) => run(['switch', ...args, '--home', home]) };
}

test('what is set, for people and for programs', async (t) => {
  const { kith } = await withNode(t);
  const { stdout, code } = await kith();
  t.is(code, 0);
  t.is(
    stdout,
    `mode       switch
addresses  5 known, at most 1024 a port, 16384 slots
forgotten  after 1 min 40 s, in rounds of 2 s; may move after 3 s
multicast  everywhere
VLANs      0, 10
mirror     what passes bob (not here now), copied to kith0 (port 3)
storms     500 broadcast, 900 multicast
static     2 addresses
kept       static address 02:00:00:00:00:0a in VLAN 10

STORM LIMITS    BROADCAST  MULTICAST  UNKNOWN
every port            500        900        -
bob (port 513)          -        900      100

STATIC ADDRESS     VLAN  PORT
02:00:00:00:00:09     0  port 3
02:00:00:00:00:0a    10  carol (not here now)
until the node ends: ageing, storm limits of bob, spanning tree of port 3 (\`kith switch save\` keeps what is set)
`,
  );
  t.deepEqual(JSON.parse((await kith('--json')).stdout), FAKE_SWITCH);
  const { vlans: _, mirror: __, ...rest } = FAKE_SWITCH;
  const plain = { ...rest, hub: true, statics: [], storm: { every: {}, ports: [] }, ...NOTHING };
  const other = await withNode(t, { switch: async () => plain });
  const said = (await other.kith()).stdout;
  t.regex(said, /^mode +hub: everything/);
  t.regex(
    said,
    /\nVLANs +none: tags pass as they are\nmirror +none\nstorms +no limits\nstatic +0 addresses\nkept +nothing\n$/,
  );
  t.regex((await other.kith('address')).stdout, /^no static address; `kith switch address add/);
});

test('the node is told what the flags say', async (t) => {
  const { calls, kith } = await withNode(t);
  for (const line of [
    'set --hub off --ageing 5min --persistence 0s --collection 10s --per-port 64 --table-size 8192',
    'set --hub on',
    'storm --broadcast 500 --multicast 0 --unknown 2000',
    'storm bob --unknown 100',
    'storm 3 --off',
    'storm --off',
    'mirror 7',
    'mirror kith0 --of bob',
    'mirror --off',
    'address add 02:0:0:0:0:9 3',
    'address add 02:00:00:00:00:09 bob --vlan 10',
    'address remove 02:00:00:00:00:09 --vlan 10',
  ]) {
    const done = await kith(...line.split(' '));
    t.deepEqual([done.code, done.stderr], [0, ''], line);
  }
  t.deepEqual(calls, [
    [
      'changeSwitch',
      {
        hub: false,
        ageing: 300_000,
        minPersistence: 0,
        collection: 10_000,
        addressesPerPort: 64,
        tableSize: 8192,
      },
    ],
    ['changeSwitch', { hub: true }],
    ['limitStorms', { limits: { broadcast: 500, multicast: 0, unknown: 2000 } }],
    ['limitStorms', { port: 'bob', limits: { unknown: 100 } }],
    ['limitStorms', { port: 3, limits: null }],
    ['limitStorms', { limits: null }],
    ['mirror', { to: 7 }],
    ['mirror', { to: 'kith0', of: 'bob' }],
    ['mirror', { to: null }],
    ['setAddress', { mac: '02:00:00:00:00:09', port: 3 }],
    ['setAddress', { mac: '02:00:00:00:00:09', vlan: 10, port: 'bob' }],
    ['setAddress', { mac: '02:00:00:00:00:09', vlan: 10, port: null }],
  ]);
});

const NOTHING = { kept: [], unsaved: [] };

test('what is set is kept, or forgotten, and each change says how long it holds', async (t) => {
  const { calls, kith } = await withNode(t);
  for (const line of [
    'set --hub on',
    'storm --off',
    'mirror 7',
    'address remove 02:00:00:00:00:09',
  ]) {
    const { stdout } = await kith(...line.split(' '));
    t.regex(
      stdout,
      /^until the node ends: ageing, .* \(`kith switch save` keeps what is set\)\n$/m,
      line,
    );
  }
  calls.splice(0);
  t.is(
    (await kith('save')).stdout,
    'kept for the next start: ageing, storm limits of bob, spanning tree of port 3\n',
  );
  t.regex(
    (await kith('forget')).stdout,
    /^nothing is kept for the next start\nuntil the node ends: /,
  );
  t.deepEqual(JSON.parse((await kith('save', '--json')).stdout).unsaved, []);
  t.deepEqual(calls, [['saveSwitch'], ['forgetSwitch'], ['saveSwitch']]);
  const none = await withNode(t, { saveSwitch: async () => ({ ...FAKE_SWITCH, ...NOTHING }) });
  t.is((await none.kith('save')).stdout, 'nothing to keep: all is as the node begins\n');
});

test('without flags, the part that they would change', async (t) => {
  const { calls, kith } = await withNode(t);
  t.regex((await kith('storm')).stdout, /^STORM LIMITS/);
  t.regex((await kith('mirror')).stdout, /^what passes bob/);
  t.regex((await kith('address')).stdout, /^STATIC ADDRESS/);
  t.deepEqual(JSON.parse((await kith('address', '--json')).stdout), FAKE_SWITCH);
  t.deepEqual(calls, []);
});

test('mistakes are told in one line', async (t) => {
  const { calls, kith } = await withNode(t);
  for (const [line, message] of [
    ['set', /^kith: set what\?/],
    ['set --hub maybe', /--hub 'maybe' must be on or off/],
    ['set --ageing 5', /--ageing '5' must be a time from 10s to 1000000s/],
    ['set --ageing 9s', /--ageing '9s' must be/],
    ['set --persistence 2min', /--persistence '2min' must be a time from 0s to 60s/],
    ['set --table-size 10', /--table-size '10' must be a whole number from 4096 to 1048576/],
    ['set --per-port 0', /--per-port '0'/],
    ['storm bob', /^kith: what about bob\?/],
    ['storm bob --off --unknown 1', /--off goes without other flags/],
    ['storm --broadcast lots', /--broadcast 'lots' must be a whole number from 0 to 2000000/],
    ['storm 5000 --off', /the number of a port, or the name/],
    ['mirror --of bob', /^kith: mirror it where\?/],
    ['mirror 7 --off', /--off stands alone/],
    ['mirror bob --of bob', /a port is no mirror of itself/],
    ['address add ff:ff:ff:ff:ff:ff 3', /the address of one station/],
    ['address add 02:00:00:00:00:09', /missing required argument 'port'/],
    ['address add 02:00:00:00:00:09 3 --vlan 4095', /--vlan '4095'/],
    ['nonsense', /unknown command|too many arguments/],
  ] as const) {
    const failed = await kith(...line.split(' '));
    t.is(failed.code, 2, line);
    t.regex(failed.stderr, message, line);
    t.is(failed.stderr.trimEnd().split('\n').length, 1);
    t.is(failed.stdout, '');
  }
  t.deepEqual(calls, []);
});
