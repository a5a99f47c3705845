/** Colour, where it is welcome; and text of strangers, made fit to print. */
import type { Output } from './context.ts';

export type Paint = (text: string) => string;

export interface Palette {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly warn: Paint;
  readonly bad: Paint;
}

const plain: Paint = (text) => text;

/** Select Graphic Rendition (ECMA-48, 8.3.117): on and off. */
function rendition(on: number, off: number): Paint {
  return (text) => `\u001b[${on}m${text}\u001b[${off}m`;
}

const COLOURED: Palette = {
  bold: rendition(1, 22),
  dim: rendition(2, 22),
  good: rendition(32, 39),
  warn: rendition(33, 39),
  bad: rendition(31, 39),
};

const PLAIN: Palette = { bold: plain, dim: plain, good: plain, warn: plain, bad: plain };

/** Colour only on a terminal, and not against NO_COLOR (https://no-color.org). */
export function paletteFor(
  output: Output,
  env: Readonly<Record<string, string | undefined>>,
): Palette {
  const wanted = output.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return wanted ? COLOURED : PLAIN;
}

/**
 * Names and descriptions come from peers and guests: what would steer the
 * terminal, or turn the direction of writing, becomes '?'.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '?');
}
