import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ControlClient } from '../../controller/control-client.ts';
import type { FriendStatus, LinkStatus } from '../../controller/node-api-friends.ts';
import { KithError } from '../../errors.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { joinWarnings, throwIfDenied, throwIfRefused } from '../join-outcome.ts';
import { printable } from '../style.ts';
import { parseSpan, shortUid } from '../units.ts';

/** Octets of a ticket read from standard input. */
const LONGEST_TICKET = 16_384;
/** Milliseconds. Addresses are tried a second apart, and an answer takes no longer than that. */
const USUAL_WAIT = 10_000;
const LONGEST_WAIT = 60 * 60_000;
/** Milliseconds between looks at how it stands. */
const POLL_INTERVAL = 100;

export function addJoin(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'join <ticket>', {
    summary: "take a friend's ticket",
    description:
      'Takes the ticket a friend made with `kith invite`, waits for the link, and warns when it is in the clear, when only one end reaches the other, or when none comes up. From then on the two nodes know each other and connect whenever both run. With `-` the ticket is read from standard input, where it is out of sight of other users.',
    examples: [
      ['kith join TICKET', 'become friends'],
      ['kith join - < ticket.txt', 'the same, with the ticket in a file'],
      ['kith join TICKET --wait 0s', 'do not wait for the link'],
    ],
  })
    .option(
      '--wait <span>',
      'how long to wait for the link: 0s, 30s, 5min, at most 1h (default: 10s)',
      readWait,
    )
    .action(async (argument: string, given: { wait?: number }, command: Command) => {
      const client = await clientOf(command, context);
      const ticket = argument === '-' ? await readTicket(context) : argument.trim();
      const { uid, name } = await client.join(ticket);
      const waited = given.wait ?? USUAL_WAIT;
      const { friend, link } = await settled(client, uid, waited);
      throwIfRefused(friend);
      throwIfDenied({ waited, friend, link });
      const warnings = joinWarnings({ waited, friend, link, status: await client.status() });
      for (const { message } of warnings) {
        context.stderr.write(`warning: ${printable(message)}\n`);
      }
      const { state } = friend;
      const outcome = { uid, name, state, ...(link && { security: link.security }), warnings };
      print(command, context, outcome, ({ security }) => {
        const end =
          security === undefined
            ? '`kith links` shows when they are connected'
            : `the link is up, ${security === 'sealed' ? 'sealed' : 'in the clear'}`;
        return `joined ${printable(name) || shortUid(uid)} (${uid}); ${end}\n`;
      });
    });
}

/** How it stands once there is a link, or it is refused, or `patience` milliseconds are over. */
async function settled(
  client: ControlClient,
  uid: string,
  patience: number,
): Promise<{ friend: FriendStatus; link: LinkStatus | undefined }> {
  const deadline = performance.now() + patience;
  for (;;) {
    const friends = await client.friends();
    const friend = friends.find((each) => each.uid === uid || each.formerUids?.includes(uid));
    if (friend === undefined) {
      throw new KithError('not-found', 'the friend was removed again; nothing was waited for');
    }
    const isConnected = friend.state === 'connected';
    const links = isConnected ? await client.links() : [];
    const link = links.find((each) => each.friend === friend.uid);
    const isSettled = link !== undefined || friend.state === 'refused';
    if (isSettled || performance.now() >= deadline) return { friend, link };
    await sleep(POLL_INTERVAL);
  }
}

function readWait(text: string): number {
  const span = parseSpan(text);
  if (span === undefined || span > LONGEST_WAIT) {
    throw new KithError(
      'usage',
      `--wait '${text}' must be a time from 0s to 1h, such as 30s or 5min`,
    );
  }
  return span;
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
