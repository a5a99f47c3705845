/** Tables that line up: plain text, two blanks between columns, a title row. */
import { type Paint, printable } from './style.ts';

export interface Column<Row> {
  readonly title: string;
  /** Numbers line up on the right. */
  readonly align?: 'left' | 'right';
  readonly value: (row: Row) => string | number;
  /** Colours a cell of the row; the width is reckoned without it. */
  readonly paint?: (row: Row) => Paint | undefined;
}

const GAP = '  ';

/**
 * @param paintTitle applied to the title row
 * @returns lines, each ended by a newline; the title alone when there are no rows
 */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  paintTitle: Paint = (text) => text,
): string {
  const cells = rows.map((row) => columns.map((column) => printable(String(column.value(row)))));
  const widths = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...cells.map((line) => textWidth(line[index]))),
  );
  const title = columns.map((column, index) => pad(column.title, widths[index], column.align));
  const lines = [paintTitle(title.join(GAP).trimEnd())];
  cells.forEach((line, rowIndex) => {
    const padded = line.map((text, index) => {
      const column = columns[index];
      const last = index === columns.length - 1 && column.align !== 'right';
      const aligned = last ? text : pad(text, widths[index], column.align);
      const paint = column.paint?.(rows[rowIndex]);
      return paint === undefined ? aligned : paint(aligned);
    });
    lines.push(padded.join(GAP).trimEnd());
  });
  return `${lines.join('\n')}\n`;
}

/** Pairs of a name and a value, one a line, the values lined up. */
export function formatPairs(
  pairs: readonly (readonly [name: string, value: string])[],
  paintName: Paint = (text) => text,
): string {
  const width = Math.max(0, ...pairs.map(([name]) => textWidth(name)));
  return pairs
    .map(([name, value]) => `${paintName(pad(name, width))}${GAP}${printable(value)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, width - textWidth(text)));
  return align === 'right' ? blanks + text : text + blanks;
}

/** East Asian wide letters and emoji take two columns, combining marks none. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u{ff01}-\u{ff60}\p{Emoji_Presentation}]/u;
const ZERO = /\p{M}/u;

function textWidth(text: string): number {
  let width = 0;
  for (const letter of text) {
    if (ZERO.test(letter)) continue;
    width += WIDE.test(letter) ? 2 : 1;
  }
  return width;
}
