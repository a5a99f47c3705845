import { isIP } from 'node:net';
import type { Command } from 'commander';
import { KithError } from '../../errors.ts';
import { addCommand, clientOf, homeOf, repeated, wholeNumberOption } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import type { ExecPlan, Identity } from '../exec/plan.ts';
import { ExitStatus } from '../exit-status.ts';

const INTERFACE = 'eth0';
const DHCP = 'dhcp';
const SHELL = '/bin/sh';

/** Whom the command runs as. */
const USERS = ['self', 'root'] as const;

interface ExecFlags {
  readonly ip?: readonly string[];
  readonly name?: string;
  readonly mac?: string;
  readonly mtu?: string;
  readonly gateway?: string;
  readonly dns?: readonly string[];
  readonly user?: string;
}

export function addExec(program: Command, context: CliContext): void {
  addCommand(program, 'exec [command...]', {
    summary: 'run a command on the switch, without root',
    description:
      "Runs a command, by default your shell, in a network of its own: loopback and one interface on the switch of the running node, with an address from DHCP or from --ip. Files, terminal and user stay yours; the machine's own network is out of reach. When the command ends, the interface goes, and the exit code is the command's. Inside, KITH_EXEC_INTERFACE and KITH_EXEC_ADDRESS name the interface and its first address.",
    examples: [
      ['kith exec', 'a shell on the switch, with an address from DHCP'],
      ['kith exec --ip 10.0.0.5/24', 'the same with an address of your choice'],
      ['kith exec --ip 10.0.0.5/24 -- ping 10.0.0.1', 'one command'],
      ['kith exec --ip 10.0.0.5/24 -- python3 -m http.server 80', 'a server for your friends'],
      ['kith exec --ip dhcp --ip fd00::5/64', 'IPv4 from DHCP, and IPv6'],
      ['kith exec --ip 10.0.0.5/24 --gateway 10.0.0.1 --dns 10.0.0.1', 'a way out, and names'],
      [
        'kith exec --user root --ip 10.0.0.1/24 -- dnsmasq -d',
        'root of that network, and of nothing else',
      ],
    ],
  })
    .passThroughOptions()
    .option(
      '--ip <address>',
      'an address with its prefix, or dhcp (repeatable; default: dhcp)',
      repeated((text) => text),
    )
    .option('--name <name>', `of the interface (default: ${INTERFACE})`)
    .option('--mac <address>', 'the MAC address (default: another one each time)')
    .option('--mtu <octets>', 'of payload in a frame (default: as DHCP says, else 1500)')
    .option('--gateway <address>', 'the way to other networks (default: as DHCP says)')
    .option(
      '--dns <address>',
      'a name server (repeatable; default: as DHCP says)',
      repeated((text) => numeric('--dns', text)),
    )
    .option('--user <who>', "self, or root: who may change that network's settings (default: self)")
    .action(async (words: readonly string[], flags: ExecFlags, command: Command) => {
      const { checkMachine, checkProgram, thisMachine } = await import('../exec/namespaces.ts');
      const { launch } = await import('../exec/launch.ts');
      const plan = await planOf(words, flags, homeOf(command, context), context.env);
      checkProgram(plan.command[0], context.env.PATH ?? '', thisMachine);
      // A node that is not there is told before anything is made.
      await (await clientOf(command, context)).status();
      checkMachine(thisMachine);
      throw new ExitStatus(await launch(plan, context));
    });
}

/** All checks that need neither node nor machine. @throws KithError 'usage' */
async function planOf(
  words: readonly string[],
  flags: ExecFlags,
  home: string,
  env: CliContext['env'],
): Promise<ExecPlan> {
  const { MAX_MTU, MIN_MTU } = await import('../../tap/interface-options.ts');
  const { tapSettings } = await import('../../controller/tap-settings.ts');
  const { ip = [DHCP], name = INTERFACE, mac, gateway, dns = [], user = 'self' } = flags;
  const request = {
    name,
    ip,
    ...(mac === undefined ? {} : { mac }),
    ...(flags.mtu === undefined
      ? {}
      : { mtu: wholeNumberOption('--mtu', MIN_MTU, MAX_MTU)(flags.mtu) }),
  };
  tapSettings(request, '');
  const identity = identityOf(user);
  return {
    home,
    ...request,
    ...(gateway === undefined ? {} : { gateway: numeric('--gateway', gateway) }),
    dns,
    ...(identity === undefined ? {} : { identity }),
    command: words.length > 0 ? words : [env.SHELL || SHELL],
  };
}

/** @returns undefined for root: that is what the namespace makes of anybody */
function identityOf(user: string): Identity | undefined {
  if (user === 'root') return undefined;
  if (user !== 'self') {
    throw new KithError('usage', `--user '${user}' must be one of ${USERS.join(', ')}`);
  }
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  return uid === 0 ? undefined : { uid, gid };
}

function numeric(flag: string, text: string): string {
  if (isIP(text) !== 0 && !text.includes('%')) return text;
  throw new KithError('usage', `${flag} '${text}' must be an address such as 10.0.0.1 or fd00::1`);
}
