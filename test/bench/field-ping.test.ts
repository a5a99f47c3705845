import test from 'ava';
import fc from 'fast-check';
import { parsePing, percentile, pingArguments } from '../../bench/field/ping.ts';

function printed(times: readonly number[], sent: number): string {
  const replies = times.map(
    (time, index) => `64 bytes from 10.78.0.2: icmp_seq=${index + 1} ttl=64 time=${time} ms`,
  );
  return [
    'PING 10.78.0.2 (10.78.0.2) 56(84) bytes of data.',
    ...replies,
    '',
    '--- 10.78.0.2 ping statistics ---',
    `${sent} packets transmitted, ${times.length} received, 0% packet loss, time 3ms`,
    'rtt min/avg/max/mdev = 0.034/0.050/0.900/0.010 ms',
  ].join('\n');
}

test('median and 99th percentile, in microseconds', (t) => {
  const times = Array.from({ length: 100 }, (_, index) => (index + 1) / 1000);
  const trips = parsePing(printed(times, 100));
  t.is(Math.round(trips.p50), 50);
  t.is(Math.round(trips.p99), 99);
  t.is(trips.sent, 100);
  t.is(trips.received, 100);
});

test('the order of the replies does not matter, nor a duplicate or an error between', (t) => {
  const text = printed([0.3, 0.1, 0.2], 3).replace(
    'icmp_seq=2',
    'icmp_seq=9 Destination Host Unreachable\nfoo icmp_seq=2',
  );
  t.is(Math.round(parsePing(text).p50), 200);
});

test('half of the pings must come back', (t) => {
  t.is(parsePing(printed([1, 1], 4)).received, 2);
  t.throws(() => parsePing(printed([1], 4)), { message: 'only 1 of 4 pings came back' });
  t.throws(() => parsePing('ping: connect: Network is unreachable'), {
    message: 'only 0 of 0 pings came back',
  });
});

test('the nearest rank', (t) => {
  t.is(percentile([1, 2, 3, 4], 50), 2);
  t.is(percentile([1, 2, 3, 4], 75), 3);
  t.is(percentile([1, 2, 3, 4], 99), 4);
  t.is(percentile([1, 2, 3, 4], 0), 1);
  t.is(percentile([7], 50), 7);
  t.throws(() => percentile([], 50), { instanceOf: RangeError });
});

test('a percentile is one of the values, and grows with the percentage', (t) => {
  const values = fc.array(fc.double({ noNaN: true }), { minLength: 1 });
  const percent = fc.double({ min: 0, max: 100, noNaN: true });
  fc.assert(
    fc.property(values, percent, percent, (list, one, other) => {
      const sorted = [...list].sort((a, b) => a - b);
      const low = percentile(sorted, Math.min(one, other));
      const high = percentile(sorted, Math.max(one, other));
      return sorted.includes(low) && sorted.includes(high) && low <= high;
    }),
  );
  t.pass();
});

test('at least one ping is sent, of 56 octets', (t) => {
  t.regex(pingArguments('10.0.0.2', 0).join(' '), /-c 1 -s 56 /);
  t.regex(pingArguments('10.0.0.2', 2).join(' '), /-c 1000 /);
});
