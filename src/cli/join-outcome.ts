/** What became of a ticket that was taken, for people and for scripts. Pure. */

import type { NodeStatus } from '../controller/node-api.ts';
import type { FriendStatus, LinkStatus } from '../controller/node-api-friends.ts';
import { isLoopbackUrl } from '../controller/own-addresses.ts';
import { KithError } from '../errors.ts';
import { shortUid } from './units.ts';

/** Something about the link to a new friend that its owner may not expect. */
export interface JoinWarning {
  readonly code: 'no-link' | 'clear' | 'relayed' | 'unreached' | 'no-address';
  /** One sentence, with the mend. */
  readonly message: string;
}

export interface JoinFacts {
  /** Milliseconds that a link was waited for. */
  readonly waited: number;
  readonly friend: FriendStatus;
  /** The link to the friend, if it has come up. */
  readonly link: LinkStatus | undefined;
  readonly status: Pick<NodeStatus, 'told'>;
}

/**
 * A no that came by the friend's own key ends the wait.
 * @throws KithError 'ticket' or 'refused' when one end will have no link
 */
export function throwIfRefused(friend: FriendStatus): void {
  if (friend.refusal === undefined) return;
  const who = nameOf(friend);
  if (friend.refusal === 'unknown-peer') {
    throw new KithError(
      'ticket',
      `${who} does not take this ticket, and says so by its own key: it has expired there or somebody has used it; \`kith join\` a new one from ${who}, which replaces it, or \`kith friends remove ${shortUid(friend.uid)}\``,
    );
  }
  throw new KithError(
    'refused',
    `${who} is a friend now, but there can be no link: ${friend.lastError ?? friend.refusal}`,
  );
}

/**
 * A no that nobody has vouched for is waited out: a right answer may still come.
 * @throws KithError 'refused' when that is all that was heard until the end of the wait
 */
export function throwIfDenied({ waited, friend, link }: Omit<JoinFacts, 'status'>): void {
  if (waited === 0 || link !== undefined || friend.unproven === undefined) return;
  const who = nameOf(friend);
  throw new KithError(
    'refused',
    `${who} is a friend now, but no link came up in ${waited / 1000} s: who answers there says no, and has not proved to be ${who} (${withoutStop(friend.lastError ?? 'it speaks another version')}); it is tried on and on`,
  );
}

/** What is worth a word. A friend that is refused is not for here. */
export function joinWarnings({ waited, friend, link, status }: JoinFacts): readonly JoinWarning[] {
  if (link === undefined)
    return waited === 0 ? [] : [{ code: 'no-link', message: noLink(waited, friend) }];
  const who = nameOf(friend);
  const warnings: JoinWarning[] = [];
  if (link.security === 'clear') {
    warnings.push({
      code: 'clear',
      message: `Ethernet to ${who} goes in the clear, because you share no security group; to seal it, say \`kith groups add NAME:-\` at both ends, with one key (\`kith groups key\` makes one)`,
    });
  }
  if (link.relay !== undefined) {
    warnings.push({
      code: 'relayed',
      message: `the link to ${who} leads through ${link.relay}, because neither end could reach the other; open the port of one of them (\`kith status\` has it)`,
    });
  } else if (link.role === 'responder' && friend.unreached !== undefined) {
    warnings.push({
      code: 'unreached',
      message: `${who} reaches this node, but this node could not reach ${who} (${withoutStop(friend.unreached)}): the link comes up only when ${who} calls; open its port there, or have it \`advertise\` its outer address`,
    });
  }
  const isDirect = link.relay === undefined && link.role === 'initiator';
  if (isDirect && status.told.length === 0 && !isLoopbackUrl(link.remote)) {
    warnings.push({
      code: 'no-address',
      message: `this node reaches ${who}, but has no address that ${who} could call: the link comes up only when this node calls; see \`listen\` and \`advertise\` in config.json`,
    });
  }
  return warnings;
}

function noLink(waited: number, friend: FriendStatus): string {
  const who = nameOf(friend);
  const begin = `${who} is a friend now, but no link came up in ${waited / 1000} s`;
  if (friend.addresses.length === 0) {
    return `${begin}, because the ticket names no address; ask for one made with \`kith invite --address URL\``;
  }
  const trouble = friend.lastError === undefined ? '' : ` (${withoutStop(friend.lastError)})`;
  return `${begin}${trouble}: is ${who}'s node running, and can ${some(friend.addresses)} be reached from here? It is tried on and on; \`kith why ${who}\` says how it stands`;
}

/** The first three, which are tried first. */
function some(addresses: readonly string[]): string {
  const more = addresses.length - 3;
  return addresses.slice(0, 3).join(', ') + (more > 0 ? ` or ${more} more` : '');
}

function nameOf({ name, uid }: FriendStatus): string {
  return name || shortUid(uid);
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
