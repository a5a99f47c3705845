/** Numbers and targets in words. Pure. */

import type { Target } from './row.ts';
import type { Summary } from './runner.ts';

/** `1,234 (1,200–1,300)`; one value alone when nothing varied. */
export function formatSummary({ median, min, max }: Summary, digits: number): string {
  const middle = formatNumber(median, digits);
  if (min === max) return middle;
  return `${middle} (${formatNumber(min, digits)}–${formatNumber(max, digits)})`;
}

export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** `≥ 1.2 × vde_switch`, `≤ 3 × its own p99`, `≤ 0.5 %`. */
export function formatTarget(target: Target, unit: string): string {
  const [sign, limit] = target.atLeast === undefined ? ['≤', target.atMost] : ['≥', target.atLeast];
  const { contender, over, overMetric } = target;
  if (over !== undefined) {
    const whose = over === contender ? 'its own' : over;
    return [sign, limit, '×', whose, overMetric].filter((word) => word !== undefined).join(' ');
  }
  return `${sign} ${limit} ${unit}`.trim();
}
