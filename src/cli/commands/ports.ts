import type { Command } from 'commander';
import type { PortStatus } from '../../controller/node-api-ports.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import type { Paint, Palette } from '../style.ts';
import { formatTable } from '../table.ts';

export function addPorts(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'ports', {
    summary: 'the ports of the switch: guests, interfaces and links',
    description:
      'Lists the ports of the switch. A port is a cable of a guest on this machine (vde), an interface of the machine itself (tap) or a link to a friend; its role and state are those of the spanning tree. DROPPED says how many frames went no further, and why; docs/switch.md explains the words.',
    examples: [
      ['kith ports', 'all ports'],
      ['kith ports --json', 'with every counter'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.ports(), render);
  });
}

function render(ports: readonly PortStatus[], palette: Palette): string {
  if (ports.length === 0) return 'nothing is attached; `kith up` printed how to attach a guest\n';
  return formatTable(
    [
      { title: 'PORT', align: 'right', value: (port) => port.port },
      { title: 'KIND', value: (port) => port.kind },
      {
        title: 'STATE',
        value: (port) => port.state,
        paint: (port) => portPaint(port.state, palette),
      },
      { title: 'ROLE', value: (port) => port.role },
      { title: 'COST', align: 'right', value: (port) => port.pathCost },
      { title: 'CABLES', align: 'right', value: (port) => port.endpoints },
      { title: 'IN', align: 'right', value: ({ counters }) => counters.framesIn ?? 0 },
      { title: 'OUT', align: 'right', value: ({ counters }) => counters.framesOut ?? 0 },
      { title: 'DROPPED', value: ({ counters }) => droppedOf(counters) },
      { title: 'WHO', value: (port) => port.description || '-' },
    ],
    ports,
    palette.bold,
  );
}

/** Frames that went no further, by reason: `storm 120, vlan 3`. */
function droppedOf(counters: PortStatus['counters']): string {
  const reasons = Object.entries(counters).flatMap(([name, count]) => {
    const reason = /^drop([A-Z]\w*)$/.exec(name)?.[1];
    return reason === undefined || count === 0 ? [] : `${decapitalised(reason)} ${count}`;
  });
  return reasons.join(', ') || '-';
}

/** `groupSource` of `GroupSource`. */
function decapitalised(text: string): string {
  return text[0].toLowerCase() + text.slice(1);
}

/** Of a Port State of the spanning tree. */
export function portPaint(state: string, palette: Palette): Paint {
  if (state === 'forwarding') return palette.good;
  return state === 'learning' ? palette.warn : palette.dim;
}
