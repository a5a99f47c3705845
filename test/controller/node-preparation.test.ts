import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { pino } from 'pino';
import { type ConfigInput, makeConfig } from '../../src/controller/config.ts';
import { GroupBook } from '../../src/controller/group-book.ts';
import { freshGroupKey } from '../../src/controller/group-key.ts';
import { startNode } from '../../src/controller/node.ts';
import { systemEnvironment } from '../../src/controller/node-environment.ts';
import { prepareNode } from '../../src/controller/node-preparation.ts';
import { scratch } from './node-fixtures.ts';

const SILENT = pino({ level: 'silent' });

const prepare = (home: string, input: ConfigInput = {}) =>
  prepareNode(home, makeConfig(home, input), SILENT, () => {});

test('what a node needs of its home is there', async (t) => {
  const home = scratch(t);
  const uid = 'ab'.repeat(20);
  const made = await prepare(home, { friends: [{ uid, name: 'ada' }], groups: [{ name: 'lab' }] });
  t.teardown(() => made.groups.close());
  t.deepEqual(
    made.friends.map((friend) => [friend.uid as string, friend.name]),
    [[uid, 'ada']],
  );
  t.deepEqual(
    made.groups.entries.map(({ name }) => name),
    ['lab'],
  );
  t.is(made.carried.size, 0);
  t.deepEqual([made.socketGroup, made.consoleGroup], [{}, {}]);
});

test('a group of the system by name; one that is not there before anything is made', async (t) => {
  const home = scratch(t);
  const wrong = [
    ['switch.group', { switch: { group: 'no such group' } }],
    ['console.group', { console: { group: 'no such group' } }],
  ] as const;
  for (const [key, input] of wrong) {
    await t.throwsAsync(prepare(home, input), {
      code: 'config',
      message: `${key}: this system has no group "no such group"; choose one that \`getent group\` lists.`,
    });
  }
  t.deepEqual(readdirSync(home), []);
  const made = await prepare(home, { switch: { group: 'root' } });
  t.teardown(() => made.groups.close());
  t.deepEqual(made.socketGroup, { group: 0 });
});

/** A group whose old key is about to expire. */
async function changeKey(home: string): Promise<void> {
  const config = makeConfig(home, {});
  const options = { home, config, wallClock: Date.now, changed: () => {}, log: SILENT };
  const groups = await GroupBook.open(options);
  await groups.add('lab', freshGroupKey());
  await groups.rotate('lab', undefined, 200);
  await groups.close();
}

test('no old key expires for a node that there will not be', async (t) => {
  const home = scratch(t);
  await changeKey(home);
  writeFileSync(join(home, 'switch.json'), '{');
  let told = 0;
  const prepared = prepareNode(home, makeConfig(home, {}), SILENT, () => told++);
  await t.throwsAsync(prepared, { code: 'config', message: /switch\.json is damaged/ });
  await delay(300);
  t.is(told, 0);
});

test('nor for one that could not be put together', async (t) => {
  const home = scratch(t);
  await changeKey(home);
  const environment = {
    ...systemEnvironment(),
    startEngines: () => {
      throw new Error('no threads');
    },
  };
  const started = startNode({ home, config: makeConfig(home, {}) }, SILENT, environment);
  await t.throwsAsync(started, { message: 'no threads' });
  await delay(300); // who is told now throws, where nobody catches
});
