/** The modules of an unpacked or installed Linux kernel, and what each of them needs. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { KithError } from '../../src/errors.ts';
import { dependencies, parse } from './module-information.ts';

const MODULE_FILE = /^(.+)\.ko(?:\.(xz|gz|zst))?$/;

/** The kernel takes both for the same letter, and file names use either. */
const canonical = (name: string): string => name.replaceAll('-', '_');

/** Reads a module, decompressed if its distribution packs them. */
export function readModule(path: string): Uint8Array {
  const packing = MODULE_FILE.exec(basename(path))?.[2];
  if (packing === undefined) return readFileSync(path);
  if (packing === 'gz') return gunzipSync(readFileSync(path));
  const program = packing === 'xz' ? 'xz' : 'zstd';
  return execFileSync(program, ['-dc', path], { maxBuffer: 64 * 1024 * 1024 });
}

/** The name under which a module is loaded, from its path. */
export function moduleName(path: string): string {
  return canonical(MODULE_FILE.exec(basename(path))?.[1] ?? basename(path));
}

/**
 * Paths of the wanted modules and all they depend on, in an order in which they load.
 * Those built into the kernel are left out.
 * @param directory such as `/lib/modules/6.1.0-1-cloud-amd64`
 * @throws KithError 'unsupported' when one is neither there nor built in
 */
export function moduleClosure(directory: string, wanted: readonly string[]): readonly string[] {
  const paths = indexModules(join(directory, 'kernel'));
  const builtIn = readBuiltIn(directory);
  const ordered: string[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name) || builtIn.has(name)) return;
    seen.add(name);
    const path = paths.get(name);
    if (path === undefined) {
      throw new KithError('unsupported', `The kernel in ${directory} has no module ${name}.`);
    }
    const information = parse(readModule(path));
    if (information === undefined) {
      throw new KithError('unsupported', `${path} is no module of a 64-bit Linux kernel.`);
    }
    for (const dependency of dependencies(information)) visit(canonical(dependency));
    ordered.push(path);
  };
  for (const name of wanted) visit(canonical(name));
  return ordered;
}

function indexModules(directory: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  if (!existsSync(directory)) return paths;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !MODULE_FILE.test(entry.name)) continue;
    paths.set(moduleName(entry.name), join(entry.parentPath, entry.name));
  }
  return paths;
}

function readBuiltIn(directory: string): ReadonlySet<string> {
  const list = join(directory, 'modules.builtin');
  if (!existsSync(list)) return new Set();
  const lines = readFileSync(list, 'utf8').split('\n');
  return new Set(lines.filter((line) => line !== '').map(moduleName));
}
