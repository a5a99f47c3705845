import type { Command } from 'commander';
import type { InviteOptions } from '../../controller/node-api-friends.ts';
import { KithError } from '../../errors.ts';
import { addPrintingCommand, clientOf, print, repeated } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { formatMoment, parseSpan } from '../units.ts';

export function addInvite(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'invite', {
    summary: 'make a ticket that lets a friend join',
    description:
      'Makes a ticket: one string with which a friend finds this node and proves to have been invited. Whoever holds it can join until it expires, so hand it over as you would a key.',
    examples: [
      ['kith invite', 'a ticket for a day'],
      ['kith invite --expires 2h', 'for two hours'],
      ['kith invite --address udp://vm.example.org:4000', 'with an address the node cannot know'],
    ],
  })
    .option(
      '--expires <span>',
      'how long it holds: 90s, 30min, 12h, 1d, 2w (default: 1d)',
      readSpan,
    )
    .option(
      '--address <url>',
      'put in this address instead of those the node knows (repeatable)',
      repeated((text) => text),
    )
    .action(async (given: { expires?: number; address?: string[] }, command: Command) => {
      const client = await clientOf(command, context);
      const addresses = await checkedAddresses(given.address);
      const options: InviteOptions = {
        ...(given.expires === undefined ? {} : { expiresInMs: given.expires }),
        ...(addresses === undefined ? {} : { addresses }),
      };
      const answer = await client.invite(options);
      print(command, context, answer, ({ ticket }) => `${ticket}\n`);
      if (context.stdout.isTTY === true && command.optsWithGlobals().json !== true) {
        const until = formatMoment(answer.expiresAt);
        context.stderr.write(`good until ${until}; your friend says:  kith join TICKET\n`);
      }
    });
}

async function checkedAddresses(given: string[] | undefined): Promise<string[] | undefined> {
  if (given === undefined) return undefined;
  const { formatLinkUrl, parseLinkUrl } = await import('../../links/link-url.ts');
  return given.map((text) => {
    try {
      return formatLinkUrl(parseLinkUrl(text, 'dial'));
    } catch (cause) {
      if (!(cause instanceof KithError)) throw cause;
      throw new KithError('usage', `--address: ${cause.message}`, { cause });
    }
  });
}

/** A second is the least a ticket can be used in, a year the longest one is remembered. */
const SHORTEST_LIFE = 1000;
const LONGEST_LIFE = 365 * 86_400_000;

function readSpan(text: string): number {
  const span = parseSpan(text);
  if (span === undefined || span < SHORTEST_LIFE || span > LONGEST_LIFE) {
    throw new KithError(
      'usage',
      `--expires '${text}' must be a time from 1s to 365d, such as 90s, 30min, 12h, 1d or 2w`,
    );
  }
  return span;
}
