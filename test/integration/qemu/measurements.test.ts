import test from 'ava';
import { parseLibraries } from '../../../integration/qemu/initramfs.ts';
import { parseFlow, parsePingSummary, parseReply } from '../../../integration/qemu/measurements.ts';

test('ping replies', (t) => {
  t.is(parseReply('64 bytes from 10.77.0.2: seq=1 ttl=64 time=1.495 ms'), 1.495);
  t.is(parseReply('PING 10.77.0.2 (10.77.0.2): 56 data bytes'), undefined);
});

test('ping summaries of busybox and iputils', (t) => {
  const busybox =
    '3 packets transmitted, 2 packets received, 33% packet loss\n' +
    'round-trip min/avg/max = 1.495/8.627/19.596 ms';
  t.deepEqual(parsePingSummary(busybox), {
    sent: 3,
    received: 2,
    minimum: 1.495,
    average: 8.627,
    maximum: 19.596,
  });
  const iputils =
    '2 packets transmitted, 2 received, 0% packet loss, time 1001ms\n' +
    'rtt min/avg/max/mdev = 0.033/0.041/0.050/0.008 ms';
  t.is(parsePingSummary(iputils)?.average, 0.041);
  t.deepEqual(parsePingSummary('1 packets transmitted, 0 packets received, 100% packet loss'), {
    sent: 1,
    received: 0,
  });
  t.is(parsePingSummary('ping: bad address'), undefined);
});

test('iperf3 rates', (t) => {
  t.deepEqual(
    parseFlow('[  5]   1.02-2.01   sec  26.7 MBytes   227 Mbits/sec   47    150 KBytes'),
    {
      rate: 227,
      of: 'interval',
    },
  );
  t.deepEqual(parseFlow('[  5]   0.00-3.00   sec  78.2 MBytes   218 Mbits/sec          receiver'), {
    rate: 218,
    of: 'receiver',
  });
  t.deepEqual(parseFlow('[  5]   0.00-3.00   sec  2.10 GBytes  1.50 Gbits/sec    0   sender'), {
    rate: 1500,
    of: 'sender',
  });
  t.is(parseFlow('[  5]   0.00-1.00   sec  0.00 Bytes  0.00 bits/sec')?.rate, 0);
  t.is(parseFlow('[ ID] Interval           Transfer     Bitrate'), undefined);
});

test('libraries as ldd lists them', (t) => {
  const listed =
    '\tlinux-vdso.so.1 (0x00007f0675bf2000)\n' +
    '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f06759c8000)\n' +
    '\tlibgone.so => not found\n' +
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007f0675bf4000)\n';
  t.deepEqual(parseLibraries(listed), [
    '/lib/x86_64-linux-gnu/libc.so.6',
    '/lib64/ld-linux-x86-64.so.2',
  ]);
});
