/**
 * From the octets that a client sends to command lines.
 *
 * Read first: docs/protocol/vde.md, "The management console".
 *
 * vde_switch takes what one read(2) yields for one command, and `vdeterm` relies
 * on it: it sends no end of line. A line here ends
 *
 *   - at its newline;
 *   - or when nothing has followed for COMMAND_QUIET and it is a command as it is;
 *   - or when it is a command as it is, and a piece follows that is one too;
 *   - or when nothing has followed for LINE_QUIET, whatever it is;
 *   - or at the end of the stream.
 *
 * So a line may come in as many pieces as it likes, as long as it has a newline and
 * none of the pieces could be a line of its own.
 *
 *   collecting --more than MAX_LINE_LENGTH--> skipping --newline or quiet--> collecting
 *
 * Error contract: no input is an error. A line that is too long is reported as
 * such, once, where it ends; octets that are no text become U+FFFD; a NUL ends
 * what is looked at, as in C.
 */

/** Octets of a line without its end (ours; vde_switch looks at 128). */
export const MAX_LINE_LENGTH = 1024;

/** Milliseconds without more octets after which a whole command without newline is taken. */
export const COMMAND_QUIET = 50;

/** Milliseconds without more octets after which anything without newline is taken. */
export const LINE_QUIET = 1000;

const NEWLINE = 0x0a;
const NUL = 0x00;
const BLANK = 0x20;

/** A line without its end, or the fact that one was too long. */
export type ConsoleLine = { readonly text: string } | 'too-long';

export class LineAssembler {
  readonly #isCommand: (text: string) => boolean;
  readonly #buffer = new Uint8Array(MAX_LINE_LENGTH);
  readonly #decoder = new TextDecoder();
  #length = 0;
  #state: 'collecting' | 'skipping' = 'collecting';
  #deadline = Number.POSITIVE_INFINITY;

  /** @param isCommand whether a text without its end of line can be carried out as it is */
  constructor(isCommand: (text: string) => boolean) {
    this.#isCommand = isCommand;
  }

  /** Takes what has come in; nothing of `octets` is kept. @returns the lines that are whole now */
  push(octets: Uint8Array, now: number): ConsoleLine[] {
    const lines: ConsoleLine[] = [];
    if (this.#length > 0 && this.#isNextLine(octets)) lines.push(this.#take());
    let from = 0;
    while (from < octets.length) {
      const newline = octets.indexOf(NEWLINE, from);
      const end = newline < 0 ? octets.length : newline;
      this.#add(octets.subarray(from, end));
      if (newline >= 0) lines.push(this.#take());
      from = end + 1;
    }
    if (octets.length > 0) this.#deadline = this.#quietAfter(now);
    return lines;
  }

  /** When `expire` is wanted, in milliseconds; Infinity while no line is begun. */
  nextDeadline(): number {
    return this.#deadline;
  }

  /** Lets time pass. @returns the line that was waited for, if it is taken as it is now */
  expire(now: number): ConsoleLine[] {
    if (now < this.#deadline) return [];
    return this.finish();
  }

  /** The stream is at its end. @returns the line that was begun, if any */
  finish(): ConsoleLine[] {
    const begun = this.#length > 0 || this.#state === 'skipping';
    return begun ? [this.#take()] : [];
  }

  /** Whether what was begun is a line, and a piece that has come after it begins another. */
  #isNextLine(piece: Uint8Array): boolean {
    if (!(piece[0] > BLANK) || !this.#isCommand(this.#text())) return false;
    const newline = piece.indexOf(NEWLINE);
    const end = Math.min(newline < 0 ? piece.length : newline, MAX_LINE_LENGTH);
    return this.#isCommand(this.#decoder.decode(piece.subarray(0, end)));
  }

  #add(octets: Uint8Array): void {
    if (this.#state === 'skipping') return;
    if (this.#length + octets.length > MAX_LINE_LENGTH) {
      this.#state = 'skipping';
      this.#length = 0;
      return;
    }
    this.#buffer.set(octets, this.#length);
    this.#length += octets.length;
  }

  #take(): ConsoleLine {
    const line: ConsoleLine = this.#state === 'skipping' ? 'too-long' : { text: this.#text() };
    this.#state = 'collecting';
    this.#length = 0;
    this.#deadline = Number.POSITIVE_INFINITY;
    return line;
  }

  #quietAfter(now: number): number {
    if (this.#state === 'skipping') return now + LINE_QUIET;
    if (this.#length === 0) return Number.POSITIVE_INFINITY;
    return now + (this.#isCommand(this.#text()) ? COMMAND_QUIET : LINE_QUIET);
  }

  #text(): string {
    const octets = this.#buffer.subarray(0, this.#length);
    const nul = octets.indexOf(NUL);
    const text = this.#decoder.decode(nul < 0 ? octets : octets.subarray(0, nul));
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  }
}
