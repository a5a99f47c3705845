/**
 * An SVG of all ratios: a dot at the median, a line from minimum to maximum, a
 * mark at the target, on a logarithmic scale so that 2 and 0.5 lie equally far
 * from 1. Pure.
 */

import type { Metric, Target } from './row.ts';
import type { RatioResult, RowResult, Summary, Verdict } from './runner.ts';

const SCALE_WIDTH = 470;
/** The least, and how wide a letter is about. */
const LABEL_WIDTH = 300;
const LETTER_WIDTH = 6.2;
const RIGHT_MARGIN = 90;
const LINE_HEIGHT = 24;
const TOP = 48;
const BOTTOM = 28;

/** The scale always shows at least this far from 1. */
const LEAST_SPAN = 2;
/** Ticks up to so far from 1, the narrower the scale the closer they stand. */
const TICKS: readonly { readonly upTo: number; readonly at: readonly number[] }[] = [
  { upTo: 3, at: [0.5, 0.8, 1, 1.25, 2] },
  { upTo: 25, at: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20] },
  { upTo: Number.POSITIVE_INFINITY, at: [0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1000, 10_000] },
];

const GOOD = '#1a7f37';
const BAD = '#b42318';
const PLAIN = '#475467';

interface PlotLine {
  readonly label: string;
  readonly ratio: Summary;
  readonly better: Metric['better'];
  readonly limit: number | undefined;
}

export function ratioPlot(rows: readonly RowResult[]): string {
  const lines = rows.flatMap((row) =>
    row.layout === 'by-contender'
      ? chosenLines(row)
      : row.ratios.map((each) => plotLine(row, each)),
  );
  const longest = Math.max(0, ...lines.map(({ label }) => label.length));
  const left = Math.max(LABEL_WIDTH, Math.ceil(longest * LETTER_WIDTH) + 20);
  const width = left + SCALE_WIDTH + RIGHT_MARGIN;
  const height = TOP + lines.length * LINE_HEIGHT + BOTTOM;
  const x = scale(lines, left);
  const bottom = height - BOTTOM;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>Ratios of the bench: median, minimum and maximum</title>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="20" font-size="14" font-weight="bold">Ratios: median, minimum and maximum; the bar is the target</text>`,
  ];
  const ticks = TICKS.find(({ upTo }) => x.span <= Math.log(upTo))?.at ?? [];
  for (const tick of ticks.filter((value) => x.shows(value))) {
    const at = round(x.at(tick));
    const stroke = tick === 1 ? '#101828' : '#e4e7ec';
    parts.push(`<line x1="${at}" y1="${TOP - 8}" x2="${at}" y2="${bottom}" stroke="${stroke}"/>`);
    parts.push(`<text x="${at}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`);
  }
  lines.forEach((line, index) => {
    parts.push(...drawLine(line, left, TOP + index * LINE_HEIGHT + LINE_HEIGHT / 2, x.at));
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

/**
 * Of a row with many contenders, what is asked first: how each does in the first metric
 * against the first that ratios are taken to, and then every target on a ratio.
 */
function chosenLines(row: RowResult): PlotLine[] {
  const over = row.ratios[0]?.over;
  const metric = row.metrics[0]?.name;
  const first = row.ratios.filter((ratio) => ratio.over === over && ratio.metric === metric);
  const isShown = ({ target }: Verdict) => target.over === over && target.metric === metric;
  const judged = row.verdicts.filter((each) => each.target.over !== undefined && !isShown(each));
  return [
    ...first.map((ratio) => plotLine(row, ratio)),
    ...judged.flatMap((each) => targetLine(row, each)),
  ];
}

function targetLine(row: RowResult, { target, summary }: Verdict): PlotLine[] {
  if (summary === undefined) return [];
  const { metric, contender, over, overMetric = '' } = target;
  const label = `${row.name} ${metric}, ${contender} / ${over} ${overMetric}`.trimEnd();
  const better = row.metrics.find(({ name }) => name === metric)?.better ?? 'neither';
  return [{ label, ratio: summary, better, limit: limitOf(target) }];
}

function limitOf(target: Target | undefined): number | undefined {
  return target?.atLeast ?? target?.atMost;
}

function drawLine(
  { label, ratio, better, limit }: PlotLine,
  left: number,
  y: number,
  at: (ratio: number) => number,
): string[] {
  const color = colorOf(ratio.median, better, limit);
  const parts = [
    `<text x="${left - 10}" y="${y + 4}" text-anchor="end">${escapeText(label)}</text>`,
    `<line x1="${round(at(ratio.min))}" y1="${y}" x2="${round(at(ratio.max))}" y2="${y}" stroke="${color}" stroke-width="2"/>`,
    `<circle cx="${round(at(ratio.median))}" cy="${y}" r="4" fill="${color}"/>`,
    `<text x="${left + SCALE_WIDTH + 12}" y="${y + 4}" fill="${color}">${ratio.median.toFixed(2)}</text>`,
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
function scale(lines: readonly PlotLine[], left: number) {
  const values = lines.flatMap(({ ratio, limit }) => [ratio.min, ratio.max, limit ?? 1]);
  const spans = values.filter((value) => value > 0).map((value) => Math.abs(Math.log(value)));
  const span = Math.max(Math.log(LEAST_SPAN), ...spans) * 1.05;
  const middle = left + SCALE_WIDTH / 2;
  const perUnit = SCALE_WIDTH / 2 / span;
  return {
    span,
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
