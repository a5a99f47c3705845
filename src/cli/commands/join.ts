import type { Command } from 'commander';
import { KithError } from '../../errors.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { printable } from '../style.ts';
import { shortUid } from '../units.ts';

/** Octets of a ticket read from standard input. */
const LONGEST_TICKET = 16_384;

export function addJoin(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'join <ticket>', {
    summary: "take a friend's ticket",
    description:
      'Takes the ticket a friend made with `kith invite`. From then on the two nodes know each other and connect whenever both run. With `-` the ticket is read from standard input, where it is out of sight of other users.',
    examples: [
      ['kith join TICKET', 'become friends'],
      ['kith join - < ticket.txt', 'the same, with the ticket in a file'],
    ],
  }).action(async (argument: string, _options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    const ticket = argument === '-' ? await readTicket(context) : argument.trim();
    const friend = await client.join(ticket);
    print(command, context, friend, ({ uid, name }) => {
      return `joined ${printable(name) || shortUid(uid)} (${uid}); \`kith links\` shows when they are connected\n`;
    });
  });
}

async function readTicket(context: CliContext): Promise<string> {
  let text = '';
  for await (const chunk of context.stdin) {
    text += String(chunk);
    if (text.length > LONGEST_TICKET) break;
  }
  const ticket = text.trim();
  if (ticket === '' || ticket.length > LONGEST_TICKET) {
    throw new KithError(
      'ticket',
      'standard input must hold one ticket, as `kith invite` prints it',
    );
  }
  return ticket;
}
