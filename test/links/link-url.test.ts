import test from 'ava';
import fc from 'fast-check';
import { KithError } from '../../src/errors.ts';
import { formatLinkUrl, parseLinkUrl } from '../../src/links/link-url.ts';

test('addresses taken apart', (t) => {
  t.deepEqual(parseLinkUrl('udp://192.0.2.1:4000', 'dial'), {
    scheme: 'udp',
    host: '192.0.2.1',
    port: 4000,
  });
  t.deepEqual(parseLinkUrl('TCP://[2001:DB8::1]:443/', 'dial'), {
    scheme: 'tcp',
    host: '2001:db8::1',
    port: 443,
  });
  t.deepEqual(parseLinkUrl('udp://[::]:0', 'listen'), { scheme: 'udp', host: '::', port: 0 });
  t.deepEqual(parseLinkUrl('memory://alice', 'dial'), { scheme: 'memory', host: 'alice', port: 0 });
  t.is(parseLinkUrl('tcp://localhost:0', 'listen').host, '127.0.0.1');
  t.is(parseLinkUrl('tcp://localhost:1', 'dial').host, 'localhost');
  t.is(parseLinkUrl('udp://[fe80::1%eth0]:1', 'dial').host, 'fe80::1%eth0');
});

const mistakes: readonly (readonly ['dial' | 'listen', string, RegExp])[] = [
  ['dial', '', /write udp:\/\/HOST:PORT/],
  ['dial', '192.0.2.1:4000', /write udp:\/\/HOST:PORT/],
  ['dial', 'udp://a:1/path', /write udp:\/\/HOST:PORT/],
  ['dial', 'udp://user@a:1', /write udp:\/\/HOST:PORT/],
  ['dial', 'http://a:1', /'http' is no kind of link/],
  ['dial', 'udp://a', /the port is missing; the port must be a number from 1 to 65535/],
  ['dial', 'udp://a:', /the port is missing/],
  ['dial', 'udp://a:0', /the port must be a number from 1 to 65535/],
  ['dial', 'udp://a:65536', /the port must be a number from 1 to 65535/],
  ['dial', 'udp://a:1x', /the port must be a number/],
  ['listen', 'udp://[::]:-1', /the port must be a number from 0 to 65535/],
  ['dial', 'udp://:1', /the host is missing/],
  ['dial', 'udp://[::1:1', /write udp/],
  ['dial', 'udp://2001:db8::1:1', /an IPv6 address goes in \[brackets\]/],
  ['dial', 'udp://[1.2.3.4]:1', /'1\.2\.3\.4' is no IPv6 address/],
  ['dial', 'udp://1.2.3:1', /'1\.2\.3' is no IPv4 address/],
  ['dial', 'udp://-a:1', /'-a' is no host name/],
  ['dial', 'udp://[::]:1', /nobody can be reached at ::/],
  ['dial', 'udp://0.0.0.0:1', /nobody can be reached at 0\.0\.0\.0/],
  ['listen', 'udp://vm.example.org:1', /listening needs a numeric address/],
  ['dial', 'memory://', /write memory:\/\/NAME/],
];

for (const [use, text, sentence] of mistakes) {
  test(`${use} '${text}'`, (t) => {
    const error = t.throws(() => parseLinkUrl(text, use), { instanceOf: KithError });
    t.is(error.code, 'address');
    t.regex(error.message, sentence);
  });
}

test('what is written is read as the same', (t) => {
  const host = fc.oneof(
    fc.ipV4().filter((each) => each !== '0.0.0.0'),
    fc.ipV6().filter((each) => !/^[0:.]+$/.test(each)),
    fc.domain(),
  );
  const url = fc.record({
    scheme: fc.constantFrom('udp' as const, 'tcp' as const),
    host: host.map((each) => each.toLowerCase()),
    port: fc.integer({ min: 1, max: 65_535 }),
  });
  fc.assert(
    fc.property(url, (value) => {
      t.deepEqual(parseLinkUrl(formatLinkUrl(value), 'dial'), value);
    }),
  );
  t.pass();
});

test('no text is more than a mistake', (t) => {
  const text = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `udp://${rest}`),
    fc
      .string({ unit: fc.constantFrom('[', ']', ':', '/', '1', 'a', '.', '%', '@') })
      .map((rest) => `tcp://${rest}`),
  );
  fc.assert(
    fc.property(text, fc.constantFrom('dial' as const, 'listen' as const), (given, use) => {
      try {
        const url = parseLinkUrl(given, use);
        t.deepEqual(parseLinkUrl(formatLinkUrl(url), use), url);
      } catch (error) {
        if (!(error instanceof KithError && error.code === 'address')) throw error;
      }
    }),
  );
  t.pass();
});
