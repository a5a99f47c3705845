import type { Command } from 'commander';
import type { StpPortRequest, StpStatus } from '../../controller/node-api-ports.ts';
import { KithError } from '../../errors.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { type Palette, printable } from '../style.ts';
import { formatPairs, formatTable } from '../table.ts';
import { portPaint } from './ports.ts';

type PortStatus = StpStatus['ports'][number];
type Settings = Omit<StpPortRequest, 'port'>;
/** commander makes '' of null. */
type Flags = Omit<Settings, 'cost'> & { readonly cost?: number | 'auto' };

/** The largest Port Path Cost (IEEE 802.1D-2004, Table 17-3). */
const MOST_COST = 200_000_000;

export function addStp(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'stp [port]', {
    summary: 'the spanning tree: bridge and ports, costs and guards',
    description:
      'Shows what the Rapid Spanning Tree Protocol has made of the circle: which bridge is the root, which way it lies, and the role and state of each port. A Discarding port is no fault: it keeps a loop open. With PORT and flags, changes how that port takes part until the node ends; `kith switch save` keeps it longer. PORT is the number of a port, or a friend or an interface that hangs there.',
    examples: [
      ['kith stp', 'bridge and ports'],
      ['kith stp bob --cost 500000', 'go by way of bob only when nothing else is left'],
      ['kith stp bob --cost auto', 'let the cost follow the link again'],
      ['kith stp bob --root-guard on', 'the root is never behind bob'],
      ['kith stp 3 --bpdu-guard on', 'the guest on port 3 must not bridge'],
      ['kith stp 3 --recover', 'it has been told; try again'],
    ],
  })
    .option('--cost <n>', `Port Path Cost, 1 to ${MOST_COST}, or auto: as the link is`, cost)
    .option('--edge <on|off>', 'forwards at once, until a BPDU comes in', onOff('--edge'))
    .option('--bpdu-guard <on|off>', 'a BPDU disables the port', onOff('--bpdu-guard'))
    .option('--root-guard <on|off>', 'the root is never behind the port', onOff('--root-guard'))
    .option(
      '--change-guard <on|off>',
      'topology changes heard there are not passed on',
      onOff('--change-guard'),
    )
    .option('--recover', 'let a port that BPDU guard disabled try again')
    .action(async (port: string | undefined, flags: Flags, command: Command) => {
      const client = await clientOf(command, context);
      const settings = settingsOf(flags);
      const changes = Object.keys(settings).length > 0;
      if (port === undefined && !changes) {
        print(command, context, await client.stp(), render);
        return;
      }
      if (port === undefined) {
        throw new KithError('usage', 'which port? name one, as in `kith stp bob --root-guard on`');
      }
      if (!changes) {
        const mend = `say how, as in \`kith stp ${port} --root-guard on\``;
        throw new KithError('usage', `what about ${port}? ${mend}`);
      }
      const reference = /^\d{1,4}$/.test(port) ? Number(port) : port;
      const done = await client.setStpPort({ port: reference, ...settings });
      print(command, context, { ...done, ...settings }, ({ port: number, name }) => {
        const lasts = Object.keys(settings).some((each) => each !== 'recover');
        const end = lasts ? ', until the node ends (`kith switch save` keeps it)' : '';
        return `${printable(name)} (port ${number}): ${describe(settings)}${end}\n`;
      });
    });
}

const FLAGS = [
  ...['cost', 'edge', 'bpduGuard', 'rootGuard', 'changeGuard', 'recover'],
] as readonly (keyof Flags)[];

/** The flags that were given. */
function settingsOf(flags: Flags): Settings {
  const given = FLAGS.filter((each) => flags[each] !== undefined);
  return Object.fromEntries(
    given.map((each) => [each, flags[each] === 'auto' ? null : flags[each]]),
  );
}

/** @throws KithError 'usage' */
function cost(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= MOST_COST) return value;
  throw new KithError('usage', `--cost '${text}' must be a number from 1 to ${MOST_COST}, or auto`);
}

function onOff(flag: string): (text: string) => boolean {
  return (text) => {
    if (text === 'on' || text === 'off') return text === 'on';
    throw new KithError('usage', `${flag} '${text}' must be on or off`);
  };
}

/** As the flags that were given. */
function describe(settings: Settings): string {
  const { cost: wanted, edge, bpduGuard, rootGuard, changeGuard, recover } = settings;
  const said = (word: string, on: boolean | undefined) =>
    on === undefined ? [] : `${word} ${on ? 'on' : 'off'}`;
  const words = [
    wanted === undefined ? [] : `cost ${wanted ?? 'auto'}`,
    said('edge', edge),
    said('bpdu-guard', bpduGuard),
    said('root-guard', rootGuard),
    said('change-guard', changeGuard),
    recover ? 'tries again' : [],
  ];
  return words.flat().join(', ');
}

function render(stp: StpStatus, palette: Palette): string {
  if (!stp.enabled) return 'the spanning tree is off (stp.enabled in config.json)\n';
  const root = stp.isRoot ? 'this bridge' : `cost ${stp.rootPathCost} by port ${stp.rootPort}`;
  const head = formatPairs(
    [
      ['bridge', stp.bridgeId],
      ['root', `${stp.rootId} (${root})`],
      ['topology changes', String(stp.topologyChanges)],
    ],
    palette.bold,
  );
  if (stp.ports.length === 0) return head;
  const table = formatTable(
    [
      { title: 'PORT', align: 'right', value: (port) => port.port },
      { title: 'ROLE', value: (port) => port.role },
      {
        title: 'STATE',
        value: (port) => port.state,
        paint: (port) => portPaint(port.state, palette),
      },
      { title: 'COST', align: 'right', value: (port) => port.pathCost },
      { title: 'EDGE', value: (port) => (port.edge ? 'yes' : 'no') },
      {
        title: 'GUARD',
        value: guardOf,
        paint: (port) => (port.guard === 'none' ? palette.dim : palette.warn),
      },
      { title: 'DESIGNATED BRIDGE', value: (port) => port.designatedBridge },
    ],
    stp.ports,
    palette.bold,
  );
  return `${head}\n${table}`;
}

/** The guards that are set; in capitals those that act now. */
function guardOf({ guard, bpduGuard, rootGuard, changeGuard }: PortStatus): string {
  const words = [
    bpduGuard ? (guard === 'bpdu-guard' ? 'BPDU' : 'bpdu') : [],
    rootGuard ? (guard === 'root-guard' ? 'ROOT' : 'root') : [],
    changeGuard ? 'change' : [],
  ];
  return words.flat().join(' ') || '-';
}
