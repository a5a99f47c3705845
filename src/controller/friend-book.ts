/**
 * Who our friends are: those of the configuration, those who came with a ticket
 * of ours, those whose ticket we took. Gives tickets out and burns them.
 */
import { randomBytes } from 'node:crypto';
import { KithError } from '../errors.ts';
import { Friend } from '../f2f/friend.ts';
import { FriendStore, type StoredFriend, type StoredTicket } from '../f2f/friend-store.ts';
import type { Identity } from '../f2f/identity.ts';
import { makeTicket, parseTicket, ticketId } from '../f2f/ticket.ts';
import { isUid, parseUid, type Uid } from '../f2f/uid.ts';
import type { HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import { type OpenTicket, TICKET_SECRET_LENGTH } from '../links/handshake/ticket-proof.ts';
import { MAX_PORT } from '../switch/port.ts';
import type { FriendConfig } from './config.ts';

/** Ports of links follow those of VDE clients, which are 1 … 512. */
export const FIRST_LINK_PORT = 513;
/** The last port number is vde_switch's port 0. */
const LAST_LINK_PORT = MAX_PORT - 1;

export class FriendBook {
  readonly #identity: Identity;
  readonly #store: FriendStore;
  readonly #friends = new Map<Uid, Friend>();
  readonly #onStoreError: (error: Error) => void;
  #tickets: StoredTicket[] = [];

  constructor(identity: Identity, home: string, onStoreError: (error: Error) => void) {
    this.#identity = identity;
    this.#store = new FriendStore(home);
    this.#onStoreError = onStoreError;
  }

  /**
   * Reads what is stored and lays the configuration over it. A circle may share one list of
   * friends: our own entry in it is for the others.
   * @throws KithError 'config'
   */
  async load(configured: readonly FriendConfig[]): Promise<readonly Friend[]> {
    this.#tickets = (await this.#store.tickets()).filter(isOpen);
    for (const { uid, publicKey, name, addresses } of configured) {
      if (uid === this.#identity.uid) continue;
      this.#add({
        uid: parseUid(uid),
        source: 'config',
        name: name ?? '',
        addresses,
        publicKey: publicKey === undefined ? undefined : Buffer.from(publicKey, 'hex'),
      });
    }
    for (const stored of await this.#store.friends()) {
      if (!isUid(stored.uid) || this.#friends.has(stored.uid)) continue;
      this.#add({
        uid: stored.uid,
        source: stored.source,
        name: stored.name,
        addresses: stored.addresses,
        publicKey: Buffer.from(stored.publicKey, 'hex'),
        ticketSecret:
          stored.ticketSecret === undefined ? undefined : Buffer.from(stored.ticketSecret, 'hex'),
      });
    }
    return [...this.#friends.values()];
  }

  /**
   * The friend that `text` means: a UID, an unambiguous beginning of one, or a name.
   * @throws KithError 'not-found'
   */
  find(text: string): Friend {
    const wanted = text.trim().toLowerCase();
    const all = [...this.#friends.values()];
    const exact = all.filter((friend) => friend.uid === wanted || friend.name === text);
    const found = exact.length > 0 ? exact : all.filter(({ uid }) => uid.startsWith(wanted));
    if (found.length === 1 && wanted !== '') return found[0];
    throw new KithError(
      'not-found',
      found.length > 1
        ? `"${text}" means ${found.length} friends; give more of the UID, as \`kith friends\` lists it.`
        : `There is no friend "${text}"; \`kith friends\` lists them.`,
    );
  }

  /** Tickets that are neither spent nor expired; none while there is no port for another friend. */
  openTickets(): readonly OpenTicket[] {
    if (this.#findPort() === undefined) return [];
    this.#tickets = this.#tickets.filter(isOpen);
    return this.#tickets.map(({ id, secret }) => ({ id, secret: Buffer.from(secret, 'hex') }));
  }

  /** @throws KithError 'ticket', or 'config' when there are as many friends as can be */
  async invite(
    name: string,
    addresses: readonly string[],
    lifetime: number,
  ): Promise<{ ticket: string; expiresAt: Date }> {
    this.#freePort();
    const secret = Uint8Array.from(randomBytes(TICKET_SECRET_LENGTH));
    const expiresAt = Math.ceil((Date.now() + lifetime) / 1000);
    const ticket = makeTicket(this.#identity, { name, addresses, expiresAt, secret });
    const entry = { id: ticketId(secret), secret: Buffer.from(secret).toString('hex'), expiresAt };
    this.#tickets = [...this.#tickets.filter(isOpen), entry];
    await this.#store.saveTickets(this.#tickets);
    return { ticket, expiresAt: new Date(expiresAt * 1000) };
  }

  /** Takes a ticket: its issuer is a friend from now on. @throws KithError 'ticket' */
  async join(text: string): Promise<Friend> {
    const ticket = parseTicket(text, Date.now() / 1000);
    if (ticket.issuerUid === this.#identity.uid) {
      throw new KithError(
        'ticket',
        'This ticket is your own; give it to the friend who is to join.',
      );
    }
    const known = this.#friends.get(ticket.issuerUid);
    if (known !== undefined) {
      known.addresses = [...new Set([...ticket.addresses, ...known.addresses])];
      known.publicKey ??= ticket.issuerKey;
      if (known.current === undefined) known.ticketSecret = ticket.secret;
      await this.#save();
      return known;
    }
    const friend = this.#add({
      uid: ticket.issuerUid,
      source: 'joined',
      name: ticket.issuerName,
      addresses: ticket.addresses,
      publicKey: ticket.issuerKey,
      ticketSecret: ticket.secret,
    });
    await this.#save();
    return friend;
  }

  /** Somebody came with a ticket of ours. The ticket is burnt before this returns. */
  redeem(session: HandshakeSession, ticket: string): Friend {
    this.#tickets = this.#tickets.filter(({ id }) => id !== ticket);
    const friend =
      this.#friends.get(session.friendUid) ??
      this.#add({
        uid: session.friendUid,
        source: 'invited',
        name: session.friendName,
        addresses: session.friendAddresses,
        publicKey: session.friendPublicKey,
      });
    this.#store.saveTickets(this.#tickets).catch(this.#onStoreError);
    this.#save().catch(this.#onStoreError);
    return friend;
  }

  /** The ticket that we held for a friend has done its work. */
  redeemed(): void {
    this.#save().catch(this.#onStoreError);
  }

  /** Forgets a friend; one of the configuration comes back at the next start. */
  async remove(friend: Friend): Promise<void> {
    this.#friends.delete(friend.uid);
    await this.#save();
  }

  /** Resolves when all that was to be stored is. */
  settled(): Promise<void> {
    return this.#store.settled();
  }

  #add(init: Omit<ConstructorParameters<typeof Friend>[0], 'port'>): Friend {
    const friend = new Friend({ ...init, port: this.#freePort() });
    this.#friends.set(friend.uid, friend);
    return friend;
  }

  /** @throws KithError 'config' when all ports are taken */
  #freePort(): number {
    const port = this.#findPort();
    if (port !== undefined) return port;
    const most = LAST_LINK_PORT - FIRST_LINK_PORT + 1;
    throw new KithError(
      'config',
      `A node can have ${most} friends; remove some with \`kith friends remove\`.`,
    );
  }

  #findPort(): number | undefined {
    const taken = new Set([...this.#friends.values()].map(({ port }) => port));
    for (let port = FIRST_LINK_PORT; port <= LAST_LINK_PORT; port++) {
      if (!taken.has(port)) return port;
    }
    return undefined;
  }

  #save(): Promise<void> {
    const stored: StoredFriend[] = [];
    for (const friend of this.#friends.values()) {
      if (friend.source === 'config' || friend.publicKey === undefined) continue;
      stored.push({
        uid: friend.uid,
        publicKey: Buffer.from(friend.publicKey).toString('hex'),
        name: friend.name,
        addresses: [...friend.addresses],
        source: friend.source,
        ...(friend.ticketSecret === undefined
          ? {}
          : { ticketSecret: Buffer.from(friend.ticketSecret).toString('hex') }),
      });
    }
    return this.#store.saveFriends(stored);
  }
}

function isOpen(ticket: StoredTicket): boolean {
  return ticket.expiresAt * 1000 > Date.now();
}
