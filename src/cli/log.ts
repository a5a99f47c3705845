/**
 * The log on standard error: pino's JSON lines when a program reads along, one
 * short line each when a person does.
 */
import { type Logger, pino } from 'pino';
import type { Output } from './context.ts';
import { type Palette, paletteFor, printable } from './style.ts';

export interface LogOptions {
  readonly level: string;
  /** JSON even on a terminal. */
  readonly json: boolean;
}

export function createLog(
  output: Output,
  env: Readonly<Record<string, string | undefined>>,
  options: LogOptions,
): Logger {
  const pretty = output.isTTY === true && !options.json;
  const palette = paletteFor(output, env);
  return pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => output.write(pretty ? prettyLine(line, palette) : line) },
  );
}

/** Keys that have their own place in the line. */
const PLACED = new Set(['level', 'time', 'msg', 'err']);

/** `12:03:04 info  link up  friend=bob rtt=1.2` */
export function prettyLine(line: string, palette: Palette): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line);
  } catch {
    return line;
  }
  const parts = [palette.dim(clockTime(record.time)), levelWord(record.level, palette)];
  if (typeof record.msg === 'string' && record.msg !== '') parts.push(printable(record.msg));
  const error = record.err;
  if (typeof error === 'object' && error !== null && 'message' in error) {
    parts.push(palette.bad(printable(String(error.message))));
  }
  const rest = Object.entries(record)
    .filter(([key]) => !PLACED.has(key))
    .map(([key, value]) => palette.dim(`${key}=`) + printable(valueText(value)));
  if (rest.length > 0) parts.push('', rest.join(' '));
  return `${parts.join(' ')}\n`;
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
  return JSON.stringify(value) ?? String(value);
}

function clockTime(time: unknown): string {
  const date = new Date(typeof time === 'string' || typeof time === 'number' ? time : 0);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function levelWord(level: unknown, palette: Palette): string {
  const value = typeof level === 'number' ? level : 30;
  if (value >= 50) return palette.bad('error');
  if (value >= 40) return palette.warn('warn ');
  if (value >= 30) return palette.good('info ');
  return palette.dim(value >= 20 ? 'debug' : 'trace');
}
