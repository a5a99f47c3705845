import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { type ConfigInput, makeConfig } from '../../src/controller/config.ts';
import { GroupBook } from '../../src/controller/group-book.ts';
import { type ErrorCode, KithError } from '../../src/errors.ts';

const DAY = 86_400_000;

async function owner(t: ExecutionContext) {
  const home = await mkdtemp(join(tmpdir(), 'kith-groups-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  const state = { now: Date.UTC(2030, 0, 1), changes: 0, log: [] as string[] };
  const open = async (config: ConfigInput = {}): Promise<GroupBook> => {
    const book = await GroupBook.open({
      home,
      config: makeConfig(home, config),
      wallClock: () => state.now,
      changed: () => void state.changes++,
      log: {
        info: (details, message) => void state.log.push(JSON.stringify([details, message])),
        warn: (message) => void state.log.push(message),
      },
    });
    t.teardown(() => book.close());
    return book;
  };
  const file = async () => await readFile(join(home, 'groups.json'), 'utf8');
  return { home, state, open, file };
}

test('without a change the configuration counts, and no file is made', async (t) => {
  const { open, file, state } = await owner(t);
  const book = await open({
    groups: [{ name: 'lab', key: 'one', previousKeys: ['zero'] }, { name: 'guests' }],
    plaintext: 'never',
  });
  t.deepEqual(book.groups, [
    { name: 'lab', keys: ['one', 'zero'] },
    { name: 'guests', keys: [] },
  ]);
  t.is(book.floor, 'never');
  await t.throwsAsync(file(), { code: 'ENOENT' });
  t.is(state.changes, 0);
});

test('what is changed counts at once and after a restart', async (t) => {
  const { home, open, state } = await owner(t);
  const book = await open();
  await book.add('lab', 'a key of the lab');
  await book.add('guests', undefined);
  await book.remove('default');
  await book.setFloor('never');
  t.is(state.changes, 4);
  const again = await open();
  for (const each of [book, again]) {
    t.deepEqual(each.groups, [
      { name: 'lab', keys: ['a key of the lab'] },
      { name: 'guests', keys: [] },
    ]);
    t.is(each.floor, 'never');
  }
  t.is((await stat(join(home, 'groups.json'))).mode & 0o777, 0o600);
});

test('while keys are changed both count, then only the new one', async (t) => {
  const { open, state, file } = await owner(t);
  const config = { groups: [{ name: 'lab', key: 'first', previousKeys: ['zeroth'] }] };
  const book = await open(config);
  await book.rotate('lab', 'second', DAY);
  t.deepEqual(book.groups, [{ name: 'lab', keys: ['second', 'first', 'zeroth'] }]);
  state.now += DAY / 2;
  await book.rotate('lab', 'third', DAY);
  t.deepEqual(book.groups[0]?.keys, ['third', 'second', 'first', 'zeroth']);
  state.now += DAY / 2 + 1;
  t.deepEqual((await open(config)).groups[0]?.keys, ['third', 'second']);
  state.now += DAY;
  t.deepEqual((await open(config)).groups[0]?.keys, ['third']);
  t.regex(await file(), /third/);
});

test('the time of an old key ends without anybody looking', async (t) => {
  const { open, state, file } = await owner(t);
  const book = await open({ groups: [{ name: 'lab', key: 'first' }] });
  await book.rotate('lab', 'second', 60);
  t.is(state.changes, 1);
  state.now += 60;
  for (let i = 0; i < 100 && state.changes < 2; i++) await sleep(20);
  t.deepEqual(book.groups, [{ name: 'lab', keys: ['second'] }]);
  await book.close();
  t.is(state.changes, 2, 'told once');
  t.notRegex(await file(), /first/, 'and forgotten');
});

test('a group that only had a name keeps it for a while', async (t) => {
  const { open, state } = await owner(t);
  const book = await open();
  await book.rotate('default', 'first key', DAY);
  t.deepEqual(book.groups, [{ name: 'default', keys: ['first key'], byName: true }]);
  state.now += DAY;
  t.deepEqual((await open()).groups, [{ name: 'default', keys: ['first key'] }]);
});

test('without an overlap the old key is gone at once', async (t) => {
  const { open } = await owner(t);
  const book = await open({ groups: [{ name: 'lab', key: 'first', previousKeys: ['zeroth'] }] });
  await book.rotate('lab', 'second', 0);
  t.deepEqual(book.groups, [{ name: 'lab', keys: ['second'] }]);
});

test('a key that nobody gives is long and random, and is told nowhere', async (t) => {
  const { open, state } = await owner(t);
  const book = await open({ groups: [{ name: 'lab', key: 'the first key' }] });
  await book.rotate('lab', undefined, DAY);
  const [fresh] = book.groups[0]!.keys;
  t.regex(fresh!, /^[\w-]{32}$/);
  await book.add('other', 'the key of the other');
  t.true(state.log.length >= 2);
  for (const line of state.log) {
    t.false(line.includes(fresh!));
    t.notRegex(line, /the first key|the key of the other/);
  }
});

test('who edits the configuration later has the last word', async (t) => {
  const { open, state } = await owner(t);
  const before = {
    groups: [{ name: 'lab', key: 'first' }, { name: 'home' }, { name: 'left' }],
    plaintext: 'when-no-shared-group' as const,
  };
  const book = await open(before);
  await book.rotate('lab', 'second', 0);
  await book.remove('home');
  await book.remove('left');
  await book.setFloor('never');
  await book.add('extra', 'its key');
  const after = {
    groups: [{ name: 'lab', key: 'edited' }, { name: 'home' }, { name: 'extra' }],
  };
  const edited = await open(after);
  t.deepEqual(edited.groups, [
    { name: 'lab', keys: ['edited'] },
    { name: 'extra', keys: [] },
  ]);
  t.is(edited.floor, 'never', 'this was not edited');
  t.regex(state.log.at(-1) ?? '', /^lab, extra: the configuration was edited since/);
});

test('mistakes are told, and change nothing', async (t) => {
  const { open, state, file } = await owner(t);
  const book = await open({ groups: [{ name: 'lab', key: 'first' }] });
  const fails = async (promise: Promise<void>, code: ErrorCode, message: RegExp) => {
    const error = await t.throwsAsync(promise, { instanceOf: KithError });
    t.is(error?.code, code);
    t.regex(error?.message ?? '', message);
  };
  await fails(book.add('lab', 'x'), 'usage', /in the group lab already; `kith groups rotate lab`/);
  await fails(book.remove('none'), 'not-found', /in no group none/);
  await fails(book.rotate('none', 'x', 0), 'not-found', /in no group none/);
  await fails(book.rotate('lab', 'first', 0), 'usage', /that is the key of the group lab/);
  for (let i = 0; i < 31; i++) await book.add(`group-${i}`, undefined);
  await fails(book.add('one-more', undefined), 'config', /33 keys together and 32 are possible/);
  t.is(book.groups.length, 32);
  t.is(state.changes, 31);
  t.notRegex(await file(), /one-more/);
});

test('a damaged file is named, and its contents are not told', async (t) => {
  const { home, open } = await owner(t);
  await writeFile(join(home, 'groups.json'), '{"version":1,"groups":[{"nam":"secret key"}]}');
  const error = await t.throwsAsync(open(), { instanceOf: KithError });
  t.is(error?.code, 'config');
  t.regex(error?.message ?? '', /groups\.json is damaged; restore it/);
  t.is(error?.cause, undefined);
});
