/** What a worker runs: the engine of the ports, or one that has sessions alone. */
import type { Command } from './commands.ts';
import type { DataPlaneMemory } from './memory.ts';

export interface DataPlaneEngine {
  readonly memory: DataPlaneMemory;
  /** Milliseconds that the next poll may wait. `turn` has to follow, whatever that brings. */
  timeout(now: number): number;
  /** Deals with the `count` receive records of a poll. */
  turn(count: number, now: number): void;
  /** Carries out a command between two turns. @returns the answer to a query */
  execute(command: Command, now: number): unknown;
  /** Sends what is gathered. */
  drain(): void;
}
