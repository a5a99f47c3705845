/**
 * Where the programs of the field are: on the PATH, or in the cache of
 * `--install`, which holds packages of a newer Debian, unpacked and not installed.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Unpacked packages, laid out as in a root directory; safe to delete. */
export function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kith-bench');
}

/** The words that run a program: its path, after a newer loader where it needs one. */
export type CommandLine = readonly [string, ...string[]];

const known = new Map<string, CommandLine | undefined>();

/** Looks for a program, the cache first, since what is there was fetched for being newer. */
export function findTool(name: string): CommandLine | undefined {
  if (!known.has(name)) known.set(name, look(name));
  return known.get(name);
}

/** The same for one that is known to be there. */
export function tool(name: string): CommandLine {
  const line = findTool(name);
  if (line === undefined) throw new Error(`${name} is not installed`);
  return line;
}

/** Programs that were just installed are found again. */
export function forgetTools(): void {
  known.clear();
}

/** What `name ...args` prints, both outputs; empty when it cannot run. */
export function printedBy(name: string, args: readonly string[]): string {
  const line = findTool(name);
  if (line === undefined) return '';
  const { stdout, stderr } = spawnSync(line[0], [...line.slice(1), ...args], {
    encoding: 'utf8',
    timeout: 5000,
  });
  return `${stdout ?? ''}${stderr ?? ''}`;
}

/** A sentence when one of the programs is not here; `install` says how to get it. */
export function missingTools(...names: readonly string[]): string | undefined {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return undefined;
  return `not installed: ${missing.join(', ')} (--install gets what Debian has)`;
}

function look(name: string): CommandLine | undefined {
  const cache = cacheDirectory();
  const unpacked = ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((each) => join(cache, each));
  for (const directory of unpacked) {
    const path = join(directory, name);
    if (!existsSync(path)) continue;
    const line = withLoader(path);
    if (line !== undefined) return line;
  }
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  const path = directories.map((each) => join(each, name)).find((each) => existsSync(each));
  return path === undefined ? undefined : [path];
}

/** A program built for a newer C library runs with the one unpacked beside it. */
function withLoader(path: string): CommandLine | undefined {
  if (isServedByOwnLibraries(path)) return [path];
  const libraries = join(cacheDirectory(), 'usr/lib/x86_64-linux-gnu');
  const loader = join(libraries, 'ld-linux-x86-64.so.2');
  return existsSync(loader) ? [loader, '--library-path', libraries, path] : undefined;
}

/** ldd names what is missing, or too old; of a static program it says that it is none of its business. */
function isServedByOwnLibraries(path: string): boolean {
  const { stdout, stderr } = spawnSync('ldd', [path], { encoding: 'utf8' });
  return !/version `\S+' not found|=> not found/.test(`${stdout ?? ''}${stderr ?? ''}`);
}
