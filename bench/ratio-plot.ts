/**
 * An SVG of all ratios: a dot at the median, a line from minimum to maximum, a
 * mark at the target, on a logarithmic scale so that 2 and 0.5 lie equally far
 * from 1. Pure.
 */

import type { Metric, Target } from './row.ts';
import type { RatioResult, RowResult } from './runner.ts';

const WIDTH = 860;
const LABEL_WIDTH = 300;
const RIGHT_MARGIN = 90;
const LINE_HEIGHT = 24;
const TOP = 48;
const BOTTOM = 28;

/** The scale always shows at least this far from 1, and ticks at these ratios. */
const LEAST_SPAN = 2;
const TICKS = [0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10, 20, 50];

const GOOD = '#1a7f37';
const BAD = '#b42318';
const PLAIN = '#475467';

interface PlotLine {
  readonly label: string;
  readonly ratio: RatioResult;
  readonly better: Metric['better'];
  readonly limit: number | undefined;
}

export function ratioPlot(rows: readonly RowResult[]): string {
  const lines = rows.flatMap((row) => row.ratios.map((ratio) => plotLine(row, ratio)));
  const height = TOP + lines.length * LINE_HEIGHT + BOTTOM;
  const x = scale(lines);
  const bottom = height - BOTTOM;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="20" font-size="14" font-weight="bold">Ratios: median, minimum and maximum; the bar is the target</text>`,
  ];
  for (const tick of TICKS.filter((value) => x.shows(value))) {
    const at = round(x.at(tick));
    const stroke = tick === 1 ? '#101828' : '#e4e7ec';
    parts.push(`<line x1="${at}" y1="${TOP - 8}" x2="${at}" y2="${bottom}" stroke="${stroke}"/>`);
    parts.push(`<text x="${at}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`);
  }
  lines.forEach((line, index) => {
    parts.push(...drawLine(line, TOP + index * LINE_HEIGHT + LINE_HEIGHT / 2, x.at));
  });
  parts.push('</svg>');
  return `${parts.join('\n')}\n`;
}

function plotLine(row: RowResult, ratio: RatioResult): PlotLine {
  const target = row.verdicts.find(({ target: { metric, contender, over } }) => {
    return metric === ratio.metric && contender === ratio.contender && over === ratio.over;
  })?.target;
  const better = row.metrics.find(({ name }) => name === ratio.metric)?.better ?? 'neither';
  const label = `${row.name} ${ratio.metric}, ${ratio.contender} / ${ratio.over}`;
  return { label, ratio, better, limit: limitOf(target) };
}

function limitOf(target: Target | undefined): number | undefined {
  return target?.atLeast ?? target?.atMost;
}

function drawLine({ label, ratio, better, limit }: PlotLine, y: number, at: (r: number) => number) {
  const color = colorOf(ratio.median, better, limit);
  const parts = [
    `<text x="${LABEL_WIDTH - 10}" y="${y + 4}" text-anchor="end">${escapeText(label)}</text>`,
    `<line x1="${round(at(ratio.min))}" y1="${y}" x2="${round(at(ratio.max))}" y2="${y}" stroke="${color}" stroke-width="2"/>`,
    `<circle cx="${round(at(ratio.median))}" cy="${y}" r="4" fill="${color}"/>`,
    `<text x="${WIDTH - RIGHT_MARGIN + 12}" y="${y + 4}" fill="${color}">${ratio.median.toFixed(2)}</text>`,
  ];
  if (limit !== undefined) {
    const mark = round(at(limit));
    parts.push(
      `<line x1="${mark}" y1="${y - 8}" x2="${mark}" y2="${y + 8}" stroke="#101828" stroke-width="3"/>`,
    );
  }
  return parts;
}

function colorOf(median: number, better: Metric['better'], limit: number | undefined): string {
  if (limit === undefined) return PLAIN;
  return (better === 'more' ? median >= limit : median <= limit) ? GOOD : BAD;
}

/** Maps ratios to x; ratios outside the scale land on its ends. */
function scale(lines: readonly PlotLine[]) {
  const values = lines.flatMap(({ ratio, limit }) => [ratio.min, ratio.max, limit ?? 1]);
  const spans = values.filter((value) => value > 0).map((value) => Math.abs(Math.log(value)));
  const span = Math.max(Math.log(LEAST_SPAN), ...spans) * 1.05;
  const middle = (LABEL_WIDTH + WIDTH - RIGHT_MARGIN) / 2;
  const perUnit = (WIDTH - RIGHT_MARGIN - LABEL_WIDTH) / 2 / span;
  return {
    at: (ratio: number) =>
      middle + Math.max(-span, Math.min(span, Math.log(Math.max(ratio, 1e-9)))) * perUnit,
    shows: (ratio: number) => Math.abs(Math.log(ratio)) <= span,
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
