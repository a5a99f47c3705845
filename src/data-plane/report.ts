/** What the data plane tells of a session when asked. Plain JSON. */
import type { ImpairmentCounters } from '../switch/impairment.ts';
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import type { Query } from './commands.ts';
import type { DataPlaneMemory } from './memory.ts';
import type { Session, SessionDrops } from './session.ts';

export interface SessionReport {
  readonly localIndex: number;
  readonly port: number;
  /** Ethernet frames go unsealed. */
  readonly clear: boolean;
  /** The session is gone, and this is the last that is heard of it. */
  readonly ended?: true;
  /** Milliseconds; absent before the first answer. */
  readonly rtt?: number;
  readonly loss: number;
  readonly pathMtu: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly clearOctetsIn: number;
  readonly clearOctetsOut: number;
  readonly keyUpdates: number;
  readonly drops: SessionDrops;
}

/** What was dropped of a session in the worker of the ports, which does not have it. Plain JSON. */
export interface RemoteDrops {
  readonly localIndex: number;
  readonly drops: SessionDrops;
}

/** What the data plane tells of a port that is impaired. Plain JSON. */
export interface ImpairmentReport {
  readonly port: number;
  readonly settings: ImpairmentSettings;
  /** Frames on their way, those that leave twice counted twice. */
  readonly waiting: number;
  readonly counters: Readonly<ImpairmentCounters>;
}

export function describeSession(session: Session): SessionReport {
  const { rtt } = session.keepalive;
  return {
    localIndex: session.localIndex,
    port: session.port,
    clear: session.clear,
    ...(Number.isNaN(rtt) ? {} : { rtt }),
    loss: session.keepalive.loss,
    pathMtu: session.datagram ? session.pathMtu.current : session.recordLength,
    recordsIn: session.recordsIn,
    recordsOut: session.recordsOut,
    clearOctetsIn: session.clearOctetsIn,
    clearOctetsOut: session.clearOctetsOut,
    keyUpdates: session.keys.updates,
    drops: {
      ...session.drops,
      abandoned: session.reassembly.abandoned + session.superReassembly.abandoned,
    },
  };
}

/** The answer to a query, with what sessions that are gone have left to tell. */
export function withDeparted(command: Query, answer: unknown, memory: DataPlaneMemory): unknown {
  if (command.what !== 'sessions') return answer;
  return [...(answer as SessionReport[]), ...memory.departed.splice(0)];
}

/** Sessions with what was dropped of them in the worker of the ports. */
export function addDrops(
  reports: readonly SessionReport[],
  remote: readonly RemoteDrops[],
): SessionReport[] {
  const byIndex = new Map(remote.map(({ localIndex, drops }) => [localIndex, drops]));
  return reports.map((report) => {
    const more = byIndex.get(report.localIndex);
    if (more === undefined) return report;
    const drops = { ...report.drops };
    for (const name of Object.keys(drops) as (keyof typeof drops)[]) drops[name] += more[name];
    return { ...report, drops };
  });
}
