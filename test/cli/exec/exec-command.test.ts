/** `kith exec` as far as it goes without a namespace: its help and its mistakes. */
import test from 'ava';
import { run, temporaryHome } from '../run-cli.ts';

test('the help teaches', async (t) => {
  const { stdout, code } = await run(['exec', '--help']);
  t.is(code, 0);
  t.regex(stdout, /Usage: kith exec \[options\] \[command\.\.\.\]/);
  for (const word of ['KITH_EXEC_INTERFACE', 'kith exec --ip 10.0.0.5/24 -- ping', '--user root']) {
    t.true(stdout.includes(word), word);
  }
});

test('mistakes on the command line have one sentence each', async (t) => {
  const home = await temporaryHome(t);
  for (const [args, code, sentence] of [
    [['--ip', '10.0.0.5'], 2, /^kith: --ip '10\.0\.0\.5' must be .*prefix/],
    [['--ip', 'dhpc'], 2, /^kith: --ip 'dhpc' must be dhcp, or .*prefix/],
    [['--name', 'a/b'], 2, /^kith: --name 'a\/b' must be/],
    [['--mac', '01:00:00:00:00:01'], 2, /^kith: --mac .* must be/],
    [['--mtu', '100'], 2, /^kith: --mtu '100' must be a whole number from 576/],
    [['--gateway', 'router'], 2, /^kith: --gateway 'router' must be an address/],
    [['--dns', 'fe80::1%eth0'], 2, /^kith: --dns .* must be an address/],
    [['--user', 'me'], 2, /^kith: --user 'me' must be one of self, root/],
    [
      ['--', 'kith-no-such-program'],
      127,
      /^kith: there is no program 'kith-no-such-program' in \$PATH/,
    ],
    [['--', '/etc/passwd'], 126, /^kith: you may not run \/etc\/passwd/],
    [['--', 'true'], 5, /^kith: no node is running in/],
  ] as const) {
    const env = { PATH: process.env.PATH ?? '' };
    const result = await run(['exec', '--home', home, ...args], { env });
    t.is(result.code, code, args.join(' '));
    t.regex(result.stderr, sentence);
    t.is(result.stderr.trim().split('\n').length, 1);
    t.is(result.stdout, '');
  }
});

test("options behind the command are the command's", async (t) => {
  const home = await temporaryHome(t);
  const env = { PATH: process.env.PATH ?? '' };
  const { code, stderr } = await run(['exec', '--home', home, 'sh', '--mtu', 'x', '-c'], { env });
  t.is(code, 5, stderr);
});
