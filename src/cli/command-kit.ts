/**
 * What every command is made of: its help, its home, its `--json`, and the
 * running node it asks.
 */
import type { Command } from 'commander';
import type { ControlClient } from '../controller/control-client.ts';
import { KithError } from '../errors.ts';
import type { CliContext } from './context.ts';
import { homeDirectory } from './home.ts';
import { type Palette, paletteFor } from './style.ts';

export interface CommandText {
  /** One line, for the overview. */
  readonly summary: string;
  /** A short paragraph, for `--help`. */
  readonly description: string;
  /** Commands to try, each with a word on what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[];
}

/** Adds a command with its help and `--home`. @param usage the name and its arguments */
export function addCommand(parent: Command, usage: string, text: CommandText): Command {
  return parent
    .command(usage)
    .summary(text.summary)
    .description(text.description)
    .addHelpText('after', formatExamples(text.examples))
    .option('--home <dir>', 'the home of the node (default: $KITH_HOME, then ~/.kith)');
}

/** Adds a command that prints something, and so takes `--json`. */
export function addPrintingCommand(parent: Command, usage: string, text: CommandText): Command {
  return addCommand(parent, usage, text).option('--json', 'print JSON, for programs');
}

export function formatExamples(examples: CommandText['examples']): string {
  if (examples.length === 0) return '';
  const width = Math.max(...examples.map(([command]) => command.length));
  const lines = examples.map(([command, does]) => `  ${command.padEnd(width)}  # ${does}`);
  return `\nExamples:\n${lines.join('\n')}\n`;
}

/** The home a command is about: its own `--home`, or that of a command above it. */
export function homeOf(command: Command, context: CliContext): string {
  return homeDirectory(optionOf(command, 'home'), context.env);
}

/** An option of a command or of those above it; the nearest wins. */
export function optionOf(command: Command, name: string): string | undefined {
  for (let each: Command | null = command; each !== null; each = each.parent) {
    const value: unknown = each.opts()[name];
    if (typeof value === 'string') return value;
  }
  return undefined;
}

/** Prints `value` as JSON or, for people, what `render` makes of it. */
export function print<T>(
  command: Command,
  context: CliContext,
  value: T,
  render: (value: T, palette: Palette) => string,
): void {
  const json = command.optsWithGlobals().json === true;
  const text = json
    ? `${JSON.stringify(value, null, 2)}\n`
    : render(value, paletteFor(context.stdout, context.env));
  context.stdout.write(text);
}

/** The node of a command's home. It is only asked when a method is called. */
export async function clientOf(command: Command, context: CliContext): Promise<ControlClient> {
  const { controlClient } = await import('../controller/control-client.ts');
  return controlClient(homeOf(command, context));
}

/** Gathers the values of an option that may be repeated. */
export function repeated<T>(
  read: (text: string) => T,
): (text: string, before: T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), read(text)];
}

/** A number on the command line. @throws KithError 'usage' */
export function wholeNumberOption(
  flag: string,
  minimum: number,
  maximum: number,
): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new KithError(
      'usage',
      `${flag} '${text}' must be a whole number from ${minimum} to ${maximum}`,
    );
  };
}
