/**
 * The audit of plaintext: every octet of an Ethernet frame that went in the clear,
 * by friend, over all sessions with it, and a line in the log for each spell of it.
 *
 *   [none] -- first octet: a line --> [in the clear] -- no clear session: a line --> [none]
 *                                       | a line a minute with the totals, if more went
 *
 * Pure: takes what the data plane reports, and `now` in milliseconds.
 */
import type { SessionReport } from '../data-plane/report.ts';
import type { Friend } from '../f2f/friend.ts';

/** Milliseconds between lines of one spell. */
const LINE_INTERVAL = 60_000;

/** Octets of Ethernet frames that went unsealed. */
export interface ClearOctets {
  readonly in: number;
  readonly out: number;
}

/** What is kept of a friend over restarts of the node. */
export interface ClearAccount extends ClearOctets {
  /** Milliseconds since 1970: all that went in the clear from then on is counted. */
  readonly since: number;
}

export interface AuditLine {
  readonly friend: Friend;
  readonly event: 'begun' | 'goes on' | 'ended';
  /** In this spell. */
  readonly octets: ClearOctets;
}

interface Account {
  in: number;
  out: number;
  readonly since: number;
  /** Totals when the spell began; absent when there is none. */
  spell: ClearOctets | undefined;
  /** Totals, and when, as last told. */
  told: ClearOctets;
  toldAt: number;
}

interface Seen {
  readonly account: Account;
  in: number;
  out: number;
}

export class PlaintextAudit {
  /** The totals of this run of the node, friends that were removed among them. */
  readonly totals = { in: 0, out: 0 };
  /** Grows with every change of what is to be kept. */
  revision = 0;
  readonly #accounts = new Map<Friend, Account>();
  /** By UID: what is known of friends from before, until something is asked of them. */
  readonly #carried: Map<string, ClearAccount>;
  /** Since when friends are counted who have no account yet. */
  #since: number;
  /** By local index: what was counted of a session. */
  readonly #seen = new Map<number, Seen>();

  /**
   * @param now milliseconds since 1970
   * @param carried what `accounts` said at the end of the last run
   */
  constructor(now = 0, carried: ReadonlyMap<string, ClearAccount> = new Map()) {
    this.#since = now;
    this.#carried = new Map(carried);
  }

  /** Whether somebody has a spell that has not ended. */
  get isOpen(): boolean {
    for (const { spell } of this.#accounts.values()) if (spell !== undefined) return true;
    return false;
  }

  accountOf(friend: Friend): ClearAccount {
    const account = this.#open(friend);
    return { in: account.in, out: account.out, since: account.since };
  }

  /** The friend is one no more; if it comes back it is counted from then on. @param now as above */
  forget(friend: Friend, now = 0): void {
    this.#open(friend);
    this.#accounts.delete(friend);
    this.#since = now;
    this.revision++;
  }

  /** What is to be kept, by UID; friends with whom nothing went in the clear are left out. */
  accounts(): Map<string, ClearAccount> {
    const all = new Map(this.#carried);
    for (const friend of this.#accounts.keys()) {
      const account = this.accountOf(friend);
      if (account.in + account.out > 0) all.set(friend.uid, account);
    }
    return all;
  }

  /** Counts what a session reports for the first time or once more. @param friend whose session it is */
  count(report: SessionReport, friend: Friend | undefined): void {
    if (!report.clear) return;
    const { localIndex } = report;
    const seen = this.#seen.get(localIndex) ?? this.#begin(friend);
    const grown = { in: report.clearOctetsIn - seen.in, out: report.clearOctetsOut - seen.out };
    if (grown.in + grown.out > 0) this.revision++;
    for (const sum of [seen, seen.account, this.totals]) {
      sum.in += grown.in;
      sum.out += grown.out;
    }
    if (report.ended) this.#seen.delete(localIndex);
    else this.#seen.set(localIndex, seen);
  }

  /**
   * What is to be logged now.
   * @param live friends who have a clear session
   */
  lines(live: ReadonlySet<Friend>, now: number): AuditLine[] {
    const lines: AuditLine[] = [];
    for (const [friend, account] of this.#accounts) {
      const tell = (event: AuditLine['event'], since: ClearOctets) => {
        account.told = { in: account.in, out: account.out };
        account.toldAt = now;
        lines.push({
          friend,
          event,
          octets: { in: account.in - since.in, out: account.out - since.out },
        });
      };
      const grew = account.in + account.out > account.told.in + account.told.out;
      if (account.spell === undefined && grew) {
        account.spell = account.told;
        tell('begun', account.spell);
      } else if (account.spell !== undefined && grew && now - account.toldAt >= LINE_INTERVAL) {
        if (live.has(friend)) tell('goes on', account.spell);
      }
      if (account.spell !== undefined && !live.has(friend)) {
        tell('ended', account.spell);
        account.spell = undefined;
      }
    }
    return lines;
  }

  #begin(friend: Friend | undefined): Seen {
    const account =
      friend === undefined ? accountFrom({ in: 0, out: 0, since: 0 }) : this.#open(friend);
    return { account, in: 0, out: 0 };
  }

  #open(friend: Friend): Account {
    const known = this.#accounts.get(friend);
    if (known !== undefined) return known;
    const account = accountFrom(this.#takeCarried(friend));
    this.#accounts.set(friend, account);
    return account;
  }

  /** The friend may have had another UID when it was written. */
  #takeCarried({ uid, formerUids }: Friend): ClearAccount {
    let found: ClearAccount | undefined;
    for (const each of [...formerUids, uid]) {
      found = this.#carried.get(each) ?? found;
      this.#carried.delete(each);
    }
    return found ?? { in: 0, out: 0, since: this.#since };
  }
}

function accountFrom(carried: ClearAccount): Account {
  const { in: came, out } = carried;
  return { ...carried, spell: undefined, told: { in: came, out }, toldAt: 0 };
}
