/**
 * Friends without a link, and how it stands with each:
 *
 *   refused      both ends have proved who they are, and one of them will have no link as things are
 *   dialling     an attempt of ours is under way
 *   waiting      the last one failed, and the next one comes after a while (back-off)
 *   no-address   we have nowhere to dial, so the friend has to call
 *
 * Who is refused is dialled on and on: then `retryIn` is there, too. Pure.
 */
import type { Friend } from '../f2f/friend.ts';
import type { MissingLink } from './node-api-friends.ts';
import { mendOf } from './refusal-mend.ts';
import { troubleOf } from './why.ts';

/** @param now milliseconds, of the clock that the friends' moments are of */
export function missingLink(friend: Friend, now: number): MissingLink {
  const lastError = troubleOf(friend);
  const mend = mendOf(friend);
  const { refusal, unproven, retryTimer, failedAt, port } = friend;
  const retryIn = retryTimer === undefined ? 0 : friend.retryAt - now;
  return {
    port,
    friend: friend.uid,
    friendName: friend.name === '' ? friend.uid.slice(0, 8) : friend.name,
    state: stateOf(friend),
    since: Math.max(0, now - friend.absentSince),
    attempts: friend.backOff.failures,
    addresses: friend.candidates,
    ...(retryIn > 0 ? { retryIn } : {}),
    ...(lastError === undefined ? {} : { lastError }),
    ...(lastError === undefined || failedAt === undefined ? {} : { lastErrorAge: now - failedAt }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(unproven === undefined ? {} : { unproven }),
    ...(mend === undefined ? {} : { mend }),
  };
}

function stateOf({ state, attempt, candidates }: Friend): MissingLink['state'] {
  if (state === 'refused') return 'refused';
  if (attempt !== undefined) return 'dialling';
  return candidates.length === 0 ? 'no-address' : 'waiting';
}
