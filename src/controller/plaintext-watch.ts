/**
 * Looks after the audit of plaintext: asks the data plane while there is something to ask,
 * logs, and has the sums written down.
 */
import type { Clock } from '../clock.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import type { SessionReport } from '../data-plane/report.ts';
import type { F2FCore } from '../f2f/core.ts';
import type { Friend } from '../f2f/friend.ts';
import {
  type AuditLine,
  type ClearAccount,
  type ClearOctets,
  PlaintextAudit,
} from './plaintext-audit.ts';
import type { PlaintextLedger } from './plaintext-ledger.ts';

/** Milliseconds between looks while a link is in the clear. */
const LOOK_INTERVAL = 1000;
/** Milliseconds between writings of the sums: what a node that is killed may forget. */
const WRITE_INTERVAL = 60_000;

const MESSAGES: Readonly<Record<AuditLine['event'], string>> = {
  begun: 'Ethernet goes in the clear',
  'goes on': 'Ethernet still goes in the clear',
  ended: 'Ethernet does not go in the clear any more',
};

export interface PlaintextWatchOptions {
  readonly clock: Clock;
  readonly dataPlane: Pick<DataPlane, 'sessions'>;
  readonly core: Pick<F2FCore, 'friends'>;
  readonly ledger: Pick<PlaintextLedger, 'write'>;
  /** What the ledger held when the node started. */
  readonly carried: ReadonlyMap<string, ClearAccount>;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly log: { warn(details: object, message: string): void };
}

export class PlaintextWatch {
  readonly #options: PlaintextWatchOptions;
  readonly #audit: PlaintextAudit;
  #timer: NodeJS.Timeout | undefined;
  /** What of the audit is written down, and when the last attempt was made. */
  #writtenRevision = 0;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: PlaintextWatchOptions) {
    this.#options = options;
    this.#audit = new PlaintextAudit(options.wallClock(), options.carried);
  }

  /** Octets that went in the clear since the node started. */
  get totals(): ClearOctets {
    return this.#audit.totals;
  }

  /** Octets that went in the clear with a friend, also before the node started. */
  accountOf(friend: Friend): ClearAccount {
    return this.#audit.accountOf(friend);
  }

  /** A link has come up, or is another, or is gone. */
  linkChanged(): void {
    if (this.#closed || this.#timer !== undefined || !this.#isNeeded()) return;
    this.#timer = setInterval(() => void this.look(), LOOK_INTERVAL);
    this.#timer.unref();
  }

  forget(friend: Friend): void {
    this.#audit.forget(friend, this.#options.wallClock());
    this.linkChanged();
  }

  /** Asks the data plane now, if octets may have gone in the clear. @returns what it said */
  async look(): Promise<readonly SessionReport[]> {
    const reports = await this.#options.dataPlane.sessions();
    this.counted(reports);
    if (!this.#isNeeded()) this.stop();
    return reports;
  }

  /** The last that is heard of a session. */
  ended(report: SessionReport): void {
    this.#audit.count(report, this.#friendAt(report.port));
    this.linkChanged();
  }

  /** The data plane was asked: counts what it said of sessions that there are. */
  counted(reports: readonly SessionReport[]): void {
    const live = new Set<Friend>();
    for (const report of reports) {
      const friend = this.#friendAt(report.port);
      this.#audit.count(report, friend);
      if (report.clear && friend !== undefined) live.add(friend);
    }
    for (const { friend, event, octets } of this.#audit.lines(live, this.#options.clock.now())) {
      const { name, uid } = friend;
      this.#options.log.warn({ friend: name, uid, ...octets }, MESSAGES[event]);
    }
    if (this.#options.clock.now() - this.#writtenAt >= WRITE_INTERVAL) void this.#write();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Writes down what is not yet, and stops. */
  async close(): Promise<void> {
    this.#closed = true;
    this.stop();
    await this.#write();
  }

  /** One after the other; what has been written already is not again. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const { revision } = this.#audit;
      if (revision === this.#writtenRevision) return;
      this.#writtenAt = this.#options.clock.now();
      const done = await this.#options.ledger.write(this.#audit.accounts());
      if (done) this.#writtenRevision = revision;
    });
    return this.#writing;
  }

  #isNeeded(): boolean {
    const { friends } = this.#options.core;
    if (this.#audit.revision !== this.#writtenRevision) return true;
    return this.#audit.isOpen || friends.some(({ current }) => current?.session.mode === 'clear');
  }

  #friendAt(port: number): Friend | undefined {
    return this.#options.core.friends.find((friend) => friend.port === port);
  }
}
