/** The pages say what the program does. AVA runs in the directory of package.json. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import type { Command } from 'commander';
import type { CliContext } from '../../src/cli/context.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { configJsonSchema } from '../../src/controller/config-schema.ts';
import { CONTROL_ROUTES } from '../../src/controller/control-routes.ts';
import { EXIT_CODES } from '../../src/errors.ts';
import { run } from './run-cli.ts';

const cli = readFileSync('docs/cli.md', 'utf8');
const config = readFileSync('docs/config.md', 'utf8');

const COMMON = new Set(['--home', '--json', '--help', '--version']);

/** Commands and options, as the page writes them. */
function* described(command: Command, path: string): Generator<string> {
  for (const each of command.commands) {
    const name = `${path} ${each.name()}`;
    yield `\`${name}`;
    for (const { long } of each.options) if (long && !COMMON.has(long)) yield `\`${long}`;
    yield* described(each, name);
  }
}

test('docs/cli.md has every command and option', (t) => {
  // Building the program touches nothing of its context.
  const program = buildProgram({} as CliContext);
  const missing = [...described(program, 'kith')].filter((text) => !cli.includes(text));
  t.deepEqual(missing, []);
});

test('docs/cli.md has every route and exit code', (t) => {
  for (const { path, method } of CONTROL_ROUTES) {
    const shown = path.replace(':friend', 'FRIEND').replace(':tap', 'NAME');
    t.true(cli.includes(shown), `${method} ${shown}`);
  }
  for (const code of new Set(Object.values(EXIT_CODES))) t.true(cli.includes(`\n| ${code} |`));
});

test('every option the page names is there', async (t) => {
  const help = await Promise.all(
    [
      'up',
      'invite',
      'join',
      'plug',
      'id',
      'tap',
      'exec',
      'console',
      'capture',
      'impair',
      'switch set',
      'switch storm',
      'switch mirror',
      'switch address add',
      'stp',
      'groups rotate',
      'links',
      'switch save',
      'switch forget',
    ].map(async (name) => (await run([...name.split(' '), '--help'])).stdout),
  );
  const known = `${help.join('\n')} --unix-socket`;
  for (const [option] of cli.matchAll(/--[a-z][a-z-]+/g)) {
    t.true(known.includes(option), option);
  }
});

interface Node {
  readonly properties?: Record<string, Node>;
  readonly items?: Node;
}

/** Keys of the file: of sections with their path, of lists alone. */
function* keys(node: Node, path: string): Generator<string> {
  for (const [name, inside] of Object.entries(node.properties ?? {})) {
    if (inside.properties !== undefined) yield* keys(inside, `${path}${name}.`);
    else if (inside.items?.properties !== undefined) yield* keys(inside.items, '');
    else yield `${path}${name}`;
  }
}

test('docs/config.md has every key', (t) => {
  const all = [...keys(configJsonSchema(), '')];
  t.true(all.length > 20);
  const missing = all.filter((key) => !config.includes(`\n| \`${key}\` |`));
  t.deepEqual(missing, []);
});

test('docs/config.md has no other key, and the defaults are right', (t) => {
  const all = new Set(keys(configJsonSchema(), ''));
  for (const [, key] of config.matchAll(/^\| `([$\w.]+)` \|/gm)) t.true(all.has(key), key);
  const schema: unknown = configJsonSchema();
  for (const [, key, shown] of config.matchAll(/^\| `([\w]+\.[\w]+)` \| (\S+) \|/gm)) {
    if (shown === '–') continue;
    const expected = key
      .split('.')
      .reduce<unknown>((at, step) => field(field(at, 'properties'), step), schema);
    const value = field(expected, 'default') ?? BELOW_THE_HOME[key];
    t.is(shown.replaceAll('`', ''), JSON.stringify(value), key);
  }
});

/** Defaults that are no part of the schema, because they depend on the home. */
const BELOW_THE_HOME: Readonly<Record<string, string>> = {
  'switch.directory': 'switch',
  'console.path': 'console',
};

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
