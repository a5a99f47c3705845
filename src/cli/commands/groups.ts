import type { Command } from 'commander';
import type { GroupStatus } from '../../controller/node-api.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import type { Palette } from '../style.ts';
import { formatTable } from '../table.ts';

export function addGroups(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'groups', {
    summary: 'the security groups this node is in',
    description:
      'Lists the security groups of this node. A link is sealed when both ends prove at least one group in common; without one, Ethernet goes in the clear, or not at all if `plaintext` is "never". Groups without a key are known by their name alone.',
    examples: [
      ['kith groups', 'our groups, and who shares them now'],
      ['kith up --group lab:$KEY', 'be in the group lab only'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.groups(), render);
  });
}

function render(groups: readonly GroupStatus[], palette: Palette): string {
  if (groups.length === 0) return 'in no group: no link of this node is sealed\n';
  return formatTable(
    [
      { title: 'GROUP', value: (group) => group.name },
      { title: 'PROOF', value: (group) => (group.keyed ? 'key' : 'name') },
      { title: 'SHARED NOW WITH', value: (group) => group.sharedWith.join(', ') || '-' },
    ],
    groups,
    palette.bold,
  );
}
