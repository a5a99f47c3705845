/**
 * System programs that the tests and the demo use, as Debian packages.
 *
 *   node scripts/system-packages.mjs demo     what `npm run demo` needs
 *   node scripts/system-packages.mjs test     what `npm test` needs
 *
 * What is missing is installed where that is allowed: as root or with a sudo
 * that asks nothing, and unless KITH_NO_INSTALL is set. Otherwise one line says
 * what to install, and the exit code is 1.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DEMO = ['demo', 'test'];
const TEST = ['test'];

/** What is looked for (a program or an absolute path), the package that has it, and who needs it. */
const NEEDS = [
  { find: 'qemu-system-x86_64', package: 'qemu-system-x86', for: DEMO },
  { find: 'busybox', package: 'busybox-static', for: DEMO, staticallyLinked: true },
  { find: 'iperf3', package: 'iperf3', for: DEMO },
  // The modules of newer kernels are packed.
  { find: 'xz', package: 'xz-utils', for: DEMO },
  { find: 'vde_switch', package: 'vde-switch', for: TEST },
  { find: 'vde_plug', package: 'vdeplug', for: TEST },
  { find: 'dpipe', package: 'vdeplug', for: TEST },
  { find: 'vde_plug2tap', package: 'vde2', for: TEST },
  { find: 'unixcmd', package: 'vde2', for: TEST },
  { find: 'vdeterm', package: 'vde2', for: TEST },
  { find: 'cc', package: 'build-essential', for: TEST },
  { find: '/usr/include/libvdeplug.h', package: 'libvdeplug-dev', for: TEST },
  { find: 'unixterm', package: 'vde2', for: TEST },
  { find: '/usr/include/libvdemgmt.h', package: 'libvde-dev', for: TEST },
  { find: 'tcpdump', package: 'tcpdump', for: TEST },
  { find: 'tshark', package: 'tshark', for: TEST },
  { find: 'socat', package: 'socat', for: TEST },
  { find: 'ip', package: 'iproute2', for: TEST },
  { find: 'ethtool', package: 'ethtool', for: TEST },
  { find: 'setpriv', package: 'util-linux', for: TEST },
  { find: 'ping', package: 'iputils-ping', for: TEST },
  { find: 'unshare', package: 'util-linux', for: TEST },
  { find: 'ovs-vswitchd', package: 'openvswitch-switch', for: TEST },
  { find: 'tshark', package: 'tshark', for: TEST },
  { find: 'dnsmasq', package: 'dnsmasq-base', for: TEST },
];

/** Where a program is, or undefined. */
export function findProgram(name) {
  if (name.startsWith('/')) return existsSync(name) ? name : undefined;
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return directories.map((directory) => `${directory}/${name}`).find((path) => existsSync(path));
}

function isThere(need) {
  const path = findProgram(need.find);
  if (path === undefined) return false;
  if (!need.staticallyLinked) return true;
  // ldd fails on a program that needs no loader.
  return spawnSync('ldd', [path], { stdio: 'ignore' }).status !== 0;
}

/** Packages that are missing for `purpose` ('demo' or 'test'), each once. */
export function missingPackages(purpose) {
  const missing = NEEDS.filter((need) => need.for.includes(purpose) && !isThere(need));
  return [...new Set(missing.map((need) => need.package))];
}

/** The words before apt-get with which this user may install, or undefined. */
function installer() {
  if (process.env.KITH_NO_INSTALL || findProgram('apt-get') === undefined) return undefined;
  if (process.getuid() === 0) return [];
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return sudo.status === 0 ? ['sudo', '-n'] : undefined;
}

function apt(prefix, args) {
  const options = ['-qq', '-o', 'Acquire::Retries=2', '-o', 'Dpkg::Use-Pty=0'];
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  const [command, ...rest] = [...prefix, ...environment, 'apt-get', ...options, ...args];
  return spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

/**
 * Installs what is missing, if it may.
 * @returns the packages that are still missing; it has been said on standard error what to do
 */
export function ensurePackages(purpose) {
  const missing = missingPackages(purpose);
  if (missing.length === 0) return [];
  const prefix = installer();
  if (prefix !== undefined) {
    console.error(`installing ${missing.join(' ')}`);
    const install = ['install', '--yes', '--no-install-recommends', ...missing];
    // Lists may be absent or older than the archive: fetch them when it fails.
    if (!apt(prefix, install)) apt(prefix, ['update']) && apt(prefix, install);
  }
  const left = missingPackages(purpose);
  if (left.length > 0) {
    console.error(`Some programs are missing: apt-get install ${left.join(' ')}`);
  }
  return left;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const purpose = process.argv[2];
  if (purpose !== 'demo' && purpose !== 'test') {
    console.error('usage: node scripts/system-packages.mjs demo|test');
    process.exit(2);
  }
  process.exit(ensurePackages(purpose).length === 0 ? 0 : 1);
}
