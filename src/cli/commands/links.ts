import type { Command } from 'commander';
import type { LinkStatus, MissingLink } from '../../controller/node-api-friends.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { type Palette, printable } from '../style.ts';
import { formatTable } from '../table.ts';
import { formatFraction, formatOctets, formatRtt, formatSpan, shortUid } from '../units.ts';

export function addLinks(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'links', {
    summary: 'the links to friends: carrier, encryption, round trip, traffic',
    description:
      'Lists the links that are up, one per connected friend, and below them the friends without a link: whether one is being dialled, when the next attempt comes, how many have failed, and why. SECURITY says whether Ethernet frames are sealed or go in the clear; `kith why FRIEND` tells how that was decided. --json has the links that are up, as scripts count them; with --all the others, too, which differ by `state`.',
    examples: [
      ['kith links', 'all links'],
      ['kith links --json', 'the links that are up, with every counter'],
      ['kith links --all --json', 'and every friend without one'],
      ['kith why bob', 'why the link to bob is sealed, or not'],
    ],
  })
    .option('--all', 'with --json: the friends without a link, too')
    .action(async ({ all }: { readonly all?: boolean }, command: Command) => {
      const client = await clientOf(command, context);
      const links = await client.links();
      const isWanted = all === true || command.optsWithGlobals().json !== true;
      const missing = isWanted ? await client.missingLinks() : [];
      print(command, context, [...links, ...missing], (_, palette) => {
        return render(links, palette) + renderMissing(missing, palette);
      });
    });
}

function render(links: readonly LinkStatus[], palette: Palette): string {
  if (links.length === 0) return 'no link is up; `kith invite` and `kith join` make friends\n';
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

/** Friends without a link, and what can be done about those who are refused. */
function renderMissing(missing: readonly MissingLink[], palette: Palette): string {
  if (missing.length === 0) return '';
  const table = formatTable(
    [
      { title: 'NO LINK TO', value: whoOf },
      {
        title: 'STATE',
        value: ({ state }) => STATES[state],
        paint: ({ state }) => (state === 'refused' ? palette.warn : palette.dim),
      },
      { title: 'FOR', align: 'right', value: ({ since }) => formatSpan(since) },
      { title: 'FAILED', align: 'right', value: ({ attempts }) => attempts },
      { title: 'AGAIN IN', align: 'right', value: again },
      { title: 'LAST TROUBLE', value: ({ lastError }) => lastError ?? '-' },
    ],
    missing,
    palette.bold,
  );
  const mends = missing.flatMap((each) =>
    each.mend === undefined ? [] : [`${printable(whoOf(each))}: ${printable(each.mend)}\n`],
  );
  return `\n${table}${mends.join('')}`;
}

const STATES: Readonly<Record<MissingLink['state'], string>> = {
  refused: 'refused',
  dialling: 'dialling',
  waiting: 'waiting',
  'no-address': 'has to call',
};

function whoOf({ friend, friendName }: MissingLink): string {
  return friendName || shortUid(friend);
}

function again({ retryIn }: MissingLink): string {
  return retryIn === undefined ? '-' : formatSpan(retryIn);
}

function total(counters: Readonly<Record<string, number>>): number {
  return Object.values(counters).reduce((sum, value) => sum + value, 0);
}
