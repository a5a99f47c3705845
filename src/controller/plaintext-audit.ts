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

/** Octets of Ethernet frames that went unsealed since the node started. */
export interface ClearOctets {
  readonly in: number;
  readonly out: number;
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

const NONE: ClearOctets = { in: 0, out: 0 };

export class PlaintextAudit {
  /** The totals of the node, friends that were removed among them. */
  readonly totals = { in: 0, out: 0 };
  readonly #accounts = new Map<Friend, Account>();
  /** By local index: what was counted of a session. */
  readonly #seen = new Map<number, Seen>();

  /** Whether somebody has a spell that has not ended. */
  get isOpen(): boolean {
    for (const { spell } of this.#accounts.values()) if (spell !== undefined) return true;
    return false;
  }

  octetsOf(friend: Friend): ClearOctets {
    const account = this.#accounts.get(friend);
    return account === undefined ? NONE : { in: account.in, out: account.out };
  }

  /** The friend is one no more. */
  forget(friend: Friend): void {
    this.#accounts.delete(friend);
  }

  /** Counts what a session reports for the first time or once more. @param friend whose session it is */
  count(report: SessionReport, friend: Friend | undefined): void {
    if (!report.clear) return;
    const { localIndex } = report;
    const seen = this.#seen.get(localIndex) ?? this.#begin(friend);
    const grown = { in: report.clearOctetsIn - seen.in, out: report.clearOctetsOut - seen.out };
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
    const account: Account = { in: 0, out: 0, spell: undefined, told: NONE, toldAt: 0 };
    if (friend === undefined) return { account, in: 0, out: 0 };
    const known = this.#accounts.get(friend) ?? account;
    this.#accounts.set(friend, known);
    return { account: known, in: 0, out: 0 };
  }
}
