/**
 * The directory that is a VDE switch to its clients: `ctl` and a data socket for
 * each endpoint.
 *
 * Read first: docs/protocol/vde.md.
 *
 * Whoever listens on `ctl` owns the directory. What a switch that died left
 * behind is cleared away; a switch that lives is never disturbed.
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { KithError } from '../../errors.ts';
import { MAX_PATH_LENGTH } from './sockaddr.ts';

/** The control socket's name. */
export const CONTROL_NAME = 'ctl';

/** Octets kept for the name of a data socket: port, dot, serial number. */
const DATA_NAME_LENGTH = 12;

/** The longest directory whose sockets all fit an address. */
const MAX_DIRECTORY_LENGTH = MAX_PATH_LENGTH - 1 - DATA_NAME_LENGTH;

/** Names of our data sockets, and of the sockets that clients of libvdeplug make here. */
const DATA_NAME = /^\d{3,}\.\d+$/;
const CLIENT_NAME = /^\.\d{5,}-\d{5,}$/;

export interface ControlDirectoryOptions {
  readonly path: string;
  /** Permission bits, set when the directory is made or taken over. */
  readonly mode: number;
  /** Group of the directory; absent: as the system makes it. */
  readonly group?: number;
}

export class ControlDirectory {
  /** Absolute, without symbolic links: what clients are told. */
  readonly path: string;
  readonly #removable: boolean;

  private constructor(path: string, removable: boolean) {
    this.path = path;
    this.#removable = removable;
  }

  /**
   * Makes the directory, or takes over one that no switch lives in. KithError
   * 'already-running' when one does, 'config' or 'permission' when it cannot be used.
   */
  static async open(options: ControlDirectoryOptions): Promise<ControlDirectory> {
    const wanted = resolve(options.path);
    checkLength(wanted);
    const made = makeDirectory(wanted);
    const path = guarded(`use ${wanted}`, () => realpathSync(wanted));
    checkLength(path);
    const control = join(path, CONTROL_NAME);
    const takenOver = await clearStaleControl(control);
    if (made || takenOver) {
      guarded(`set the mode and group of ${path}`, () => {
        if (options.group !== undefined) chownSync(path, -1, options.group);
        chmodSync(path, options.mode);
      });
    }
    // Nobody listens here, so a data socket has nobody behind it.
    removeSockets(path, DATA_NAME);
    return new ControlDirectory(path, made || takenOver);
  }

  get controlPath(): string {
    return join(this.path, CONTROL_NAME);
  }

  /** The path of a data socket; the port is written with three digits at least. */
  dataPath(port: number, serial: number): string {
    return join(this.path, `${String(port).padStart(3, '0')}.${serial}`);
  }

  /**
   * Removes every socket of the switch, and the directory if it was made or taken
   * over by us and holds nothing else. Sockets that clients left are useless by then.
   */
  remove(): void {
    rmSync(this.controlPath, { force: true });
    removeSockets(this.path, DATA_NAME);
    if (!this.#removable) return;
    removeSockets(this.path, CLIENT_NAME);
    try {
      rmdirSync(this.path);
    } catch {
      // Somebody keeps other things in it: theirs.
    }
  }
}

function checkLength(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= MAX_DIRECTORY_LENGTH) return;
  throw new KithError(
    'config',
    `The switch directory ${path} is ${length} octets long and a socket in it needs ${MAX_DIRECTORY_LENGTH} or fewer; choose a shorter one with --switch DIR.`,
  );
}

/** @returns whether it was not there before */
function makeDirectory(path: string): boolean {
  return guarded(`make the switch directory ${path}`, () => {
    mkdirSync(dirname(path), { recursive: true });
    try {
      mkdirSync(path, { mode: 0o700 });
      return true;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    return false;
  });
}

/** Removes a control socket that nobody listens on. @returns whether there was one */
async function clearStaleControl(control: string): Promise<boolean> {
  const found = guarded(`look at ${control}`, () => lstatSync(control, { throwIfNoEntry: false }));
  if (found === undefined) return false;
  if (!found.isSocket()) {
    throw new KithError(
      'config',
      `${control} is not a socket; move it away or choose another directory with --switch DIR.`,
    );
  }
  const outcome = await probe(control);
  if (outcome === 'ENOENT') return false;
  if (outcome === 'ECONNREFUSED') {
    guarded(`remove the stale ${control}`, () => rmSync(control, { force: true }));
    return true;
  }
  if (outcome === 'EACCES' || outcome === 'EPERM') {
    throw new KithError(
      'permission',
      `${control} belongs to somebody else; choose another directory with --switch DIR.`,
    );
  }
  throw alreadyRunning(control);
}

export function alreadyRunning(control: string): KithError {
  return new KithError(
    'already-running',
    `A switch listens on ${control} already; stop it first or choose another directory with --switch DIR.`,
  );
}

/** Connects and hangs up. @returns the error code, or undefined when somebody answered */
function probe(path: string): Promise<string | undefined> {
  return new Promise((settle) => {
    const connection = createConnection(path);
    connection.on('connect', () => {
      connection.destroy();
      settle(undefined);
    });
    connection.on('error', (error) => settle(codeOf(error)));
  });
}

function removeSockets(directory: string, name: RegExp): void {
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch {
    return; // It is gone, and so are they.
  }
  for (const entry of entries) {
    const path = join(directory, entry);
    if (!name.test(entry)) continue;
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path, { force: true });
  }
}

/** Runs a file operation; its failure becomes one sentence. */
function guarded<T>(doing: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      const mend = 'check who owns it or choose another directory with --switch DIR';
      throw new KithError('permission', `Cannot ${doing}: ${code}; ${mend}.`, { cause });
    }
    const mend = 'choose another directory with --switch DIR';
    throw new KithError('config', `Cannot ${doing}: ${code ?? String(cause)}; ${mend}.`, { cause });
  }
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
