/**
 * The configuration of a node: `<home>/config.json`, then the command line,
 * which wins. What the file may hold is in config-schema.ts.
 */
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { KithError } from '../errors.ts';
import { formatLinkUrl, parseLinkUrl } from '../links/link-url.ts';
import { configProblem, linePosition } from './config-report.ts';
import { configFileSchema } from './config-schema.ts';

type ConfigFile = z.output<typeof configFileSchema>;

/** `config.json` as written: everything may be left out. */
export type ConfigInput = z.input<typeof configFileSchema>;

/**
 * The configuration with nothing left open. Addresses are checked and in their
 * one spelling (see links/link-url.ts: `parseLinkUrl` takes them apart), UIDs are
 * lower case, modes are numbers, paths are absolute.
 */
export type KithConfig = Omit<ConfigFile, '$schema' | 'name' | 'switch' | 'console'> & {
  name: string;
  switch: ConfigFile['switch'] & { directory: string };
  console: ConfigFile['console'] & { path: string };
};

export type FriendConfig = KithConfig['friends'][number];

/** What the command line says; each value given replaces the one of the file. */
export interface ConfigOverrides {
  readonly name?: string;
  /** Relative to the working directory. */
  readonly switchDirectory?: string;
  readonly listen?: readonly string[];
  /** Added to the friends of the file; for a UID in both, these addresses replace those. */
  readonly friends?: readonly { readonly uid: string; readonly addresses: readonly string[] }[];
  /** Replaces the groups of the file, and so the group `default`. */
  readonly groups?: readonly { readonly name: string; readonly key?: string }[];
  readonly plaintext?: string;
  readonly logLevel?: string;
  /** Relative to the working directory. */
  readonly consolePath?: string;
  /** In octal, as it would stand in the file. */
  readonly consoleMode?: string;
  readonly consoleGroup?: string;
  /** Relative to the working directory. */
  readonly consoleRc?: string;
}

export interface LoadOptions {
  /** The home directory, absolute. */
  readonly home: string;
  /** A file named by hand, which then has to be there. */
  readonly file?: string;
  readonly overrides?: ConfigOverrides;
}

export interface LoadedConfig {
  readonly config: KithConfig;
  /** The file that was read, if there was one. */
  readonly file?: string;
  /** Sentences for the log: nothing wrong, but worth a look. */
  readonly warnings: readonly string[];
}

/**
 * Reads the file, lays the command line over it, fills in the defaults.
 * @throws KithError 'config' when the file is not there (if it was asked for), cannot be
 *   read, is no JSON or holds something it may not
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const file = options.file === undefined ? join(options.home, 'config.json') : options.file;
  const text = await readConfigFile(file, options.file !== undefined);
  const warnings: string[] = [];
  const raw = text === undefined ? {} : parseJson(file, text);
  // The file is judged by itself first, so that its mistakes are told as its own.
  const checked = checkConfig(file, raw);
  const merged = mergeOverrides(checked, options.overrides ?? {});
  const config = completeConfig(merged, options.home);
  if (text !== undefined) await warnOfReaders(file, checked, warnings);
  warnOfWeakKeys(config, warnings);
  return { config, ...(text === undefined ? {} : { file }), warnings };
}

/**
 * Checks what a file holds and fills in the defaults that depend on nothing else.
 * @param where the name of the file for the error
 * @throws KithError 'config'
 */
export function checkConfig(where: string, raw: unknown): ConfigFile {
  const result = configFileSchema.safeParse(raw);
  if (result.success) return result.data;
  throw configProblem(where, raw, result.error, knownKeys);
}

/** A configuration for `home` from an object as it could stand in the file (for tests and programs). */
export function makeConfig(home: string, input: ConfigInput = {}): KithConfig {
  return completeConfig(checkConfig('configuration', input), home);
}

/** `--friend UID[@URL]` @throws KithError 'usage' */
export function parseFriendFlag(text: string): { uid: string; addresses: string[] } {
  const [uid, ...rest] = text.split('@');
  if (!/^[0-9a-f]{40}$/i.test(uid)) {
    throw new KithError(
      'usage',
      `--friend '${text}' must be UID@URL, where UID is the 40 hexadecimal digits that \`kith id\` prints there`,
    );
  }
  const addresses = rest.length === 0 ? [] : [checkedUrl('--friend', rest.join('@'), 'dial')];
  return { uid: uid.toLowerCase(), addresses };
}

/** `--group NAME[:KEY]`; `flag` is what stands in front of it. @throws KithError 'usage' */
export function parseGroupFlag(text: string, flag = '--group '): { name: string; key?: string } {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const key = colon < 0 ? undefined : text.slice(colon + 1);
  const shape = configFileSchema.shape.groups.unwrap().element.shape;
  for (const [what, schema, value] of [
    ['NAME', shape.name, name],
    ['KEY', shape.key, key],
  ] as const) {
    const result = schema.safeParse(value);
    if (result.success) continue;
    throw new KithError(
      'usage',
      `${flag}'${name}${colon < 0 ? '' : ':…'}' must be NAME or NAME:KEY; ${what} must be ${result.error.issues[0].message}`,
    );
  }
  return key === undefined ? { name } : { name, key };
}

/** `--listen URL` @throws KithError 'usage' */
export function parseListenFlag(text: string): string {
  return checkedUrl('--listen', text, 'listen');
}

function checkedUrl(flag: string, text: string, use: 'listen' | 'dial'): string {
  try {
    return formatLinkUrl(parseLinkUrl(text, use));
  } catch (error) {
    if (!(error instanceof KithError)) throw error;
    throw new KithError('usage', `${flag}: ${error.message}`, { cause: error });
  }
}

async function readConfigFile(file: string, mustExist: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      if (!mustExist) return undefined;
      throw new KithError('config', `${file} is not there; give --config an existing file`, {
        cause: error,
      });
    }
    throw new KithError('config', `${file} cannot be read (${code}); mend its permissions`, {
      cause: error,
    });
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = / at position (\d+)/.exec(message);
    const where =
      position === null ? 'at its end' : `at ${linePosition(text, Number(position[1]))}`;
    throw new KithError(
      'config',
      `${file} is not valid JSON ${where}: look for a missing or superfluous comma, quote or brace`,
      { cause: error },
    );
  }
}

function mergeOverrides(file: ConfigFile, overrides: ConfigOverrides): ConfigFile {
  const friends = file.friends.map((friend) => ({ ...friend }));
  for (const { uid, addresses } of joinRepeated(overrides.friends ?? [])) {
    const known = friends.find((friend) => friend.uid === uid);
    if (known === undefined) friends.push({ uid, addresses });
    else if (addresses.length > 0) known.addresses = addresses;
  }
  const merged = {
    ...file,
    name: overrides.name ?? file.name,
    listen: overrides.listen ?? file.listen,
    plaintext: overrides.plaintext ?? file.plaintext,
    friends,
    groups: overrides.groups ?? file.groups,
    // Modes go back to their written form, for the check takes what a file may hold.
    switch: {
      ...file.switch,
      mode: octal(file.switch.mode),
      dirMode: octal(file.switch.dirMode),
      directory:
        overrides.switchDirectory === undefined
          ? file.switch.directory
          : resolve(overrides.switchDirectory),
    },
    console: mergeConsole(file, overrides),
    consoleRc: overrides.consoleRc === undefined ? file.consoleRc : resolve(overrides.consoleRc),
    log: { level: overrides.logLevel ?? file.log.level },
  };
  return checkConfig('command line', merged);
}

function mergeConsole({ console: written }: ConfigFile, overrides: ConfigOverrides) {
  const { consolePath, consoleMode, consoleGroup } = overrides;
  return {
    path: consolePath === undefined ? written.path : resolve(consolePath),
    mode: consoleMode ?? octal(written.mode),
    group: consoleGroup ?? written.group,
  };
}

/** One entry per UID; the addresses of repeated flags add up. */
function joinRepeated(
  friends: readonly { readonly uid: string; readonly addresses: readonly string[] }[],
): { uid: string; addresses: string[] }[] {
  const byUid = new Map<string, string[]>();
  for (const { uid, addresses } of friends) {
    const known = byUid.get(uid) ?? [];
    byUid.set(uid, [...known, ...addresses]);
  }
  return [...byUid].map(([uid, addresses]) => ({ uid, addresses: [...new Set(addresses)] }));
}

function completeConfig(file: ConfigFile, home: string): KithConfig {
  const { $schema: _, console: management, consoleRc, ...rest } = file;
  return {
    ...rest,
    name: file.name ?? hostName(),
    switch: { ...file.switch, directory: resolve(home, file.switch.directory ?? 'switch') },
    console: { ...management, path: resolve(home, management.path ?? 'console') },
    ...(consoleRc === undefined ? {} : { consoleRc: resolve(home, consoleRc) }),
  };
}

/** The host name as far as it is fit for a name. */
function hostName(): string {
  const fit = configFileSchema.shape.name.safeParse(hostname());
  return fit.data ?? 'kith';
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

async function warnOfReaders(file: string, config: ConfigFile, warnings: string[]): Promise<void> {
  if (!config.groups.some((group) => group.key !== undefined || group.previousKeys.length > 0)) {
    return;
  }
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) {
    warnings.push(`${file} holds keys and others may read it; chmod 600 it`);
  }
}

/** Below this a key can be guessed by whoever once shook hands with us. */
const SHORTEST_GOOD_KEY = 16;

function warnOfWeakKeys(config: KithConfig, warnings: string[]): void {
  for (const { name, key } of config.groups) {
    const warning = weakKeyWarning(name, key);
    if (warning !== undefined) warnings.push(warning);
  }
}

/** A sentence when the key of a group can be guessed. */
export function weakKeyWarning(name: string, key: string | undefined): string | undefined {
  if (key === undefined || key.length >= SHORTEST_GOOD_KEY) return undefined;
  return `the key of group ${name} has ${key.length} characters and can be guessed; take ${SHORTEST_GOOD_KEY} or more, such as \`kith groups key\` makes`;
}

/** The keys the schema knows at a path; list positions are skipped. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let current: unknown = configFileSchema;
  for (const step of path) {
    const inside = unwrap(current);
    if (inside instanceof z.ZodArray) current = inside.element;
    else if (inside instanceof z.ZodObject) current = inside.shape[String(step)];
    else return [];
  }
  const inside = unwrap(current);
  return inside instanceof z.ZodObject ? Object.keys(inside.shape) : [];
}

function unwrap(schema: unknown): unknown {
  let current = schema;
  while (
    current instanceof z.ZodDefault ||
    current instanceof z.ZodPrefault ||
    current instanceof z.ZodOptional
  ) {
    current = current.unwrap();
  }
  return current;
}
