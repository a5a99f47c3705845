/**
 * Which of two sessions with one friend stays: the rule for both ends calling at
 * once. Both apply it to the same two sessions and come to the same answer,
 * though each may have seen them finish in another order.
 */

import type { Uid } from './identity-proof.ts';

/** Milliseconds within which two sessions count as opened at once. */
export const SIMULTANEOUS = 5_000;

export interface RivalSession {
  readonly initiatorUid: Uid;
  /** When this end saw it established. */
  readonly establishedAt: number;
}

/**
 * If the two came within SIMULTANEOUS of one another and from different
 * initiators, the one whose initiator has the lower UID stays; otherwise the
 * newer one does, since an end that starts again has lost the older one.
 */
export function keepWhich(existing: RivalSession, incoming: RivalSession): 'existing' | 'incoming' {
  const apart = Math.abs(incoming.establishedAt - existing.establishedAt);
  if (apart >= SIMULTANEOUS || existing.initiatorUid === incoming.initiatorUid) return 'incoming';
  return existing.initiatorUid < incoming.initiatorUid ? 'existing' : 'incoming';
}
