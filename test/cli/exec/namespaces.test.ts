/** What this machine allows, and the sentence for each thing it does not. */
import test from 'ava';
import {
  checkMachine,
  checkProgram,
  type Machine,
  thisMachine,
} from '../../../src/cli/exec/namespaces.ts';
import { KithError } from '../../../src/errors.ts';

function machine(facts: {
  readonly status?: number | undefined;
  readonly said?: string;
  readonly tun?: string;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly programs?: readonly string[];
  readonly files?: readonly string[];
}): Machine {
  return {
    run: () => ({ status: 'status' in facts ? facts.status : 0, said: facts.said ?? '' }),
    access: () => facts.tun,
    sysctl: (name) => facts.sysctls?.[name],
    program: (path) => {
      if (facts.programs?.includes(path)) return 'runnable';
      return facts.files?.includes(path) ? 'not-runnable' : 'missing';
    },
  };
}

const FREE = {
  'kernel.unprivileged_userns_clone': '1',
  'kernel.apparmor_restrict_unprivileged_userns': '0',
  'user.max_user_namespaces': '96365',
};

test('a machine that allows everything', (t) => {
  t.notThrows(() => checkMachine(machine({})));
});

test('each obstacle has one sentence with the mend', (t) => {
  for (const [facts, code, sentence] of [
    [{ tun: 'EACCES' }, 'permission', /`chmod 0666 \/dev\/net\/tun`.*udev rule: KERNEL=="tun"/],
    [{ tun: 'ENOENT' }, 'unsupported', /no \/dev\/net\/tun \(ENOENT\).*`modprobe tun`/],
    [{ status: undefined }, 'unsupported', /no program unshare.*install util-linux/],
    [
      { status: 1, sysctls: { ...FREE, 'kernel.unprivileged_userns_clone': '0' } },
      'unsupported',
      /`sysctl -w kernel\.unprivileged_userns_clone=1`/,
    ],
    [
      { status: 1, sysctls: { ...FREE, 'kernel.apparmor_restrict_unprivileged_userns': '1' } },
      'unsupported',
      /`sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0`/,
    ],
    [
      { status: 1, sysctls: { ...FREE, 'user.max_user_namespaces': '0' } },
      'unsupported',
      /`sysctl -w user\.max_user_namespaces=10000`/,
    ],
    [
      { status: 1, said: 'unshare: unshare failed: Operation not permitted', sysctls: FREE },
      'unsupported',
      /no namespaces can be made here \(unshare: unshare failed: Operation not permitted\)/,
    ],
  ] as const) {
    const error = t.throws(() => checkMachine(machine(facts)), { instanceOf: KithError });
    t.is(error?.code, code);
    t.regex(error?.message ?? '', sentence);
    t.notRegex(error?.message ?? '', /\n/);
  }
});

test('a program is looked for as a shell does', (t) => {
  const files = ['/etc/passwd', '/a/ls', '/bin/notes'];
  const here = machine({ programs: ['/bin/ls', './run', 'b/tool'], files });
  t.notThrows(() => checkProgram('ls', '/a:/bin', here));
  t.notThrows(() => checkProgram('ls', '/usr/bin:/bin', here));
  t.notThrows(() => checkProgram('/bin/ls', '', here));
  t.notThrows(() => checkProgram('./run', '/bin', here));
  t.notThrows(() => checkProgram('tool', '/a:b', here));
  for (const [program, code, sentence] of [
    ['lss', 'no-program', /no program 'lss' in \$PATH/],
    ['', 'no-program', /no program '' in \$PATH/],
    ['/bin/lss', 'no-program', /no program '\/bin\/lss'; check/],
    ['/etc/passwd', 'not-runnable', /may not run \/etc\/passwd; check/],
    ['notes', 'not-runnable', /may not run \/bin\/notes; check/],
  ] as const) {
    const error = t.throws(() => checkProgram(program, '/bin', here), { instanceOf: KithError });
    t.is(error?.code, code);
    t.regex(error?.message ?? '', sentence);
  }
});

test('the machine we are on answers', (t) => {
  t.is(thisMachine.run(['sh', '-c', 'echo no >&2; exit 3']).status, 3);
  t.is(thisMachine.run(['sh', '-c', 'echo no >&2; exit 3']).said, 'no');
  t.is(thisMachine.run(['kith-no-such-program']).status, undefined);
  t.is(thisMachine.access('/dev/null'), undefined);
  t.is(thisMachine.access('/no/such/file'), 'ENOENT');
  t.is(thisMachine.program('/bin/sh'), 'runnable');
  t.is(thisMachine.program('/bin'), 'not-runnable');
  t.is(thisMachine.program('/etc/passwd'), 'not-runnable');
  t.is(thisMachine.program('/no/such/file'), 'missing');
  t.is(thisMachine.sysctl('kernel.ostype'), 'Linux');
  t.is(thisMachine.sysctl('kernel.no.such'), undefined);
});
