/** Which of two sessions with one friend stays. Both ends come to the same answer. */
import { keepWhich } from '../links/handshake/keep-which.ts';
import type { Friend, FriendSession } from './friend.ts';
import type { Uid } from './uid.ts';

/**
 * Whether we dialled both over providers of one kind. The order in which they came is not
 * seen alike by the other end, so the first stays and the other end is told.
 */
export function isSurplus(existing: FriendSession | undefined, incoming: FriendSession): boolean {
  return (
    existing?.session.role === 'initiator' &&
    incoming.session.role === 'initiator' &&
    existing.preference === incoming.preference
  );
}

/**
 * Which of two sessions is to be used. Both ends see the same providers and the same
 * initiators. Either may have had another UID when a session was made: what counts is
 * the one it has now.
 */
export function prefer(
  existing: FriendSession,
  incoming: FriendSession,
  friend: Friend,
  ownUid: Uid,
): 'existing' | 'incoming' {
  if (incoming.preference < existing.preference) return 'incoming';
  // If the existing one is dead, it will be found out within seconds.
  if (incoming.preference > existing.preference) return 'existing';
  const rival = ({ session }: FriendSession) => ({
    initiatorUid: session.role === 'initiator' ? ownUid : friend.uid,
    establishedAt: session.establishedAt,
  });
  return keepWhich(rival(existing), rival(incoming));
}
