/**
 * The whole system of a test guest in a few megabytes of memory: busybox, the
 * modules of its network card, iperf3 with its libraries, and init.sh.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { KithError } from '../../src/errors.ts';
import { archive, type CpioEntry, FileType } from './cpio-archive.ts';
import type { GuestKernel } from './kernel.ts';
import { moduleName, readModule } from './kernel-modules.ts';
import { projectRoot } from './places.ts';
import { findProgram } from './program.ts';

/** Directories a guest mounts on or writes to. */
const DIRECTORIES = ['bin', 'dev', 'modules', 'proc', 'sys', 'tmp', 'usr', 'usr/bin'];

/** The console, which the kernel opens before init can mount /dev: major 5, minor 1. */
const CONSOLE = [5, 1] as const;

/**
 * Little compression on purpose: under emulation the guest pays for unpacking
 * more than the host saves in reading.
 */
const GZIP_LEVEL = 1;

/**
 * Builds it, gzipped.
 * @throws KithError 'unsupported' when busybox or iperf3 is missing or of no use
 */
export function buildInitramfs(kernel: GuestKernel): Uint8Array {
  const members = new Map<string, CpioEntry>();
  const add = (entry: CpioEntry): void => {
    for (const parent of parents(entry.name)) {
      if (!members.has(parent)) members.set(parent, directory(parent));
    }
    members.set(entry.name, entry);
  };
  for (const name of DIRECTORIES) add(directory(name));
  add(program('init', readFileSync(join(projectRoot, 'integration/qemu/init.sh'))));
  add(program('bin/busybox', readFileSync(staticBusybox())));
  add({ name: 'bin/sh', mode: FileType.symbolicLink | 0o777, data: Buffer.from('busybox') });
  add({
    name: 'dev/console',
    mode: FileType.characterDevice | 0o600,
    data: new Uint8Array(0),
    device: CONSOLE,
  });
  for (const [index, path] of kernel.modules.entries()) {
    const name = `modules/${String(index).padStart(2, '0')}-${moduleName(path)}.ko`;
    add({ name, mode: FileType.regular | 0o644, data: readModule(path) });
  }
  const iperf3 = required('iperf3', 'iperf3');
  add(program('usr/bin/iperf3', readFileSync(iperf3)));
  for (const library of sharedLibraries(iperf3)) {
    add(program(library.slice(1), readFileSync(realpathSync(library))));
  }
  return gzipSync(archive([...members.values()]), { level: GZIP_LEVEL });
}

function directory(name: string): CpioEntry {
  return { name, mode: FileType.directory | 0o755, data: new Uint8Array(0) };
}

function program(name: string, data: Uint8Array): CpioEntry {
  return { name, mode: FileType.regular | 0o755, data };
}

/** `a/b/c` has the parents `a` and `a/b`. */
function parents(name: string): readonly string[] {
  const parts = dirname(name).split('/');
  return parts[0] === '.' ? [] : parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function staticBusybox(): string {
  const path = required('busybox', 'busybox-static');
  if (sharedLibraries(path).length > 0) {
    throw new KithError(
      'unsupported',
      `${path} needs shared libraries: install busybox-static (apt-get install busybox-static).`,
    );
  }
  return path;
}

function required(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw new KithError(
    'unsupported',
    `${basename(name)} is missing: install it (apt-get install ${debianPackage}).`,
  );
}

/** The files the dynamic loader wants for a program, the loader among them; none for a static one. */
export function sharedLibraries(path: string): readonly string[] {
  let listed: string;
  try {
    listed = execFileSync('ldd', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return []; // ldd says "not a dynamic executable" with a failure
  }
  return parseLibraries(listed);
}

/** Reads what ldd printed: `name => /path (0x…)`, or `/path (0x…)` for the loader. */
export function parseLibraries(listed: string): readonly string[] {
  const paths = [...listed.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)];
  return [...new Set(paths.map((match) => match[1]!))];
}
