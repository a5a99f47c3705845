import test from 'ava';
import fc from 'fast-check';
import { parseTcp, parseUdp, tcpArguments, udpArguments } from '../../bench/field/iperf.ts';

/** The parts of `iperf3 -J` that are read, as version 3.12 prints them. */
function tcpReport(bytes: number, seconds: number): string {
  const sum = { start: 0, end: seconds, seconds, bytes, bits_per_second: (bytes * 8) / seconds };
  return JSON.stringify({
    start: { connected: [] },
    intervals: [],
    end: { streams: [], sum_sent: { ...sum, bytes: bytes * 2 }, sum_received: sum },
  });
}

function udpReport(intervals: readonly { packets: number; lost: number }[]): string {
  return JSON.stringify({
    intervals: intervals.map(({ packets, lost }) => ({
      streams: [],
      sum: { seconds: 1, bytes: 64 * packets, packets, lost_packets: lost },
    })),
    end: {},
  });
}

test('a TCP flow is what the receiver counted', (t) => {
  t.deepEqual(parseTcp(tcpReport(2_500_000, 2)), { bytes: 2_500_000, seconds: 2, megabits: 10 });
});

test('lost packets are not received, interval by interval', (t) => {
  const report = udpReport([
    { packets: 1000, lost: 400 },
    { packets: 3000, lost: 600 },
  ]);
  t.deepEqual(parseUdp(report), { received: 3000, lost: 1000, rate: 1500 });
});

test('warnings around the report do not matter', (t) => {
  t.is(parseTcp(`iperf3: warning\n${tcpReport(1000, 1)}\niperf3: bye\n`).bytes, 1000);
});

test('what iperf3 complains of is the error', (t) => {
  t.throws(() => parseTcp('{"start": {}, "error": "unable to connect to server"}'), {
    message: 'iperf3: unable to connect to server',
  });
  t.throws(() => parseTcp('Segmentation fault'), { message: /no JSON: Segmentation fault/ });
  t.throws(() => parseTcp(''), { message: /nothing at all/ });
  t.throws(() => parseTcp('{}'), { message: /told no bytes/ });
  t.throws(() => parseTcp(tcpReport(0, 0)), { message: /no time/ });
  t.throws(() => parseUdp('{"intervals": []}'), { message: /received nothing/ });
});

test('any text is a flow or an error, and nothing else', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      for (const parse of [parseTcp, parseUdp]) {
        try {
          const flow = parse(text);
          if (Object.values(flow).some((value) => typeof value !== 'number')) return false;
        } catch (error) {
          if (!(error instanceof Error)) return false;
        }
      }
      return true;
    }),
  );
  t.pass();
});

test('one sender for all: 64 octets, unpaced', (t) => {
  const line = udpArguments('10.0.0.2', 5).join(' ');
  t.regex(line, /-u -b 0 -l 64$/);
  t.regex(tcpArguments('10.0.0.2', 5, 4).join(' '), /-c 10\.0\.0\.2 .*-t 5 -P 4$/);
});
