/** Numbers as people read them. Each returns a dash for what is not known. */

const UNKNOWN = '-';

const OCTET_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** 999 B, 1.2 kB, 34 MB (thousands, not 1024s). */
export function formatOctets(octets: number): string {
  if (!Number.isFinite(octets)) return UNKNOWN;
  let value = octets;
  let unit = 0;
  // 999.5 would be rounded to 1000 of the smaller unit.
  while (value >= 999.5 && unit < OCTET_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${OCTET_UNITS[unit]}`;
}

/** A round trip in milliseconds: 0.08 ms, 4.2 ms, 130 ms. */
export function formatRtt(milliseconds: number | undefined): string {
  if (milliseconds === undefined || !Number.isFinite(milliseconds)) return UNKNOWN;
  const digits = milliseconds < 1 ? 2 : milliseconds < 10 ? 1 : 0;
  return `${milliseconds.toFixed(digits)} ms`;
}

/** A moment in the time of this machine, the same in every locale: 2026-11-21 09:05:46. */
export function formatMoment(iso: string): string {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return UNKNOWN;
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())];
  const time = [two(moment.getHours()), two(moment.getMinutes()), two(moment.getSeconds())];
  return `${day.join('-')} ${time.join(':')}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span in its two largest units: 850 ms, 12 s, 3 min 4 s, 2 h 5 min, 3 d 4 h. */
export function formatSpan(milliseconds: number | undefined): string {
  if (milliseconds === undefined || !Number.isFinite(milliseconds)) return UNKNOWN;
  const span = Math.max(0, milliseconds);
  if (span < SECOND) return `${Math.floor(span)} ms`;
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return twoUnits(span, MINUTE, 'min', SECOND, 's');
  if (span < DAY) return twoUnits(span, HOUR, 'h', MINUTE, 'min');
  return twoUnits(span, DAY, 'd', HOUR, 'h');
}

function twoUnits(
  span: number,
  large: number,
  largeName: string,
  small: number,
  smallName: string,
): string {
  const rest = Math.floor((span % large) / small);
  const whole = `${Math.floor(span / large)} ${largeName}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smallName}`;
}

/** A fraction as per cent: 0 %, 1.5 %, 100 %. */
export function formatFraction(fraction: number): string {
  if (!Number.isFinite(fraction)) return UNKNOWN;
  const percent = fraction * 100;
  return `${percent >= 10 || percent < 0.05 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}

/** The beginning of a UID that tables show; commands take it back. */
export function shortUid(uid: string): string {
  return uid.slice(0, 12);
}

/** "1 friend", "2 friends". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

const SPAN_UNITS: Readonly<Record<string, number>> = {
  s: SECOND,
  m: MINUTE,
  min: MINUTE,
  h: HOUR,
  d: DAY,
  w: 7 * DAY,
};

/** Reads 90s, 30min, 12h, 1d, 2w. @returns milliseconds, or undefined if it is no such thing */
export function parseSpan(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)$/.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * SPAN_UNITS[match[2]];
}
