import test from 'ava';
import fc from 'fast-check';
import {
  COMMAND_QUIET,
  type ConsoleLine,
  LINE_QUIET,
  LineAssembler,
  MAX_LINE_LENGTH,
} from '../../../../src/switch/vde/console/line-assembler.ts';

const COMMANDS = new Set(['showinfo', 'help']);

function assembler(): LineAssembler {
  return new LineAssembler((text) => COMMANDS.has(text));
}

function octets(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The same, without thinking about memory. */
function naive(stream: Buffer): ConsoleLine[] {
  const parts = stream.toString('latin1').split('\n');
  if (parts.at(-1) === '') parts.pop();
  return parts.map((part) => {
    if (part.length > MAX_LINE_LENGTH) return 'too-long';
    const text = octets(part.split('\0')[0]).toString('utf8');
    return { text: text.endsWith('\r') ? text.slice(0, -1) : text };
  });
}

test('a line in one piece, in many, and two in one', (t) => {
  const lines = assembler();
  t.deepEqual(lines.push(octets('port/print\n'), 0), [{ text: 'port/print' }]);
  t.deepEqual(lines.push(octets('port'), 0), []);
  t.deepEqual(lines.push(octets('/pri'), 900), []);
  t.deepEqual(lines.push(octets('nt 1\r\nhelp\n# x'), 1800), [
    { text: 'port/print 1' },
    { text: 'help' },
  ]);
  t.deepEqual(lines.finish(), [{ text: '# x' }]);
  t.deepEqual(lines.finish(), []);
});

test('a command without newline is taken when nothing follows, as vdeterm needs it', (t) => {
  const lines = assembler();
  t.is(lines.nextDeadline(), Number.POSITIVE_INFINITY);
  t.deepEqual(lines.push(octets('showinfo'), 1000), []);
  t.is(lines.nextDeadline(), 1000 + COMMAND_QUIET);
  t.deepEqual(lines.expire(1000 + COMMAND_QUIET - 1), []);
  t.deepEqual(lines.expire(1000 + COMMAND_QUIET), [{ text: 'showinfo' }]);
  t.is(lines.nextDeadline(), Number.POSITIVE_INFINITY);
  t.deepEqual(lines.expire(1e9), []);
});

test('two commands without newline, one after the other', (t) => {
  const lines = assembler();
  t.deepEqual(lines.push(octets('showinfo'), 0), []);
  t.deepEqual(lines.push(octets('help'), 1), [{ text: 'showinfo' }]);
  t.deepEqual(lines.push(octets('showinfo\nhelp\n'), 2), [
    { text: 'help' },
    { text: 'showinfo' },
    { text: 'help' },
  ]);
  // What could not stand alone goes on with the line.
  t.deepEqual(lines.push(octets('help'), 3), []);
  t.deepEqual(lines.push(octets(' help'), 4), []);
  t.deepEqual(lines.push(octets('\n'), 5), [{ text: 'help help' }]);
  t.deepEqual(lines.push(octets('hel'), 6), []);
  t.deepEqual(lines.push(octets('help\n'), 7), [{ text: 'helhelp' }]);
});

test('what is no command yet is waited for longer', (t) => {
  const lines = assembler();
  t.deepEqual(lines.push(octets('show'), 0), []);
  t.is(lines.nextDeadline(), LINE_QUIET);
  t.deepEqual(lines.push(octets('info'), LINE_QUIET - 1), []);
  t.is(lines.nextDeadline(), LINE_QUIET - 1 + COMMAND_QUIET);
  t.deepEqual(lines.expire(2 * LINE_QUIET), [{ text: 'showinfo' }]);
});

test('a line that is too long is told of once, and the next one is whole', (t) => {
  const lines = assembler();
  t.deepEqual(lines.push(octets('x'.repeat(MAX_LINE_LENGTH)), 0), []);
  t.deepEqual(lines.push(octets('xx'), 0), []);
  t.is(lines.nextDeadline(), LINE_QUIET);
  t.deepEqual(lines.push(octets('x\nhelp\n'), 0), ['too-long', { text: 'help' }]);
  const longest = 'y'.repeat(MAX_LINE_LENGTH);
  t.deepEqual(lines.push(octets(`${longest}\n`), 0), [{ text: longest }]);
  t.deepEqual(lines.push(octets(`${longest}z`), 0), []);
  t.deepEqual(lines.expire(LINE_QUIET), ['too-long']);
});

test('octets that are no text', (t) => {
  const lines = assembler();
  t.deepEqual(lines.push(Uint8Array.of(0xff, 0x41, 0x0a), 0), [{ text: '\ufffdA' }]);
  t.deepEqual(lines.push(octets('help\0\xff\xfe\n'), 0), [{ text: 'help' }]);
  t.deepEqual(lines.push(octets('\0\0\n'), 0), [{ text: '' }]);
  t.deepEqual(lines.push(Buffer.from('load /ä\n'), 0), [{ text: 'load /ä' }]);
  t.deepEqual(lines.push(new Uint8Array(0), 0), []);
});

test('however a stream is cut, the lines are the same', (t) => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(octets('help\n')),
    fc.constant(octets('\n')),
    fc.integer({ min: MAX_LINE_LENGTH - 2, max: MAX_LINE_LENGTH + 40 }).map((length) => {
      return octets('x'.repeat(length));
    }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.integer({ min: 1, max: 900 }),
      (pieces, cut) => {
        const stream = Buffer.concat(pieces);
        const lines = assembler();
        const found: ConsoleLine[] = [];
        for (let at = 0; at < stream.length; at += cut) {
          found.push(...lines.push(stream.subarray(at, at + cut), at));
        }
        found.push(...lines.finish());
        t.deepEqual(found, naive(stream));
      },
    ),
  );
});

test('whatever comes in, whenever: a line is short, and a deadline is there while one is begun', (t) => {
  const step = fc.tuple(fc.uint8Array({ maxLength: 700 }), fc.nat(2000));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const lines = assembler();
      let now = 0;
      for (const [bytes, pause] of steps) {
        now += pause;
        const due = lines.nextDeadline() <= now;
        const expired = lines.expire(now);
        if (due) t.is(expired.length, 1);
        for (const line of [...expired, ...lines.push(bytes, now)]) {
          if (line !== 'too-long') t.true(line.text.length <= MAX_LINE_LENGTH);
        }
        t.true(lines.nextDeadline() > now);
        t.true(lines.nextDeadline() - now <= LINE_QUIET || lines.nextDeadline() === Infinity);
      }
    }),
  );
});
