import type { Command } from 'commander';
import type { WhyReport } from '../../controller/node-api-friends.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { type Palette, printable } from '../style.ts';
import { formatPairs } from '../table.ts';
import { shortUid } from '../units.ts';

export function addWhy(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'why <friend>', {
    summary: 'how the link to a friend came to be what it is',
    description:
      'Explains a link: whether it is sealed or in the clear, by which carrier it runs, or why there is none, with everything that was weighed, in order. FRIEND is a name, a UID, or the beginning of one.',
    examples: [
      ['kith why bob', 'by name'],
      ['kith why 1f0c9a', 'by the beginning of the UID'],
    ],
  }).action(async (friend: string, _options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.why(friend), render);
  });
}

function render(report: WhyReport, palette: Palette): string {
  const who = report.friendName || shortUid(report.friend);
  const head = `${palette.bold(printable(who))} is ${report.state}: ${printable(report.answer)}\n`;
  if (report.inputs.length === 0) return head;
  const inputs = formatPairs(
    report.inputs.map(({ name, value }) => [name, value] as const),
    palette.dim,
  );
  return `${head}\n${inputs}`;
}
