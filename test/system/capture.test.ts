/** `kith capture` read by tshark: from a file, and live through a pipe. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { KithNode } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import { runProgram } from '../../integration/qemu/program.ts';
import { openCable, testFrame } from './support/cable.ts';
import { startFriends } from './support/kith.ts';
import { startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['tshark', 'libvdeplug'];
const MAC_A = '02:00:00:00:aa:01';
const MAC_B = '02:00:00:00:bb:02';

const COLUMNS = [
  'frame.interface_name',
  'frame.packet_flags_direction',
  'frame.len',
  'frame.cap_len',
  'eth.src',
  'stp.protocol',
  'stp.version',
] as const;
type Row = Readonly<Record<(typeof COLUMNS)[number], string>>;

const FIELDS = ['-T', 'fields', ...COLUMNS.flatMap((each) => ['-e', each])];

/** What tshark says besides complaints. */
const CHATTER =
  /^Running as user|^Capturing on|-- Capture started|-- File: |^tshark: $|^\d* ?packets? captured|^$/;

/** What tshark printed; a complaint fails the test. */
function rowsOf(t: ExecutionContext, stdout: string, stderr: string): Row[] {
  const said = stderr.split('\n').filter((line) => !CHATTER.test(line));
  t.deepEqual(said, []);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(COLUMNS.map((name, i) => [name, values[i] ?? ''])) as Row;
    });
}

function kithCapture(node: KithNode, ...args: readonly string[]): readonly string[] {
  const bin = join(projectRoot, 'bin/kith');
  return [process.execPath, bin, 'capture', '--home', node.home, ...args];
}

systemTest(
  'a file that tshark reads: interfaces, directions, BPDUs',
  { needs: NEEDS },
  async (t) => {
    const [alice, bob] = await startFriends(t);
    const a = await openCable(t, alice.switchDirectory, 3);
    const b = await openCable(t, bob.switchDirectory);
    const exchange = async (marker: string, length = 60): Promise<void> => {
      await waitUntil('frames both ways', async () => {
        a.send(testFrame({ from: MAC_A, payload: `${marker} there`, length }));
        b.send(testFrame({ from: MAC_B, payload: `${marker} back`, length }));
        await new Promise((resolve) => setTimeout(resolve, 100));
        const there = b.received.some((frame) => frame.includes(`${marker} there`));
        return there && a.received.some((frame) => frame.includes(`${marker} back`));
      });
    };
    await exchange('before');

    const directory = temporaryDirectory(t);
    const all = join(directory, 'all.pcapng');
    const link = join(directory, 'link.pcapng');
    const start = (...args: readonly string[]) => {
      const [command, ...rest] = kithCapture(alice, ...args);
      return startProgram(t, command as string, rest);
    };
    const everything = start('-w', all);
    const some = start('-w', link, '--link', 'bob', '--snaplen', '40');
    // Hellos come every two seconds; what was sent at once may have come too early.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await exchange('captured');
    await exchange('large', 9000);
    await new Promise((resolve) => setTimeout(resolve, 4500));
    for (const each of [everything, some]) {
      t.is((await each.stop('SIGINT')).code, 0);
      t.regex(each.stderr, /^\d+ packets, [\d.]+ k?B\n$/);
    }

    const read = async (file: string): Promise<Row[]> => {
      const result = await runProgram('tshark', ['-n', '-r', file, ...FIELDS], { timeout: 60_000 });
      t.is(result.code, 0);
      return rowsOf(t, result.stdout, result.stderr);
    };
    const rows = await read(all);
    const seen = (on: string, direction: string, more: Partial<Row>): boolean =>
      rows.some((row) => {
        const wanted = Object.entries({
          'frame.interface_name': on,
          'frame.packet_flags_direction': direction,
          ...more,
        });
        return wanted.every(([name, value]) => row[name as keyof Row] === value);
      });
    const [inbound, outbound] = ['0x00000001', '0x00000002'];
    t.true(seen('port3', inbound, { 'eth.src': MAC_A, 'frame.len': '60' }));
    t.true(
      seen('bob', outbound, { 'eth.src': MAC_A, 'frame.len': '9000', 'frame.cap_len': '9000' }),
    );
    t.true(seen('bob', inbound, { 'eth.src': MAC_B }));
    t.true(seen('port3', outbound, { 'eth.src': MAC_B, 'frame.len': '9000' }));
    const spanning = rows.filter((row) => row['stp.version'] !== '');
    t.true(spanning.length > 0);
    // IEEE 802.1D-2004, 9.3.3: protocol 0, version 2 is RSTP.
    for (const row of spanning) {
      t.deepEqual([row['stp.protocol'], row['stp.version']], ['0x0000', '2']);
    }
    t.true(spanning.some((row) => row['frame.interface_name'] === 'bob'));

    const ofLink = await read(link);
    t.true(ofLink.length > 0);
    t.deepEqual([...new Set(ofLink.map((row) => row['frame.interface_name']))], ['bob']);
    t.true(ofLink.every((row) => Number(row['frame.cap_len']) <= 40));
    t.true(ofLink.some((row) => row['frame.len'] === '9000' && row['frame.cap_len'] === '40'));
  },
);

systemTest('a pipe that tshark reads while frames pass', { needs: NEEDS }, async (t) => {
  const [alice] = await startFriends(t);
  const cable = await openCable(t, alice.switchDirectory, 3);
  for (const reader of [
    ['-l', '-r', '-'],
    ['-l', '-i', '-', '-a', 'packets:3'],
  ]) {
    const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ');
    const capture = quoted(kithCapture(alice, '--port', '3', '--count', '5'));
    const shark = quoted(['tshark', '-n', ...reader, ...FIELDS]);
    const environment = { TMPDIR: temporaryDirectory(t) };
    const pipe = startProgram(t, 'sh', ['-c', `${capture} | ${shark}`], { environment });
    const sending = setInterval(() => {
      cable.send(testFrame({ from: MAC_A, payload: 'live', length: 60 }));
    }, 100);
    const { code } = await pipe.ended;
    clearInterval(sending);
    t.is(code, 0, pipe.output);
    const ours = pipe.stderr.split('\n').filter((line) => /^\d+ packets?, \d+ B$/.test(line));
    t.is(ours.length, 1);
    const rest = pipe.stderr.replace(ours[0] as string, '');
    const rows = rowsOf(t, pipe.stdout, rest);
    t.true(rows.length >= 3);
    t.true(rows.every((row) => row['frame.interface_name'] === 'port3'));
  }
});
