/**
 * What a node tells of the security groups it is in, and how they change.
 *
 * Part of the contract of node-api.ts, which says in what units.
 */

export type PlaintextFloor = 'never' | 'when-no-shared-group';

export interface GroupStatus {
  readonly name: string;
  /** Whether members prove a key, or only know the name. */
  readonly keyed: boolean;
  /** Friends now connected that share it. */
  readonly sharedWith: readonly string[];
  /** Those of them that have proved an old key alone: they lack the new one. */
  readonly byOldKey: readonly string[];
  /** Until when the last old key counts, ISO 8601; absent when none does. */
  readonly oldKeysUntil?: string;
}

export interface AddGroup {
  readonly name: string;
  /** Without one the name is all there is. */
  readonly key?: string;
}

export interface RotateGroup {
  readonly name: string;
  /** The new key; the node makes one if it is left out. */
  readonly key?: string;
  /** Milliseconds that the old key still counts; by default a day. */
  readonly overlapMs?: number;
}

export interface ChangedGroup {
  readonly name: string;
  /** The file that holds the key, which is never told here; absent when there is none. */
  readonly keyFile?: string;
  /** Until when old keys count, ISO 8601; absent when none does. */
  readonly oldKeysUntil?: string;
  /** One sentence, when the key can be guessed. */
  readonly warning?: string;
}
