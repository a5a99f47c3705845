import test from 'ava';
import * as fc from 'fast-check';
import { parseLine, runLine, stopLine } from '../../../integration/qemu/serial-protocol.ts';

test('reads what a guest says', (t) => {
  t.deepEqual(parseLine('KITH-GUEST ready tux 10.0.0.1/24'), {
    kind: 'ready',
    name: 'tux',
    address: '10.0.0.1/24',
  });
  t.deepEqual(parseLine('KITH-GUEST out 3 KITH-GUEST end 3 0'), {
    kind: 'out',
    id: 3,
    text: 'KITH-GUEST end 3 0',
  });
  t.deepEqual(parseLine('KITH-GUEST out 4 '), { kind: 'out', id: 4, text: '' });
  t.deepEqual(parseLine('KITH-GUEST end 12 127'), { kind: 'end', id: 12, status: 127 });
  t.deepEqual(parseLine('KITH-GUEST failed to load x'), { kind: 'failed', reason: 'to load x' });
});

test('finds the mark behind words of the firmware', (t) => {
  t.is(parseLine('\x1bcSeaBIOS …KITH-GUEST ready g -').kind, 'ready');
  t.is(parseLine('[ 1.0] a kernel message').kind, 'other');
  t.is(parseLine('KITH-GUEST end 1').kind, 'other');
});

test('any line is read, and output comes through as it was', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.stringMatching(/^[^\r\n]*$/), (id, text) => {
      parseLine(text);
      t.deepEqual(parseLine(`KITH-GUEST out ${id} ${text}`), { kind: 'out', id, text });
    }),
  );
});

test('writes lines that the console holds', (t) => {
  t.is(runLine(1, 'ping -c 1 10.0.0.2'), 'run 1 ping -c 1 10.0.0.2\n');
  t.is(stopLine(2), 'stop 2\n');
  t.throws(() => runLine(1, 'two\nlines'), { instanceOf: RangeError });
  t.throws(() => runLine(1, 'x'.repeat(5000)), { instanceOf: RangeError });
});
