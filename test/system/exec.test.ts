/** `kith exec`, as a user without any privilege: networks, exits, and what stays behind. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../integration/qemu/places.ts';
import type { Program } from '../../integration/qemu/program.ts';
import { exitCodeOf } from '../../src/cli/exec/command-run.ts';
import type { PortStatus } from '../../src/controller/node-api-ports.ts';
import { type OrdinaryUser, ordinaryUser, userWithNode } from './support/ordinary-user.ts';
import { waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';

const NEEDS = ['ordinary user', 'ip', 'ping', 'unshare'];
/** Milliseconds for a command inside to say its first word, on a busy machine. */
const START = 30_000;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits for the end of a command without input. */
async function ran(program: Program): Promise<Ran> {
  program.endInput();
  const { code, signal } = await program.ended;
  const { stdout, stderr } = program;
  return { code: exitCodeOf(code, signal), stdout, stderr };
}

async function ports(user: OrdinaryUser): Promise<readonly PortStatus[]> {
  const { stdout } = await ran(user.kithWithoutTun('ports', '--json'));
  return JSON.parse(stdout) as PortStatus[];
}

async function noPorts(user: OrdinaryUser): Promise<void> {
  await waitUntil('free ports', async () => (await ports(user)).length === 0);
}

/** A command that says `here` and stays, at an address. */
async function stays(user: OrdinaryUser, address: string, script: string): Promise<Program> {
  const program = user.kith('exec', '--ip', address, '--', 'sh', '-c', script);
  await program.waitFor(/^here$/m, START);
  return program;
}

const STAY = 'echo here; while :; do sleep 0.1; done';
const DEAF = `trap "" TERM HUP; ${STAY}`;

/** Processes whose command line has the word. */
function processesWith(word: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(word);
    } catch {
      return false; // it ended while we looked
    }
  });
}

systemTest('a command has its network, its user and its exit code', { needs: NEEDS }, async (t) => {
  const user = await userWithNode(t);
  const script =
    'id -u; id -g; echo $KITH_EXEC_INTERFACE $KITH_EXEC_ADDRESS; ip -brief address; cat; exit 42';
  const args = ['--ip', '10.9.0.5/24', '--ip', 'fd00::5/64', '--mac', '02:00:00:00:00:05'];
  const program = user.kith('exec', ...args, '--', 'sh', '-c', script);
  program.write('from standard input\n');
  const { code, stdout, stderr } = await ran(program);
  t.is(code, 42, stderr);
  const [uid, gid, named, ...rest] = stdout.split('\n');
  const expected = process.getuid?.() === 0 ? 65_534 : process.getuid?.();
  t.is(uid, String(expected));
  t.is(gid, process.getuid?.() === 0 ? '65534' : String(process.getgid?.()));
  t.is(named, 'eth0 10.9.0.5');
  t.regex(rest.join('\n'), /^lo .*127\.0\.0\.1\/8/m);
  t.regex(rest.join('\n'), /^eth0 .*10\.9\.0\.5\/24.*fd00::5\/64/m);
  t.regex(rest.join('\n'), /^from standard input$/m);
  t.is(stderr, '');
  t.deepEqual(await ports(user), []);
});

systemTest(
  'two commands on one node reach each other, and root may look',
  { needs: NEEDS },
  async (t) => {
    const user = await userWithNode(t);
    const server = await stays(user, '10.9.0.1/24', STAY);
    const ping = ['ping', '-n', '-c', '3', '-i', '0.2', '-W', '5', '10.9.0.1'];
    const asUser = await ran(user.kith('exec', '--ip', '10.9.0.2/24', '--', ...ping));
    t.is(asUser.code, 0, asUser.stdout + asUser.stderr);
    t.regex(asUser.stdout, /\b0% packet loss/);
    const root = ['--user', 'root', '--ip', '10.9.0.3/24', '--gateway', '10.9.0.1'];
    const script =
      'id -u; ip route show default; ip address add 10.9.1.1/24 dev eth0 && echo added';
    const asRoot = await ran(user.kith('exec', ...root, '--', 'sh', '-c', script));
    t.is(asRoot.stdout, '0\ndefault via 10.9.0.1 dev eth0 proto static \nadded\n', asRoot.stderr);
    t.is((await ports(user)).length, 1);
    server.kill('SIGKILL');
    await noPorts(user);
  },
);

systemTest(
  'an address, a way out and names from a real DHCP server on the switch',
  { needs: [...NEEDS, 'dnsmasq'] },
  async (t) => {
    const user = await userWithNode(t);
    const server = user.kith(
      ...(['exec', '--user', 'root', '--ip', '10.9.0.1/24', '--', 'dnsmasq'] as const),
      ...['--no-daemon', '--user=root', '--conf-file=/dev/null', '--pid-file=', '--interface=eth0'],
      ...['--no-hosts', '--no-resolv', '--domain=lab.example', '--dhcp-authoritative'],
      ...['--address=/attic.lab.example/10.9.0.1', '--dhcp-range=10.9.0.100,10.9.0.120,120'],
      ...['--dhcp-option=option:mtu,1400', `--dhcp-leasefile=${join(user.home, 'leases')}`],
    );
    await server.waitFor(/DHCP, IP range/, START);
    const outside = readFileSync('/etc/resolv.conf', 'utf8');
    const script =
      'ip -brief address show eth0; ip route show default; cat /sys/class/net/eth0/mtu; cat /etc/resolv.conf; getent hosts attic; ping -n -c 1 -W 5 attic';
    const { code, stdout, stderr } = await ran(user.kith('exec', '--', 'sh', '-c', script));
    t.is(code, 0, stdout + stderr);
    t.regex(stdout, /^eth0 .*10\.9\.0\.1[0-2]\d\/24/m);
    t.regex(stdout, /^default via 10\.9\.0\.1 dev eth0/m);
    t.regex(stdout, /^search lab\.example\nnameserver 10\.9\.0\.1$/m);
    t.regex(stdout, /^10\.9\.0\.1 +attic\.lab\.example$/m);
    t.regex(stdout, /\b0% packet loss/);
    t.is(readFileSync('/etc/resolv.conf', 'utf8'), outside);
    await server.waitFor(/DHCPRELEASE\(eth0\) 10\.9\.0\.1/, START);
    t.is(readdirSync(tmpdir()).filter((name) => name.startsWith('kith-exec-')).length, 0);
  },
);

systemTest(
  'names are asked for inside, whatever would answer outside',
  { needs: NEEDS },
  async (t) => {
    const user = await userWithNode(t);
    // A machine as with systemd-resolved and nscd, whose sockets are there to be asked.
    const sockets = '/run/systemd/resolve/io.systemd.Resolve /run/nscd/socket';
    const listen =
      'for (const path of process.argv.slice(1)) require("node:net").createServer().listen(path); setTimeout(() => process.kill(process.pid, "SIGKILL"), 100)';
    const look = `cat /etc/resolv.conf; for each in ${sockets}; do if test -S $each; then echo $each answers; fi; done`;
    const kith = [process.execPath, join(projectRoot, 'bin/kith'), 'exec', '--ip', '10.9.0.6/24'];
    const script = `mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/resolve /run/nscd || exit
      ${process.execPath} -e '${listen}' ${sockets}
      for each in ${sockets}; do test -S $each || exit; done
      ${kith.join(' ')} --dns 10.9.0.1 -- sh -c '${look}'`;
    const { code, stdout, stderr } = await ran(
      user.kith('exec', '--user', 'root', '--ip', '10.9.0.5/24', '--', 'sh', '-c', script),
    );
    t.is(code, 0, stderr);
    t.is(stdout, '# Made by kith exec.\nnameserver 10.9.0.1\n');
  },
);

systemTest(
  'a lease is prolonged; when nobody does that, it goes and another one comes',
  { needs: [...NEEDS, 'busybox'], timeout: 180_000 },
  async (t) => {
    const user = await userWithNode(t);
    for (const last of [100, 150]) {
      const lines = [
        `start 10.9.0.${last}\nend 10.9.0.${last}\ninterface eth0\nmin_lease 5`,
        `lease_file ${user.home}/leases${last}\npidfile ${user.home}/pid${last}`,
        'option subnet 255.255.255.0\noption lease 10\n',
      ];
      writeFileSync(join(user.home, `conf${last}`), lines.join('\n'));
    }
    // The second server knows nothing of the first one's leases.
    const servers = `cd ${user.home}; touch leases100 leases150
      busybox udhcpd -f conf100 & while ! [ -e next ]; do sleep 0.1; done; kill $!; wait
      exec busybox udhcpd -f conf150`;
    const server = user.kith(
      ...(['exec', '--user', 'root', '--ip', '10.9.0.1/24', '--', 'sh', '-c', servers] as const),
    );
    await server.waitFor(/started/, START);
    const watch = 'while :; do ip -brief address show eth0; sleep 0.5; done';
    const client = user.kith('exec', '--', 'sh', '-c', watch);
    await client.waitFor(/10\.9\.0\.100\/24/, START);
    await waitUntil('a renewal', () => (server.output.match(/sending ACK/g) ?? []).length >= 2);
    writeFileSync(join(user.home, 'next'), '');
    await client.waitFor(/10\.9\.0\.150\/24/, 90_000);
    t.notRegex(client.stdout.trim().split('\n').at(-1) ?? '', /10\.9\.0\.100/);
    t.regex(client.stdout, /^eth0 +\S+ +(fe80\S+ *)?$/m);
  },
);

systemTest('a server that is not there: an error that names --ip', { needs: NEEDS }, async (t) => {
  const user = await userWithNode(t);
  const { code, stderr, stdout } = await ran(user.kith('exec', '--', 'echo', 'never'));
  t.is(code, 7);
  t.regex(stderr, /^kith: no DHCP server answered on the switch within 10 s; .*--ip.*\n$/);
  t.is(stdout, '');
  t.deepEqual(await ports(user), []);
});

systemTest('signals reach the command, and its death is ours', { needs: NEEDS }, async (t) => {
  const user = await userWithNode(t);
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const) {
    const program = await stays(user, '10.9.0.1/24', STAY);
    process.kill(program.pid!, signal);
    t.is((await ran(program)).code, code, signal);
  }
  const polite = 'trap "exit 9" TERM; echo here; while :; do sleep 0.1; done';
  const program = await stays(user, '10.9.0.1/24', polite);
  process.kill(program.pid!, 'SIGTERM');
  t.is((await ran(program)).code, 9);
  t.deepEqual(await ports(user), []);
});

systemTest('a command that is deaf to SIGTERM is killed', { needs: NEEDS }, async (t) => {
  const user = await userWithNode(t);
  const patient = await stays(user, '10.9.0.1/24', DEAF);
  process.kill(patient.pid!, 'SIGTERM');
  t.is((await ran(patient)).code, 137);
  const hurried = await stays(user, '10.9.0.1/24', DEAF);
  process.kill(hurried.pid!, 'SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 300));
  process.kill(hurried.pid!, 'SIGTERM');
  t.is((await ran(hurried)).code, 137);
  t.deepEqual(await ports(user), []);
});

systemTest(
  'whoever is killed, the port is free and no process stays',
  { needs: NEEDS },
  async (t) => {
    const user = await userWithNode(t);
    const word = `kith-mark-${process.pid}`;
    const script = `set -- ${word}; ${STAY}`;
    const marked = (program: Program) =>
      waitUntil('the end of everything', async () => {
        await ran(program);
        return processesWith(script).length === 0;
      });
    const outer = await stays(user, '10.9.0.1/24', script);
    process.kill(outer.pid!, 'SIGKILL');
    await marked(outer);
    await noPorts(user);

    const inner = await stays(user, '10.9.0.1/24', script);
    const children = readFileSync(`/proc/${inner.pid}/task/${inner.pid}/children`, 'utf8');
    process.kill(Number(children.trim().split(' ')[0]), 'SIGKILL');
    await marked(inner);
    t.is(inner.end?.code, 1);
    t.regex(inner.stderr, /^kith: the process that runs the command was ended from outside .*\n$/);
    await noPorts(user);
  },
);

systemTest('a node that ends is told of, and the command goes on', { needs: NEEDS }, async (t) => {
  const user = await userWithNode(t);
  const script =
    'echo here; while ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done; echo gone';
  const program = await stays(user, '10.9.0.1/24', script);
  t.is((await ran(user.kithWithoutTun('down'))).code, 0);
  const { code, stdout, stderr } = await ran(program);
  t.is(code, 0);
  t.regex(stdout, /^gone$/m);
  t.regex(stderr, /^kith: the node let go of eth0, .*run it again\n$/);
});

systemTest('mistakes and obstacles have one sentence each', { needs: NEEDS }, async (t) => {
  const user = ordinaryUser(t);
  const single = async (program: Program, code: number, sentence: RegExp) => {
    const result = await ran(program);
    t.is(result.code, code, result.stderr);
    t.regex(result.stderr, sentence);
    t.is(result.stderr.trim().split('\n').length, 1);
    t.is(result.stdout, '');
  };
  await single(user.kith('exec', '--', 'true'), 5, /^kith: no node is running in .*`kith up`/);
  const node = user.kithWithoutTun('up', '--listen', 'udp://127.0.0.1:0');
  await node.waitFor(/^ready\b/m, 30_000);
  const far = ['--ip', '10.9.0.1/24', '--gateway', '10.8.0.1'];
  await single(
    user.kith('exec', ...far, '--', 'true'),
    2,
    /^kith: --gateway '10\.8\.0\.1' must be/,
  );
  await single(
    user.kith('exec', '--', 'no-such-program'),
    127,
    /^kith: there is no program 'no-such/,
  );
  await single(user.kith('exec', '--', '/etc/passwd'), 126, /^kith: you may not run/);
  t.deepEqual(await ports(user), []);
  // Where everybody may open the device there is nothing to complain about.
  const isOpen = (statSync('/dev/net/tun').mode & 0o006) === 0o006;
  if (isOpen) return;
  const shut = user.kithWithoutTun('exec', '--', 'true');
  await single(shut, 8, /^kith: you may not open \/dev\/net\/tun; .*chmod 0666/);
});
