/** The command line as a whole: all commands, their errors, their exit codes. */
import { Command, CommanderError } from 'commander';
import { EXIT_CODES, KithError } from '../errors.ts';
import { kithVersion } from '../version.ts';
import { formatExamples } from './command-kit.ts';
import { addCapture } from './commands/capture.ts';
import { addConsole } from './commands/console.ts';
import { addDown } from './commands/down.ts';
import { addExec } from './commands/exec.ts';
import { addFriends } from './commands/friends.ts';
import { addGroups } from './commands/groups.ts';
import { addId } from './commands/id.ts';
import { addImpair } from './commands/impair.ts';
import { addInvite } from './commands/invite.ts';
import { addJoin } from './commands/join.ts';
import { addLinks } from './commands/links.ts';
import { addMac } from './commands/mac.ts';
import { addPlug } from './commands/plug.ts';
import { addPorts } from './commands/ports.ts';
import { addStatus } from './commands/status.ts';
import { addStp } from './commands/stp.ts';
import { addSwitch } from './commands/switch.ts';
import { addTap } from './commands/tap.ts';
import { addUp } from './commands/up.ts';
import { addWhy } from './commands/why.ts';
import type { CliContext } from './context.ts';
import { ExitStatus } from './exit-status.ts';

const DESCRIPTION =
  'One Ethernet for a circle of friends. Each machine runs a node: a switch that virtual machines attach to without root, and links to the nodes of friends, encrypted where policy says.';

const FIRST_STEPS: readonly (readonly [string, string])[] = [
  ['kith up', 'run a node here; it prints how to attach a guest'],
  ['kith invite', 'in another terminal: make a ticket, give it to a friend'],
  ['kith join TICKET', 'what the friend says, whose node runs too'],
  ['kith status', 'see how it goes'],
  ['kith COMMAND --help', 'more on each command, with examples'],
];

/** Names that errors begin with; they keep their capitals. */
const NAMES = new Set(['Kith', 'Linux', 'Node', 'Ethernet']);

/** All commands; parsing it runs one of them. */
export function buildProgram(context: CliContext): Command {
  const program = new Command('kith')
    .description(DESCRIPTION)
    .version(kithVersion(), '-V, --version', 'print the version')
    .option('--home <dir>', 'the home of the node (default: $KITH_HOME, then ~/.kith)')
    .helpOption('-h, --help', 'print this help')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      // Errors are printed in one place, with all others.
      writeErr: () => {},
      outputError: () => {},
    })
    .addHelpText('after', formatExamples(FIRST_STEPS).replace('Examples:', 'First steps:'));
  for (const add of [
    addUp,
    addDown,
    addStatus,
    addInvite,
    addJoin,
    addFriends,
    addLinks,
    addWhy,
    addPorts,
    addMac,
    addStp,
    addSwitch,
    addGroups,
    addId,
    addCapture,
    addImpair,
    addPlug,
    addConsole,
    addTap,
    addExec,
  ]) {
    add(program, context);
  }
  return program;
}

/**
 * Runs one command to its end.
 * @param args what stands behind `kith`
 * @returns the exit code
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const program = buildProgram(context);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof ExitStatus) return error.code;
    return reportError(asKithError(error, program, args), context);
  }
}

/** Prints an error the one way errors are printed. @returns the exit code it stands for */
export function reportError(error: unknown, context: Pick<CliContext, 'stderr' | 'env'>): number {
  const debugging = context.env.KITH_DEBUG !== undefined && context.env.KITH_DEBUG !== '';
  context.stderr.write(`kith: ${sentenceOf(error)}\n`);
  if (debugging) context.stderr.write(`${stackOf(error)}\n`);
  return error instanceof KithError ? (EXIT_CODES[error.code] ?? 1) : 1;
}

function sentenceOf(error: unknown): string {
  if (error instanceof KithError) return afterColon(error.message);
  const what = error instanceof Error ? error.message : String(error);
  return `something broke inside (${what.split('\n')[0]}); KITH_DEBUG=1 shows where`;
}

/** Sentences that are shown elsewhere, too, begin with a capital and end with a full stop. */
function afterColon(sentence: string): string {
  const [word] = /^\p{Lu}\p{Ll}*\b/u.exec(sentence) ?? [''];
  const begins = word === '' || NAMES.has(word) ? word : word.toLowerCase();
  return (begins + sentence.slice(word.length)).replace(/(?<!\.)\.$/, '');
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by: ${stackOf(error.cause)}`;
}

/** What commander has to complain about is the operator's to mend, too. */
function asKithError(error: unknown, program: Command, args: readonly string[]): unknown {
  if (!(error instanceof CommanderError)) return error;
  const named = program.commands.find((command) => args.includes(command.name()));
  const within = named?.commands.find((command) => args.includes(command.name()));
  const words = ['kith', named?.name(), within?.name(), '--help'];
  const help = words.filter((word) => word !== undefined).join(' ');
  const complaint =
    error.code === 'commander.help'
      ? 'which command?'
      : error.message
          .replace(/^error: /, '')
          .replace(/\. Expected (\d+) arguments? but got (\d+)\.$/, ': $2 instead of $1')
          .replaceAll('\n', ' ');
  return new KithError('usage', `${complaint}; see \`${help}\``, { cause: error });
}
