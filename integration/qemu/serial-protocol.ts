/**
 * What a test guest and its host say to each other on the serial console.
 *
 *   guest:  KITH-GUEST ready NAME ADDRESS      the network card is up ("-": there is none)
 *           KITH-GUEST failed …                the start did not go well
 *           KITH-GUEST out ID …                a line that command ID printed
 *           KITH-GUEST end ID STATUS           command ID ended
 *   host:   run ID COMMAND                     COMMAND, for sh, in the background
 *           stop ID                            SIGTERM to command ID and its children
 *           off                                power off
 *
 * Kernel and firmware write to the same console: what does not carry the mark is
 * theirs. The mark need not begin a line, since firmware ends none of its own.
 */

export const MARK = 'KITH-GUEST ';

export type GuestLine =
  | { readonly kind: 'ready'; readonly name: string; readonly address: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'out'; readonly id: number; readonly text: string }
  | { readonly kind: 'end'; readonly id: number; readonly status: number }
  /** Not of this protocol: kernel, firmware, noise. */
  | { readonly kind: 'other'; readonly text: string };

/** Reads one line of the console, without its line end. */
export function parseLine(line: string): GuestLine {
  const start = line.indexOf(MARK);
  const other: GuestLine = { kind: 'other', text: line };
  if (start === -1) return other;
  const text = line.slice(start + MARK.length);
  const ready = /^ready (\S+) (\S+)$/.exec(text);
  if (ready !== null) return { kind: 'ready', name: ready[1]!, address: ready[2]! };
  const failed = /^failed (.+)$/.exec(text);
  if (failed !== null) return { kind: 'failed', reason: failed[1]! };
  const out = /^out (\d+) (.*)$/.exec(text);
  if (out !== null) return { kind: 'out', id: Number(out[1]), text: out[2]! };
  const end = /^end (\d+) (\d+)$/.exec(text);
  if (end !== null) return { kind: 'end', id: Number(end[1]), status: Number(end[2]) };
  return other;
}

/** A terminal in line mode cuts lines behind this many octets. */
const MAX_LINE = 4000;

/** The line that runs a command. @throws RangeError for one that no line can hold */
export function runLine(id: number, command: string): string {
  if (/[\r\n]/.test(command) || command.length > MAX_LINE) {
    throw new RangeError('a guest command is one line of at most 4,000 characters');
  }
  return `run ${id} ${command}\n`;
}

export function stopLine(id: number): string {
  return `stop ${id}\n`;
}

export const OFF_LINE = 'off\n';
