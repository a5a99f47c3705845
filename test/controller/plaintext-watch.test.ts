/** When the sums of plaintext are written down, and what becomes of a damaged file. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { ManualClock } from '../../src/clock.ts';
import type { ClearAccount } from '../../src/controller/plaintext-audit.ts';
import { PLAINTEXT_FILE, PlaintextLedger } from '../../src/controller/plaintext-ledger.ts';
import { PlaintextWatch } from '../../src/controller/plaintext-watch.ts';
import type { SessionReport } from '../../src/data-plane/report.ts';
import { Friend } from '../../src/f2f/friend.ts';
import { bob } from '../links/handshake/handshake-driver.ts';
import { scratch } from './node-fixtures.ts';

const NOON = Date.parse('2026-01-31T12:00:00.000Z');

function report(octets: number, more: { ended?: true } = {}): SessionReport {
  return {
    localIndex: 1,
    port: 513,
    clear: true,
    loss: 0,
    pathMtu: 1200,
    recordsIn: 0,
    recordsOut: 0,
    clearOctetsIn: octets,
    clearOctetsOut: 2 * octets,
    keyUpdates: 0,
    drops: {} as SessionReport['drops'],
    ...more,
  };
}

class Rig {
  readonly clock = new ManualClock(0);
  readonly friend = new Friend({
    uid: bob.uid,
    source: 'config',
    name: 'bob',
    addresses: [],
    port: 513,
  });
  readonly watch: PlaintextWatch;
  readonly written: Record<string, ClearAccount>[] = [];
  octets = 0;
  works = true;

  constructor(carried: ReadonlyMap<string, ClearAccount> = new Map()) {
    this.watch = new PlaintextWatch({
      clock: this.clock,
      wallClock: () => NOON + this.clock.now(),
      core: { friends: [this.friend] },
      dataPlane: { sessions: async () => [report(this.octets)] },
      carried,
      ledger: {
        write: async (accounts) => {
          if (this.works) this.written.push(Object.fromEntries(accounts));
          return this.works;
        },
      },
      log: { warn: () => {} },
    });
  }

  /** So many octets more, so much later. */
  async look(octets: number, after: number): Promise<void> {
    this.clock.advance(after);
    this.octets += octets;
    await this.watch.look();
    await Promise.resolve();
  }
}

const sums = (octets: number) => ({ [bob.uid]: { in: octets, out: 2 * octets, since: NOON } });

test('written at the first octet, once a minute while more go, and at the end', async (t) => {
  const rig = new Rig();
  await rig.look(0, 1000);
  t.deepEqual(rig.written, []);
  await rig.look(10, 1000);
  t.deepEqual(rig.written, [sums(10)]);
  for (let i = 0; i < 59; i++) await rig.look(1, 1000);
  t.is(rig.written.length, 1);
  await rig.look(1, 1000);
  t.deepEqual(rig.written.slice(1), [sums(70)]);
  await rig.look(0, 60_000);
  t.is(rig.written.length, 2, 'nothing is new');
  await rig.look(5, 1000);
  await rig.look(5, 1000);
  rig.watch.ended(report(100, { ended: true }));
  await rig.watch.close();
  t.deepEqual(rig.written.slice(2), [sums(75), sums(100)]);
  await rig.watch.close();
  t.is(rig.written.length, 4);
});

test('what cannot be written is tried again a minute later', async (t) => {
  const rig = new Rig(new Map([[bob.uid, { in: 1, out: 2, since: NOON }]]));
  rig.works = false;
  await rig.look(10, 1000);
  rig.works = true;
  await rig.look(0, 59_000);
  t.deepEqual(rig.written, []);
  await rig.look(0, 1000);
  t.deepEqual(rig.written, [sums(11)]);
  rig.watch.stop();
});

test('a ledger is read as it was written, by its owner only, and no half is left', async (t) => {
  const home = scratch(t);
  const warnings: string[] = [];
  const log = { warn: (_: object, message: string) => void warnings.push(message) };
  const ledger = new PlaintextLedger({ home, log });
  t.is((await ledger.read()).size, 0);
  const accounts = new Map([[bob.uid, { in: 3, out: 2 ** 50, since: NOON }]]);
  t.true(await ledger.write(accounts));
  t.deepEqual(await ledger.read(), accounts);
  t.deepEqual(await readdir(home), [PLAINTEXT_FILE]);
  const path = join(home, PLAINTEXT_FILE);
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.deepEqual(JSON.parse(await readFile(path, 'utf8')), {
    version: 1,
    friends: { [bob.uid]: { in: 3, out: 2 ** 50, since: '2026-01-31T12:00:00.000Z' } },
  });
  t.deepEqual(warnings, []);
});

const since = '2026-01-31T12:00:00.000Z';
for (const [what, text] of [
  ['nothing', ''],
  ['half of it', '{"version": 1, "frien'],
  ['another version', JSON.stringify({ version: 2, friends: {} })],
  ['no UID', JSON.stringify({ version: 1, friends: { bob: { in: 1, out: 1, since } } })],
  [
    'less than nothing',
    JSON.stringify({ version: 1, friends: { [bob.uid]: { in: -1, out: 1, since } } }),
  ],
  [
    'no time',
    JSON.stringify({ version: 1, friends: { [bob.uid]: { in: 1, out: 1, since: 'x' } } }),
  ],
] as const) {
  test(`a file with ${what} in it is one line in the log`, async (t) => {
    const home = scratch(t);
    await writeFile(join(home, PLAINTEXT_FILE), text);
    const warnings: string[] = [];
    const log = { warn: (_: object, message: string) => void warnings.push(message) };
    const ledger = new PlaintextLedger({ home, log });
    t.is((await ledger.read()).size, 0);
    t.is(warnings.length, 1);
    t.true(await ledger.write(new Map()));
    t.is((await ledger.read()).size, 0);
    t.is(warnings.length, 1);
  });
}

test('a place that cannot be written is told of once', async (t) => {
  const home = scratch(t);
  await mkdir(join(home, PLAINTEXT_FILE));
  const warnings: string[] = [];
  const log = { warn: (_: object, message: string) => void warnings.push(message) };
  const ledger = new PlaintextLedger({ home, log });
  t.false(await ledger.write(new Map()));
  t.false(await ledger.write(new Map()));
  t.is(warnings.length, 1);
  t.deepEqual(await readdir(home), [PLAINTEXT_FILE]);
});
