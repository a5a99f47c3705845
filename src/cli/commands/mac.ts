import type { Command } from 'commander';
import type { MacStatus } from '../../controller/node-api-ports.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import type { Palette } from '../style.ts';
import { formatTable } from '../table.ts';
import { formatSpan } from '../units.ts';

export function addMac(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'mac', {
    summary: 'the addresses the switch has learnt',
    description:
      'Lists the filtering database of the switch: which MAC address was last heard on which port, and how long ago.',
    examples: [['kith mac', 'all addresses']],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.mac(), render);
  });
}

function render(entries: readonly MacStatus[], palette: Palette): string {
  if (entries.length === 0) return 'no address learnt yet; nobody has sent a frame\n';
  return formatTable(
    [
      { title: 'ADDRESS', value: (entry) => entry.mac },
      { title: 'VLAN', align: 'right', value: (entry) => entry.vlan },
      { title: 'PORT', align: 'right', value: (entry) => entry.port },
      {
        title: 'AGE',
        align: 'right',
        value: (entry) => (entry.static ? 'static' : formatSpan(entry.age)),
      },
    ],
    entries,
    palette.bold,
  );
}
