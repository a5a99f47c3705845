import type { Command } from 'commander';
import type { StpStatus } from '../../controller/node-api.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import type { Palette } from '../style.ts';
import { formatPairs, formatTable } from '../table.ts';
import { portPaint } from './ports.ts';

export function addStp(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'stp', {
    summary: 'the spanning tree',
    description:
      'Shows what the Rapid Spanning Tree Protocol has made of the circle: which bridge is the root, which way it lies, and the role and state of each port. A Discarding port is no fault: it keeps a loop open.',
    examples: [['kith stp', 'bridge and ports']],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.stp(), render);
  });
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
      { title: 'DESIGNATED BRIDGE', value: (port) => port.designatedBridge },
    ],
    stp.ports,
    palette.bold,
  );
  return `${head}\n${table}`;
}
