/**
 * Names inside: a resolv.conf of our own over /etc/resolv.conf, in our mount namespace, and
 * nothing where services of the machine answer by a socket, which knows of no namespace.
 *
 * Read first: resolv.conf(5); mount_namespaces(7); nss-resolve(8); nscd(8).
 *
 * The file has no name by the time somebody reads it, so it is gone with the namespace.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KithError } from '../../errors.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/**
 * Where the C library would ask outside, past resolv.conf: nss-resolve and nscd. Over a
 * socket that is none it goes on to the next service, which is `dns`.
 */
const OUTSIDE: readonly string[] = [
  '/run/systemd/resolve/io.systemd.Resolve',
  '/var/run/nscd/socket',
];
/** MAXNS of resolv.h: the C library asks no more. */
const MOST_SERVERS = 3;

export interface NameService {
  /** Numeric addresses, the preferred one first. */
  readonly dns: readonly string[];
  /** Where short names are looked up. */
  readonly domain?: string;
}

/** The text of a resolv.conf. */
export function resolverText({ dns, domain }: NameService): string {
  const search = domain === undefined ? [] : [`search ${domain}`];
  const servers = dns.slice(0, MOST_SERVERS).map((each) => `nameserver ${each}`);
  return ['# Made by kith exec.', ...search, ...servers, ''].join('\n');
}

/** Puts name services in place; each replaces the one before. Needs a mount namespace of its own. */
export class Resolver {
  #file: number | undefined;

  /** @throws KithError 'system' when /etc/resolv.conf cannot be covered */
  use(service: NameService): void {
    const text = resolverText(service);
    if (this.#file === undefined) this.#file = coverResolvConf(text);
    else {
      ftruncateSync(this.#file, 0);
      writeSync(this.#file, text, 0);
    }
  }
}

/** @returns the file that is in place now, open for writing */
function coverResolvConf(text: string): number {
  const directory = mkdtempSync(join(tmpdir(), 'kith-exec-'));
  try {
    const path = join(directory, 'resolv.conf');
    writeFileSync(path, text);
    chmodSync(path, 0o644);
    for (const socket of OUTSIDE) if (existsSync(socket)) cover(socket, '/dev/null');
    cover(RESOLV_CONF, path);
    return openSync(path, 'r+');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function cover(place: string, path: string): void {
  const mounted = spawnSync('mount', ['--no-mtab', '--bind', path, place], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (mounted.status === 0) return;
  const why = mounted.error?.message ?? mounted.stderr.trim().split('\n')[0].replace(/\.$/, '');
  throw new KithError(
    'system',
    `names are looked up as outside, because nothing can be mounted over ${place} (${why}); make it a file`,
  );
}
