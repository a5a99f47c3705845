/**
 * One conversation with the console: takes lines, says what is to be answered.
 *
 *   open --logout--> ended
 *     \----shutdown--> ended, and the switch is told to end
 *
 * What is said comes in pieces, each of them whole: an event may be put between
 * two pieces, never into one. Whoever takes the pieces decides when to go on, so a
 * script whose output nobody reads stands still instead of filling the memory.
 * One line at a time: the next is run when the last has said all.
 */
import { type Category, Subscriptions, tagOf } from './categories.ts';
import { type Command, type Invocation, parseLine } from './command.ts';
import { COMMANDS } from './command-table.ts';
import { Errno, type Status, SUCCESS } from './errno.ts';
import { type ConsoleLine, MAX_LINE_LENGTH } from './line-assembler.ts';
import { banner, FAREWELL, formatEvent, formatReply, PROMPT } from './reply.ts';
import type { ConsoleTarget } from './target.ts';

/** Scripts that load scripts (ours): so deep, and no deeper. */
const MAX_SCRIPT_DEPTH = 8;

/** Whether a line can be carried out as it is: for the line assembler. */
export function isCompleteLine(text: string): boolean {
  return parseLine(COMMANDS, text).kind !== 'unknown';
}

/** A script's line that failed. */
export interface ScriptFault {
  /** From 1. */
  readonly line: number;
  readonly text: string;
  readonly status: Status;
}

export class ConsoleSession {
  readonly subscriptions = new Subscriptions();
  readonly #target: ConsoleTarget;
  #ended = false;

  constructor(target: ConsoleTarget) {
    this.#target = target;
  }

  /** No line is taken any more; what was said last is the farewell. */
  get ended(): boolean {
    return this.#ended;
  }

  /** What is said first. */
  greeting(): string {
    return banner(this.#target.about().introduction) + PROMPT;
  }

  /** Carries out one line. */
  async *run(line: ConsoleLine): AsyncGenerator<string> {
    if (this.#ended) return;
    if (line === 'too-long') {
      yield formatReply(undefined, Errno.argumentTooLong) + PROMPT;
      return;
    }
    const request = parseLine(COMMANDS, line.text);
    if (request.kind === 'command') {
      const { command, argument } = request;
      if (command.kind === 'logout' || command.kind === 'shutdown') {
        this.#ended = true;
        if (command.kind === 'shutdown') this.#target.shutDown();
        yield FAREWELL;
        return;
      }
      yield* this.#execute(command, argument, 0);
    } else if (request.kind === 'unknown') {
      yield formatReply(undefined, Errno.notImplemented);
    }
    yield PROMPT;
  }

  /** What this client is to hear of an event, if it wants to. */
  event(category: Category, text: string): string | undefined {
    if (this.#ended || !this.subscriptions.has(category)) return undefined;
    return formatEvent(tagOf(category), category, text);
  }

  async *#execute(command: Command, argument: string, depth: number): AsyncGenerator<string> {
    if (command.kind === 'load') {
      const status = yield* this.#load(argument, depth);
      yield formatReply(undefined, status);
      return;
    }
    const { target, subscriptions } = { target: this.#target, subscriptions: this.subscriptions };
    const { reply } = await perform(command, { target, argument, subscriptions });
    yield reply;
  }

  /** As vde_switch, each line of a script is shown with the path before it, then its answer. */
  async *#load(path: string, depth: number): AsyncGenerator<string, Status> {
    if (depth >= MAX_SCRIPT_DEPTH) return Errno.tooManyLevels;
    const script = await this.#target.readScript(path);
    if ('status' in script) return script.status;
    for (const text of scriptLines(script.text)) {
      yield `vde[${path}]: ${text}\n`;
      if (text.length > MAX_LINE_LENGTH) {
        yield formatReply(undefined, Errno.argumentTooLong);
        continue;
      }
      const request = parseLine(COMMANDS, text);
      if (request.kind === 'unknown') yield formatReply(undefined, Errno.notImplemented);
      if (request.kind !== 'command' || endsSession(request.command)) continue;
      yield* this.#execute(request.command, request.argument, depth + 1);
    }
    return SUCCESS;
  }
}

/**
 * Carries out a script at the start, when nobody listens yet.
 * @returns what failed; a script that it would load is not loaded
 */
export async function runScript(target: ConsoleTarget, text: string): Promise<ScriptFault[]> {
  const faults: ScriptFault[] = [];
  for (const [index, line] of scriptLines(text).entries()) {
    const request = parseLine(COMMANDS, line);
    if (request.kind === 'nothing') continue;
    let status: Status = Errno.notImplemented;
    if (request.kind === 'command') {
      const { command, argument } = request;
      if (endsSession(command)) continue;
      status =
        command.kind === 'load'
          ? Errno.badDescriptor
          : (await perform(command, { target, argument, subscriptions: undefined })).status;
    }
    if (status !== SUCCESS) faults.push({ line: index + 1, text: line, status });
  }
  return faults;
}

async function perform(
  command: Command,
  invocation: Omit<Invocation, 'print'>,
): Promise<{ reply: string; status: Status }> {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const status = await command.run({ ...invocation, print });
  return { reply: formatReply(command.kind === 'list' ? lines : undefined, status), status };
}

/** In a script these do nothing, of vde_switch too. */
function endsSession({ kind }: Command): boolean {
  return kind === 'logout' || kind === 'shutdown';
}

function scriptLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}
