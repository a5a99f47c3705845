/**
 * A kernel for test guests: one that is installed, else one fetched before, else
 * Debian's cloud kernel, downloaded as a package and unpacked into the user's
 * cache. Nothing is installed on this machine, and no privilege is needed but
 * for package lists that were never fetched.
 */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { KithError } from '../../src/errors.ts';
import { moduleClosure } from './kernel-modules.ts';
import { cacheDirectory } from './places.ts';
import { findProgram, runProgram } from './program.ts';

export interface GuestKernel {
  readonly release: string;
  /** Path of the bootable image. */
  readonly image: string;
  /** Paths of the modules a guest loads, in order. */
  readonly modules: readonly string[];
}

/** The package that depends on the newest cloud kernel. */
const PACKAGE = 'linux-image-cloud-amd64';

/** What a guest needs beyond what the cloud kernel has built in. */
const WANTED_MODULES = ['virtio_pci', 'virtio_net'];

const DOWNLOAD_TIMEOUT = 10 * 60_000;

const MEND = `install a Debian kernel that this user may read (apt-get install ${PACKAGE})`;

/**
 * @param progress called before anything that takes longer than a second, with a phrase for it
 * @param more modules that not every guest needs; a kernel with them is cached by itself
 */
export async function findGuestKernel(
  progress: (what: string) => void,
  more: readonly string[] = [],
): Promise<GuestKernel> {
  if (process.arch !== 'x64') {
    throw new KithError('unsupported', 'The test guests are x86-64: run them on such a machine.');
  }
  const cache = join(cacheDirectory(), ['guest-kernel', ...more].join('-'));
  const wanted = [...WANTED_MODULES, ...more];
  return (
    installedKernel(wanted) ??
    cachedKernel(cache) ??
    (await downloadKernel(cache, wanted, progress))
  );
}

function installedKernel(wanted: readonly string[]): GuestKernel | undefined {
  const releases = listDirectory('/boot')
    .filter((name) => /^vmlinuz-.*-amd64$/.test(name))
    .map((name) => name.slice('vmlinuz-'.length))
    .sort((a, b) => Number(a.includes('cloud')) - Number(b.includes('cloud')) || compare(a, b));
  for (const release of releases.reverse()) {
    const image = `/boot/vmlinuz-${release}`;
    try {
      accessSync(image, constants.R_OK);
      return { release, image, modules: moduleClosure(`/lib/modules/${release}`, wanted) };
    } catch {
      // Not readable, or its modules are gone: another may do.
    }
  }
  return undefined;
}

/** A cached kernel is a directory `RELEASE` with `vmlinuz` and `modules/NN-name.ko…`. */
function cachedKernel(cache: string): GuestKernel | undefined {
  const release = listDirectory(cache)
    .filter((name) => existsSync(join(cache, name, 'vmlinuz')) && !name.startsWith('.'))
    .sort(compare)
    .at(-1);
  if (release === undefined) return undefined;
  const modules = join(cache, release, 'modules');
  return {
    release,
    image: join(cache, release, 'vmlinuz'),
    modules: readdirSync(modules)
      .sort()
      .map((name) => join(modules, name)),
  };
}

async function downloadKernel(
  cache: string,
  wanted: readonly string[],
  progress: (what: string) => void,
): Promise<GuestKernel> {
  if (findProgram('apt-get') === undefined || findProgram('dpkg-deb') === undefined) {
    throw new KithError('unsupported', `There is no kernel for the guests: ${MEND}.`);
  }
  const work = join(cache, `.${randomBytes(6).toString('hex')}`);
  mkdirSync(work, { recursive: true });
  try {
    const file = await downloadPackage(work, progress);
    progress('unpacking the guest kernel');
    const unpacked = join(work, 'unpacked');
    await must('dpkg-deb', ['-x', file, unpacked]);
    return keep(unpacked, work, cache, wanted);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function downloadPackage(work: string, progress: (what: string) => void): Promise<string> {
  let refreshed = false;
  const refresh = async (): Promise<boolean> => {
    if (refreshed || process.getuid?.() !== 0) return false;
    refreshed = true;
    progress('fetching the package lists');
    await runProgram('apt-get', ['-qq', 'update'], { timeout: DOWNLOAD_TIMEOUT });
    return true;
  };
  for (;;) {
    const name = await newestPackage();
    if (name !== undefined) {
      progress(`downloading ${name}`);
      const result = await runProgram('apt-get', ['-qq', 'download', name], {
        workingDirectory: work,
        timeout: DOWNLOAD_TIMEOUT,
      });
      const file = listDirectory(work).find((entry) => entry.endsWith('.deb'));
      if (result.code === 0 && file !== undefined) return join(work, file);
      // The lists may be older than the archive, which keeps no old packages.
      if (await refresh()) continue;
      throw new KithError(
        'system',
        `The guest kernel could not be downloaded (${lastLine(result.stderr)}): ${MEND}.`,
      );
    }
    if (await refresh()) continue;
    throw new KithError(
      'system',
      `The package lists do not know ${PACKAGE}: run apt-get update as root, or ${MEND}.`,
    );
  }
}

async function newestPackage(): Promise<string | undefined> {
  const shown = await runProgram('apt-cache', ['show', '--no-all-versions', PACKAGE], {
    environment: { LC_ALL: 'C' },
  });
  return /^Depends:.*?\b(linux-image-\d\S*)/m.exec(shown.stdout)?.[1];
}

/** Moves what guests need into the cache, in one step, so that an interrupted run leaves no half. */
function keep(
  unpacked: string,
  work: string,
  cache: string,
  wanted: readonly string[],
): GuestKernel {
  const image = listDirectory(join(unpacked, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  if (image === undefined) throw new KithError('system', `${PACKAGE} brought no kernel: ${MEND}.`);
  const release = image.slice('vmlinuz-'.length);
  const tree = ['lib', 'usr/lib']
    .map((lib) => join(unpacked, lib, 'modules', release))
    .find((path) => existsSync(path));
  const modules = moduleClosure(tree ?? unpacked, wanted);

  const kept = join(work, 'kept');
  mkdirSync(join(kept, 'modules'), { recursive: true });
  copyFileSync(join(unpacked, 'boot', image), join(kept, 'vmlinuz'));
  for (const [index, path] of modules.entries()) {
    const order = String(index).padStart(2, '0');
    writeFileSync(join(kept, 'modules', `${order}-${basename(path)}`), readFileSync(path));
  }
  try {
    renameSync(kept, join(cache, release));
  } catch (cause) {
    // Another process was quicker: its copy is as good.
    if (!existsSync(join(cache, release, 'vmlinuz'))) throw cause;
  }
  return cachedKernel(cache)!;
}

async function must(command: string, args: readonly string[]): Promise<void> {
  const result = await runProgram(command, args, { timeout: DOWNLOAD_TIMEOUT });
  if (result.code === 0) return;
  throw new KithError('system', `${command} failed (${lastLine(result.stderr)}): ${MEND}.`);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'it said nothing';
}

function listDirectory(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

/** Orders releases by their numbers: 6.1.0-9 before 6.1.0-10. */
function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
