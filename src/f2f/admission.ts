/**
 * What becomes of a handshake that is over: who comes in by it, and who does not.
 *
 *   answered, with a ticket of ours --> somebody new is a friend
 *   established --> signed by the key we knew: the friend is filed under the new one
 *               --> a friend: the session goes to its link (friend-links.ts)
 *               --> nobody we know any more: the session is given up
 *   refused     --> the friend's trouble, and perhaps the end of a link in the clear
 */
import type { Clock } from '../clock.ts';
import type { Carrier } from '../links/contract.ts';
import type { HandshakeFailure, HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import type { AcceptedStreams } from './accepted-streams.ts';
import type { CoreCounters, CoreLog, CoreOptions } from './core-options.ts';
import type { DialledSession } from './dialler.ts';
import { type Friend, type FriendSession, type Refusal, refusalOf } from './friend.ts';
import type { FriendLinks } from './friend-links.ts';
import type { FriendTable } from './friend-table.ts';
import type { PolicyKeeper } from './policy-keeper.ts';
import type { ProviderTable } from './provider-table.ts';
import type { SessionIndices } from './session-indices.ts';
import type { Uid } from './uid.ts';

export interface AdmissionOptions extends Pick<CoreOptions, 'redeem' | 'succeeded'> {
  readonly clock: Clock;
  readonly log: CoreLog;
  readonly counters: Pick<CoreCounters, 'succeeded'>;
  readonly friends: FriendTable;
  readonly providers: Pick<ProviderTable, 'preferenceOf'>;
  readonly indices: Pick<SessionIndices, 'give'>;
  readonly accepted: Pick<AcceptedStreams, 'done' | 'refused'>;
  readonly policy: Pick<PolicyKeeper, 'current'>;
  readonly links: Pick<FriendLinks, 'established'>;
  /** Ends a link with a friend who stays one. */
  readonly endLink: (friend: Friend, reason: string, refusal: Refusal) => void;
  /** Ends all sessions with a friend at once and forgets it. */
  readonly removeFriend: (uid: Uid, reason: string) => void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Nobody comes in any more. */
  close(): void {
    this.#closed = true;
  }

  /** A handshake that the other end began has succeeded. */
  answered(session: HandshakeSession, carrier: Carrier): void {
    const { clock, friends, log, providers, redeem } = this.#options;
    const ticket = session.redeemedTicket;
    if (ticket !== undefined) {
      try {
        const friend = redeem(session, ticket);
        if (!friends.has(friend.uid)) friend.absentSince = clock.now();
        friends.set(friend);
      } catch (error) {
        log.warn({ err: error }, 'a friend with a ticket could not be taken in');
        this.#giveUp(session, carrier);
        return;
      }
    }
    const preference = providers.preferenceOf(carrier.provider);
    this.established({ session, carrier, preference });
  }

  /** A handshake that the other end began has failed; `policy` is the one we answered under. */
  refused(failure: HandshakeFailure, carrier: Carrier, policy: number | undefined): void {
    const { accepted, clock, endLink, friends, log } = this.#options;
    log.debug({ from: carrier.remote, reason: failure.reason }, failure.detail);
    accepted.refused(carrier);
    const friend = failure.peerUid === undefined ? undefined : friends.get(failure.peerUid);
    if (friend === undefined) return;
    const refusal = refusalOf(failure);
    if (friend.current === undefined) {
      friend.failed(failure.detail, clock.now(), refusal);
    } else if (refusal === 'plaintext-refused' && policy === this.#options.policy.current) {
      endLink(friend, failure.detail, refusal);
    }
  }

  /**
   * A handshake has succeeded, whoever began it.
   * @param replaced the session that this one was made in place of
   */
  established(dialled: DialledSession, replaced?: FriendSession): void {
    const { session, carrier } = dialled;
    this.#options.accepted.done(carrier);
    if (!this.#closed) this.#succeed(session);
    const friend = this.#options.friends.get(session.friendUid);
    if (friend === undefined || this.#closed) this.#giveUp(session, carrier);
    else this.#options.links.established(friend, dialled, replaced);
  }

  /** A friend that has come with another key is filed under it; the old one lets nobody in any more. */
  #succeed(session: HandshakeSession): void {
    const { counters, friends, log, removeFriend, succeeded } = this.#options;
    const { formerUid, friendUid } = session;
    const friend = formerUid === undefined ? undefined : friends.get(formerUid);
    if (formerUid === undefined || friend === undefined) return;
    const other = friends.get(friendUid);
    if (other !== undefined) {
      removeFriend(formerUid, 'this friend is known by its new key');
      succeeded(other, formerUid, session);
      return;
    }
    friends.succeed(friend, friendUid, session.friendPublicKey);
    counters.succeeded++;
    log.info(
      { friend: friend.name, uid: friendUid, formerUid },
      'friend has another key, signed by the old one',
    );
    succeeded(friend, formerUid, session);
  }

  /** The data plane never gets the session. */
  #giveUp(session: HandshakeSession, carrier: Carrier): void {
    this.#options.indices.give(session.localIndex);
    carrier.close();
  }
}
