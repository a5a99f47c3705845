import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { formatMac } from '../../src/switch/mac-address.ts';
import { defaultMac } from '../../src/tap/default-mac.ts';
import {
  DEFAULT_MTU,
  DEFAULT_NAME,
  formatHostAddress,
  isInterfaceName,
  MAX_MTU,
  MIN_MTU,
  namespacePath,
  parseHostAddress,
  parseStationMac,
} from '../../src/tap/interface-options.ts';

test('names of interfaces', (t) => {
  for (const name of [DEFAULT_NAME, 'a', '0', 'lan-1.b_c', 'kith%d', '%d'.padStart(15, 'x')]) {
    t.true(isInterfaceName(name), name);
  }
  for (const name of [
    '',
    '.',
    '..',
    '-a',
    'a/b',
    'a b',
    'a:b',
    'a\n',
    'ä',
    'all',
    'default',
    'kith%s',
    'kith%',
    '%d%d',
    '%d',
    'x'.repeat(16),
  ]) {
    t.false(isInterfaceName(name), JSON.stringify(name));
  }
});

test('a name that passes is one that the kernel takes, as it is', (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 17, unit: 'binary' }), (name) => {
      // dev_valid_name of Linux: not empty, not too long, no dot alone, no slash, colon or blank.
      const valid = name.length < 16 && !/^\.{0,2}$/.test(name) && !/[/:\s\0]/.test(name);
      return valid || !isInterfaceName(name);
    }),
  );
  t.pass();
});

test('addresses of hosts', (t) => {
  for (const [text, host, prefix] of [
    ['10.0.0.1/24', '10.0.0.1', 24],
    ['10.0.0.0/31', '10.0.0.0', 31],
    ['10.0.0.1/31', '10.0.0.1', 31],
    ['10.0.0.255/32', '10.0.0.255', 32],
    ['10.255.255.254/8', '10.255.255.254', 8],
    ['169.254.1.1/16', '169.254.1.1', 16],
    ['fd00::1/64', 'fd00::1', 64],
    ['FD00:0:0:0:0:0:0:1/128', 'fd00::1', 128],
    ['fe80::1/10', 'fe80::1', 10],
    ['fd00::/64', 'fd00::', 64],
  ] as const) {
    t.deepEqual(parseHostAddress(text), { host, prefix }, text);
  }
});

test('what no host can have is told as the end of "it must be …"', (t) => {
  for (const [text, why] of [
    ['10.0.0.1', /^the address of a host with its prefix, such as 10\.0\.0\.1\/24 or fd00::1\/64$/],
    ['dhcp', /^the address of a host with its prefix/],
    ['10.0.0.1/', /with its prefix/],
    ['10.0.0.1/a', /with its prefix/],
    ['10.0.0/24', /with its prefix/],
    ['host/24', /with its prefix/],
    ['fe80::1%1/64', /with its prefix/],
    ['10.0.0.1/0', /with a prefix of 1 to 32$/],
    ['10.0.0.1/33', /with a prefix of 1 to 32$/],
    ['fd00::1/129', /with a prefix of 1 to 128$/],
    ['10.0.0.0/24', /; 10\.0\.0\.0 is the network itself$/],
    ['10.0.0.255/24', /is the broadcast address of its network$/],
    ['0.0.0.1/24', /is no host$/],
    ['127.0.0.1/8', /is a loopback address$/],
    ['224.0.0.1/24', /is no address of one host$/],
    ['255.255.255.255/32', /is no address of one host$/],
    ['::/64', /is no host$/],
    ['::1/128', /is the loopback address$/],
    ['ff02::1/64', /is a group$/],
    ['::ffff:10.0.0.1/120', /write 10\.0\.0\.1 as IPv4$/],
  ] as const) {
    const said = parseHostAddress(text);
    if (typeof said === 'string') t.regex(said, why, text);
    else t.fail(text);
  }
});

test('an address survives being written and read', (t) => {
  const text = fc.oneof(
    fc.tuple(fc.ipV4(), fc.nat(40)).map(([host, prefix]) => `${host}/${prefix}`),
    fc.tuple(fc.ipV6(), fc.nat(140)).map(([host, prefix]) => `${host}/${prefix}`),
    fc.string({ maxLength: 50 }),
  );
  fc.assert(
    fc.property(text, (given) => {
      const address = parseHostAddress(given);
      if (typeof address === 'string') return;
      t.deepEqual(parseHostAddress(formatHostAddress(address)), address);
    }),
    { numRuns: 500 },
  );
});

test('MAC addresses of a station, given by hand', (t) => {
  t.deepEqual(parseStationMac('02:00:00:00:00:01'), Uint8Array.of(2, 0, 0, 0, 0, 1));
  t.deepEqual(parseStationMac('FE:0:0:0:0:1'), Uint8Array.of(0xfe, 0, 0, 0, 0, 1));
  for (const text of ['00:00:00:00:00:01', '03:00:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '02:00', '']) {
    t.is(parseStationMac(text), undefined, text);
  }
});

test('namespaces by name and by path', (t) => {
  t.is(namespacePath('blue'), '/run/netns/blue');
  t.is(namespacePath('/proc/1/ns/net'), '/proc/1/ns/net');
  for (const text of ['', '.', '..', 'a/b', '../x', '-x', 'a b', '/', '/a\0b']) {
    t.is(namespacePath(text), undefined, JSON.stringify(text));
  }
});

test('a frame of the largest MTU, with header and tag, is the longest the switch takes', (t) => {
  t.is(MAX_MTU + 14 + 4, 9216);
  t.true(MIN_MTU < DEFAULT_MTU && DEFAULT_MTU < MAX_MTU);
});

test('the MAC address of an interface is always the same, and of this node alone', (t) => {
  const uid = 'ab'.repeat(20);
  const mac = defaultMac(uid, 'kith0');
  const digest = createHash('sha256').update(`kith tap\0${uid}\0kith0`).digest('hex');
  t.is(formatMac(mac).replaceAll(':', '').slice(2), digest.slice(2, 12));
  t.deepEqual(defaultMac(uid, 'kith0'), mac);
  t.notDeepEqual(defaultMac(uid, 'kith1'), mac);
  t.notDeepEqual(defaultMac('cd'.repeat(20), 'kith0'), mac);
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      t.not(parseStationMac(formatMac(defaultMac(a, b))), undefined);
    }),
  );
});
