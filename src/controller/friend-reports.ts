/** What a node tells of its friends and of the links to them, and whom it takes in: for NodeReports. */
import { monotonicClock } from '../clock.ts';
import type { SessionReport } from '../data-plane/report.ts';
import type { Friend } from '../f2f/friend.ts';
import { CIPHER_NAMES } from '../links/handshake/negotiation.ts';
import { nameOf, relayOf } from './friend-names.ts';
import { missingLink } from './missing-links.ts';
import type {
  FriendStatus,
  InviteOptions,
  LinkStatus,
  MissingLink,
  WhyReport,
} from './node-api-friends.ts';
import type { NodeParts } from './node-parts.ts';
import { ticketAddresses } from './own-addresses.ts';
import type { ClearAccount } from './plaintext-audit.ts';
import { mendOf } from './refusal-mend.ts';
import { explain, troubleOf } from './why.ts';

/** Milliseconds: a ticket is good for a day unless somebody says otherwise. */
const TICKET_LIFETIME = 24 * 60 * 60 * 1000;
/** The addresses that a ticket has room for. */
const MAX_ADDRESSES = 16;

type Parts = Pick<
  NodeParts,
  'addresses' | 'book' | 'bridge' | 'config' | 'core' | 'dataPlane' | 'groups' | 'plaintext'
>;

export class FriendReports {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async friends(): Promise<readonly FriendStatus[]> {
    const { core, plaintext } = this.#parts;
    await plaintext.look();
    return core.friends.map((friend) => friendStatus(friend, plaintext.accountOf(friend)));
  }

  async links(): Promise<readonly LinkStatus[]> {
    const { core, plaintext } = this.#parts;
    const reports = new Map<number, SessionReport>();
    for (const report of await plaintext.look()) reports.set(report.localIndex, report);
    const links: LinkStatus[] = [];
    for (const friend of core.friends) {
      const report = reports.get(friend.current?.session.localIndex ?? -1);
      if (report !== undefined) links.push(this.#linkStatus(friend, report));
    }
    return links;
  }

  missingLinks(): readonly MissingLink[] {
    const now = monotonicClock.now();
    return this.#parts.core.friends
      .filter(({ current }) => current === undefined)
      .map((friend) => missingLink(friend, now));
  }

  async why(text: string): Promise<WhyReport> {
    const { book, groups, core } = this.#parts;
    const friend = book.find(text);
    const relay = relayOf(friend.current?.carrier, core.friends);
    return explain(friend, groups, monotonicClock.now(), relay);
  }

  async invite(options: InviteOptions): Promise<{ ticket: string; expiresAt: string }> {
    const { book, config } = this.#parts;
    const addresses = options.addresses ?? ticketAddresses(this.#parts.addresses());
    const { ticket, expiresAt } = await book.invite(
      config.name,
      addresses.slice(0, MAX_ADDRESSES),
      options.expiresInMs ?? TICKET_LIFETIME,
    );
    return { ticket, expiresAt: expiresAt.toISOString() };
  }

  async join(ticket: string): Promise<{ uid: string; name: string }> {
    const { book, core } = this.#parts;
    const friend = await book.join(ticket);
    core.addFriend(friend);
    core.redial(friend);
    return { uid: friend.uid, name: nameOf(friend) };
  }

  async removeFriend(text: string): Promise<{ uid: string }> {
    const { book, bridge, core, plaintext } = this.#parts;
    const friend = book.find(text);
    core.removeFriend(friend.uid, 'the friend was removed');
    bridge.forget(friend.port);
    this.#parts.dataPlane.forgetClaims(friend.port);
    await plaintext.look();
    plaintext.forget(friend);
    await book.remove(friend);
    return { uid: friend.uid };
  }

  #linkStatus(friend: Friend, report: SessionReport): LinkStatus {
    const { current } = friend;
    if (current === undefined) throw new Error('a link without a session');
    const { session, carrier } = current;
    const counters = this.#parts.dataPlane.counters.read(friend.port);
    const clear = this.#parts.plaintext.accountOf(friend);
    const relay = relayOf(carrier, this.#parts.core.friends);
    return {
      state: 'up',
      port: friend.port,
      friend: friend.uid,
      friendName: nameOf(friend),
      provider: carrier.provider,
      remote: carrier.remote,
      ...(relay === undefined ? {} : { relay }),
      security: session.mode,
      cipher: CIPHER_NAMES[session.cipher],
      sharedGroups: session.sharedGroups,
      role: session.role,
      since: monotonicClock.now() - session.establishedAt,
      ...(report.rtt === undefined ? {} : { rtt: report.rtt }),
      loss: report.loss,
      pathMtu: report.pathMtu,
      framesIn: counters.framesIn,
      framesOut: counters.framesOut,
      octetsIn: counters.octetsIn,
      octetsOut: counters.octetsOut,
      ...clearOctets(clear),
      keyUpdates: report.keyUpdates,
      dropped: { ...report.drops },
    };
  }
}

function friendStatus(friend: Friend, clear: ClearAccount): FriendStatus {
  const wait = friend.retryAt - monotonicClock.now();
  const lastError = troubleOf(friend);
  const mend = mendOf(friend);
  return {
    uid: friend.uid,
    name: nameOf(friend),
    state: friend.state,
    addresses: friend.candidates,
    ...(friend.formerUids.length === 0 ? {} : { formerUids: friend.formerUids }),
    source: friend.source,
    ...clearOctets(clear),
    ...(friend.current === undefined ? {} : { link: friend.port }),
    ...(friend.refusal === undefined ? {} : { refusal: friend.refusal }),
    ...(mend === undefined ? {} : { mend }),
    ...(friend.unproven === undefined ? {} : { unproven: friend.unproven }),
    ...(friend.unreached === undefined ? {} : { unreached: friend.unreached }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(friend.retryTimer !== undefined && wait > 0 ? { retryIn: wait } : {}),
  };
}

function clearOctets({ in: clearOctetsIn, out: clearOctetsOut, since }: ClearAccount) {
  return { clearOctetsIn, clearOctetsOut, clearSince: new Date(since).toISOString() };
}
