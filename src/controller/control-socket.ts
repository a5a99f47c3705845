/**
 * The name `<home>/control.sock`: whoever holds it is the node of that home.
 *
 * A Unix socket outlives its process as a file, so a name that is taken says
 * little: it is asked. To publish, a socket is bound under a private name and
 * then linked to the public one, which fails if somebody was faster.
 */
import { link, lstat, rename, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { KithError } from '../errors.ts';

/** sockaddr_un: 108 octets with the terminating zero. */
const LONGEST_SOCKET_PATH = 107;

/** How long a process may take to accept before it counts as alive but busy, in milliseconds. */
const PROBE_TIMEOUT = 2000;

/** Another attempt for each neighbour that was ending just then. */
const CLAIM_ATTEMPTS = 5;

export function controlSocketPath(home: string): string {
  return join(home, 'control.sock');
}

/** @throws KithError 'address' when the system could not bind to it */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > LONGEST_SOCKET_PATH) {
    throw new KithError(
      'address',
      `${path} is too long for a socket (${length} of at most ${LONGEST_SOCKET_PATH} octets); choose a shorter home with --home`,
    );
  }
}

/**
 * Gives a bound and listening socket its public name.
 * @param privatePath where it is bound now; the name is gone afterwards
 * @throws KithError 'already-running' if a live process holds the public name,
 *   'system' if something that is no socket does
 */
export async function publishSocket(privatePath: string, publicPath: string): Promise<void> {
  for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
    if (await tryLink(privatePath, publicPath)) {
      await unlink(privatePath);
      return;
    }
    const before = await inodeOf(publicPath);
    if (before === undefined) continue;
    if (!(await isSocket(publicPath))) {
      throw new KithError(
        'system',
        `${publicPath} is no socket; move it away, Kith needs the name`,
      );
    }
    if (await isAlive(publicPath)) break;
    await removeStale(publicPath, `${privatePath}-`, before);
  }
  throw new KithError(
    'already-running',
    `a node is already running in ${dirname(publicPath)}; end it with \`kith down\`, or give this one its own --home`,
  );
}

/** Takes a name back, unless somebody else holds it by now. */
export async function withdrawSocket(path: string, inode: bigint): Promise<void> {
  if ((await inodeOf(path)) === inode) await unlinkQuietly(path);
}

export async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await lstat(path, { bigint: true })).ino;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSocket();
  } catch (error) {
    // Gone in the meantime: nothing to complain about.
    if (codeOf(error) === 'ENOENT') return true;
    throw error;
  }
}

/** Whether somebody accepts at a path. Only a refusal says no. */
export function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(PROBE_TIMEOUT, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', (error) => {
      const code = codeOf(error);
      settle(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  });
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Between the probe and now a third process may have put its own socket there,
 * so the name is moved aside, looked at, and put back if it is not the stale one.
 */
async function removeStale(path: string, aside: string, stale: bigint): Promise<void> {
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if ((await inodeOf(aside)) !== stale) await tryLink(aside, path);
  await unlinkQuietly(aside);
}

async function unlinkQuietly(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
