/**
 * Who our friends are: those of the configuration, those who came with a ticket
 * of ours, those whose ticket we took. Gives tickets out and burns them.
 */
import { randomBytes } from 'node:crypto';
import { KithError } from '../errors.ts';
import { Friend, fitAddresses } from '../f2f/friend.ts';
import {
  FriendStore,
  type StoredFriend,
  type StoredSuccessor,
  type StoredTicket,
} from '../f2f/friend-store.ts';
import type { Identity } from '../f2f/identity.ts';
import { makeTicket, parseTicket, ticketId } from '../f2f/ticket.ts';
import { isUid, parseUid, type Uid, uidOf } from '../f2f/uid.ts';
import type { HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import { nodeSuite } from '../links/handshake/node-suite.ts';
import { type OpenTicket, TICKET_SECRET_LENGTH } from '../links/handshake/ticket-proof.ts';
import { MAX_PORT } from '../switch/port.ts';
import type { FriendConfig } from './config.ts';

/** Ports of links follow those of VDE clients, which are 1 … 512. */
export const FIRST_LINK_PORT = 513;
/** The last port number is vde_switch's port 0. */
const LAST_LINK_PORT = MAX_PORT - 1;

export class FriendBook {
  #identity: Identity;
  readonly #store: FriendStore;
  readonly #friends = new Map<Uid, Friend>();
  readonly #onStoreError: (error: Error) => void;
  #tickets: StoredTicket[] = [];
  /** By the UID that a friend had before. */
  readonly #successors = new Map<string, StoredSuccessor>();

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
    for (const each of await this.#store.successors()) this.#successors.set(each.formerUid, each);
    for (const { uid, publicKey, name, addresses } of configured) {
      if (this.#isOurs(uid)) continue;
      const now = this.#newest(parseUid(uid), publicKey);
      if (this.#friends.has(now.uid)) continue; // the list has the old key and the new one
      this.#add({ source: 'config', name: name ?? '', addresses, ...now });
    }
    for (const stored of await this.#store.friends()) {
      if (!isUid(stored.uid)) continue;
      const now = this.#newest(stored.uid, stored.publicKey);
      if (this.#friends.has(now.uid)) continue;
      this.#add({
        source: stored.source,
        name: stored.name,
        addresses: stored.addresses,
        ticketSecret: fromHex(stored.ticketSecret),
        wasLinked: stored.wasLinked,
        ...now,
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
    if (this.#isOurs(ticket.issuerUid)) {
      throw new KithError(
        'ticket',
        'This ticket is your own; give it to the friend who is to join.',
      );
    }
    if (this.#successors.has(ticket.issuerUid)) {
      throw new KithError(
        'ticket',
        'The friend who gave this ticket has another key since; ask for a new ticket.',
      );
    }
    const known = this.#friends.get(ticket.issuerUid);
    if (known !== undefined) {
      if (known.source === 'joined' && !known.wasLinked) {
        // The ticket that it came in by was of no use: this one is in its place.
        known.name = ticket.issuerName;
        known.addresses = ticket.addresses;
      } else {
        known.addresses = [...new Set([...ticket.addresses, ...known.addresses])];
      }
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
        addresses: fitAddresses(session.friendAddresses),
        publicKey: session.friendPublicKey,
      });
    this.#store.saveTickets(this.#tickets).catch(this.#onStoreError);
    this.#save().catch(this.#onStoreError);
    return friend;
  }

  /** A friend has another key: it is filed under it, and its former UID is nobody's from now on. */
  succeeded(
    friend: Friend,
    formerUid: Uid,
    { friendPublicKey, successions }: HandshakeSession,
  ): void {
    this.#friends.delete(formerUid);
    this.#friends.set(friend.uid, friend);
    const last = successions.at(-1);
    const now = {
      uid: friend.uid,
      publicKey: Buffer.from(friendPublicKey).toString('hex'),
      counter: last?.counter ?? 0,
      time: last?.time ?? 0,
    };
    // Keys that it had while we did not see it are of no use either.
    for (const { oldKey } of successions) {
      const before = uidOf(nodeSuite, oldKey);
      this.#successors.set(before, { formerUid: before, ...now });
    }
    // The successor first: with the friend alone, a list in the configuration would bring back the old key.
    this.#store.saveSuccessors([...this.#successors.values()]).catch(this.#onStoreError);
    this.#save().catch(this.#onStoreError);
  }

  /** We have another key ourselves. */
  rotated(identity: Identity): void {
    this.#identity = identity;
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

  /** Whether a UID is ours, or was. */
  #isOurs(uid: string): boolean {
    const { successions } = this.#identity;
    return (
      uid === this.#identity.uid ||
      successions.some(({ oldKey }) => uidOf(nodeSuite, oldKey) === uid)
    );
  }

  /** Who somebody is now, whose key we knew once. */
  #newest(uid: Uid, publicKey: string | undefined): Known {
    const last = this.#lastSuccessor(uid);
    const now = last === undefined ? uid : parseUid(last.uid);
    const proved = [...this.#successors.values()].find((each) => each.uid === now);
    return {
      uid: now,
      publicKey: fromHex(proved?.publicKey ?? publicKey),
      formerUids: [...this.#successors.keys()]
        .filter((former) => this.#lastSuccessor(former)?.uid === now)
        .map(parseUid),
    };
  }

  #lastSuccessor(uid: string): StoredSuccessor | undefined {
    const seen = new Set<string>();
    let last: StoredSuccessor | undefined;
    for (
      let next = this.#successors.get(uid);
      next !== undefined && !seen.has(next.uid);
      next = this.#successors.get(next.uid)
    ) {
      seen.add(next.uid);
      last = next;
    }
    return last;
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
        ...(friend.ticketSecret !== undefined && friend.wasLinked ? { wasLinked: true } : {}),
      });
    }
    return this.#store.saveFriends(stored);
  }
}

/** A friend's key, and those it had before. */
interface Known {
  readonly uid: Uid;
  readonly publicKey: Uint8Array | undefined;
  readonly formerUids: readonly Uid[];
}

function fromHex(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'hex');
}

function isOpen(ticket: StoredTicket): boolean {
  return ticket.expiresAt * 1000 > Date.now();
}
