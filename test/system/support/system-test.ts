/**
 * A test that needs more than Node: programs, privileges, a kernel for guests.
 * Where something is missing the test is skipped, its title says what for, and
 * `npm test` counts it; with CI=true a skip fails the run.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { findProgram } from '../../../integration/qemu/program.ts';
import { canBeOrdinaryUser } from './ordinary-user.ts';

/** Things other than programs that a test may need; any other word is a program's name. */
const CONDITIONS: Readonly<Record<string, () => boolean>> = {
  root: () => process.getuid?.() === 0,
  tun: () => canOpen('/dev/net/tun'),
  namespaces: canMakeNamespaces,
  'ordinary user': canBeOrdinaryUser,
  libvdeplug: () => existsSync('/usr/include/libvdeplug.h') && findProgram('cc') !== undefined,
  libvdemgmt: () => existsSync('/usr/include/libvdemgmt.h') && findProgram('cc') !== undefined,
  guests: () =>
    process.arch === 'x64' &&
    ['qemu-system-x86_64', 'busybox', 'iperf3'].every((name) => findProgram(name) !== undefined),
};

export interface SystemTestOptions {
  /**
   * 'root', 'tun', 'namespaces', 'ordinary user', 'libvdeplug', 'libvdemgmt', 'guests',
   * or names of programs.
   */
  readonly needs: readonly string[];
  /** Milliseconds the test may take; by default two minutes. */
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT = 120_000;

/** Declares a test that runs by itself, or a skipped one. */
export function systemTest(
  title: string,
  options: SystemTestOptions,
  implementation: (t: ExecutionContext) => Promise<void>,
): void {
  const missing = options.needs.filter((need) => !isMet(need));
  if (missing.length > 0) {
    test.serial.skip(`${title} [needs ${missing.join(', ')}]`, implementation);
    return;
  }
  test.serial(title, async (t) => {
    t.timeout(options.timeout ?? DEFAULT_TIMEOUT);
    await implementation(t);
  });
}

const known = new Map<string, boolean>();

function isMet(need: string): boolean {
  let met = known.get(need);
  if (met === undefined) {
    met = CONDITIONS[need]?.() ?? findProgram(need) !== undefined;
    known.set(need, met);
  }
  return met;
}

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function canMakeNamespaces(): boolean {
  const name = `kith-probe-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name], { stdio: 'ignore' }).status === 0;
  if (made) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
  return made;
}
