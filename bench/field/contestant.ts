/** What takes part in the field: something that joins two hosts of a stage. */

import type { Bench } from '../row.ts';
import { OVERLAY, type Stage } from './stage.ts';

export interface Overlay {
  /** The far end's address, as namespace a sees it. */
  readonly target: string;
  /** Milliseconds until it works as it will from then on, such as path MTU discovery takes. */
  readonly settle?: number;
}

/** Starts it; the time until its first answer counts from the call. */
export type Launch = () => Promise<Overlay>;

export interface Contestant {
  readonly name: string;
  /** A sentence that says what to install, when it cannot run here. */
  missing(bench: Bench): string | undefined;
  version?(): string | undefined;
  /** Makes keys and files, which does not count as starting it. */
  prepare(stage: Stage): Promise<Launch>;
}

export const FAR_END: Overlay = { target: OVERLAY.b };
