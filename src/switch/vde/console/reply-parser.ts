/**
 * The client's side: reads what a console says.
 *
 * Read first: reply.ts, which draws it. Works with any of VDE's consoles.
 *
 *   greeting --prompt--> idle --anything--> answering --prompt--> idle
 *                           \-- farewell or end of the stream --> ended
 *
 * Error contract: no input is an error. Lines that are none of the above are
 * handed on as they are (`load` shows its script that way). An answer that grows
 * beyond MAX_ANSWER_LENGTH loses its later lines.
 */
import { STATUS_BASE } from './errno.ts';
import { DATA_BEGIN, DATA_END, FAREWELL, PROMPT } from './reply.ts';

/** Characters kept of an answer (ours): a full filtering database, and more. */
const MAX_ANSWER_LENGTH = 16 * 1024 * 1024;

const PROMPT_TEXT = PROMPT.trimStart();
const EVENT = /^3[0-7]{3} \S+ /;
const STATUS = /^1(\d{3}) (.*)$/;

export type ConsoleMessage =
  /** All that was said before the first prompt. */
  | { readonly kind: 'greeting'; readonly text: string }
  | {
      readonly kind: 'answer';
      /** Lines of data, and whatever else was no status. */
      readonly lines: readonly string[];
      /** The error number of the last status, 0 for success; undefined when there was none. */
      readonly status: number | undefined;
      /** What the status says. */
      readonly text: string;
    }
  | { readonly kind: 'event'; readonly line: string }
  | { readonly kind: 'farewell' };

export class ReplyParser {
  readonly #decoder = new TextDecoder();
  #begun = '';
  #state: 'greeting' | 'data' | 'plain' = 'greeting';
  #lines: string[] = [];
  #length = 0;
  #status: number | undefined;
  #text = '';

  /** Takes what has come in. @returns what is whole now */
  push(octets: Uint8Array): ConsoleMessage[] {
    const messages: ConsoleMessage[] = [];
    const lines = (this.#begun + this.#decoder.decode(octets, { stream: true })).split('\n');
    this.#begun = lines.pop() ?? '';
    for (const line of lines) this.#line(line, messages);
    // Prompt and farewell have no end of line. What else has none is still under way.
    if (this.#state === 'data') return messages;
    this.#begun = this.#afterPrompts(this.#begun, messages);
    if (this.#begun === FAREWELL) {
      this.#begun = '';
      messages.push({ kind: 'farewell' });
    }
    return messages;
  }

  #line(line: string, messages: ConsoleMessage[]): void {
    if (this.#state === 'data') {
      if (line === DATA_END) this.#state = 'plain';
      else this.#keep(line);
      return;
    }
    const rest = this.#afterPrompts(line, messages);
    if (this.#state === 'greeting') {
      this.#keep(rest);
      return;
    }
    if (EVENT.test(rest)) {
      messages.push({ kind: 'event', line: rest });
      return;
    }
    if (rest !== '') this.#keepStatus();
    if (rest === DATA_BEGIN) this.#state = 'data';
    else this.#plain(rest);
  }

  /** Takes the prompts that a line begins with. @returns the rest */
  #afterPrompts(line: string, messages: ConsoleMessage[]): string {
    let rest = line;
    while (rest.startsWith(PROMPT_TEXT)) {
      this.#prompt(messages);
      rest = rest.slice(PROMPT_TEXT.length);
    }
    return rest;
  }

  #plain(line: string): void {
    if (line === '') return;
    const match = STATUS.exec(line);
    if (match === null) {
      this.#keep(line);
    } else {
      this.#status = Number(match[1]);
      this.#text = match[2];
    }
  }

  /** More follows a status: it was one of a script's lines, and belongs to what that printed. */
  #keepStatus(): void {
    if (this.#status === undefined) return;
    this.#keep(`${STATUS_BASE + this.#status} ${this.#text}`);
    this.#status = undefined;
  }

  #prompt(messages: ConsoleMessage[]): void {
    const lines = this.#lines;
    if (this.#state === 'greeting') {
      messages.push({ kind: 'greeting', text: lines.join('\n') });
    } else {
      messages.push({ kind: 'answer', lines, status: this.#status, text: this.#text });
    }
    this.#state = 'plain';
    this.#lines = [];
    this.#length = 0;
    this.#status = undefined;
    this.#text = '';
  }

  #keep(line: string): void {
    if (this.#length + line.length > MAX_ANSWER_LENGTH) return;
    this.#length += line.length + 1;
    this.#lines.push(line);
  }
}
