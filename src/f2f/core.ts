/**
 * The F2F core: keeps a link to every friend, and tells the node's components.
 *
 * Read first: the F2F thesis, sections 3.4 and 3.5; docs/architecture.md.
 *
 * A friend is somebody whose key is known, from the configuration or a ticket.
 * Both ends dial, and whoever is faster wins; two sessions at once settle on one
 * by a rule that both ends apply (links/handshake/keep-which.ts). A lost link is
 * dialled again with back-off; a link over a worse provider is replaced when a
 * better one works, on the same switch port.
 */

import type { Clock } from '../clock.ts';
import type { PacketPriority } from '../data-plane/commands.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { addressText } from '../io/address.ts';
import type {
  Carrier,
  CarrierEvents,
  LinkProvider,
  Listening,
  ProviderFactory,
} from '../links/contract.ts';
import type { CookieSecrets } from '../links/handshake/cookie.ts';
import { HandshakeGate } from '../links/handshake/handshake-gate.ts';
import type { HandshakeFailure, HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import { uidOf } from '../links/handshake/identity-proof.ts';
import { PacketType } from '../links/packet.ts';
import { AcceptedStreams } from './accepted-streams.ts';
import { Connector } from './connector.ts';
import { CoreEvents, type IncomingPacket } from './core-events.ts';
import type { DialledSession } from './dialler.ts';
import { type Friend, type FriendSession, type Refusal, refusalOf } from './friend.ts';
import { type Facts, HandshakeDriver } from './handshake-driver.ts';
import { HeldSessions } from './held-sessions.ts';
import { handOver, PolicyKeeper } from './policy-keeper.ts';
import { type RelayPolicy, Relays } from './relays.ts';
import { isSurplus, prefer } from './rival-sessions.ts';
import { SessionIndices } from './session-indices.ts';
import type { Uid } from './uid.ts';

/** Milliseconds a link has to last for its loss to be followed by an attempt at once. */
const STABLE = 5000;

const NO_OCTETS = new Uint8Array(0);

/** What the core wants logged. Not for decisions. */
export interface CoreLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  debug(details: object, message: string): void;
}

export interface CoreOptions {
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly cookies: CookieSecrets;
  readonly log: CoreLog;
  readonly dataPlane: DataPlane;
  readonly providers: readonly ProviderFactory[];
  /** What handshakes say of this node; friends and tickets are the core's. */
  readonly facts: () => Omit<Facts, 'isFriend' | 'tickets' | 'policy'>;
  readonly tickets: () => ReturnType<NonNullable<Facts['tickets']>>;
  /** Somebody came with a ticket of ours: burn it and make a friend of them, at once. */
  readonly redeem: (session: HandshakeSession, ticket: string) => Friend;
  /** A friend has proved to have another key than we knew; it has its new UID already. Remember it. */
  readonly succeeded: (friend: Friend, formerUid: Uid, session: HandshakeSession) => void;
  /** A friend proved the ticket that we hold: the secret can be forgotten. */
  readonly redeemed: (friend: Friend) => void;
  /** What we do as a relay, and through relays; all if left out. */
  readonly relay?: RelayPolicy;
  /** Milliseconds between attempts at a better provider; 30 s if left out. */
  readonly upgradeInterval?: number;
  /** Whether an address may be dialled now; all may if left out. */
  readonly mayDial?: (url: string) => boolean;
}

export interface CoreCounters {
  /** Packets of a type that no component claimed. */
  unclaimed: number;
  /** Sessions that were lost. */
  lost: number;
  /** Links that another session was made for because a policy had changed. */
  renewed: number;
  /** Friends that have come with another key. */
  succeeded: number;
}

export class F2FCore {
  readonly events = new CoreEvents();
  readonly counters: CoreCounters = { unclaimed: 0, lost: 0, renewed: 0, succeeded: 0 };
  readonly handshakes: HandshakeDriver;
  readonly #options: CoreOptions;
  readonly #dataPlane: DataPlane;
  readonly #friends = new Map<Uid, Friend>();
  readonly #providers = new Map<string, LinkProvider>();
  readonly #listening: Listening[] = [];
  readonly #indices: SessionIndices;
  readonly #sessions: HeldSessions;
  readonly #connector: Connector;
  readonly #accepted: AcceptedStreams;
  readonly relays: Relays;
  readonly #policy: PolicyKeeper;
  #closed = false;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#dataPlane = options.dataPlane;
    this.#indices = new SessionIndices(options.random, options.dataPlane.workers);
    this.#sessions = new HeldSessions({
      dataPlane: options.dataPlane,
      indices: this.#indices,
      streamEnded: (carrier, reason) => {
        // Nobody else will say so.
        this.#carrierClosed(carrier, reason ?? 'its stream was closed');
      },
    });
    this.handshakes = new HandshakeDriver({
      clock: options.clock,
      gate: new HandshakeGate(options.cookies, options.clock.now()),
      indices: this.#indices,
      isShared: ({ descriptor }) => this.#dataPlane.isShared(descriptor),
      facts: () => this.#facts(),
      send: (carrier, message) => {
        this.#dataPlane.send(carrier.descriptor, carrier.address, message);
      },
      established: (session, carrier) => this.#answered(session, carrier),
      refused: (failure, carrier, policy) => this.#refused(failure, carrier, policy),
    });
    this.#connector = new Connector({
      clock: options.clock,
      random: options.random,
      log: options.log,
      driver: this.handshakes,
      providers: this.#providers,
      facts: () => this.#facts(),
      friends: () => this.#friends.values(),
      isFriend: (friend) => this.#friends.has(friend.uid),
      established: (dialled) => this.#established(dialled),
      upgradeInterval: options.upgradeInterval,
      mayDial: options.mayDial,
    });
    this.#policy = new PolicyKeeper({
      clock: options.clock,
      driver: this.handshakes,
      providers: this.#providers,
      log: options.log,
      facts: () => this.#facts(),
      ask: ({ session }) => {
        this.#dataPlane.sendPacket(session.localIndex, PacketType.renew, NO_OCTETS, 'control');
      },
      renewed: (dialled, held) => {
        this.counters.renewed++;
        this.#established(dialled, held);
      },
      end: (friend, reason, refusal) => this.#endLink(friend, reason, refusal),
    });
    this.#accepted = new AcceptedStreams((carrier) => {
      this.handshakes.carrierClosed(carrier, 'The handshake took too long.');
    });
    const carriers: CarrierEvents = {
      accepted: (carrier) => {
        if (this.#closed) carrier.close();
        else this.#accepted.add(carrier);
      },
      message: (carrier, message) => this.handshakes.receive(carrier, message),
      closed: (carrier, reason) => this.#carrierClosed(carrier, reason),
    };
    for (const factory of options.providers) {
      const provider = factory(this.#dataPlane, carriers);
      this.#providers.set(provider.scheme, provider);
    }
    this.relays = new Relays({
      clock: options.clock,
      policy: options.relay ?? { serve: true, use: true },
      plane: this.#dataPlane,
      carriers,
      events: this.events,
      friends: () => this.#friends.values(),
      control: (friend, packet) => {
        this.send(friend.uid, PacketType.relayControl, packet, 'control');
      },
      connect: async (friend, addresses, signal) => {
        this.#established(await this.#connector.dial(friend, addresses, [], signal));
      },
    });
    this.#providers.set(this.relays.provider.scheme, this.relays.provider);
  }

  get friends(): readonly Friend[] {
    return [...this.#friends.values()];
  }

  friend(uid: Uid): Friend | undefined {
    return this.#friends.get(uid);
  }

  /** URLs that we listen on, with the ports in use. */
  get listening(): readonly string[] {
    return this.#listening.map(({ url }) => url);
  }

  get schemes(): readonly string[] {
    return [...this.#providers.keys()];
  }

  /** @throws KithError 'address' */
  async listen(url: string): Promise<string> {
    const provider = this.#providers.get(url.slice(0, url.indexOf(':')));
    if (provider === undefined) throw new RangeError(`no provider for ${url}`);
    const listening = await provider.listen(url);
    this.#listening.push(listening);
    return listening.url;
  }

  /** Takes in a friend and starts dialling. One that is known already stays as it is. */
  addFriend(friend: Friend): void {
    if (this.#friends.has(friend.uid)) return;
    this.#friends.set(friend.uid, friend);
    friend.absentSince = this.#options.clock.now();
    this.#connector.connect(friend);
    this.relays.review();
  }

  /** Ends all sessions with a friend at once and forgets it. */
  removeFriend(uid: Uid, reason: string): boolean {
    const friend = this.#friends.get(uid);
    if (friend === undefined) return false;
    this.#friends.delete(uid);
    this.#idle(friend);
    this.#sessions.endAllWith(friend, reason);
    this.#lost(friend, reason);
    this.relays.review();
    return true;
  }

  /**
   * What `facts` says of groups, floor or identity is not what it was. Every link gets
   * another session that the new policy is under; who was refused is tried again.
   */
  policyChanged(): void {
    this.#policy.changed();
    for (const friend of this.#friends.values()) {
      if (friend.current === undefined) {
        if (friend.refusal !== undefined) friend.forgetTrouble();
        this.#connector.connect(friend);
      } else this.#policy.renewals.review(friend);
    }
  }

  /**
   * Sends one F2F packet, sealed.
   * @param priority 'control' goes out next; of 'bulk' at most one is queued, and
   *   it waits for everything else: `read-write` tells when there is room
   * @returns false when the friend is not connected, or a bulk packet is queued already
   */
  send(uid: Uid, type: number, payload: Uint8Array, priority: PacketPriority): boolean {
    const held = this.#friends.get(uid)?.current;
    if (held === undefined) return false;
    if (priority === 'bulk') {
      if (held.bulkQueued) return false;
      held.bulkQueued = true;
    }
    this.#dataPlane.sendPacket(held.session.localIndex, type, payload, priority);
    return true;
  }

  /** The bulk packet of a session has left. */
  bulkSent(localIndex: number): void {
    const entry = this.#sessions.get(localIndex);
    if (entry === undefined) return;
    entry.held.bulkQueued = false;
    this.events.emit('read-write', { uid: entry.friend.uid });
  }

  /** Dials a friend who is not connected anew, with what is known of it now: as if for the first time. */
  redial(friend: Friend): void {
    if (friend.current !== undefined) return;
    this.#connector.idle(friend);
    friend.forgetTrouble();
    friend.backOff.succeeded();
    this.#connector.connect(friend);
  }

  // ---- what the data plane tells

  packet(localIndex: number, type: number, payload: Uint8Array): void {
    const entry = this.#sessions.get(localIndex);
    if (entry === undefined) return;
    if (type === PacketType.close) {
      const reason = new TextDecoder().decode(payload.subarray(0, 256));
      this.#sessionGone(localIndex, `The friend ended the link: ${printable(reason)}.`);
      return;
    }
    if (type === PacketType.renew) {
      this.#policy.renewals.asked(entry.friend, entry.held);
      return;
    }
    if (type === PacketType.relayControl && this.relays.receive(entry.friend, payload)) return;
    const packet: IncomingPacket = { type, payload, claimed: false };
    this.events.emit('read-write', { uid: entry.friend.uid, packet });
    if (!packet.claimed) this.counters.unclaimed++;
  }

  sessionDead(localIndex: number, silence: number): void {
    this.#sessionGone(localIndex, `Nothing was heard for ${silence} ms.`);
  }

  sessionRoamed(localIndex: number, address: Uint8Array): void {
    const entry = this.#sessions.get(localIndex);
    if (entry === undefined) return;
    const { carrier } = entry.held;
    const remote = `${carrier.provider}://${addressText(address)}`;
    entry.held.carrier = { ...carrier, address, remote, close: () => carrier.close() };
    this.#options.log.info({ friend: entry.friend.name, remote }, 'friend moved');
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connector.close();
    this.#accepted.stop();
    this.relays.close();
    for (const friend of this.#friends.values()) this.#idle(friend);
    this.#sessions.endAll('the node stops');
    this.handshakes.close();
    await this.#dataPlane.lastWords();
    for (const provider of this.#providers.values()) provider.close();
  }

  // ---- handshakes

  #facts(): Facts {
    return {
      ...this.#options.facts(),
      policy: this.#policy.current,
      isFriend: (uid, publicKey) => this.#isFriend(uid, publicKey),
      tickets: this.#options.tickets,
    };
  }

  #isFriend(uid: Uid, publicKey: Uint8Array): boolean {
    const friend = this.#friends.get(uid);
    if (friend === undefined) return false;
    const pinned = friend.publicKey;
    return pinned === undefined || Buffer.from(pinned).equals(publicKey);
  }

  /** A handshake that the other end began has succeeded. */
  #answered(session: HandshakeSession, carrier: Carrier): void {
    const ticket = session.redeemedTicket;
    if (ticket !== undefined) {
      try {
        this.#friends.set(session.friendUid, this.#options.redeem(session, ticket));
      } catch (error) {
        this.#options.log.warn({ err: error }, 'a friend with a ticket could not be taken in');
        this.#indices.give(session.localIndex);
        carrier.close();
        return;
      }
    }
    const preference = this.#providers.get(carrier.provider)?.preference ?? 0;
    this.#established({ session, carrier, preference });
  }

  /** A handshake that the other end began has failed; `policy` is the one we answered under. */
  #refused(failure: HandshakeFailure, carrier: Carrier, policy: number | undefined): void {
    this.#options.log.debug({ from: carrier.remote, reason: failure.reason }, failure.detail);
    this.#accepted.refused(carrier);
    const friend = failure.peerUid === undefined ? undefined : this.#friends.get(failure.peerUid);
    if (friend === undefined) return;
    const refusal = refusalOf(failure);
    if (friend.current === undefined) {
      friend.failed(failure.detail, this.#options.clock.now(), refusal);
    } else if (refusal === 'plaintext-refused' && policy === this.#policy.current) {
      this.#endLink(friend, failure.detail, refusal);
    }
  }

  /** @param replaced the session that this one was made in place of */
  #established(dialled: DialledSession, replaced?: FriendSession): void {
    const { session, carrier, preference } = dialled;
    this.#accepted.done(carrier);
    this.#succeed(session);
    const friend = this.#friends.get(session.friendUid);
    if (friend === undefined || this.#closed) {
      this.#indices.give(session.localIndex);
      carrier.close();
      return;
    }
    const incoming: FriendSession = {
      session,
      carrier,
      preference,
      used: false,
      since: 0,
      bulkQueued: false,
    };
    this.#sessions.open(friend, incoming, this.#options.facts().groups.length > 0);
    const renews = replaced !== undefined && replaced === friend.current;
    if (renews) handOver(replaced, incoming);
    else if (isSurplus(friend.current, incoming)) {
      this.#sessions.end(incoming, 'another address was faster');
      return;
    }
    // A responder waits for the first record: until then nobody knows whether the initiator
    // has the session, or gave up on the way.
    if (session.role === 'initiator') this.#use(friend, incoming);
  }

  /** A friend that has come with another key is filed under it; the old one lets nobody in any more. */
  #succeed(session: HandshakeSession): void {
    const { formerUid, friendUid } = session;
    if (formerUid === undefined || this.#closed) return;
    const friend = this.#friends.get(formerUid);
    if (friend === undefined) return;
    const other = this.#friends.get(friendUid);
    if (other !== undefined) {
      this.removeFriend(formerUid, 'this friend is known by its new key');
      this.#options.succeeded(other, formerUid, session);
      return;
    }
    this.#friends.delete(formerUid);
    friend.succeed(friendUid, session.friendPublicKey);
    this.#friends.set(friendUid, friend);
    this.counters.succeeded++;
    this.#options.log.info(
      { friend: friend.name, uid: friendUid, formerUid },
      'friend has another key, signed by the old one',
    );
    this.#options.succeeded(friend, formerUid, session);
  }

  /** The other end has the session too. */
  sessionAlive(localIndex: number): void {
    const entry = this.#sessions.get(localIndex);
    if (entry === undefined || entry.held.used) return;
    this.#use(entry.friend, entry.held);
  }

  /** Frames leave through this session, unless the one in use is to stay; the other receives on a little. */
  #use(friend: Friend, held: FriendSession): void {
    const { session, carrier } = held;
    const before = friend.current;
    held.used = true;
    held.since = this.#options.clock.now();
    if (before !== undefined && prefer(before, held, friend, this.#ownUid()) === 'existing') {
      this.#sessions.retire(held);
      return;
    }
    this.#dataPlane.useSession(friend.port, session.localIndex);
    friend.current = held;
    friend.publicKey ??= session.friendPublicKey;
    if (friend.name === '') friend.name = session.friendName;
    friend.learntAddresses = session.friendAddresses;
    friend.forgetTrouble();
    if (session.role === 'initiator') friend.unreached = undefined;
    // Our own attempt, if there is one, goes on: the other end may see it succeed, and both
    // ends have to choose among the same sessions.
    clearTimeout(friend.retryTimer);
    friend.retryTimer = undefined;
    if (friend.ticketSecret !== undefined) {
      friend.ticketSecret = undefined;
      this.#options.redeemed(friend);
    }
    this.#options.log.info(
      {
        friend: friend.name,
        uid: friend.uid,
        remote: carrier.remote,
        mode: session.mode,
        groups: session.sharedGroups,
      },
      'link up',
    );
    if (before === undefined) {
      this.events.emit('connecting', { uid: friend.uid, port: friend.port });
    } else {
      this.#sessions.retire(before, held);
    }
    this.events.emit('read-write', { uid: friend.uid });
    this.#policy.renewals.review(friend);
  }

  // ---- losing and finding again

  #sessionGone(localIndex: number, reason: string): void {
    const entry = this.#sessions.get(localIndex);
    if (entry === undefined) return;
    this.#sessions.end(entry.held, undefined);
    const { friend } = entry;
    if (friend.current !== entry.held) return;
    const { mode } = entry.held.session;
    const other = this.#sessions.takeLingering(
      friend,
      (held) => held.session.mode === mode && !this.#policy.isStale(held),
    );
    if (other !== undefined) {
      // Preferred to it was a session that the other end had lost already, as after a crash.
      friend.current = other;
      this.#dataPlane.useSession(friend.port, other.session.localIndex);
      this.#options.log.info({ friend: friend.name, reason }, 'back to an earlier session');
      return;
    }
    this.counters.lost++;
    this.#lost(friend, reason);
    // A link that never lasts is no success, however well its handshakes go.
    if (this.#options.clock.now() - entry.held.since < STABLE) {
      this.#connector.retryLater(friend);
    } else {
      friend.backOff.succeeded();
      this.#connector.connect(friend);
    }
  }

  #lost(friend: Friend, reason: string, refusal?: Refusal): void {
    if (friend.current === undefined) return;
    friend.current = undefined;
    friend.absentSince = this.#options.clock.now();
    this.#policy.renewals.stop(friend);
    friend.failed(reason, this.#options.clock.now(), refusal);
    this.#options.log.warn({ friend: friend.name, uid: friend.uid }, `link lost: ${reason}`);
    this.events.emit('disconnected', { uid: friend.uid, port: friend.port, reason });
  }

  #carrierClosed(carrier: Carrier, reason: string): void {
    this.#accepted.done(carrier);
    this.handshakes.carrierClosed(carrier, reason);
    for (const { held } of this.#sessions.over(carrier)) {
      this.#sessionGone(held.session.localIndex, `The connection is gone: ${reason}.`);
    }
  }

  /** Stops dialling a friend, and asking for another session. */
  #idle(friend: Friend): void {
    this.#connector.idle(friend);
    this.#policy.renewals.stop(friend);
  }

  #ownUid(): Uid {
    const { suite, identity } = this.#options.facts();
    return uidOf(suite, identity.publicKey);
  }

  /** Ends all sessions with a friend who stays one. */
  #endLink(friend: Friend, reason: string, refusal?: Refusal): void {
    this.#sessions.endAllWith(friend, reason);
    this.#lost(friend, reason, refusal);
    this.#connector.retryLater(friend);
  }
}

/** What a peer wrote, fit for a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}
