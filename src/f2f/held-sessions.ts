/**
 * The sessions that the data plane holds: those in use, and those that another has
 * replaced and that receive a little longer.
 *
 *   open --> in use --> retire --> lingers --> end
 *                ^                    |
 *                +-- takeLingering ---+
 */
import type { DataPlane } from '../data-plane/data-plane.ts';
import type { Carrier } from '../links/contract.ts';
import { FEATURE_SUPER_FRAMES } from '../links/super-frame.ts';
import type { Friend, FriendSession } from './friend.ts';
import type { SessionIndices } from './session-indices.ts';

/**
 * Milliseconds that a replaced session lives on: for what is on its way, and to fall
 * back to when the one that was preferred turns out to be dead (2.2 s of silence).
 */
const LINGER = 4000;

/** The same for a session whose frames travelled in another way. */
const SHORT_LINGER = 1000;

/** A session and whose it is. */
export interface HeldSession {
  readonly friend: Friend;
  readonly held: FriendSession;
}

export interface HeldSessionsOptions {
  readonly dataPlane: Pick<DataPlane, 'openSession' | 'closeSession'>;
  readonly indices: Pick<SessionIndices, 'give'>;
  /** A session over a stream has ended, and with it whatever else went over that stream. */
  readonly streamEnded: (carrier: Carrier, reason: string | undefined) => void;
}

export class HeldSessions {
  readonly #options: HeldSessionsOptions;
  readonly #byIndex = new Map<number, HeldSession>();
  /** Sessions that another has replaced, the latest last, and what will end them. */
  readonly #lingering = new Map<FriendSession, NodeJS.Timeout>();

  constructor(options: HeldSessionsOptions) {
    this.#options = options;
  }

  /** @param localIndex of the session, as the data plane knows it */
  get(localIndex: number): HeldSession | undefined {
    return this.#byIndex.get(localIndex);
  }

  /**
   * Hands a session to the data plane, and wipes its secrets here.
   * @param confined whether we are in groups, so that frames of theirs keep out of the clear
   */
  open(friend: Friend, held: FriendSession, confined: boolean): void {
    const { session, carrier } = held;
    this.#byIndex.set(session.localIndex, { friend, held });
    this.#options.dataPlane.openSession({
      localIndex: session.localIndex,
      remoteIndex: session.remoteIndex,
      descriptor: carrier.descriptor,
      ...(carrier.address === undefined ? {} : { address: carrier.address }),
      cipher: session.cipher,
      sendSecret: session.sendSecret,
      receiveSecret: session.receiveSecret,
      firstNumber: session.firstRecordNumber,
      mode: session.mode,
      largestFrame: session.largestFrame,
      superFrames: (session.features & FEATURE_SUPER_FRAMES) !== 0,
      port: friend.port,
      confined,
    });
    session.sendSecret.fill(0);
    session.receiveSecret.fill(0);
  }

  /**
   * A session that another has replaced receives a little longer.
   * @param by the one that has; left out where this one never came into use
   */
  retire(old: FriendSession, by?: FriendSession): void {
    const same = by === undefined || by.session.mode === old.session.mode;
    const linger = same ? LINGER : SHORT_LINGER;
    // Said, since the other end may be slower to forget it, and would fall back to it.
    const timer = setTimeout(() => this.end(old, 'another session is in use'), linger);
    timer.unref();
    this.#lingering.set(old, timer);
  }

  /** The latest of the replaced sessions with a friend that is fit; it lingers no more. */
  takeLingering(
    friend: Friend,
    isFit: (held: FriendSession) => boolean,
  ): FriendSession | undefined {
    const theirs = [...this.#lingering.keys()].filter(
      (held) => this.#byIndex.get(held.session.localIndex)?.friend === friend && isFit(held),
    );
    const latest = theirs.at(-1);
    if (latest !== undefined) this.#keep(latest);
    return latest;
  }

  /** @param reason told to the other end; undefined: it is gone */
  end(held: FriendSession, reason: string | undefined): void {
    this.#keep(held);
    const { localIndex } = held.session;
    if (!this.#byIndex.delete(localIndex)) return;
    this.#options.dataPlane.closeSession(localIndex, reason);
    this.#options.indices.give(localIndex);
    held.carrier.close();
    if (held.carrier.reliable) this.#options.streamEnded(held.carrier, reason);
  }

  /** Ends all with a friend. */
  endAllWith(friend: Friend, reason: string): void {
    for (const each of [...this.#byIndex.values()]) {
      if (each.friend === friend) this.end(each.held, reason);
    }
  }

  endAll(reason: string): void {
    for (const { held } of [...this.#byIndex.values()]) this.end(held, reason);
  }

  /** Those that a carrier's descriptor carries. */
  over(carrier: Carrier): HeldSession[] {
    const { descriptor } = carrier;
    return [...this.#byIndex.values()].filter(({ held }) => held.carrier.descriptor === descriptor);
  }

  /** A session does not linger any more. */
  #keep(held: FriendSession): void {
    clearTimeout(this.#lingering.get(held));
    this.#lingering.delete(held);
  }
}
