/**
 * Commands and how they are found.
 *
 * Read first: docs/protocol/vde.md, "The management console". A command is the
 * first in the table whose path the line begins with; what follows the path is its
 * argument. So `helpport` is `help port`, and `port/createauto` has to stand before
 * `port/create`. There are no abbreviations.
 */
import type { Subscriptions } from './categories.ts';
import type { Status } from './errno.ts';
import type { ConsoleTarget } from './target.ts';

/** One command being carried out. */
export interface Invocation {
  readonly target: ConsoleTarget;
  /** What stands behind the path, without the blanks before it. */
  readonly argument: string;
  /** Absent where nobody listens: a script at the start. */
  readonly subscriptions: Subscriptions | undefined;
  /** Adds a line to the data; for commands that list. */
  print(line: string): void;
}

/** What a command is to the session. */
export type CommandKind =
  /** A heading of `help`; it cannot be called. */
  | 'menu'
  /** Answers with a status. */
  | 'act'
  /** Answers with data, then a status. */
  | 'list'
  /** Done by the session itself. */
  | 'logout'
  | 'shutdown'
  | 'load';

export interface Command {
  readonly path: string;
  readonly syntax: string;
  readonly help: string;
  readonly kind: CommandKind;
  /** Kith's own: `help` tells of it only where its menu is asked for, as in `help fstp`. */
  readonly own?: true;
  run(invocation: Invocation): Status | Promise<Status>;
}

const MENU_SYNTAX = '============';

/** What menus, and commands of the session, have for `run`: never called. */
const NOTHING = (): Status => 0;

export function menu(path: string, help: string): Command {
  return { path, syntax: MENU_SYNTAX, help, kind: 'menu', run: NOTHING };
}

export function act(path: string, syntax: string, help: string, run: Command['run']): Command {
  return { path, syntax, help, kind: 'act', run };
}

/** An act that vde_switch does not have. */
export function ownAct(path: string, syntax: string, help: string, run: Command['run']): Command {
  return { ...act(path, syntax, help, run), own: true };
}

export function list(path: string, syntax: string, help: string, run: Command['run']): Command {
  return { path, syntax, help, kind: 'list', run };
}

export function sessional(
  kind: 'logout' | 'shutdown' | 'load',
  syntax: string,
  help: string,
): Command {
  return { path: kind, syntax, help, kind, run: NOTHING };
}

/** What a line asks for. */
export type Request =
  /** Blanks or a comment. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'command'; readonly command: Command; readonly argument: string };

export function parseLine(commands: readonly Command[], line: string): Request {
  const text = withoutIndent(line);
  if (text === '' || text.startsWith('#')) return { kind: 'nothing' };
  const command = commands.find(({ kind, path }) => kind !== 'menu' && text.startsWith(path));
  if (command === undefined) return { kind: 'unknown' };
  return { kind: 'command', command, argument: withoutIndent(text.slice(command.path.length)) };
}

function withoutIndent(text: string): string {
  return text.replace(/^[ \t]+/, '');
}
