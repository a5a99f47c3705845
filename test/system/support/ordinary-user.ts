/**
 * An ordinary user, who may do what distributions let everybody do: make user namespaces
 * and open /dev/net/tun. A test that runs as root becomes `nobody`, with a device node of
 * its own in a mount namespace of its own; the machine's stays as it is.
 */
import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { projectRoot } from '../../../integration/qemu/places.ts';
import type { Program } from '../../../integration/qemu/program.ts';
import { startProgram } from './program.ts';
import { temporaryDirectory } from './temporary.ts';

/** `nobody` and `nogroup`. */
const USER = 65_534;

const KITH = [process.execPath, join(projectRoot, 'bin/kith')];

/** Character device 10, 200 is TUN's (Documentation/admin-guide/devices.txt). */
const OPEN_TUN =
  'mount -t tmpfs tmpfs /dev/net && mknod -m 0666 /dev/net/tun c 10 200 && exec "$@"';

/** The words before a program that make the user ordinary; none if he is already. */
function wordsBefore(tun: boolean): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const mount = [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    '--',
    'sh',
    '-c',
    OPEN_TUN,
    'sh',
  ];
  const user = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--'];
  return [...(tun ? mount : []), ...user];
}

/** Whether he may have namespaces and a TAP, and may read this directory. */
export function canBeOrdinaryUser(): boolean {
  const runs = (tun: boolean, command: readonly string[]): boolean => {
    const [file, ...args] = [...wordsBefore(tun), ...command];
    return spawnSync(file!, args, { stdio: 'ignore' }).status === 0;
  };
  const tun = ['sh', '-c', 'exec 3<>/dev/net/tun'];
  const namespaces = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--', 'true'];
  return runs(true, tun) && runs(true, namespaces) && runs(false, [...KITH, '--version']);
}

export interface OrdinaryUser {
  /** A directory that is his. */
  readonly home: string;
  /** Runs `kith` as him, to be watched; its home is his. */
  kith(command: string, ...args: readonly string[]): Program;
  /** The same without a /dev/net/tun that he may open. */
  kithWithoutTun(command: string, ...args: readonly string[]): Program;
}

/** A user with a home; both go with the test. */
export function ordinaryUser(t: ExecutionContext): OrdinaryUser {
  const home = temporaryDirectory(t);
  if (process.getuid?.() === 0) chownSync(home, USER, USER);
  const environment = { HOME: home, SHELL: '/bin/sh', KITH_HOME: join(home, 'kith') };
  const start = (tun: boolean, args: readonly string[]): Program => {
    const [file, ...rest] = [...wordsBefore(tun), ...KITH, ...args];
    const options = { environment, workingDirectory: home, name: `kith ${args[0]}` };
    return startProgram(t, file!, rest, options);
  };
  return {
    home,
    kith: (command, ...args) => start(true, [command, ...args]),
    kithWithoutTun: (command, ...args) => start(false, [command, ...args]),
  };
}

/** The same user with a node that is ready. */
export async function userWithNode(t: ExecutionContext): Promise<OrdinaryUser> {
  const user = ordinaryUser(t);
  const node = user.kithWithoutTun('up', '--name', 'node', '--listen', 'udp://127.0.0.1:0');
  await node.waitFor(/^ready\b/m, 30_000);
  return user;
}
