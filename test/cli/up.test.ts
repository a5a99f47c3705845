import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { fakeNode, OWN_UID } from './fake-node.ts';
import { run, start, temporaryHome } from './run-cli.ts';

test('up prints who, where and how, then ready; SIGTERM ends it and leaves no socket', async (t) => {
  const home = await temporaryHome(t);
  const node = fakeNode();
  const up = start(['up', '--home', home, '--name', 'alice'], node);
  await up.printed('ready');
  const lines = up.stdout().trimEnd().split('\n');
  t.is(lines.at(-1), 'ready');
  t.is(lines[0], `node alice, UID ${OWN_UID}`);
  t.is(lines[1], 'listening on udp://[::]:40000');
  t.regex(lines[2], new RegExp(`-netdev vde,id=n,sock=${home}/switch -device virtio-net-pci`));
  t.is(lines[3], `invite a friend:  kith invite --home ${home}`);
  t.is((await stat(join(home, 'control.sock'))).mode & 0o777, 0o600);

  up.signals.emit('SIGTERM');
  t.is(await up.code, 0);
  t.true(node.closes() >= 1);
  t.deepEqual(await readdir(home), []);
  t.is(up.signals.listenerCount('SIGTERM'), 0);
});

test('up logs JSON lines when a program reads, short lines on a terminal', async (t) => {
  const home = await temporaryHome(t);
  const piped = start(['up', '--home', home], fakeNode());
  await piped.printed('ready');
  piped.signals.emit('SIGINT');
  await piped.code;
  const record = JSON.parse(piped.stderr().split('\n')[0]);
  t.is(record.msg, 'ending');

  const typed = start(['up', '--home', home], { ...fakeNode(), terminal: true });
  await typed.printed('ready');
  typed.signals.emit('SIGINT');
  await typed.code;
  t.regex(typed.stderr(), /\d\d:\d\d:\d\d.* .*info.* ending\n$/);
});

test('up --json prints one object when the node is ready, and logs JSON on a terminal, too', async (t) => {
  const home = await temporaryHome(t);
  const up = start(['up', '--home', home, '--name', 'alice', '--json'], {
    ...fakeNode(),
    terminal: true,
  });
  const ready = JSON.stringify({
    uid: OWN_UID,
    name: 'alice',
    switchDirectory: join(home, 'switch'),
    listening: ['udp://[::]:40000'],
    console: join(home, 'console'),
  });
  await up.printed(ready);
  up.signals.emit('SIGTERM');
  t.is(await up.code, 0);
  t.is(up.stdout(), `${ready}\n`);
  const log = up.stderr().trimEnd().split('\n');
  t.is(JSON.parse(log.at(-1) ?? '').msg, 'ending');
});

test('up --json of a node that does not start prints no object', async (t) => {
  const home = await temporaryHome(t);
  const startNode = async () => {
    throw new Error('no such luck');
  };
  const failed = await run(['up', '--home', home, '--json'], { startNode });
  t.is(failed.code, 1);
  t.is(failed.stdout, '');
});

test('the second signal does not wait', async (t) => {
  const home = await temporaryHome(t);
  const node = fakeNode();
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const up = start(['up', '--home', home], {
    startNode: async (options, log) => {
      const running = await node.startNode(options, log);
      return { ...running, close: () => held };
    },
  });
  await up.printed('ready');
  up.signals.emit('SIGTERM');
  t.is(up.abandoned(), 0);
  up.signals.emit('SIGTERM');
  t.is(up.abandoned(), 1);
  release();
  t.is(await up.code, 0);
});

test('up hands on the configuration with the flags over it', async (t) => {
  const home = await temporaryHome(t);
  const other = 'cd'.repeat(20);
  await writeFile(
    join(home, 'config.json'),
    JSON.stringify({ name: 'filed', switch: { ports: 7 }, friends: [{ uid: OWN_UID }] }),
  );
  const node = fakeNode();
  const flags = ['--friend', `${other}@udp://192.0.2.1:9`, '--group', 'lab:k', '--group', 'two'];
  const listen = ['--listen', 'tcp://127.0.0.1:0', '--plaintext', 'never', '--log-level', 'error'];
  const up = start(['up', ...flags, ...listen], { ...node, env: { KITH_HOME: home } });
  await up.printed('ready');
  up.signals.emit('SIGHUP');
  await up.code;
  const { config } = node.options[0];
  t.is(config.name, 'filed');
  t.is(config.switch.ports, 7);
  t.is(config.switch.directory, join(home, 'switch'));
  t.deepEqual(config.listen, ['tcp://127.0.0.1:0']);
  t.deepEqual(
    config.friends.map(({ uid, addresses }) => [uid, addresses]),
    [
      [OWN_UID, []],
      [other, ['udp://192.0.2.1:9']],
    ],
  );
  t.deepEqual(config.groups, [
    { name: 'lab', key: 'k', previousKeys: [] },
    { name: 'two', previousKeys: [] },
  ]);
  t.is(config.plaintext, 'never');
  t.is(up.stdout().split('\n')[3], 'invite a friend:  kith invite');
});

test('down asks the node to end and waits until its socket is gone', async (t) => {
  const home = await temporaryHome(t);
  const node = fakeNode();
  const up = start(['up', '--home', home], node);
  await up.printed('ready');
  const down = await run(['down', '--home', home]);
  t.deepEqual([down.code, down.stdout, down.stderr], [0, 'alice is down\n', '']);
  t.is(await up.code, 0);
  t.deepEqual(node.calls, [['down']]);
  t.deepEqual(await readdir(home), []);
});

test('a second up in the same home is refused, and does not start a node', async (t) => {
  const home = await temporaryHome(t);
  const first = start(['up', '--home', home], fakeNode());
  await first.printed('ready');
  const second = fakeNode();
  const refused = await run(['up', '--home', home], second);
  t.is(refused.code, 6);
  t.regex(refused.stderr, /^kith: a node is already running in .*kith down.*\n$/);
  t.is(second.options.length, 0);
  t.is((await run(['status', '--home', home])).code, 0);
  first.signals.emit('SIGTERM');
  await first.code;
});

test('a node that does not start leaves nothing behind', async (t) => {
  const home = await temporaryHome(t);
  const failed = await run(['up', '--home', home], {
    startNode: async () => {
      throw new Error('no such luck');
    },
  });
  t.is(failed.code, 1);
  t.is(failed.stdout, '');
  t.regex(
    failed.stderr,
    /^kith: something broke inside \(no such luck\); KITH_DEBUG=1 shows where\n$/,
  );
  t.deepEqual(await readdir(home), []);
});

test('a node that dies of itself ends up with an error', async (t) => {
  const home = await temporaryHome(t);
  const node = fakeNode();
  const up = start(['up', '--home', home], node);
  await up.printed('ready');
  node.end(new Error('the worker is gone'));
  t.is(await up.code, 1);
  t.regex(up.stderr(), /kith: .*the worker is gone/);
  t.deepEqual(await readdir(home), []);
});

const mistakes: readonly (readonly [string[], number, RegExp])[] = [
  [['--listen', 'udp://host:1'], 2, /--listen: .*numeric address/],
  [['--friend', 'bob'], 2, /--friend 'bob' must be UID@URL/],
  [['--friend', `${OWN_UID}@udp://x`], 2, /--friend: .*the port is missing/],
  [['--group', 'a b'], 2, /--group 'a b' must be NAME or NAME:KEY/],
  [['--plaintext', 'maybe'], 2, /--plaintext 'maybe' must be one of never, when-no/],
  [['--log-level', 'loud'], 2, /--log-level 'loud' must be one of trace/],
  [['--config', '/no/such/file.json'], 3, /\/no\/such\/file\.json is not there/],
  [['--name', 'a b'], 3, /command line: name is "a b"; it must be 1 to 63/],
  [['--grup', 'x'], 2, /unknown option '--grup' \(Did you mean --group\?\); see `kith up --help`/],
  [['extra'], 2, /too many arguments.*see `kith up --help`/],
];

for (const [args, code, sentence] of mistakes) {
  test(`up ${args.join(' ')}`, async (t) => {
    const home = await temporaryHome(t);
    const result = await run(['up', '--home', home, ...args], fakeNode());
    t.is(result.code, code);
    t.regex(result.stderr, sentence);
    t.regex(result.stderr, /^kith: [^\n]*\n$/);
    t.is(result.stdout, '');
    t.deepEqual(await readdir(home), []);
  });
}

test('a home that cannot be a home', async (t) => {
  const home = await temporaryHome(t);
  await writeFile(join(home, 'file'), '');
  const result = await run(['up', '--home', join(home, 'file')], fakeNode());
  t.is(result.code, 8);
  t.regex(result.stderr, /something that is no directory stands there/);
  const long = await run(['up', '--home', join(home, 'x'.repeat(120))], fakeNode());
  t.is(long.code, 1);
  t.regex(long.stderr, /too long for a socket \(\d+ of at most 107 octets\)/);
});

test('keys that others may read are worth a warning', async (t) => {
  const home = await temporaryHome(t);
  const file = join(home, 'config.json');
  await mkdir(home, { recursive: true });
  await writeFile(file, JSON.stringify({ groups: [{ name: 'lab', key: 'x'.repeat(32) }] }));
  await chmod(file, 0o644);
  const up = start(['up', '--home', home], fakeNode());
  await up.printed('ready');
  up.signals.emit('SIGTERM');
  await up.code;
  t.regex(up.stderr(), /holds keys and others may read it; chmod 600 it/);
});
