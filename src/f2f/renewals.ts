/**
 * Keeps links in step with the policy in force: groups, floor, identity.
 *
 * Read first: docs/protocol/link.md, "Renewal".
 *
 * A session says under which policy it was made. When that is not ours any more,
 * another is made in its place, by the same way and by whoever made the one in use:
 * so two renewals of one link never cross. The other end asks for it. Frames go on
 * by the old session until the new one is alive.
 *
 *   [in step] -- policy changed, friend asks --> [stale] -- another is in use --> [in step]
 *       ^                                           | patience is over
 *       +----------- nothing of ours changed -------+----> the link is ended
 */
import type { Clock } from '../clock.ts';
import type { Friend, FriendSession } from './friend.ts';

/** Milliseconds between attempts, and between requests. */
const INTERVAL = 250;

export interface RenewalHost {
  readonly clock: Clock;
  /** Whether a session was made under another policy of ours than the one in force. */
  isStale(held: FriendSession): boolean;
  /** Milliseconds that a stale session may be used on. */
  patience(held: FriendSession): number;
  /** Tries once to make a session in place of `held`; settles when that is over, and never rejects. */
  renew(friend: Friend, held: FriendSession, signal: AbortSignal): Promise<void>;
  /** Asks the other end, who made the session, to renew it. */
  ask(held: FriendSession): void;
  /** The link cannot be brought in step: ends it. */
  giveUp(friend: Friend, waited: number): void;
}

interface Renewal {
  readonly held: FriendSession;
  readonly since: number;
  timer: NodeJS.Timeout | undefined;
  /** Aborts the attempt under way. */
  attempt: AbortController | undefined;
}

export class Renewals {
  readonly #host: RenewalHost;
  readonly #underWay = new Map<Friend, Renewal>();
  /** When an attempt was last begun, so that a friend who asks on and on keeps us from nothing. */
  readonly #lastAttempt = new WeakMap<Friend, number>();

  constructor(host: RenewalHost) {
    this.#host = host;
  }

  /** Looks at a friend's link again: the policy changed, or another session is in use, or none. */
  review(friend: Friend): void {
    const { current } = friend;
    const under = this.#underWay.get(friend);
    if (under !== undefined && under.held !== current) this.stop(friend);
    if (current !== undefined && this.#host.isStale(current)) this.#begin(friend, current);
  }

  /** The friend's policy has changed: it asks us, by `held`. */
  asked(friend: Friend, held: FriendSession): void {
    if (held !== friend.current || held.session.role !== 'initiator') return;
    this.#begin(friend, held);
  }

  stop(friend: Friend): void {
    const renewal = this.#underWay.get(friend);
    if (renewal === undefined) return;
    this.#underWay.delete(friend);
    clearTimeout(renewal.timer);
    renewal.attempt?.abort(new Error('another session is in use'));
  }

  #begin(friend: Friend, held: FriendSession): void {
    if (this.#underWay.has(friend)) return;
    const since = this.#host.clock.now();
    const renewal: Renewal = { held, since, timer: undefined, attempt: undefined };
    this.#underWay.set(friend, renewal);
    this.#step(friend, renewal);
  }

  #step(friend: Friend, renewal: Renewal): void {
    if (this.#underWay.get(friend) !== renewal) return;
    const { held, since } = renewal;
    const now = this.#host.clock.now();
    const patience = this.#host.patience(held);
    if (now - since >= patience) {
      this.stop(friend);
      // What only the friend wants is the friend's to insist on.
      if (this.#host.isStale(held)) this.#host.giveUp(friend, patience);
      return;
    }
    if (held.session.role === 'responder') this.#host.ask(held);
    else if (renewal.attempt === undefined) this.#attempt(friend, renewal, now);
    this.#wait(friend, renewal, Math.min(INTERVAL, since + patience - now));
  }

  #attempt(friend: Friend, renewal: Renewal, now: number): void {
    const last = this.#lastAttempt.get(friend) ?? Number.NEGATIVE_INFINITY;
    if (now - last < INTERVAL) return;
    this.#lastAttempt.set(friend, now);
    const attempt = new AbortController();
    renewal.attempt = attempt;
    void this.#host.renew(friend, renewal.held, attempt.signal).then(() => {
      if (renewal.attempt === attempt) renewal.attempt = undefined;
    });
  }

  #wait(friend: Friend, renewal: Renewal, milliseconds: number): void {
    clearTimeout(renewal.timer);
    renewal.timer = setTimeout(() => this.#step(friend, renewal), Math.ceil(milliseconds));
    renewal.timer.unref();
  }
}
