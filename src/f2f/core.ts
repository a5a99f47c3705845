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
 *
 *   Connector       dials     --+
 *   Relays          find a way  |
 *   PolicyKeeper    renews    --+--> Admission --> FriendLinks --> core events
 *   HandshakeDriver answers   --+    who it is     which session
 *                                                  is in use --> HeldSessions, data plane
 *
 * Here these are joined, friends come and go, and packets are passed on.
 */
import type { PacketPriority } from '../data-plane/commands.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { addressText } from '../io/address.ts';
import type { Carrier, CarrierEvents } from '../links/contract.ts';
import { HandshakeGate } from '../links/handshake/handshake-gate.ts';
import { uidOf } from '../links/handshake/identity-proof.ts';
import { PacketType } from '../links/packet.ts';
import { AcceptedStreams } from './accepted-streams.ts';
import { Admission } from './admission.ts';
import { Connector } from './connector.ts';
import { CoreEvents, type IncomingPacket } from './core-events.ts';
import type { CoreCounters, CoreOptions } from './core-options.ts';
import type { Friend, Refusal } from './friend.ts';
import { FriendLinks } from './friend-links.ts';
import { FriendTable } from './friend-table.ts';
import { type Facts, HandshakeDriver } from './handshake-driver.ts';
import { HeldSessions } from './held-sessions.ts';
import { PolicyKeeper } from './policy-keeper.ts';
import { ProviderTable } from './provider-table.ts';
import { Relays } from './relays.ts';
import { SessionIndices } from './session-indices.ts';
import type { Uid } from './uid.ts';

const NO_OCTETS = new Uint8Array(0);

export class F2FCore {
  readonly events = new CoreEvents();
  readonly counters: CoreCounters = { unclaimed: 0, lost: 0, renewed: 0, succeeded: 0 };
  readonly handshakes: HandshakeDriver;
  readonly #options: CoreOptions;
  readonly #dataPlane: DataPlane;
  readonly #friends = new FriendTable();
  readonly #providers = new ProviderTable();
  readonly #indices: SessionIndices;
  readonly #sessions: HeldSessions;
  readonly #links: FriendLinks;
  readonly #connector: Connector;
  readonly #accepted: AcceptedStreams;
  readonly #admission: Admission;
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
      established: (session, carrier) => this.#admission.answered(session, carrier),
      refused: (failure, carrier, policy) => {
        this.#admission.refused(failure, carrier, policy);
      },
    });
    this.#connector = new Connector({
      clock: options.clock,
      random: options.random,
      log: options.log,
      driver: this.handshakes,
      providers: this.#providers.byScheme,
      facts: () => this.#facts(),
      friends: () => this.#friends,
      isFriend: (friend) => this.#friends.has(friend.uid),
      established: (dialled) => this.#admission.established(dialled),
      upgradeInterval: options.upgradeInterval,
      mayDial: options.mayDial,
    });
    this.#policy = new PolicyKeeper({
      clock: options.clock,
      driver: this.handshakes,
      providers: this.#providers.byScheme,
      log: options.log,
      facts: () => this.#facts(),
      ask: ({ session }) => {
        this.#dataPlane.sendPacket(session.localIndex, PacketType.renew, NO_OCTETS, 'control');
      },
      renewed: (dialled, held) => {
        this.counters.renewed++;
        this.#admission.established(dialled, held);
      },
      end: (friend, reason, refusal) => this.#endLink(friend, reason, refusal),
    });
    this.#links = new FriendLinks({
      clock: options.clock,
      log: options.log,
      dataPlane: this.#dataPlane,
      events: this.events,
      sessions: this.#sessions,
      connector: this.#connector,
      policy: this.#policy,
      counters: this.counters,
      ownUid: () => {
        const { suite, identity } = options.facts();
        return uidOf(suite, identity.publicKey);
      },
      isConfined: () => options.facts().groups.length > 0,
      redeemed: options.redeemed,
    });
    this.#accepted = new AcceptedStreams((carrier) => {
      this.handshakes.carrierClosed(carrier, 'The handshake took too long.');
    });
    this.#admission = new Admission({
      clock: options.clock,
      log: options.log,
      counters: this.counters,
      friends: this.#friends,
      providers: this.#providers,
      indices: this.#indices,
      accepted: this.#accepted,
      policy: this.#policy,
      links: this.#links,
      redeem: options.redeem,
      succeeded: options.succeeded,
      endLink: (friend, reason, refusal) => this.#endLink(friend, reason, refusal),
      removeFriend: (uid, reason) => this.removeFriend(uid, reason),
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
      this.#providers.add(factory(this.#dataPlane, carriers));
    }
    this.relays = new Relays({
      clock: options.clock,
      policy: options.relay ?? { serve: true, use: true },
      plane: this.#dataPlane,
      carriers,
      events: this.events,
      friends: () => this.#friends,
      control: (friend, packet) => {
        this.send(friend.uid, PacketType.relayControl, packet, 'control');
      },
      connect: async (friend, addresses, signal) => {
        this.#admission.established(await this.#connector.dial(friend, addresses, [], signal));
      },
    });
    this.#providers.add(this.relays.provider);
  }

  get friends(): readonly Friend[] {
    return [...this.#friends];
  }

  friend(uid: Uid): Friend | undefined {
    return this.#friends.get(uid);
  }

  /** URLs that we listen on, with the ports in use. */
  get listening(): readonly string[] {
    return this.#providers.listening;
  }

  /** @throws KithError 'address' */
  listen(url: string): Promise<string> {
    return this.#providers.listen(url);
  }

  /** Takes in a friend and starts dialling. One that is known already stays as it is. */
  addFriend(friend: Friend): void {
    if (this.#friends.has(friend.uid)) return;
    this.#friends.set(friend);
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
    this.#links.end(friend, reason);
    this.relays.review();
    return true;
  }

  /**
   * What `facts` says of groups, floor or identity is not what it was. Every link gets
   * another session that the new policy is under; who was refused is tried again.
   */
  policyChanged(): void {
    this.#policy.changed();
    for (const friend of this.#friends) {
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
      this.#links.gone(localIndex, `The friend ended the link: ${printable(reason)}.`);
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

  /** The other end has the session too. */
  sessionAlive(localIndex: number): void {
    this.#links.alive(localIndex);
  }

  sessionDead(localIndex: number, silence: number): void {
    this.#links.gone(localIndex, `Nothing was heard for ${silence} ms.`);
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
    this.#admission.close();
    this.#connector.close();
    this.#accepted.stop();
    this.relays.close();
    for (const friend of this.#friends) this.#idle(friend);
    this.#sessions.endAll('the node stops');
    this.handshakes.close();
    await this.#dataPlane.lastWords();
    this.#providers.close();
  }

  #facts(): Facts {
    return {
      ...this.#options.facts(),
      policy: this.#policy.current,
      isFriend: (uid, publicKey) => this.#friends.admits(uid, publicKey),
      tickets: this.#options.tickets,
    };
  }

  // ---- ends

  #carrierClosed(carrier: Carrier, reason: string): void {
    this.#accepted.done(carrier);
    this.handshakes.carrierClosed(carrier, reason);
    for (const { held } of this.#sessions.over(carrier)) {
      this.#links.gone(held.session.localIndex, `The connection is gone: ${reason}.`);
    }
  }

  /** Stops dialling a friend, and asking for another session. */
  #idle(friend: Friend): void {
    this.#connector.idle(friend);
    this.#policy.renewals.stop(friend);
  }

  /** Ends all sessions with a friend who stays one. */
  #endLink(friend: Friend, reason: string, refusal?: Refusal): void {
    this.#links.end(friend, reason, refusal);
    this.#connector.retryLater(friend);
  }
}

/** What a peer wrote, fit for a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}
