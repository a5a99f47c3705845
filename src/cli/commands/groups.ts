import type { Command } from 'commander';
import type {
  ChangedGroup,
  GroupStatus,
  PlaintextFloor,
} from '../../controller/node-api-groups.ts';
import { KithError } from '../../errors.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { type Palette, printable } from '../style.ts';
import { type Column, formatTable } from '../table.ts';
import { formatMoment, parseSpan } from '../units.ts';

/** Octets of a key read from standard input, line end and all. */
const LONGEST_KEY = 1024;
/** Milliseconds: a year. */
const LONGEST_OVERLAP = 365 * 86_400_000;
const FLOORS: readonly PlaintextFloor[] = ['never', 'when-no-shared-group'];

export function addGroups(program: Command, context: CliContext): void {
  const groups = addPrintingCommand(program, 'groups', {
    summary: 'the security groups this node is in; enter, leave, change keys',
    description:
      'Lists the security groups of this node. A link is sealed when both ends prove at least one group in common; without one, Ethernet goes in the clear, or not at all if the policy is "never". Groups without a key are known by their name alone. Changes hold for all links within a second, without dropping them, and after a restart.',
    examples: [
      ['kith groups', 'our groups, and who shares them now'],
      ['kith groups key > lab.key', 'a fresh key, for all members'],
      ['kith groups add lab:- < lab.key', 'be in the group lab, too'],
      ['kith groups rotate lab', 'give it a fresh key; the old one counts for a day more'],
      ['kith groups plaintext never', 'no link without a group in common'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.groups(), render);
  });
  addKey(groups, context);
  addAdd(groups, context);
  addRemove(groups, context);
  addRotate(groups, context);
  addPlaintext(groups, context);
}

function addKey(groups: Command, context: CliContext): void {
  addPrintingCommand(groups, 'key', {
    summary: 'make a key for a group',
    description:
      'Prints a fresh key of 192 random bits, and nothing else. It is kept nowhere and no node needs to run: give it to all members of a group, by a way you trust.',
    examples: [
      ['(umask 077; kith groups key > lab.key)', 'into a file of your own'],
      ['kith groups add lab:- < lab.key', 'enter the group with it, at every end'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const { freshGroupKey } = await import('../../controller/group-key.ts');
    print(command, context, { key: freshGroupKey() }, ({ key }) => `${key}\n`);
  });
}

function addAdd(groups: Command, context: CliContext): void {
  addPrintingCommand(groups, 'add <name[:key]>', {
    summary: 'enter a group',
    description:
      'Enters a security group. Without KEY the name is all a member has to know. A KEY on the command line can be seen by every user of the machine: with NAME:- it is read from standard input.',
    examples: [
      ['kith groups add guests', 'by name alone'],
      ['kith groups add lab:- < lab.key', 'with the key in a file'],
    ],
  }).action(async (text: string, _options: unknown, command: Command) => {
    const { parseGroupFlag } = await import('../../controller/config.ts');
    const group = parseGroupFlag(text, '');
    const key = group.key === '-' ? await readKey(context) : group.key;
    const client = await clientOf(command, context);
    const changed = await client.addGroup({
      name: group.name,
      ...(key === undefined ? {} : { key }),
    });
    warn(changed, context);
    print(command, context, changed, ({ name }) => `in the group ${printable(name)}\n`);
  });
}

function addRemove(groups: Command, context: CliContext): void {
  addPrintingCommand(groups, 'remove <name>', {
    summary: 'leave a group',
    description:
      'Leaves a security group and forgets its keys. Links to friends who share no other group go in the clear, or end if the policy of either end is "never".',
    examples: [['kith groups remove lab', 'leave lab']],
  }).action(async (name: string, _options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    const changed = await client.removeGroup(name);
    print(command, context, changed, () => `left the group ${printable(name)}\n`);
  });
}

function addRotate(groups: Command, context: CliContext): void {
  addPrintingCommand(groups, 'rotate <name>', {
    summary: 'give a group another key',
    description:
      'Gives a group another key. For a while both count, so that members can change over one by one; then the old one is forgotten. Without --key the node makes one and says which file it is in; it is printed nowhere.',
    examples: [
      ['kith groups rotate lab', 'a fresh key, a day to change over'],
      ['kith groups rotate lab --key - --overlap 1w < lab.key', 'a key from a file, a week'],
      ['kith groups rotate lab --overlap 0s', 'the old key got out: it counts no more'],
    ],
  })
    .option('--key <key>', 'the new key; - reads it from standard input')
    .option(
      '--overlap <span>',
      'how long the old key counts: 0s, 12h, 1d, 2w (default: 1d)',
      readOverlap,
    )
    .action(async (name: string, given: { key?: string; overlap?: number }, command: Command) => {
      const key = given.key === '-' ? await readKey(context) : given.key;
      const client = await clientOf(command, context);
      const changed = await client.rotateGroup({
        name,
        ...(key === undefined ? {} : { key }),
        ...(given.overlap === undefined ? {} : { overlapMs: given.overlap }),
      });
      warn(changed, context);
      print(command, context, changed, renderRotated);
    });
}

function addPlaintext(groups: Command, context: CliContext): void {
  addPrintingCommand(groups, 'plaintext <when>', {
    summary: 'whether Ethernet may go in the clear',
    description:
      'Sets the policy for friends who share no group with this node: "when-no-shared-group" lets Ethernet go in the clear to them if they allow it too, "never" makes no link then, and ends one that is in the clear unless a group is found in common.',
    examples: [['kith groups plaintext never', 'only sealed links']],
  }).action(async (text: string, _options: unknown, command: Command) => {
    const floor = FLOORS.find((each) => each === text);
    if (floor === undefined) {
      throw new KithError('usage', `'${text}' must be one of ${FLOORS.join(', ')}`);
    }
    const client = await clientOf(command, context);
    const answer = await client.setPlaintext(floor);
    print(command, context, answer, ({ plaintext }) => `plaintext: ${plaintext}\n`);
  });
}

async function readKey(context: CliContext): Promise<string> {
  let text = '';
  for await (const chunk of context.stdin) {
    text += String(chunk);
    if (text.length > LONGEST_KEY) break;
  }
  const key = text.replace(/\r?\n$/, '');
  if (key === '' || /[\r\n]/.test(key) || text.length > LONGEST_KEY) {
    throw new KithError('usage', 'standard input must hold one key, on one line');
  }
  return key;
}

function readOverlap(text: string): number {
  const span = parseSpan(text);
  if (span === undefined || span > LONGEST_OVERLAP) {
    throw new KithError(
      'usage',
      `--overlap '${text}' must be a time from 0s to 365d, such as 30min, 12h, 1d or 2w`,
    );
  }
  return span;
}

function warn({ warning }: ChangedGroup, context: CliContext): void {
  if (warning !== undefined) context.stderr.write(`warning: ${warning}\n`);
}

function renderRotated({ name, keyFile, oldKeysUntil }: ChangedGroup): string {
  const until =
    oldKeysUntil === undefined
      ? 'the old one does not count any more'
      : `the old one counts until ${formatMoment(oldKeysUntil)}`;
  return `the group ${printable(name)} has another key, in ${keyFile ?? 'its file'}; ${until}\n`;
}

function render(groups: readonly GroupStatus[], palette: Palette): string {
  if (groups.length === 0) return 'in no group: no link of this node is sealed\n';
  const columns: Column<GroupStatus>[] = [
    { title: 'GROUP', value: (group) => group.name },
    { title: 'PROOF', value: (group) => (group.keyed ? 'key' : 'name') },
    { title: 'SHARED NOW WITH', value: (group) => list(group.sharedWith) },
  ];
  if (groups.some(({ oldKeysUntil, byOldKey }) => oldKeysUntil ?? byOldKey[0])) {
    columns.push(
      { title: 'OLD KEY UNTIL', value: ({ oldKeysUntil: until }) => formatMoment(until ?? '') },
      { title: 'LACK THE NEW KEY', value: (group) => list(group.byOldKey) },
    );
  }
  return formatTable(columns, groups, palette.bold);
}

function list(names: readonly string[]): string {
  return names.join(', ') || '-';
}
