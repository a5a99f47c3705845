/** Looks after the audit of plaintext: asks the data plane while there is something to ask, and logs. */
import type { Clock } from '../clock.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import type { SessionReport } from '../data-plane/report.ts';
import type { F2FCore } from '../f2f/core.ts';
import type { Friend } from '../f2f/friend.ts';
import { type AuditLine, type ClearOctets, PlaintextAudit } from './plaintext-audit.ts';

/** Milliseconds between looks while a link is in the clear. */
const LOOK_INTERVAL = 1000;

const MESSAGES: Readonly<Record<AuditLine['event'], string>> = {
  begun: 'Ethernet goes in the clear',
  'goes on': 'Ethernet still goes in the clear',
  ended: 'Ethernet does not go in the clear any more',
};

export interface PlaintextWatchOptions {
  readonly clock: Clock;
  readonly dataPlane: Pick<DataPlane, 'sessions'>;
  readonly core: Pick<F2FCore, 'friends'>;
  readonly log: { warn(details: object, message: string): void };
}

export class PlaintextWatch {
  readonly #options: PlaintextWatchOptions;
  readonly #audit = new PlaintextAudit();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PlaintextWatchOptions) {
    this.#options = options;
  }

  /** Octets that went in the clear since the node started. */
  get totals(): ClearOctets {
    return this.#audit.totals;
  }

  octetsOf(friend: Friend): ClearOctets {
    return this.#audit.octetsOf(friend);
  }

  /** A link has come up, or is another, or is gone. */
  linkChanged(): void {
    if (this.#timer !== undefined || !this.#isNeeded()) return;
    this.#timer = setInterval(() => void this.look(), LOOK_INTERVAL);
    this.#timer.unref();
  }

  forget(friend: Friend): void {
    this.#audit.forget(friend);
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
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #isNeeded(): boolean {
    const { friends } = this.#options.core;
    return this.#audit.isOpen || friends.some(({ current }) => current?.session.mode === 'clear');
  }

  #friendAt(port: number): Friend | undefined {
    return this.#options.core.friends.find((friend) => friend.port === port);
  }
}
