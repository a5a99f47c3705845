import type { Command } from 'commander';
import type { NodeStatus } from '../../controller/node-api.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import type { Palette } from '../style.ts';
import { formatPairs } from '../table.ts';
import { formatOctets, formatSpan, plural } from '../units.ts';

export function addStatus(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'status', {
    summary: 'how the running node is',
    description:
      'Shows the running node at a glance: who it is, where friends reach it, where guests attach, and what it has counted.',
    examples: [
      ['kith status', 'for people'],
      ['kith status --json', 'for programs, with every counter'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.status(), render);
  });
}

function render(status: NodeStatus, palette: Palette): string {
  const { known, connected } = status.friends;
  const counted = Object.entries(status.counters).filter(([, value]) => value !== 0);
  const pairs: [string, string][] = [
    ['name', status.name],
    ['UID', status.uid],
    ['up for', `${formatSpan(status.uptime)} (process ${status.pid}, kith ${status.version})`],
    ['home', status.home],
    ['switch', status.switchDirectory],
    ['console', status.consoleSocket],
    ['listening', status.listening.join('  ') || 'nowhere'],
    ['friends', `${connected} of ${known} connected`],
    [
      'ports',
      `${plural(status.ports, 'port')}, ${plural(status.addresses, 'address', 'addresses')} learnt`,
    ],
    ['taps', status.taps.join(', ') || 'none'],
    ['groups', status.groups.join(', ') || 'none'],
    ['plaintext', status.plaintext],
    ['data plane', status.dataPlane],
    ['memory', formatOctets(status.memory.resident)],
  ];
  const counters = counted.map(([name, value]): [string, string] => [name, String(value)]);
  const head = formatPairs(pairs, palette.bold);
  return counters.length === 0 ? head : `${head}\n${formatPairs(counters, palette.dim)}`;
}
