/** How many workers a data plane has. Pure. */
import { MOST_WORKERS } from './local-index.ts';

/** Below so many processors a second worker takes from those who make and take the traffic. */
const FEWEST_TO_SPREAD = 4;
/** Processors that are left to them. */
const SPARED = 2;
/** Of itself a node takes no more. */
const MOST_OF_ITSELF = 4;

export type WorkerSetting = number | 'auto';

/** @param processors that this process may use */
export function workerCount(setting: WorkerSetting, processors: number): number {
  if (setting !== 'auto') return Math.min(Math.max(setting, 1), MOST_WORKERS);
  if (processors < FEWEST_TO_SPREAD) return 1;
  return Math.min(processors - SPARED, MOST_OF_ITSELF);
}
