/** Impairments as people write them: 20ms, 1%, 10mbit. Each reader returns undefined for what is none. */

const SPANS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };
const RATES: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };
const OCTETS: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 1e3, mb: 1e6 };

const PERCENT = 100;

function measured(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match === null ? undefined : units[match[2].toLowerCase()];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** 500us, 20ms, 1.5s. @returns milliseconds */
export function parseMilliseconds(text: string): number | undefined {
  return measured(text, SPANS);
}

/** 64kbit, 10mbit, 1gbit, and 9600bit. @returns bits a second, whole */
export function parseRate(text: string): number | undefined {
  const rate = measured(text, RATES);
  return rate === undefined ? undefined : Math.round(rate);
}

/** 3000, 64kB, 1MB. @returns octets, whole */
export function parseOctets(text: string): number | undefined {
  const octets = measured(text, OCTETS);
  return octets === undefined ? undefined : Math.round(octets);
}

/** 1%, 0.5%, 0.01. @returns a fraction from 0 to 1 */
export function parseFraction(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  if (match === null) return undefined;
  const fraction = Number(match[1]) / (match[2] === '' ? 1 : PERCENT);
  return fraction <= 1 ? fraction : undefined;
}

/** A rate in its largest whole unit. */
export function formatRate(rate: number): string {
  const units = Object.entries(RATES).reverse();
  const [name, factor] = units.find(([, each]) => rate >= each) ?? ['bit', 1];
  return `${Number((rate / factor).toPrecision(6))}${name}`;
}

export function formatPercent(fraction: number): string {
  return `${Number((fraction * PERCENT).toPrecision(4))}%`;
}
