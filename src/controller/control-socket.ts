/**
 * The name `<home>/control.sock`: whoever holds it is the node of that home.
 *
 * A Unix socket outlives its process as a file, so a name that is taken says
 * little: it is asked. To publish, a socket is bound under a private name and
 * then linked to the public one, which fails if the name is taken. A stale name
 * is removed first; between looking and removing nobody else may publish, so all
 * of it is done under a lock: an abstract socket, which the system takes back from
 * whoever dies (unix(7), "Abstract namespace").
 */
import { createHash } from 'node:crypto';
import { link, lstat, stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KithError } from '../errors.ts';

/** sockaddr_un: 108 octets with the terminating zero. */
const LONGEST_SOCKET_PATH = 107;

/** How long a process may take to accept before it counts as alive but busy, in milliseconds. */
const PROBE_TIMEOUT = 2000;

/**
 * Milliseconds to wait for the lock, and between attempts. Whoever holds it longer
 * is no node (one only asks a socket under it), and is not let stand in the way.
 */
const LOCK_PATIENCE = 2 * PROBE_TIMEOUT;
const LOCK_RETRY = 10;

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
  const lock = await takeLock(dirname(publicPath));
  try {
    if (!(await tryLink(privatePath, publicPath))) {
      if (!(await isSocket(publicPath))) {
        throw new KithError(
          'system',
          `${publicPath} is no socket; move it away, Kith needs the name`,
        );
      }
      if (await isAlive(publicPath)) throw alreadyRunning(publicPath);
      await unlinkQuietly(publicPath);
      if (!(await tryLink(privatePath, publicPath))) throw alreadyRunning(publicPath);
    }
    await unlink(privatePath);
  } finally {
    lock?.close();
  }
}

function alreadyRunning(publicPath: string): KithError {
  return new KithError(
    'already-running',
    `a node is already running in ${dirname(publicPath)}; end it with \`kith down\`, or give this one its own --home`,
  );
}

/** @returns what to close afterwards; undefined when the lock could not be had in time */
async function takeLock(home: string): Promise<Server | undefined> {
  const { dev, ino } = await stat(home, { bigint: true });
  const name = `\0kith-${createHash('sha256').update(`${dev}:${ino}`).digest('hex')}`;
  const deadline = performance.now() + LOCK_PATIENCE;
  while (performance.now() < deadline) {
    const server = await tryListen(name);
    if (server !== undefined) return server;
    await sleep(LOCK_RETRY);
  }
  return undefined;
}

function tryListen(name: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(name, () => resolve(server));
  });
}

/** Takes a name back, unless somebody else holds it by now. To be called while the socket still listens. */
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
