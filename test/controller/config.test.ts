import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  checkConfig,
  loadConfig,
  makeConfig,
  parseFriendFlag,
  parseGroupFlag,
} from '../../src/controller/config.ts';
import { configJsonSchema } from '../../src/controller/config-schema.ts';
import { KithError } from '../../src/errors.ts';

const UID = 'ab'.repeat(20);
const OTHER = 'cd'.repeat(20);

async function homeWith(t: ExecutionContext, text?: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'kith-config-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  if (text !== undefined) await writeFile(join(home, 'config.json'), text);
  return home;
}

test('without a file, the defaults', async (t) => {
  const home = await homeWith(t);
  const { config, file, warnings } = await loadConfig({ home });
  t.is(file, undefined);
  t.deepEqual(warnings, []);
  t.is(config.name, hostname());
  t.deepEqual(config.listen, ['udp://[::]:0', 'tcp://[::]:0']);
  t.deepEqual(config.groups, [{ name: 'default', previousKeys: [] }]);
  t.is(config.plaintext, 'when-no-shared-group');
  t.is(config.switch.directory, join(home, 'switch'));
  t.is(config.switch.mode, 0o600);
  t.is(config.switch.dirMode, 0o2700);
  t.true(config.stp.enabled);
  t.true(config.link.failAfterMs <= 3000);
  t.false('$schema' in config);
});

test('what the file says, in one spelling', (t) => {
  const config = makeConfig('/home/k', {
    friends: [{ uid: UID.toUpperCase(), addresses: ['UDP://Host.Example:7'] }],
    switch: { directory: 'sw', mode: '0660', dirMode: '02770' },
  });
  t.is(config.friends[0].uid, UID);
  t.deepEqual(config.friends[0].addresses, ['udp://host.example:7']);
  t.is(config.switch.directory, '/home/k/sw');
  t.is(config.switch.mode, 0o660);
  t.is(config.switch.dirMode, 0o2770);
});

test('all ciphers are offered, or those that are listed', (t) => {
  t.deepEqual(makeConfig('/home/k').link.ciphers, ['aes-256-gcm', 'chacha20-poly1305']);
  const one = makeConfig('/home/k', { link: { ciphers: ['chacha20-poly1305'] } });
  t.deepEqual(one.link.ciphers, ['chacha20-poly1305']);
  for (const ciphers of [[], ['des'], 'aes-256-gcm']) {
    t.throws(() => checkConfig('F', { link: { ciphers } }), {
      code: 'config',
      message: /link\.ciphers.* must be (a list of )?one .*"aes-256-gcm", "chacha20-poly1305"/,
    });
  }
});

test('as many workers as the machine asks for, or as are wanted', (t) => {
  t.is(makeConfig('/home/k').dataPlane.workers, 'auto');
  t.is(makeConfig('/home/k', { dataPlane: { workers: 3 } }).dataPlane.workers, 3);
});

test('the command line wins', async (t) => {
  const file = {
    name: 'filed',
    listen: ['udp://[::]:1'],
    friends: [{ uid: UID, name: 'bob', addresses: ['udp://a:1'] }],
    switch: { mode: '0660', directory: 'elsewhere' },
    log: { level: 'warn' },
  };
  const home = await homeWith(t, JSON.stringify(file));
  const { config } = await loadConfig({
    home,
    overrides: {
      name: 'flagged',
      switchDirectory: '/run/sw',
      friends: [
        { uid: UID, addresses: ['udp://b:2'] },
        { uid: UID, addresses: ['tcp://b:2'] },
        { uid: OTHER, addresses: [] },
      ],
      groups: [{ name: 'lab', key: 'k' }],
      logLevel: 'debug',
    },
  });
  t.is(config.name, 'flagged');
  t.is(config.switch.directory, '/run/sw');
  t.is(config.switch.mode, 0o660);
  t.deepEqual(config.listen, ['udp://[::]:1']);
  t.deepEqual(config.friends, [
    { uid: UID, name: 'bob', addresses: ['udp://b:2', 'tcp://b:2'] },
    { uid: OTHER, addresses: [] },
  ]);
  t.deepEqual(config.groups, [{ name: 'lab', key: 'k', previousKeys: [] }]);
  t.is(config.log.level, 'debug');
});

const mistakes: readonly (readonly [unknown, string])[] = [
  [{ swich: {} }, 'swich is no known key; did you mean switch?'],
  [{ switch: { prots: 3 } }, 'switch.prots is no known key; did you mean switch.ports?'],
  [
    { groups: [{ name: 'a', kee: 1 }] },
    'groups[0].kee is no known key; did you mean groups[0].key?',
  ],
  [
    { log: { colour: 1 }, name: 5 },
    'log.colour is no known key; known there: level (and 1 more mistake)',
  ],
  [
    { switch: { ports: 'many' } },
    'switch.ports is "many"; it must be a whole number from 1 to 512',
  ],
  [{ switch: { ports: 0 } }, 'switch.ports is 0; it must be a whole number from 1 to 512'],
  [{ switch: { ports: 1.5 } }, 'switch.ports is 1.5; it must be a whole number from 1 to 512'],
  [
    { switch: { mode: 600 } },
    'switch.mode is 600; it must be a file mode in octal, in quotes, such as "0600"',
  ],
  [{ friends: [{}] }, 'friends[0].uid is missing; it must be a UID: 40 hexadecimal digits'],
  [
    { friends: [{ uid: 'bob' }] },
    'friends[0].uid is "bob"; it must be a UID: 40 hexadecimal digits, as `kith id` prints it',
  ],
  [{ friends: 5 }, 'friends is 5; it must be a list of friends'],
  [
    { friends: [{ uid: UID }, { uid: UID.toUpperCase() }] },
    'friends[1].uid: this friend is listed already; join the two entries',
  ],
  [
    { friends: [{ uid: UID, addresses: ['udp://[::]:1'] }] },
    "friends[0].addresses[0]: the address 'udp://[::]:1' cannot be used: nobody can be reached at ::; write the address of the machine",
  ],
  [
    { groups: [{ name: 'a' }, { name: 'a' }] },
    'groups[1].name: this group is listed already; join the two entries, old keys go into previousKeys',
  ],
  [{ plaintext: 'no' }, 'plaintext is "no"; it must be one of "never", "when-no-shared-group"'],
  [{ stp: { priority: 5 } }, 'stp.priority is 5; it must be a multiple of 4096 from 0 to 61440'],
  [
    { stp: { maxAge: 40 } },
    'stp.maxAge: 40 must be from 2 * (helloTime + 1) = 6 to 2 * (forwardDelay - 1) = 28',
  ],
  [
    { link: { keepaliveMs: 3000 } },
    'link.failAfterMs: 2200 must be at least twice link.keepaliveMs (3000), or every lost keepalive ends a link',
  ],
  [
    { dataPlane: { workers: 9 } },
    'dataPlane.workers is 9; it must be a whole number from 1 to 8, or "auto"',
  ],
  [
    { dataPlane: { workers: 'many' } },
    'dataPlane.workers is "many"; it must be a whole number from 1 to 8, or "auto"',
  ],
  [[], 'it must be an object in {braces}'],
];

for (const [raw, sentence] of mistakes) {
  test(`mistake: ${JSON.stringify(raw).slice(0, 70)}`, (t) => {
    const error = t.throws(() => checkConfig('config.json', raw), { instanceOf: KithError });
    t.is(error.code, 'config');
    t.is(error.message, `config.json: ${sentence}`);
  });
}

test('no JSON: where it went wrong', async (t) => {
  const home = await homeWith(t, '{\n  "name": "a"\n  "listen": []\n}\n');
  const error = await t.throwsAsync(loadConfig({ home }), { instanceOf: KithError });
  t.is(error?.code, 'config');
  t.regex(
    error?.message ?? '',
    /config\.json is not valid JSON at line 3, column 3: look for a missing/,
  );
});

test('a file named by hand has to be there', async (t) => {
  const home = await homeWith(t);
  const file = join(home, 'other.json');
  const error = await t.throwsAsync(loadConfig({ home, file }), { instanceOf: KithError });
  t.is(error?.message, `${file} is not there; give --config an existing file`);
});

test('keys that can be guessed are worth a warning', async (t) => {
  const home = await homeWith(t);
  const groups = [{ name: 'lab', key: 'short' }];
  const { warnings } = await loadConfig({ home, overrides: { groups } });
  t.is(warnings.length, 1);
  t.regex(warnings[0], /^the key of group lab has 5 characters and can be guessed/);
});

test('flags', (t) => {
  t.deepEqual(parseFriendFlag(`${UID}@udp://h:1`), { uid: UID, addresses: ['udp://h:1'] });
  t.deepEqual(parseFriendFlag(UID.toUpperCase()), { uid: UID, addresses: [] });
  t.deepEqual(parseGroupFlag('lab'), { name: 'lab' });
  t.deepEqual(parseGroupFlag('lab:a:b'), { name: 'lab', key: 'a:b' });
  for (const text of ['', ':k', 'lab:', 'a b:k']) {
    const error = t.throws(() => parseGroupFlag(text), { instanceOf: KithError });
    t.is(error.code, 'usage');
  }
  const secret = t.throws(() => parseGroupFlag('a b:secret'), { instanceOf: KithError });
  t.false(secret.message.includes('secret'));
});

test('whatever stands in the file, it is taken or refused with one sentence', (t) => {
  const raw = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        name: fc.jsonValue(),
        listen: fc.jsonValue(),
        friends: fc.array(fc.record({ uid: fc.jsonValue(), addresses: fc.jsonValue() })),
        switch: fc.dictionary(fc.constantFrom('ports', 'mode', 'ageing', 'x'), fc.jsonValue()),
        stp: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
  );
  fc.assert(
    fc.property(raw, (value) => {
      try {
        checkConfig('config.json', value);
      } catch (error) {
        if (!(error instanceof KithError && error.code === 'config')) throw error;
        if (/undefined|\[object/.test(error.message.replaceAll(/"[^"]*"/g, ''))) throw error;
      }
    }),
  );
  t.pass();
});

// AVA runs in the directory of package.json.
test('config/kith.schema.json is what the schema gives', async (t) => {
  const written: unknown = JSON.parse(await readFile('config/kith.schema.json', 'utf8'));
  const generated: unknown = JSON.parse(JSON.stringify(configJsonSchema()));
  t.deepEqual(written, generated, 'run: npm run build && node scripts/generate-schema.mjs');
});

test('the examples hold', async (t) => {
  const names = await readdir('config/examples');
  t.deepEqual(names.sort(), ['home-circle.json', 'locked-down.json', 'two-clouds.json']);
  for (const name of names) {
    const text = await readFile(join('config/examples', name), 'utf8');
    t.notThrows(() => checkConfig(name, JSON.parse(text)));
  }
});

test('host interfaces', (t) => {
  const { taps } = makeConfig('/home/k', {
    taps: [
      {},
      { name: 'lan%d', ip: ['10.0.0.1/24', 'dhcp'], mac: '02:00:00:00:00:01', mtu: 9000 },
      { name: 'kith0', netns: 'blue', ip: 'fd00::1/64' },
    ],
  });
  t.deepEqual(taps, [
    { name: 'kith0', ip: [] },
    { name: 'lan%d', ip: ['10.0.0.1/24', 'dhcp'], mac: '02:00:00:00:00:01', mtu: 9000 },
    { name: 'kith0', netns: 'blue', ip: ['fd00::1/64'] },
  ]);
  for (const [tap, sentence] of [
    [{ nmae: 'x' }, /taps\[0\]\.nmae is no known key; did you mean taps\[0\]\.name\?/],
    [{ name: 'a b' }, /taps\[0\]\.name is "a b"; it must be 1 to 15 letters/],
    [{ ip: '10.0.0.1' }, /ip.* it must be the address of a host with its prefix/],
    [{ ip: ['10.0.0.0/24'] }, /10\.0\.0\.0 is the network itself/],
    [{ ip: 7 }, /ip.* it must be the address of a host with its prefix/],
    [{ mac: '01:00:00:00:00:01' }, /it must be a locally administered address/],
    [{ mtu: 100 }, /it must be a whole number from 576 to 9198 octets/],
    [{ netns: 'a b' }, /it must be a name that/],
  ] as const) {
    t.throws(() => checkConfig('f', { taps: [tap] }), { code: 'config', message: sentence });
  }
  t.throws(() => checkConfig('f', { taps: [{}, { name: 'kith0' }] }), {
    message: /this interface is listed already/,
  });
  t.notThrows(() => checkConfig('f', { taps: [{ name: 'a%d' }, { name: 'a%d' }] }));
});
