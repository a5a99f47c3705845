import { PassThrough } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import { prettyLine } from '../../src/cli/log.ts';
import { paletteFor, printable } from '../../src/cli/style.ts';
import { formatPairs, formatTable } from '../../src/cli/table.ts';
import {
  formatFraction,
  formatMoment,
  formatOctets,
  formatRtt,
  formatSpan,
  parseSpan,
  plural,
} from '../../src/cli/units.ts';

const plain = { bold: same, dim: same, good: same, warn: same, bad: same };
function same(text: string): string {
  return text;
}

test('moments read the same in every locale', (t) => {
  t.is(formatMoment(new Date(2026, 0, 2, 3, 4, 5, 678).toISOString()), '2026-01-02 03:04:05');
  t.is(formatMoment(''), '-');
});

test('octets', (t) => {
  t.is(formatOctets(0), '0 B');
  t.is(formatOctets(999), '999 B');
  t.is(formatOctets(1000), '1.0 kB');
  t.is(formatOctets(9949), '9.9 kB');
  t.is(formatOctets(9960), '10 kB');
  t.is(formatOctets(999_499), '999 kB');
  t.is(formatOctets(999_500), '1.0 MB');
  t.is(formatOctets(Number.NaN), '-');
});

test('spans, both ways', (t) => {
  t.is(formatSpan(0), '0 ms');
  t.is(formatSpan(850), '850 ms');
  t.is(formatSpan(59_999), '59 s');
  t.is(formatSpan(184_000), '3 min 4 s');
  t.is(formatSpan(7_200_000), '2 h');
  t.is(formatSpan(3 * 86_400_000 + 4 * 3_600_000), '3 d 4 h');
  t.is(formatSpan(undefined), '-');
  t.is(parseSpan('90s'), 90_000);
  t.is(parseSpan('1.5 h'), 5_400_000);
  t.is(parseSpan('30min'), 1_800_000);
  t.is(parseSpan('2w'), 1_209_600_000);
  for (const text of ['', '5', '-1s', '1y', 's', '1s1s']) t.is(parseSpan(text), undefined);
});

test('round trips, fractions and plurals', (t) => {
  t.is(formatRtt(0.081), '0.08 ms');
  t.is(formatRtt(4.24), '4.2 ms');
  t.is(formatRtt(130.4), '130 ms');
  t.is(formatRtt(undefined), '-');
  t.is(formatFraction(0), '0 %');
  t.is(formatFraction(0.015), '1.5 %');
  t.is(formatFraction(1), '100 %');
  t.is(plural(1, 'address', 'addresses'), '1 address');
  t.is(plural(0, 'friend'), '0 friends');
});

test('wide and combining letters line up', (t) => {
  const rows = [
    { name: '友達', n: 1 },
    { name: 'e\u0301a', n: 10 },
  ];
  t.is(
    formatTable(
      [
        { title: 'NAME', value: (row) => row.name },
        { title: 'N', align: 'right', value: (row) => row.n },
      ],
      rows,
    ),
    'NAME   N\n友達   1\ne\u0301a    10\n',
  );
});

test('what strangers write cannot steer the terminal', (t) => {
  t.is(printable('a\u001b[2Jb\nc\u202ed\u0085'), 'a?[2Jb?c?d?');
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), (names) => {
      const table = formatTable([{ title: 'NAME', value: (name) => name }], names);
      t.is(table.split('\n').length, names.length + 2);
      t.false(table.includes('\u001b'));
    }),
  );
  t.is(formatPairs([['a', 'x\u0007y']]), 'a  x?y\n');
});

test('columns begin at the same place in every line', (t) => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'b', 'ö') });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (rows) => {
      const lines = formatTable(
        [
          { title: 'FIRST', value: (row) => row[0] },
          { title: 'SECOND', value: (row) => `|${row[1]}` },
        ],
        rows,
      )
        .trimEnd()
        .split('\n');
      const start = lines[0].indexOf('SECOND');
      for (const line of lines.slice(1)) t.is(line[start], '|');
    }),
  );
});

test('pretty log lines', (t) => {
  const line = JSON.stringify({
    level: 40,
    time: '2026-01-02T03:04:05.000Z',
    msg: 'link lost',
    friend: 'bob',
    reason: 'no sign of life',
    rtt: 1.5,
    err: { message: 'gone', stack: 'at x' },
  });
  t.regex(
    prettyLine(line, plain),
    /^\d\d:\d\d:05 warn {2}link lost gone {2}friend=bob reason="no sign of life" rtt=1\.5\n$/,
  );
  t.is(prettyLine('no json', plain), 'no json');
});

test('colour needs a terminal that can, and no NO_COLOR', (t) => {
  const output = Object.assign(new PassThrough(), { isTTY: true });
  t.is(paletteFor(output, {}).good('x'), '\u001b[32mx\u001b[39m');
  t.is(paletteFor(output, { NO_COLOR: '1' }).good('x'), 'x');
  t.is(paletteFor(output, { TERM: 'dumb' }).good('x'), 'x');
  t.is(paletteFor(new PassThrough(), {}).good('x'), 'x');
});
