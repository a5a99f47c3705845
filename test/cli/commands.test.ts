import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { parseGroupFlag, weakKeyWarning } from '../../src/controller/config.ts';
import { openControlServer } from '../../src/controller/control-server.ts';
import type { NodeApi } from '../../src/controller/node-api.ts';
import type { FriendStatus } from '../../src/controller/node-api-friends.ts';
import { BOB, FAKE_MISSING, type FakeNode, fakeApi, OWN_UID } from './fake-node.ts';
import { run, temporaryHome } from './run-cli.ts';

async function withNode(t: ExecutionContext, changes: Partial<NodeApi> = {}) {
  const home = await temporaryHome(t);
  const server = await openControlServer({ home, version: '0.1.0', log: pino({ enabled: false }) });
  t.teardown(() => server.close());
  const calls: FakeNode['calls'] = [];
  server.serve({ ...fakeApi(calls, () => {}, home), ...changes });
  const kith = (args: readonly string[], options = {}) => run([...args, '--home', home], options);
  return { home, kith, calls };
}

test('tables line up, with plain text when nobody is at a terminal', async (t) => {
  const { kith } = await withNode(t);
  t.is(
    (await kith(['friends'])).stdout,
    [
      'NAME          UID           STATE       PORT  FROM     ADDRESSES             LAST TROUBLE',
      'bob           1f0c9a000000  connected      2  invited  udp://192.0.2.1:4000  -',
      'mal?[31mlory  777777777777  connecting     -  config   -                     nobody answers (again in 4 s)',
      'carol         999999999999  refused        -  joined   udp://192.0.2.3:4000  We share no security group with carol.',
      'carol: Join one group at both ends.',
      '',
    ].join('\n'),
  );
  t.is(
    (await kith(['links'])).stdout,
    [
      'PORT  FRIEND  VIA  REMOTE          SECURITY  CIPHER              UP      RTT   LOSS   MTU      IN    OUT  DROPPED',
      '   2  bob     udp  192.0.2.1:4000  sealed    aes-256-gcm  3 min 4 s  0.31 ms  1.5 %  1472  1.2 kB  34 MB        3',
      '',
      'NO LINK TO    STATE              FOR  FAILED  AGAIN IN  LAST TROUBLE',
      'mal?[31mlory  waiting      1 min 2 s       7       4 s  nobody answers',
      'carol         refused            5 s       2         -  We share no security group with carol.',
      'dave          has to call        1 h       0         -  -',
      'carol: Join one group at both ends.',
      '',
    ].join('\n'),
  );
  t.is(
    (await kith(['mac'])).stdout,
    [
      'ADDRESS            VLAN  PORT     AGE',
      '02:00:00:00:00:01     0     1     3 s',
      '02:00:00:00:00:02    12     2  static',
      '',
    ].join('\n'),
  );
  t.is((await kith(['groups'])).stdout, 'GROUP    PROOF  SHARED NOW WITH\ndefault  name   bob\n');
  t.regex(
    (await kith(['ports'])).stdout,
    /^PORT {2}KIND .* IN +OUT +DROPPED +WHO\n {3}1 {2}vde .* 1200 +34 +storm 120, groupSource 3 +QEMU user=me pid=7\n$/,
  );
  t.regex((await kith(['stp'])).stdout, /^bridge .*\nroot .*\(this bridge\)\n.*\n\nPORT .*\n/);
});

test('errors read as what follows a colon', async (t) => {
  const { kith } = await withNode(t);
  for (const [args, code, stderr] of [
    [
      ['links', 'foo'],
      2,
      "kith: too many arguments for 'links': 1 instead of 0; see `kith links --help`\n",
    ],
    [['invite', '--address', 'foo'], 2, /^kith: --address: the address 'foo' cannot be used: /],
    [['plug', '/none/kith'], 7, /^kith: there is no switch at [^.]*[^.\n]\n$/],
  ] as const) {
    const result = await kith(args);
    t.is(result.code, code);
    if (typeof stderr === 'string') t.is(result.stderr, stderr);
    else t.regex(result.stderr, stderr);
  }
});

test('groups are entered, left and given other keys', async (t) => {
  const { kith, calls, home } = await withNode(t);
  t.is((await kith(['groups', 'add', 'guests'])).stdout, 'in the group guests\n');
  t.is((await kith(['groups', 'add', 'lab:the key'])).stdout, 'in the group lab\n');
  await kith(['groups', 'add', 'lab:-'], { stdin: 'a key from a file\n' });
  t.is((await kith(['groups', 'remove', 'lab'])).stdout, 'left the group lab\n');
  const rotated = await kith(['groups', 'rotate', 'lab', '--key', '-', '--overlap', '0s'], {
    stdin: 'another key',
  });
  t.regex(rotated.stdout, new RegExp(`^the group lab has another key, in ${home}/groups.json; `));
  t.notRegex(rotated.stdout + rotated.stderr, /another key\b(?!, in)/);
  await kith(['groups', 'rotate', 'lab']);
  t.is((await kith(['groups', 'plaintext', 'never'])).stdout, 'plaintext: never\n');
  t.deepEqual(calls, [
    ['addGroup', { name: 'guests' }],
    ['addGroup', { name: 'lab', key: 'the key' }],
    ['addGroup', { name: 'lab', key: 'a key from a file' }],
    ['removeGroup', 'lab'],
    ['rotateGroup', { name: 'lab', key: 'another key', overlapMs: 0 }],
    ['rotateGroup', { name: 'lab' }],
    ['setPlaintext', 'never'],
  ]);
});

test('a key can be made without a node, and is what a group takes', async (t) => {
  const home = await temporaryHome(t);
  const keys = new Set<string>();
  for (let made = 0; made < 4; made++) {
    const { code, stdout, stderr } = await run(['groups', 'key', '--home', home]);
    t.deepEqual([code, stderr], [0, '']);
    t.regex(stdout, /^[\w-]{32}\n$/, '192 bits');
    keys.add(stdout.trim());
  }
  t.is(keys.size, 4);
  const { stdout } = await run(['groups', 'key', '--json']);
  const { key } = JSON.parse(stdout);
  t.is(weakKeyWarning('lab', key), undefined);
  t.deepEqual(parseGroupFlag(`lab:${key}`, '--group'), { name: 'lab', key });
  const { kith, calls } = await withNode(t);
  await kith(['groups', 'add', 'lab:-'], { stdin: `${key}\n` });
  t.deepEqual(calls, [['addGroup', { name: 'lab', key }]]);
});

test('what cannot be a group, a key or a policy is refused before the node is asked', async (t) => {
  const { kith, calls } = await withNode(t);
  for (const [args, stdin, complaint] of [
    [['add', 'no blanks'], '', /must be NAME or NAME:KEY/],
    [['add', 'lab:-'], '', /must hold one key/],
    [['add', 'lab:-'], 'two\nlines\n', /must hold one key/],
    [['rotate', 'lab', '--overlap', 'soon'], '', /must be a time from 0s to 365d/],
    [['rotate', 'lab', '--overlap', '53w'], '', /must be a time from 0s to 365d/],
    [['plaintext', 'always'], '', /must be one of never, when-no-shared-group/],
  ] as const) {
    const { code, stderr } = await kith(['groups', ...args], { stdin });
    t.is(code, 2, args.join(' '));
    t.regex(stderr, complaint);
  }
  t.deepEqual(calls, []);
});

test('status shows the node at a glance', async (t) => {
  const { kith } = await withNode(t);
  const { stdout, code } = await kith(['status']);
  t.is(code, 0);
  t.regex(
    stdout,
    /^name {8}alice\nUID {9}(ab){20}\nup for {6}1 h 2 min \(process \d+, kith 0\.1\.0\)\n/,
  );
  t.regex(stdout, /^friends {5}1 of 2 connected$/m);
  t.regex(stdout, /^ports {7}3 ports, 1 address learnt$/m);
  t.regex(stdout, /^memory {6}81 MB$/m);
  t.regex(stdout, /^framesIn {2}12$/m);
});

test('why gives the answer, then what was weighed', async (t) => {
  const { kith, calls } = await withNode(t);
  const { stdout } = await kith(['why', 'bob']);
  t.is(
    stdout,
    'bob is connected: sealed, because both ends are in the group default\n\nshared groups  default\n',
  );
  t.deepEqual(calls, [['why', 'bob']]);
});

for (const name of ['status', 'friends', 'links', 'ports', 'mac', 'stp', 'groups'] as const) {
  test(`${name} --json prints what the node said`, async (t) => {
    const { kith, home } = await withNode(t);
    const { stdout, code } = await kith([name, '--json']);
    t.is(code, 0);
    t.deepEqual(JSON.parse(stdout), await fakeApi([], () => {}, home)[name]());
  });
}

test('links --all --json has the friends without a link, too, told apart by their state', async (t) => {
  const { kith } = await withNode(t);
  const { stdout } = await kith(['links', '--all', '--json']);
  t.deepEqual(JSON.parse(stdout), [...(await fakeApi().links()), ...FAKE_MISSING]);
  const none = await withNode(t, { links: async () => [], missingLinks: async () => [] });
  t.is(
    (await none.kith(['links'])).stdout,
    'no link is up; `kith invite` and `kith join` make friends\n',
  );
});

test('a no that nobody vouches for is waited out, and told as such', async (t) => {
  const friends = async (): Promise<FriendStatus[]> => {
    const [bob] = await fakeApi().friends();
    const { link: _, ...rest } = bob!;
    const lastError = 'udp://192.0.2.1:4000: The peer speaks versions 8 to 9.';
    return [{ ...rest, state: 'offline', unproven: 'version', lastError }];
  };
  const { kith } = await withNode(t, { friends });
  const began = performance.now();
  const { code, stderr } = await kith(['join', 'T', '--wait', '0.3s']);
  t.true(performance.now() - began >= 300, 'it goes on until then');
  t.is(code, 9);
  t.regex(
    stderr,
    /^kith: bob is a friend now, .* has not proved to be bob \(.*versions 8 to 9\); /,
  );
  t.is((await kith(['join', 'T', '--wait', '0s'])).code, 0);
});

test('colour on a terminal, unless NO_COLOR says no', async (t) => {
  const { kith } = await withNode(t);
  const coloured = await kith(['friends'], { terminal: true });
  t.true(coloured.stdout.includes('\u001b[32mconnected \u001b[39m'));
  t.false(coloured.stdout.includes('mal\u001b'));
  const plain = await kith(['friends'], { terminal: true, env: { NO_COLOR: '1' } });
  t.false(plain.stdout.includes('\u001b'));
});

test('invite: only the ticket on standard output', async (t) => {
  const { kith, calls } = await withNode(t);
  const { stdout, stderr } = await kith(['invite']);
  t.deepEqual([stdout, stderr], ['kith1-ticket\n', '']);
  await kith(['invite', '--expires', '2h', '--address', 'UDP://VM.example.org:4000/']);
  t.deepEqual(calls, [
    ['invite', {}],
    ['invite', { expiresInMs: 7_200_000, addresses: ['udp://vm.example.org:4000'] }],
  ]);
  t.deepEqual(JSON.parse((await kith(['invite', '--json'])).stdout), {
    ticket: 'kith1-ticket',
    expiresAt: '2030-01-02T03:04:05.000Z',
  });
});

test('join takes the ticket from the command line or from standard input', async (t) => {
  const { kith, calls } = await withNode(t);
  t.is((await kith(['join', 'T1'])).stdout, `joined bob (${BOB}); the link is up, sealed\n`);
  await kith(['join', '-'], { stdin: ' T2\n' });
  t.deepEqual(calls, [
    ['join', 'T1'],
    ['join', 'T2'],
  ]);
  const empty = await kith(['join', '-'], { stdin: '\n' });
  t.is(empty.code, 4);
  t.deepEqual(JSON.parse((await kith(['join', 'T3', '--json'])).stdout), {
    uid: BOB,
    name: 'bob',
    state: 'connected',
    security: 'sealed',
    warnings: [],
  });
});

test('join waits for the link, and says when none came, or none will', async (t) => {
  const { kith } = await withNode(t);
  const late = await kith(['join', 'unanswered', '--wait', '0.2s']);
  t.is(late.code, 0, 'it is a friend, and may answer later');
  t.regex(late.stdout, /^joined mallory .*`kith links` shows when they are connected\n$/);
  t.regex(late.stderr, /^warning: mal\?\[31mlory is a friend now, but no link came up in 0\.2 s, /);
  const json = await kith(['join', 'unanswered', '--wait', '0.1s', '--json']);
  const { state, security, warnings } = JSON.parse(json.stdout);
  t.deepEqual([state, security, warnings[0].code], ['connecting', undefined, 'no-link']);
  t.is((await kith(['join', 'unanswered', '--wait', '0s'])).stderr, '');
  const refused = await kith(['join', 'refused']);
  t.deepEqual([refused.code, refused.stdout], [9, '']);
  t.regex(refused.stderr, /^kith: carol is a friend now, .* no security group with carol\n$/);
  for (const wait of ['soon', '2h']) {
    const wrong = await kith(['join', 'T', '--wait', wait]);
    t.is(wrong.code, 2);
    t.regex(wrong.stderr, /--wait '\w+' must be a time from 0s to 1h/);
  }
});

test('friends remove, with --json before or after', async (t) => {
  const { kith, calls } = await withNode(t);
  t.is((await kith(['friends', 'remove', 'bob'])).stdout, `removed ${BOB}\n`);
  t.deepEqual(JSON.parse((await kith(['friends', 'remove', 'bob', '--json'])).stdout), {
    uid: BOB,
  });
  t.deepEqual(calls, [
    ['removeFriend', 'bob'],
    ['removeFriend', 'bob'],
  ]);
});

test("the node's own refusals keep their code; its bugs are no sentences of ours", async (t) => {
  const { kith } = await withNode(t);
  const unknown = await kith(['why', 'eve']);
  t.deepEqual([unknown.code, unknown.stdout], [7, '']);
  t.is(unknown.stderr, 'kith: there is no friend eve; see `kith friends`\n');
  const broken = await kith(['join', 'broken']);
  t.is(broken.code, 1);
  t.regex(
    broken.stderr,
    /^kith: the node failed inside \(a bug, not a mistake\); its log says more\n$/,
  );
});

test('without a node, everything that asks one says how to start it', async (t) => {
  const home = await temporaryHome(t);
  for (const args of [
    ['status'],
    ['down'],
    ['why', 'x'],
    ['invite'],
    ['join', 'x'],
    ['plug'],
    ['tap'],
  ]) {
    const result = await run([...args, '--home', home]);
    t.is(result.code, 5, args[0]);
    t.regex(result.stderr, /^kith: no node is running in .*start one with `kith up`.*\n$/);
    t.is(result.stdout, '');
  }
});

test('mistakes on the command line', async (t) => {
  for (const [args, sentence] of [
    [['stauts'], /unknown command 'stauts' \(Did you mean status\?\); see `kith --help`/],
    [['why'], /missing required argument 'friend'; see `kith why --help`/],
    [['invite', '--expires', 'soon'], /--expires 'soon' must be a time from 1s to 365d/],
    [['invite', '--expires', '0s'], /--expires '0s' must be/],
    [['plug', '--port', 'x'], /--port 'x' must be a whole number from 1 to 65535/],
    [['vm'], /unknown command 'vm'/],
    [['friends', 'remove'], /missing required argument 'friend'; see `kith friends remove --help`/],
    [['id', 'rotate', 'x'], /see `kith id rotate --help`/],
    [['status', '--home'], /option '--home <dir>' argument missing/],
    [['status', '--home', ''], /--home needs the path of a directory/],
    [['--home', '/x'], /which command\?; see `kith --help`/],
  ] as const) {
    const result = await run(args);
    t.is(result.code, 2, args.join(' '));
    t.regex(result.stderr, sentence);
    t.regex(result.stderr, /^kith: [^\n]*\n$/);
    t.is(result.stdout, '');
  }
});

test('kith alone, and --help everywhere, teach and succeed', async (t) => {
  const overview = await run([]);
  t.is(overview.code, 0);
  t.regex(overview.stdout, /One Ethernet for a circle of friends/);
  t.regex(overview.stdout, /First steps:\n {2}kith up /);
  for (const later of ['vm', 'doctor']) {
    t.notRegex(overview.stdout, new RegExp(`^ {2}${later} `, 'm'));
  }
  const names = [...overview.stdout.matchAll(/^ {2}([a-z]+) .*/gm)].map((match) => match[1]);
  for (const name of [
    'up',
    'down',
    'status',
    'friends',
    'links',
    'ports',
    'mac',
    'stp',
    'groups',
  ]) {
    t.true(names.includes(name), name);
  }
  for (const name of ['id', 'invite', 'join', 'why', 'plug', 'tap', 'up', 'status', 'friends']) {
    const help = await run([name, '--help']);
    t.is(help.code, 0, name);
    t.regex(help.stdout, /\nExamples:\n {2}\S/, name);
    t.regex(help.stdout, /--home <dir>/, name);
    t.is(help.stderr, '');
  }
  t.regex((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('KITH_DEBUG=1 shows the stack', async (t) => {
  const home = await temporaryHome(t);
  const result = await run(['status'], { env: { KITH_HOME: home, KITH_DEBUG: '1' } });
  t.is(result.code, 5);
  t.regex(result.stderr, /^kith: [^\n]*\nKithError: .*\n +at /);
  t.regex(result.stderr, /caused by: Error: connect ENOENT/);
});

test('--home may stand before the command; the nearest wins', async (t) => {
  const { home, kith } = await withNode(t);
  t.is((await run(['--home', home, 'status'])).code, 0);
  t.is((await kith(['--home', '/nowhere', 'status', '--json'])).code, 0);
  t.true((await run(['--home', home, 'status', '--json'])).stdout.includes(OWN_UID));
});
