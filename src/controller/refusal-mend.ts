/** What an operator can do about a friend that is refused: one sentence. Pure. */
import type { Friend } from '../f2f/friend.ts';

/** Names that a shell takes as they are, and we for no flag. */
const PLAIN_NAME = /^[\w.][\w.-]*$/;

type Refused = Pick<Friend, 'uid' | 'name' | 'refusal' | 'source' | 'ticketSecret'>;

/** @returns undefined when the friend is not refused */
export function mendOf(friend: Refused): string | undefined {
  const { refusal, ticketSecret, source, name, uid } = friend;
  if (refusal === undefined) return undefined;
  const who = name === '' ? uid.slice(0, 8) : name;
  const forget =
    source === 'config'
      ? 'take it out of config.json'
      : `forget it with \`kith friends remove ${PLAIN_NAME.test(name) ? name : uid.slice(0, 8)}\``;
  switch (refusal) {
    case 'unknown-peer':
      // The secret is forgotten with the first link: this friend was never connected by its ticket.
      return ticketSecret === undefined
        ? `${who} does not know this node, or not any more: have it add this node's UID (\`kith id\`), \`kith join\` a ticket that it makes with \`kith invite\`, or ${forget}.`
        : `There was never a link by the ticket of ${who}, which somebody has used or which has expired there: \`kith join\` a new one from ${who}, which replaces it, or ${forget}.`;
    case 'plaintext-refused':
      return `Join one group at both ends with \`kith groups add NAME:-\` (\`kith groups key\` makes a key), allow plaintext at both, or ${forget}.`;
    case 'no-common-cipher':
      return `Let both ends offer one cipher in common (\`link.ciphers\` in config.json), or ${forget}.`;
  }
}
