/** Puts the engine of one worker together: that of the ports, or one of those that have sessions. */
import type { BatchedIo } from '../io/contract.ts';
import type { SystemSockets } from '../io/system-contract.ts';
import type { KeepaliveOptions } from '../links/keepalive.ts';
import { CounterWriter } from '../switch/counters.ts';
import { FilteringDatabase, type FilteringDatabaseOptions } from '../switch/filtering-database.ts';
import {
  allocateCrossing,
  allocateSleepers,
  Crossing,
  type CrossingMemory,
  Sleeper,
} from './crossing.ts';
import { Engine } from './engine.ts';
import type { DataPlaneEngine } from './engine-contract.ts';
import type { DataPlaneMemory } from './memory.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { SessionEngine } from './session-engine.ts';

export interface EngineSettings {
  readonly keepalive?: KeepaliveOptions;
  readonly database?: FilteringDatabaseOptions;
  /** Walks through the data path before it begins (rehearsal.ts): about 0.2 s of processor. */
  readonly rehearse?: boolean;
}

/** What the workers of one data plane share. */
export interface SharedMemory {
  /** Worker n crosses over the one at n - 1. */
  readonly crossings: readonly CrossingMemory[];
  readonly sleepers: SharedArrayBuffer;
  /** By worker: what wakes it. */
  readonly doorbells: readonly number[];
}

/** Memory for as many workers as there are doorbells; nothing is shared by one alone. */
export function shareMemory(doorbells: readonly number[]): SharedMemory | undefined {
  if (doorbells.length < 2) return undefined;
  return {
    crossings: doorbells.slice(1).map(() => allocateCrossing()),
    sleepers: allocateSleepers(doorbells.length),
    doorbells,
  };
}

export interface EngineParts {
  readonly io: BatchedIo;
  readonly sockets: SystemSockets;
  readonly notices: NoticeWriter;
  readonly counters: SharedArrayBuffer;
  readonly settings: EngineSettings;
  /** Which worker it is for. */
  readonly worker: number;
  readonly shared: SharedMemory | undefined;
  /** What to add to `now` for milliseconds since 1970. */
  readonly timeOrigin?: number;
  /** Carries out the commands that have come and were not looked at yet. */
  readonly catchUp?: () => void;
}

export function makeEngine(parts: EngineParts): DataPlaneEngine {
  const { io, sockets, notices, settings, worker, shared, timeOrigin, catchUp } = parts;
  const common = {
    io,
    notices,
    counters: new CounterWriter(parts.counters),
    discard: (descriptor: number) => sockets.closeDescriptor(descriptor),
    ...(settings.keepalive === undefined ? {} : { keepalive: settings.keepalive }),
  };
  const database = (): FilteringDatabase => new FilteringDatabase(settings.database);
  const time = timeOrigin === undefined ? {} : { timeOrigin };
  if (shared === undefined) return new Engine({ ...common, ...time, database: database() });
  const { crossings, sleepers, doorbells } = shared;
  const sleeper = new Sleeper(sleepers, worker);
  const crossing = (memory: DataPlaneMemory, other: number): Crossing => {
    const { toSessions, toSwitch } = crossings[Math.max(worker, other) - 1];
    return new Crossing({
      io,
      landing: memory.landing,
      incoming: worker === 0 ? toSwitch : toSessions,
      outgoing: worker === 0 ? toSessions : toSwitch,
      sleepers,
      other,
      ring: () => sockets.ringDoorbell(doorbells[other]),
    });
  };
  if (worker === 0) {
    return new Engine({
      ...common,
      ...time,
      database: database(),
      crossings: (memory) => ({
        sleeper,
        others: crossings.map((_, index) => crossing(memory, index + 1)),
        ...(catchUp === undefined ? {} : { catchUp }),
      }),
    });
  }
  const workers = doorbells.length;
  return new SessionEngine({
    ...common,
    seed: settings.database?.seed ?? 0,
    worker,
    workers,
    sleeper,
    crossing: (memory) => crossing(memory, 0),
    ...(catchUp === undefined ? {} : { catchUp }),
  });
}
