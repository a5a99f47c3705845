/** `kith console`: one command, a script on standard input, or a person at a terminal. */
import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
import type { ConsoleAnswer } from '../controller/console-client.ts';
import { ConsoleClient } from '../controller/console-client.ts';
import { KithError } from '../errors.ts';
import type { CliContext } from './context.ts';
import { paletteFor, printable } from './style.ts';

const PROMPT = 'vde$ ';
/** Lines remembered. */
const HISTORY = 200;

/**
 * @param command one line to carry out; empty: what comes in on standard input
 * @throws KithError 'system' when a command failed, 'not-running' when the console is not there
 */
export async function runConsole(
  path: string,
  command: string,
  context: CliContext,
): Promise<void> {
  const client = await ConsoleClient.open(path);
  try {
    if (command !== '') await runOne(client, command, context);
    else if ('isTTY' in context.stdin && context.stdin.isTTY === true) await talk(client, context);
    else await runLines(client, context);
  } finally {
    client.close();
  }
}

async function runOne(client: ConsoleClient, command: string, context: CliContext): Promise<void> {
  const answer = await client.command(command);
  show(answer, context);
  if (!hasFailed(answer)) return;
  throw new KithError(
    'system',
    `${printable(command)}: ${statusText(answer)}; ${helpFor(command, answer)}`,
  );
}

/** A line that fails is told of, and the next one is carried out. */
async function runLines(client: ConsoleClient, context: CliContext): Promise<void> {
  let number = 0;
  let failed = 0;
  const lines = createInterface({ input: context.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  client.onEvent = (line) => void context.stdout.write(`${printable(line)}\n`);
  void client.closed.then(() => lines.close());
  for await (const line of lines) {
    number++;
    const answer = await client.command(line);
    show(answer, context);
    if (hasFailed(answer)) {
      failed++;
      context.stderr.write(`line ${number}: ${printable(line)}: ${statusText(answer)}\n`);
    }
    if (answer.ended) break;
  }
  lines.close();
  if (failed > 0) {
    const what = failed === 1 ? 'a line' : `${failed} lines`;
    throw new KithError('system', `${what} failed; \`kith console help\` lists all commands`);
  }
}

/** A conversation with line editing. */
async function talk(client: ConsoleClient, context: CliContext): Promise<void> {
  const { stdin: input, stdout: output } = context;
  const palette = paletteFor(output, context.env);
  output.write(`${printableLines(client.greeting.split('\n'))}`);
  const paths = await commandPaths(client);
  const lines = createInterface({
    input,
    output,
    terminal: true,
    historySize: HISTORY,
    removeHistoryDuplicates: true,
    prompt: PROMPT,
    completer: (line: string) => [paths.filter((path) => path.startsWith(line)), line],
  });
  client.onEvent = (line) => {
    aboveThePrompt(lines, output, `${palette.dim(printable(line))}\n`);
  };
  lines.on('SIGINT', () => {
    if (lines.line === '') lines.close();
    else lines.write(null, { ctrl: true, name: 'u' });
  });
  // It went away by itself: nobody has to press a key to hear of it.
  void client.closed.then(() => lines.close());
  lines.prompt();
  for await (const line of lines) {
    const answer = await client.command(line);
    show(answer, context);
    if (answer.ended) break;
    if (answer.status !== undefined) {
      const paint = answer.status === 0 ? palette.good : palette.bad;
      output.write(`${paint(statusText(answer))}\n`);
    }
    lines.prompt();
  }
  lines.close();
  output.write('\n');
}

function aboveThePrompt(lines: Interface, output: CliContext['stdout'], text: string): void {
  cursorTo(output, 0);
  clearLine(output, 0);
  output.write(text);
  lines.prompt(true);
}

/** The first words of what `help` lists, for Tab; headings are not among them. */
async function commandPaths(client: ConsoleClient): Promise<string[]> {
  const { lines } = await client.command('help');
  return lines
    .slice(2)
    .filter((line) => !/^\S+\s+=+/.test(line))
    .map((line) => `${firstWord(line)} `);
}

function show(answer: ConsoleAnswer, context: CliContext): void {
  context.stdout.write(printableLines(answer.lines));
}

function printableLines(lines: readonly string[]): string {
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function hasFailed({ status }: ConsoleAnswer): boolean {
  return status !== undefined && status !== 0;
}

/** `1022 Invalid argument` */
function statusText({ status = 0, text }: ConsoleAnswer): string {
  return `${1000 + status} ${printable(text)}`;
}

/** ENOSYS is how the console says that it has no such command. */
const NO_SUCH_COMMAND = 38;

function helpFor(command: string, { status }: ConsoleAnswer): string {
  return status === NO_SUCH_COMMAND
    ? '`kith console help` lists all commands'
    : `\`kith console help ${firstWord(command)}\` says how it is used`;
}

function firstWord(text: string): string {
  return printable(text.trim().split(/\s/)[0]);
}
