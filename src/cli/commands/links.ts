import type { Command } from 'commander';
import type { FriendStatus, LinkStatus } from '../../controller/node-api.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { type Palette, printable } from '../style.ts';
import { formatTable } from '../table.ts';
import { formatFraction, formatOctets, formatRtt, formatSpan, shortUid } from '../units.ts';

export function addLinks(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'links', {
    summary: 'the links to friends: carrier, encryption, round trip, traffic',
    description:
      'Lists the links that are up, one per connected friend, and why there is none to the others. SECURITY says whether Ethernet frames are sealed or go in the clear; `kith why FRIEND` tells how that was decided.',
    examples: [
      ['kith links', 'all links'],
      ['kith links --json', 'with every counter'],
      ['kith why bob', 'why the link to bob is sealed, or not'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    const links = await client.links();
    const friends = command.optsWithGlobals().json === true ? [] : await client.friends();
    print(command, context, links, (each, palette) => render(each, palette) + missing(friends));
  });
}

function render(links: readonly LinkStatus[], palette: Palette): string {
  if (links.length === 0) return 'no link is up; `kith friends` shows who could be reached\n';
  return formatTable(
    [
      { title: 'PORT', align: 'right', value: (link) => link.port },
      { title: 'FRIEND', value: (link) => link.friendName || shortUid(link.friend) },
      { title: 'VIA', value: (link) => link.provider },
      {
        title: 'REMOTE',
        value: (link) => (link.relay === undefined ? link.remote : `via ${link.relay}`),
      },
      {
        title: 'SECURITY',
        value: (link) => link.security,
        paint: (link) => (link.security === 'sealed' ? palette.good : palette.warn),
      },
      { title: 'CIPHER', value: (link) => link.cipher || '-' },
      { title: 'UP', align: 'right', value: (link) => formatSpan(link.since) },
      { title: 'RTT', align: 'right', value: (link) => formatRtt(link.rtt) },
      { title: 'LOSS', align: 'right', value: (link) => formatFraction(link.loss) },
      { title: 'MTU', align: 'right', value: (link) => link.pathMtu },
      ...(links.some((link) => inClear(link) > 0)
        ? [
            {
              title: 'IN CLEAR',
              align: 'right' as const,
              value: inClearSince,
            },
          ]
        : []),
      { title: 'IN', align: 'right', value: (link) => formatOctets(link.octetsIn) },
      { title: 'OUT', align: 'right', value: (link) => formatOctets(link.octetsOut) },
      { title: 'DROPPED', align: 'right', value: (link) => total(link.dropped) },
    ],
    links,
    palette.bold,
  );
}

/** Octets that went unsealed with the friend, both ways. */
function inClear({ clearOctetsIn, clearOctetsOut }: LinkStatus): number {
  return clearOctetsIn + clearOctetsOut;
}

/** The same with the day from which on they are counted. */
function inClearSince(link: LinkStatus): string {
  const octets = inClear(link);
  return octets === 0 ? '-' : `${formatOctets(octets)} since ${link.clearSince.slice(0, 10)}`;
}

/** Friends without a link, and what is in the way: as when one end never sends in the clear. */
function missing(friends: readonly FriendStatus[]): string {
  return friends
    .filter(({ link, lastError }) => link === undefined && lastError !== undefined)
    .map(({ name, uid, state, lastError }) => {
      const who = printable(name || shortUid(uid));
      const how = state === 'refused' ? ', refused' : '';
      return `no link to ${who}${how}: ${printable(lastError ?? '')}\n`;
    })
    .join('');
}

function total(counters: Readonly<Record<string, number>>): number {
  return Object.values(counters).reduce((sum, value) => sum + value, 0);
}
