import type { Command } from 'commander';
import type { FriendState, FriendStatus } from '../../controller/node-api-friends.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { type Paint, type Palette, printable } from '../style.ts';
import { formatTable } from '../table.ts';
import { formatSpan, shortUid } from '../units.ts';

export function addFriends(program: Command, context: CliContext): void {
  const friends = addPrintingCommand(program, 'friends', {
    summary: 'the friends this node knows, and how it stands with them',
    description:
      'Lists the friends this node knows. A friend comes in by the configuration, by `kith up --friend`, or by a ticket (`kith invite` here, `kith join` there).',
    examples: [
      ['kith friends', 'who is there'],
      ['kith friends remove bob', 'end it with bob: sessions close at once, the key is forgotten'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.friends(), render);
  });

  addPrintingCommand(friends, 'remove <friend>', {
    summary: 'end the friendship: close the sessions and forget the key',
    description:
      'Removes a friend: its sessions end at once and its key is forgotten, so that it cannot come back without a new ticket. A friend named in config.json comes back at the next start; take it out there too.',
    examples: [
      ['kith friends remove bob', 'by name'],
      ['kith friends remove 1f0c9a', 'by the beginning of the UID'],
    ],
  }).action(async (friend: string, _options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    const removed = await client.removeFriend(friend);
    print(command, context, removed, ({ uid }) => `removed ${uid}\n`);
  });
}

function render(friends: readonly FriendStatus[], palette: Palette): string {
  if (friends.length === 0) {
    return 'no friends yet: give somebody a ticket with `kith invite`, or take one with `kith join`\n';
  }
  const table = formatTable(
    [
      { title: 'NAME', value: (friend) => friend.name || '-' },
      { title: 'UID', value: (friend) => shortUid(friend.uid) },
      {
        title: 'STATE',
        value: (friend) => friend.state,
        paint: (friend) => statePaint(friend.state, palette),
      },
      { title: 'PORT', align: 'right', value: (friend) => friend.link ?? '-' },
      { title: 'FROM', value: (friend) => friend.source },
      { title: 'ADDRESSES', value: addresses },
      { title: 'LAST TROUBLE', value: trouble },
    ],
    friends,
    palette.bold,
  );
  return table + friends.map(mend).join('');
}

/** What can be done about a friend that is refused. */
function mend({ name, uid, mend: sentence }: FriendStatus): string {
  return sentence === undefined
    ? ''
    : `${printable(name || shortUid(uid))}: ${printable(sentence)}\n`;
}

/** One of them: there may be dozens, and `kith why` and --json have them all. */
function addresses({ addresses: [first, ...more] }: FriendStatus): string {
  if (first === undefined) return '-';
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}

function trouble(friend: FriendStatus): string {
  if (friend.lastError === undefined) return '-';
  const retry = friend.retryIn === undefined ? '' : ` (again in ${formatSpan(friend.retryIn)})`;
  return friend.lastError + retry;
}

export function statePaint(state: FriendState, palette: Palette): Paint {
  if (state === 'connected') return palette.good;
  return state === 'offline' ? palette.dim : palette.warn;
}
