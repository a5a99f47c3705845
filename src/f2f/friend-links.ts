/**
 * The link to each friend: which of its sessions frames leave through.
 *
 * Read first: rival-sessions.ts, for the rule that both ends apply;
 * held-sessions.ts, for what becomes of those that are not in use.
 *
 *   established --+--> surplus: ended, and the other end is told
 *                 +--> initiator: in use -------+--> in use until it is gone
 *                 +--> responder: waits for     |
 *                      the first record: alive -+--> retired, where another is preferred
 *
 *   gone --> an earlier session that lingers takes over
 *        --> or the link is lost, and the friend is dialled
 */
import type { Clock } from '../clock.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import type { Connector } from './connector.ts';
import type { CoreEvents } from './core-events.ts';
import type { CoreCounters, CoreLog, CoreOptions } from './core-options.ts';
import type { DialledSession } from './dialler.ts';
import type { Friend, FriendSession, Refusal } from './friend.ts';
import type { HeldSessions } from './held-sessions.ts';
import { handOver, type PolicyKeeper } from './policy-keeper.ts';
import { isSurplus, prefer } from './rival-sessions.ts';
import type { Uid } from './uid.ts';

/** Milliseconds a link has to last for its loss to be followed by an attempt at once. */
const STABLE = 5000;

export interface FriendLinksOptions extends Pick<CoreOptions, 'redeemed'> {
  readonly clock: Clock;
  readonly log: CoreLog;
  readonly dataPlane: Pick<DataPlane, 'useSession'>;
  readonly events: CoreEvents;
  readonly sessions: HeldSessions;
  readonly connector: Pick<Connector, 'connect' | 'retryLater'>;
  readonly policy: Pick<PolicyKeeper, 'isStale' | 'renewals'>;
  readonly counters: Pick<CoreCounters, 'lost'>;
  readonly ownUid: () => Uid;
  /** Whether we are in groups, so that frames of theirs keep out of the clear. */
  readonly isConfined: () => boolean;
}

export class FriendLinks {
  readonly #options: FriendLinksOptions;

  constructor(options: FriendLinksOptions) {
    this.#options = options;
  }

  /**
   * A handshake with a friend has succeeded.
   * @param replaced the session that this one was made in place of
   */
  established(friend: Friend, dialled: DialledSession, replaced?: FriendSession): void {
    const { session, carrier, preference } = dialled;
    const incoming: FriendSession = {
      session,
      carrier,
      preference,
      used: false,
      since: 0,
      bulkQueued: false,
    };
    this.#options.sessions.open(friend, incoming, this.#options.isConfined());
    const renews = replaced !== undefined && replaced === friend.current;
    if (renews) handOver(replaced, incoming);
    else if (isSurplus(friend.current, incoming)) {
      this.#options.sessions.end(incoming, 'another address was faster');
      return;
    }
    // A responder waits for the first record: until then nobody knows whether the initiator
    // has the session, or gave up on the way.
    if (session.role === 'initiator') this.#use(friend, incoming);
  }

  /** The other end has the session too. */
  alive(localIndex: number): void {
    const entry = this.#options.sessions.get(localIndex);
    if (entry === undefined || entry.held.used) return;
    this.#use(entry.friend, entry.held);
  }

  /** The other end has the session no more. @param reason a sentence */
  gone(localIndex: number, reason: string): void {
    const { clock, connector, counters, dataPlane, log, policy, sessions } = this.#options;
    const entry = sessions.get(localIndex);
    if (entry === undefined) return;
    const { friend, held } = entry;
    sessions.end(held, undefined);
    if (friend.current !== held) return;
    const { mode } = held.session;
    const other = sessions.takeLingering(
      friend,
      (each) => each.session.mode === mode && !policy.isStale(each),
    );
    if (other !== undefined) {
      // Preferred to it was a session that the other end had lost already, as after a crash.
      friend.current = other;
      dataPlane.useSession(friend.port, other.session.localIndex);
      log.info({ friend: friend.name, reason }, 'back to an earlier session');
      return;
    }
    counters.lost++;
    this.#lost(friend, reason);
    // A link that never lasts is no success, however well its handshakes go.
    if (clock.now() - held.since < STABLE) {
      connector.retryLater(friend);
    } else {
      friend.backOff.succeeded();
      connector.connect(friend);
    }
  }

  /** Ends all sessions with a friend, who is not dialled again for that. @param reason a sentence */
  end(friend: Friend, reason: string, refusal?: Refusal): void {
    this.#options.sessions.endAllWith(friend, reason);
    this.#lost(friend, reason, refusal);
  }

  /** Frames leave through this session, unless the one in use is to stay; the other receives on a little. */
  #use(friend: Friend, held: FriendSession): void {
    const { clock, dataPlane, events, log, ownUid, policy, redeemed, sessions } = this.#options;
    const { session, carrier } = held;
    const before = friend.current;
    held.used = true;
    held.since = clock.now();
    if (before !== undefined && prefer(before, held, friend, ownUid()) === 'existing') {
      sessions.retire(held);
      return;
    }
    dataPlane.useSession(friend.port, session.localIndex);
    friend.current = held;
    friend.publicKey ??= session.friendPublicKey;
    if (friend.name === '') friend.name = session.friendName;
    friend.learntAddresses = session.friendAddresses;
    friend.wasLinked = true;
    friend.forgetTrouble();
    if (session.role === 'initiator') friend.unreached = undefined;
    // Our own attempt, if there is one, goes on: the other end may see it succeed, and both
    // ends have to choose among the same sessions.
    clearTimeout(friend.retryTimer);
    friend.retryTimer = undefined;
    if (friend.ticketSecret !== undefined) {
      friend.ticketSecret = undefined;
      redeemed(friend);
    }
    log.info(
      {
        friend: friend.name,
        uid: friend.uid,
        remote: carrier.remote,
        mode: session.mode,
        groups: session.sharedGroups,
      },
      'link up',
    );
    if (before === undefined) events.emit('connecting', { uid: friend.uid, port: friend.port });
    else sessions.retire(before, held);
    events.emit('read-write', { uid: friend.uid });
    policy.renewals.review(friend);
  }

  #lost(friend: Friend, reason: string, refusal?: Refusal): void {
    if (friend.current === undefined) return;
    const { clock, events, log, policy } = this.#options;
    friend.current = undefined;
    friend.absentSince = clock.now();
    policy.renewals.stop(friend);
    friend.failed(reason, clock.now(), refusal);
    log.warn({ friend: friend.name, uid: friend.uid }, `link lost: ${reason}`);
    events.emit('disconnected', { uid: friend.uid, port: friend.port, reason });
  }
}
