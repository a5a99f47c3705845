import { readdirSync } from 'node:fs';
import test from 'ava';
import { pino } from 'pino';
import { type ConfigInput, makeConfig } from '../../src/controller/config.ts';
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
