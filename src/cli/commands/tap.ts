import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ControlClient } from '../../controller/control-client.ts';
import type { TapRequest, TapStatus } from '../../controller/node-api-taps.ts';
import { KithError } from '../../errors.ts';
import {
  addPrintingCommand,
  clientOf,
  print,
  repeated,
  wholeNumberOption,
} from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import type { Palette } from '../style.ts';
import { formatTable } from '../table.ts';

/** Milliseconds to wait for a DHCP server, and between looks. */
const LEASE_PATIENCE = 15_000;
const LEASE_POLL = 200;

interface TapFlags {
  readonly name?: string;
  readonly ip?: readonly string[];
  readonly mac?: string;
  readonly mtu?: string;
  readonly netns?: string;
  readonly remove?: boolean;
  readonly list?: boolean;
}

export function addTap(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'tap', {
    summary: 'a network interface of this machine on the switch',
    description:
      'Gives this machine, or one of its network namespaces, an interface on the switch of the running node, and returns when it is up. It stays until --remove or the end of the node. The node needs CAP_NET_ADMIN for it (run it as root, say); without, `kith exec` runs single programs on the switch.',
    examples: [
      ['kith tap --ip 10.0.0.1/24', 'kith0, with an address'],
      ['kith tap --ip dhcp', 'the address that a DHCP server on the network gives'],
      ['kith tap --name lan0 --ip 10.0.0.1/24 --ip fd00::1/64', 'IPv4 and IPv6'],
      ['kith tap --netns blue --ip 10.0.0.2/24', 'in the namespace of `ip netns add blue`'],
      ['kith tap --list', 'the interfaces there are'],
      ['kith tap --remove --name lan0', 'take one away'],
    ],
  })
    .option('--name <name>', 'of the interface; %d becomes a free number (default: kith0)')
    .option(
      '--ip <address>',
      'an address with its prefix, or dhcp (repeatable)',
      repeated((text) => text),
    )
    .option('--mac <address>', 'the MAC address (default: the same at every start)')
    .option('--mtu <octets>', 'of payload in a frame (default: as DHCP says, else 1500)')
    .option('--netns <name>', 'the network namespace to put it into, by name or path')
    .option('--remove', 'take the interface away')
    .option('--list', 'list the interfaces')
    .action(async (flags: TapFlags, command: Command) => {
      const client = await clientOf(command, context);
      checkTogether(flags);
      if (flags.list) print(command, context, await client.taps(), renderList);
      else if (flags.remove) {
        const removed = await client.removeTap(nameToRemove(flags));
        print(command, context, removed, ({ name }) => `removed ${name}\n`);
      } else {
        const tap = await makeTap(client, await requestOf(flags));
        print(command, context, tap, renderTap);
      }
    });
}

/** The flags that say how an interface is to be. */
const SETTINGS = ['ip', 'mac', 'mtu'] as const;

function checkTogether(flags: TapFlags): void {
  const doing = flags.list ? '--list' : flags.remove ? '--remove' : undefined;
  if (doing === undefined) return;
  const alone = flags.list ? (['name', 'netns', 'remove', ...SETTINGS] as const) : SETTINGS;
  const extra = alone.find((each) => flags[each] !== undefined);
  if (extra === undefined) return;
  throw new KithError('usage', `${doing} goes without --${extra}; see \`kith tap --help\``);
}

/** As the node calls it; a name out of --list is good as it is. */
function nameToRemove({ name = 'kith0', netns }: TapFlags): string {
  return netns === undefined ? name : `${name}@${netns}`;
}

/** Checked here already, so that what is off is told in the words of the command line. */
async function requestOf({ name, ip, mac, mtu, netns }: TapFlags): Promise<TapRequest> {
  const { MAX_MTU, MIN_MTU } = await import('../../tap/interface-options.ts');
  const octets = wholeNumberOption('--mtu', MIN_MTU, MAX_MTU);
  const request = {
    ...(name === undefined ? {} : { name }),
    ...(ip === undefined ? {} : { ip }),
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu: octets(mtu) }),
    ...(netns === undefined ? {} : { netns }),
  };
  const { tapSettings } = await import('../../controller/tap-settings.ts');
  tapSettings(request, '');
  return request;
}

async function makeTap(client: ControlClient, request: TapRequest): Promise<TapStatus> {
  const made = await client.addTap(request);
  if (!made.dhcp) return made;
  const deadline = performance.now() + LEASE_PATIENCE;
  for (;;) {
    const now = (await client.taps()).find(({ name }) => name === made.name);
    if (now === undefined) {
      throw new KithError(
        'not-found',
        `${made.name} went away again; the log of the node says why`,
      );
    }
    if (now.addresses.length > made.addresses.length) return now;
    if (performance.now() > deadline) {
      throw new KithError(
        'system',
        `${made.name} is up on port ${made.port}, but no DHCP server has answered; the node keeps asking, and \`kith tap --list\` will show the address`,
      );
    }
    await sleep(LEASE_POLL);
  }
}

function renderTap({ name, addresses, port, mac }: TapStatus): string {
  const at = addresses.length === 0 ? '' : ` at ${addresses.join(', ')}`;
  return `${name} is up${at} on port ${port} (MAC ${mac})\n`;
}

function renderList(taps: readonly TapStatus[], palette: Palette): string {
  if (taps.length === 0) return 'no interfaces; `kith tap --ip 10.0.0.1/24` makes one\n';
  return formatTable(
    [
      { title: 'NAME', value: (tap) => tap.name },
      { title: 'PORT', align: 'right', value: (tap) => tap.port },
      { title: 'MAC', value: (tap) => tap.mac },
      { title: 'MTU', align: 'right', value: (tap) => tap.mtu },
      { title: 'ADDRESSES', value: addressesOf },
    ],
    taps,
    palette.bold,
  );
}

function addressesOf(tap: TapStatus): string {
  if (tap.attached) return 'another process has it';
  const asking = tap.dhcp ? ['by dhcp'] : [];
  return [...tap.addresses, ...asking].join(' ') || '-';
}
