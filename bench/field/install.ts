/**
 * `--install`: the programs of the field from Debian.
 *
 * What the release of this machine has is installed. Of three programs it may
 * have none, or one too old to be compared fairly: those are downloaded from a
 * newer release and unpacked into the cache, where they touch nothing.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, findTool, forgetTools, printedBy } from './tools.ts';

/** A program that is looked for, and the package that has it. */
const PACKAGES: readonly (readonly [program: string, name: string])[] = [
  ['ip', 'iproute2'],
  ['ping', 'iputils-ping'],
  ['iperf3', 'iperf3'],
  ['ethtool', 'ethtool'],
  ['openssl', 'openssl'],
  ['vde_switch', 'vde2'],
  ['vde_plug2tap', 'vde2'],
  ['vde_plug', 'vdeplug'],
  ['tincd', 'tinc'],
  ['openvpn', 'openvpn'],
  ['wg', 'wireguard-tools'],
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['busybox', 'busybox-static'],
];

interface NewerPackage {
  readonly suite: string;
  readonly names: readonly string[];
  readonly isHere: () => boolean;
}

/** The first wireguard-go with segmentation offloads of its own is of 2023. */
export const WIREGUARD_GO_SINCE = 2023;
/** The first n2n with a choice of ciphers. */
export const N2N_SINCE = 3;

const NEWER: readonly NewerPackage[] = [
  {
    suite: 'trixie',
    names: ['wireguard-go'],
    isHere: () => (wireguardGoYear() ?? 0) >= WIREGUARD_GO_SINCE,
  },
  { suite: 'trixie', names: ['nebula'], isHere: () => findTool('nebula') !== undefined },
  // It is built for a newer C library, which comes along.
  {
    suite: 'sid',
    names: ['n2n', 'libc6'],
    isHere: () => Number.parseInt(n2nVersion() ?? '0', 10) >= N2N_SINCE,
  },
];

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const ARCHIVE = 'http://deb.debian.org/debian';

/** The year in `wireguard-go v0.0.20230223`. */
export function wireguardGoYear(): number | undefined {
  const found = /v0\.0\.(\d{4})\d{4}/.exec(printedBy('wireguard-go', ['--version']));
  return found === null ? undefined : Number(found[1]);
}

/** `3.1.1` of `n2n v.3.1.1 …`, `1.3.1` of `Welcome to n2n v.1.3.1 …`. */
export function n2nVersion(): string | undefined {
  return /n2n v\.?\s*(\d[\w.]*)/.exec(printedBy('edge', ['-h']))?.[1];
}

/** Gets what is missing, as far as it can, and says through `say` what it does and what it cannot do. */
export function installField(say: (line: string) => void): void {
  if (findTool('apt-get') === undefined || findTool('dpkg') === undefined) {
    say('--install knows Debian only: install the programs of the field by other means');
    return;
  }
  const missing = PACKAGES.filter(([program]) => findTool(program) === undefined);
  const names = [...new Set(missing.map(([, name]) => name))];
  if (names.length > 0) {
    say(`installing ${names.join(' ')}`);
    if (!install(names)) say('apt-get failed: see above');
  }
  forgetTools();
  for (const { suite, names: wanted, isHere } of NEWER) {
    if (isHere()) continue;
    say(`fetching ${wanted.join(' and ')} of Debian ${suite} to ${cacheDirectory()}`);
    const problem = unpack(suite, wanted);
    if (problem !== undefined) say(`${wanted[0]} is not to be had: ${problem}`);
    forgetTools();
  }
}

function install(names: readonly string[]): boolean {
  const line = ['install', '--yes', '--no-install-recommends', ...names];
  // Lists may be absent or older than the archive: fetch them when it fails.
  return apt(line) || (apt(['update']) && apt(line));
}

function apt(args: readonly string[], directory?: string): boolean {
  const prefix = process.getuid?.() === 0 || directory !== undefined ? [] : ['sudo', '-n'];
  const quiet = ['-qq', '-o', 'Acquire::Retries=2', '-o', 'Dpkg::Use-Pty=0'];
  const line = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...quiet, ...args];
  const { status } = spawnSync(line[0], line.slice(1), {
    stdio: ['ignore', 'ignore', 'inherit'],
    ...(directory === undefined ? {} : { cwd: directory }),
  });
  return status === 0;
}

/** Downloads packages with lists and settings of their own. @returns what went wrong */
function unpack(suite: string, names: readonly string[]): string | undefined {
  if (!existsSync(KEYRING)) return `${KEYRING} is not here`;
  const work = mkdtempSync(join(tmpdir(), 'kith-bench-apt-'));
  try {
    for (const each of ['lists/partial', 'archives/partial']) {
      mkdirSync(join(work, each), { recursive: true });
    }
    const list = join(work, `${suite}.list`);
    writeFileSync(list, `deb [signed-by=${KEYRING}] ${ARCHIVE} ${suite} main\n`);
    const own = [
      ...['-o', `Dir::Etc::sourcelist=${list}`, '-o', 'Dir::Etc::sourceparts=-'],
      ...['-o', `Dir::State::lists=${join(work, 'lists')}`, '-o', `Dir::Cache=${work}`],
      ...['-o', 'APT::Sandbox::User=root'],
    ];
    if (!apt([...own, 'update'], work)) return `the list of ${suite} cannot be fetched`;
    if (!apt([...own, 'download', ...names], work)) return `${suite} has no such package`;
    mkdirSync(cacheDirectory(), { recursive: true });
    for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      const { status } = spawnSync('dpkg', ['-x', join(work, file), cacheDirectory()]);
      if (status !== 0) return `dpkg cannot unpack ${file}`;
    }
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
