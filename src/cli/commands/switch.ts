import type { Command } from 'commander';
import type { NamedPort, SwitchChanges, SwitchStatus } from '../../controller/node-api-switch.ts';
import { KithError } from '../../errors.ts';
import { addPrintingCommand, clientOf, print, wholeNumberOption } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import type { Palette } from '../style.ts';
import { addKeeping, keptText, untilTheEnd } from '../switch-keep.ts';
import { formatPairs, formatTable } from '../table.ts';
import { formatSpan, parseSpan, plural } from '../units.ts';

/** As in the configuration (config-schema.ts), in milliseconds and slots. */
const AGEING = { least: 10_000, most: 1_000_000_000 };
const PERSISTENCE = { least: 0, most: 60_000 };
const COLLECTION = { least: 1000, most: 1_000_000_000 };
const SLOTS = { least: 4096, most: 1_048_576 };
const MOST_PER_PORT = 65_536;
const GREATEST_RATE = 2_000_000;
const GREATEST_VLAN = 4094;

const CLASSES = ['broadcast', 'multicast', 'unknown'] as const;

interface StormFlags {
  readonly broadcast?: number;
  readonly multicast?: number;
  readonly unknown?: number;
  readonly off?: boolean;
}

export function addSwitch(program: Command, context: CliContext): void {
  const parent = addPrintingCommand(program, 'switch', {
    summary: 'what is set of the switch; hub, ageing, storms, mirror, static addresses',
    description:
      'Shows what is set of the switch of the running node. What the commands below change holds at once and until the node ends, unless `kith switch save` keeps it; config.json says what holds from the start. A port is named by its number in `kith ports`, or by the friend or the interface there, and then follows it. VLANs are set in config.json or with `kith console`.',
    examples: [
      ['kith switch', 'all settings'],
      ['kith switch set --ageing 5min', 'forget addresses later'],
      ['kith switch storm --broadcast 500 --unknown 2000', 'limit floods of every port'],
      ['kith switch mirror kith0 --of bob', 'watch the link to bob on an interface'],
      ['kith switch address add 02:00:00:00:00:09 3', 'this station is behind port 3'],
      ['kith switch save', 'keep all that for the next start'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.switch(), render);
  });
  addSet(parent, context);
  addStorm(parent, context);
  addMirror(parent, context);
  addAddress(parent, context);
  addKeeping(parent, context);
}

function addSet(parent: Command, context: CliContext): void {
  addPrintingCommand(parent, 'set', {
    summary: 'hub mode, ageing, and the size of the address table',
    description:
      'Changes how the switch learns. An address that has not been heard of for the ageing time is forgotten in the next round through the table, which takes the collection time. A fresh address stays on its port for the persistence before it may move, so that nobody takes over a neighbour by one frame. A hub sends everything everywhere and learns nothing.',
    examples: [
      ['kith switch set --ageing 5min --collection 10s', 'forget later, and look less often'],
      ['kith switch set --per-port 64', 'a guest has at most 64 addresses'],
      ['kith switch set --hub on', 'be a hub'],
    ],
  })
    .option('--hub <on|off>', 'send every frame to every port', onOff)
    .option('--ageing <span>', 'forget an address after: 100s, 5min', span('--ageing', AGEING))
    .option(
      '--persistence <span>',
      'how long a fresh address stays on its port: 0s, 3s',
      span('--persistence', PERSISTENCE),
    )
    .option(
      '--collection <span>',
      'how long one round through the table takes: 2s',
      span('--collection', COLLECTION),
    )
    .option(
      '--per-port <n>',
      'the most addresses learnt on one port',
      wholeNumberOption('--per-port', 1, MOST_PER_PORT),
    )
    .option(
      '--table-size <n>',
      'slots for addresses, of which three quarters are used',
      wholeNumberOption('--table-size', SLOTS.least, SLOTS.most),
    )
    .action(async (flags: SetFlags, command: Command) => {
      const changes = changesOf(flags);
      if (Object.keys(changes).length === 0) {
        throw new KithError('usage', 'set what? say so, as in `kith switch set --ageing 5min`');
      }
      const client = await clientOf(command, context);
      print(command, context, await client.changeSwitch(changes), render);
    });
}

interface SetFlags {
  readonly hub?: boolean;
  readonly ageing?: number;
  readonly persistence?: number;
  readonly collection?: number;
  readonly perPort?: number;
  readonly tableSize?: number;
}

function changesOf(flags: SetFlags): SwitchChanges {
  const { hub, ageing, persistence, collection, perPort, tableSize } = flags;
  return {
    ...(hub === undefined ? {} : { hub }),
    ...(ageing === undefined ? {} : { ageing }),
    ...(persistence === undefined ? {} : { minPersistence: persistence }),
    ...(collection === undefined ? {} : { collection }),
    ...(perPort === undefined ? {} : { addressesPerPort: perPort }),
    ...(tableSize === undefined ? {} : { tableSize }),
  };
}

function addStorm(parent: Command, context: CliContext): void {
  addPrintingCommand(parent, 'storm [port]', {
    summary: 'how many frames a second a port may have flooded',
    description:
      'Limits what the switch sends everywhere on behalf of one port: broadcasts, frames to other groups, frames to stations that it does not know. What goes beyond is dropped and counted (`kith ports`: storm). Short bursts pass: a tenth of a second, and 32 frames at least. With PORT the limits are that port’s and count in place of those of every port, of which 0 lifts one. The flags replace what was set before; without any, the limits are listed.',
    examples: [
      ['kith switch storm --broadcast 500', 'every port: 500 broadcasts a second'],
      ['kith switch storm bob --broadcast 50 --unknown 100', 'the link to bob: less'],
      ['kith switch storm 3 --broadcast 0', 'port 3: as many as it likes'],
      ['kith switch storm bob --off', 'as every port again'],
    ],
  })
    .option('--broadcast <n>', 'broadcasts a second', rate('--broadcast'))
    .option('--multicast <n>', 'frames to other groups a second', rate('--multicast'))
    .option('--unknown <n>', 'frames to unknown stations a second', rate('--unknown'))
    .option('--off', 'no limits of its own any more')
    .action(async (port: string | undefined, flags: StormFlags, command: Command) => {
      const limits = limitsOf(flags);
      const changes = Object.keys(limits).length > 0;
      if (flags.off && changes) {
        throw new KithError(
          'usage',
          '--off goes without other flags; see `kith switch storm --help`',
        );
      }
      if (port !== undefined && !flags.off && !changes) {
        throw new KithError(
          'usage',
          `what about ${port}? say how much it may flood, as in \`kith switch storm ${port} --broadcast 100\`, or --off`,
        );
      }
      const client = await clientOf(command, context);
      const request = {
        ...(port === undefined ? {} : { port: referenceOf(port) }),
        limits: flags.off ? null : limits,
      };
      const asked = flags.off || changes;
      const status = await (asked ? client.limitStorms(request) : client.switch());
      print(command, context, status, (now, palette) => {
        return renderStorm(now, palette) + untilTheEnd(now);
      });
    });
}

function limitsOf(flags: StormFlags): Omit<StormFlags, 'off'> {
  const given = CLASSES.filter((each) => flags[each] !== undefined);
  return Object.fromEntries(given.map((each) => [each, flags[each]]));
}

function addMirror(parent: Command, context: CliContext): void {
  addPrintingCommand(parent, 'mirror [port]', {
    summary: 'a copy of what passes, on a port of its own',
    description:
      'Sends a copy of every frame that the switch takes to PORT, as it came in, or with --of only of those that enter or leave by that other port. There is one mirror. For a look into a file or Wireshark, `kith capture` needs no port and keeps the tags that frames leave with.',
    examples: [
      ['kith switch mirror 7', 'an analyser on port 7 sees everything'],
      ['kith switch mirror kith0 --of bob', 'the link to bob, on an interface'],
      ['kith switch mirror --off', 'no copies any more'],
    ],
  })
    .option('--of <port>', 'only what enters or leaves by this port')
    .option('--off', 'no copies any more')
    .action(
      async (
        port: string | undefined,
        { of, off }: { of?: string; off?: boolean },
        command: Command,
      ) => {
        if (off && (port ?? of) !== undefined) {
          throw new KithError('usage', '--off stands alone: there is one mirror');
        }
        if (!off && port === undefined && of !== undefined) {
          throw new KithError(
            'usage',
            'mirror it where? name a port, as in `kith switch mirror 7`',
          );
        }
        const client = await clientOf(command, context);
        const request = {
          to: port === undefined ? null : referenceOf(port),
          ...(of === undefined ? {} : { of: referenceOf(of) }),
        };
        const asked = off || port !== undefined;
        const status = await (asked ? client.mirror(request) : client.switch());
        print(command, context, status, (now) => `${mirrorText(now)}\n${untilTheEnd(now)}`);
      },
    );
}

function addAddress(parent: Command, context: CliContext): void {
  const address = addPrintingCommand(parent, 'address', {
    summary: 'static addresses: where stations are, whatever is heard',
    description:
      'Lists the static addresses. The switch sends frames to such an address to its port and nowhere else, before the station has said a word, and believes nobody else who uses it; frames are dropped while that port is down.',
    examples: [
      ['kith switch address', 'those there are'],
      ['kith switch address add 02:00:00:00:00:09 bob', 'the station is at bob’s'],
      ['kith switch address remove 02:00:00:00:00:09', 'wherever it is heard'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.switch(), renderLastingStatics);
  });
  const vlan = wholeNumberOption('--vlan', 0, GREATEST_VLAN);
  addPrintingCommand(address, 'add <mac> <port>', {
    summary: 'put a station behind a port',
    description:
      'Says that a station is behind a port, whatever was learnt or said of it before. It is the address of one station, in one VLAN.',
    examples: [['kith switch address add 02:00:00:00:00:09 3 --vlan 10', 'in VLAN 10']],
  })
    .option('--vlan <id>', 'the VLAN that the station is in (default: 0)', vlan)
    .action(
      async (mac: string, port: string, flags: { readonly vlan?: number }, command: Command) => {
        const client = await clientOf(command, context);
        const status = await client.setAddress({ mac, ...flagsOf(flags), port: referenceOf(port) });
        print(command, context, status, renderLastingStatics);
      },
    );
  addPrintingCommand(address, 'remove <mac>', {
    summary: 'learn where a station is, as with all others',
    description: 'Makes a static address one like all others, which is learnt where it is heard.',
    examples: [['kith switch address remove 02:00:00:00:00:09', 'no longer']],
  })
    .option('--vlan <id>', 'the VLAN that the station is in (default: 0)', vlan)
    .action(async (mac: string, flags: { readonly vlan?: number }, command: Command) => {
      const client = await clientOf(command, context);
      const status = await client.setAddress({ mac, ...flagsOf(flags), port: null });
      print(command, context, status, renderLastingStatics);
    });
}

function flagsOf({ vlan }: { readonly vlan?: number }): { vlan?: number } {
  return vlan === undefined ? {} : { vlan };
}

/** A number is that of a port, anything else a name. */
function referenceOf(text: string): number | string {
  return /^\d{1,4}$/.test(text) ? Number(text) : text;
}

function onOff(text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new KithError('usage', `--hub '${text}' must be on or off`);
}

function rate(flag: string): (text: string) => number {
  return wholeNumberOption(flag, 0, GREATEST_RATE);
}

function span(
  flag: string,
  { least, most }: { readonly least: number; readonly most: number },
): (text: string) => number {
  return (text) => {
    const value = parseSpan(text);
    if (value !== undefined && value >= least && value <= most) return value;
    throw new KithError(
      'usage',
      `${flag} '${text}' must be a time from ${least / 1000}s to ${most / 1000}s, such as 90s or 5min`,
    );
  };
}

// ---- what it looks like

function render(status: SwitchStatus, palette: Palette): string {
  const { hub, ageing, minPersistence, collection, addressesPerPort, tableSize, addresses, vlans } =
    status;
  const settings = formatPairs(
    [
      ['mode', hub ? 'hub: everything goes everywhere' : 'switch'],
      ['addresses', `${addresses} known, at most ${addressesPerPort} a port, ${tableSize} slots`],
      [
        'forgotten',
        `after ${formatSpan(ageing)}, in rounds of ${formatSpan(collection)}; may move after ${formatSpan(minPersistence)}`,
      ],
      ['multicast', status.snooping ? 'where IGMP and MLD want it' : 'everywhere'],
      ['VLANs', vlans === undefined ? 'none: tags pass as they are' : vlans.join(', ')],
      ['mirror', mirrorText(status)],
      ['storms', limitsText(status.storm.every)],
      ['static', plural(status.statics.length, 'address', 'addresses')],
      ['kept', keptText(status)],
    ],
    palette.bold,
  );
  const tables = [
    status.storm.ports.length === 0 ? [] : renderStorm(status, palette),
    status.statics.length === 0 ? [] : renderStatics(status, palette),
  ];
  return [settings, ...tables.flat()].join('\n') + untilTheEnd(status);
}

/** What counts at a port, all told. */
interface StormRow {
  readonly who: string;
  readonly limits: SwitchStatus['storm']['every'];
}

function renderStorm({ storm }: SwitchStatus, palette: Palette): string {
  const rows: StormRow[] = [
    { who: 'every port', limits: storm.every },
    ...storm.ports.map((port) => ({
      who: portText(port),
      limits: { ...storm.every, ...port.limits },
    })),
  ];
  return formatTable(
    [
      { title: 'STORM LIMITS', value: ({ who }) => who },
      ...CLASSES.map((name) => ({
        title: name.toUpperCase(),
        align: 'right' as const,
        value: ({ limits }: StormRow) => limits[name] || '-',
      })),
    ],
    rows,
    palette.bold,
  );
}

function renderLastingStatics(status: SwitchStatus, palette: Palette): string {
  return renderStatics(status, palette) + untilTheEnd(status);
}

function renderStatics({ statics }: SwitchStatus, palette: Palette): string {
  if (statics.length === 0) {
    return 'no static address; `kith switch address add MAC PORT` makes one\n';
  }
  return formatTable(
    [
      { title: 'STATIC ADDRESS', value: ({ mac }) => mac },
      { title: 'VLAN', align: 'right', value: ({ vlan }) => vlan },
      { title: 'PORT', value: portText },
    ],
    statics,
    palette.bold,
  );
}

function mirrorText({ mirror }: SwitchStatus): string {
  if (mirror === undefined) return 'none';
  const what = mirror.of === undefined ? 'everything' : `what passes ${portText(mirror.of)}`;
  return `${what}, copied to ${portText(mirror.to)}`;
}

function portText({ named, port }: NamedPort): string {
  if (typeof named === 'number') return `port ${named}`;
  return port === undefined ? `${named} (not here now)` : `${named} (port ${port})`;
}

function limitsText(limits: SwitchStatus['storm']['every']): string {
  const set = CLASSES.filter((name) => limits[name]);
  return set.map((name) => `${limits[name]} ${name}`).join(', ') || 'no limits';
}
