/**
 * Whether this machine lets its users have namespaces and TAPs, and what to do if not.
 *
 * Read first: user_namespaces(7), unshare(1); Documentation/networking/tuntap.rst.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { KithError } from '../../errors.ts';

const TUN = '/dev/net/tun';

/** The words before a program that runs it in namespaces of its own, as root there. */
export const UNSHARE: readonly string[] = [
  'unshare',
  '--user',
  '--map-root-user',
  '--net',
  '--mount',
  '--',
];

/** Switches of the kernel that forbid it, and how each is set to allow it. */
const SWITCHES: readonly { name: string; off: string; on: string }[] = [
  { name: 'kernel.unprivileged_userns_clone', off: '0', on: '1' },
  { name: 'kernel.apparmor_restrict_unprivileged_userns', off: '1', on: '0' },
  { name: 'user.max_user_namespaces', off: '0', on: '10000' },
  { name: 'user.max_net_namespaces', off: '0', on: '10000' },
  { name: 'user.max_mnt_namespaces', off: '0', on: '10000' },
];

/** What is asked of the machine. */
export interface Machine {
  /** Runs a program to its end. @returns its exit code, or undefined if there is none such; and what it said */
  run(command: readonly string[]): { readonly status: number | undefined; readonly said: string };
  /** @returns undefined, or the code of the error that opening it for reading and writing meets */
  access(path: string): string | undefined;
  /** Whether there is such a file, and whether it may be run. */
  program(path: string): 'runnable' | 'not-runnable' | 'missing';
  /** The value of a sysctl, if there is one. */
  sysctl(name: string): string | undefined;
}

/** @throws KithError 'unsupported' or 'permission', with the mend */
export function checkMachine(machine: Machine): void {
  const trouble = machine.access(TUN);
  if (trouble !== undefined) throw tunTrouble(trouble);
  const { status, said } = machine.run([...UNSHARE, 'true']);
  if (status === 0) return;
  if (status === undefined) {
    throw new KithError(
      'unsupported',
      'there is no program unshare in $PATH; install util-linux, which has it',
    );
  }
  const found = SWITCHES.find(({ name, off }) => machine.sysctl(name) === off);
  if (found !== undefined) {
    throw new KithError(
      'unsupported',
      `this machine keeps user namespaces from its users (${found.name} is ${found.off}); as root: \`sysctl -w ${found.name}=${found.on}\``,
    );
  }
  throw new KithError(
    'unsupported',
    `no namespaces can be made here (${said || 'unshare failed'}); in a container, allow the system call unshare, and elsewhere ask for user namespaces`,
  );
}

function tunTrouble(code: string): KithError {
  if (code === 'EACCES' || code === 'EPERM') {
    return new KithError(
      'permission',
      `you may not open ${TUN}; as root: \`chmod 0666 ${TUN}\`, and for good a udev rule: KERNEL=="tun", MODE="0666" (it gives nobody a right outside of namespaces of his own)`,
    );
  }
  return new KithError(
    'unsupported',
    `there is no ${TUN} (${code}); as root: \`modprobe tun\`, or give the container that device`,
  );
}

export const thisMachine: Machine = {
  run([file, ...args]) {
    const { status, error, stderr } = spawnSync(file, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    const missing = (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    return {
      status: missing ? undefined : (status ?? 1),
      said: (stderr ?? '').trim().split('\n')[0],
    };
  },
  access(path) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'an unknown error';
    }
  },
  program(path) {
    // A directory of $PATH that we may not look into is as good as empty.
    if (!existsSync(path)) return 'missing';
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile() ? 'runnable' : 'not-runnable';
    } catch {
      return 'not-runnable';
    }
  },
  sysctl(name) {
    try {
      return readFileSync(join('/proc/sys', name.replaceAll('.', '/')), 'utf8').trim();
    } catch {
      return undefined;
    }
  },
};

/**
 * Makes sure that there is such a program, which is told better before than after.
 * @param search $PATH
 * @throws KithError 'no-program' or 'not-runnable'
 */
export function checkProgram(program: string, search: string, machine: Machine): void {
  const places = program.includes('/')
    ? [program]
    : search.split(delimiter).map((directory) => join(directory || '.', program));
  const found = places.map((place) => machine.program(place));
  if (found.includes('runnable')) return;
  const there = places[found.indexOf('not-runnable')];
  if (there !== undefined) {
    throw new KithError(
      'not-runnable',
      `you may not run ${there}; check that it is a program, and its mode with \`ls -l\``,
    );
  }
  const where = program.includes('/') ? '' : ' in $PATH';
  throw new KithError(
    'no-program',
    `there is no program '${program}'${where}; check the spelling, or write its path`,
  );
}
