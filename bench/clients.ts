/**
 * The C programs of the bench, compiled when they are first needed.
 *
 * The clients are in C because a real VDE client is: what is measured is the switch,
 * so the clients must be as cheap as QEMU's or vde_plug's own loop. bare-copy.c is the
 * bound of the field.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export type ClientName = 'vde-traffic' | 'vde-pingpong' | 'vde-gap' | 'bare-copy';

export class Clients {
  readonly #sources: string;
  readonly #output: string;
  readonly #built = new Map<ClientName, { path: string } | { missing: string }>();

  /** Sources are in `sources`; programs go to `output`, which exists. */
  constructor(sources: string, output: string) {
    this.#sources = sources;
    this.#output = output;
  }

  /** What has to be installed before `name` can be compiled, or undefined. */
  missing(name: ClientName): string | undefined {
    const built = this.#build(name);
    return 'missing' in built ? built.missing : undefined;
  }

  /** The path of the compiled program. */
  path(name: ClientName): string {
    const built = this.#build(name);
    if ('missing' in built) throw new Error(built.missing);
    return built.path;
  }

  #build(name: ClientName): { path: string } | { missing: string } {
    const known = this.#built.get(name);
    if (known !== undefined) return known;
    const libraries = name === 'bare-copy' ? [] : ['-lvdeplug'];
    const result = compile(join(this.#sources, `${name}.c`), join(this.#output, name), libraries);
    this.#built.set(name, result);
    return result;
  }
}

/** Is there such a program on the PATH? */
export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
}

function compile(
  source: string,
  program: string,
  libraries: readonly string[],
): { path: string } | { missing: string } {
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra'];
  const { error, status, stderr } = spawnSync(
    'cc',
    [...flags, '-o', program, source, ...libraries],
    { encoding: 'utf8' },
  );
  if (error !== undefined) return { missing: 'there is no C compiler: install gcc' };
  if (status === 0) return { path: program };
  if (/libvdeplug\.h|-lvdeplug/.test(stderr)) {
    return { missing: 'libvdeplug is not here: install libvdeplug-dev' };
  }
  return { missing: `${source} does not compile: ${stderr.trim().split('\n')[0]}` };
}
