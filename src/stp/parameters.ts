/**
 * Numbers of the spanning tree: what the standard fixes, what an operator may set.
 *
 * Read first: IEEE 802.1D-2004, 17.14 (Table 17-1, Table 17-2, Table 17-3) and 9.2.5.
 * All times are seconds, as in the standard.
 */
import { KithError } from '../errors.ts';

/** Migrate Time, 17.13.9: fixed by the standard. */
export const MIGRATE_TIME = 3;

/** Port Path Cost, 17.14 (Table 17-3). */
export const MINIMUM_PATH_COST = 1;
export const MAXIMUM_PATH_COST = 200_000_000;

/** Root Path Cost is 4 octets on the wire (9.2.6); sums saturate here. */
export const MAXIMUM_ROOT_PATH_COST = 0xffffffff;

/** Port numbers are the low 12 bits of a Port Identifier (9.2.7). */
export const MINIMUM_PORT_NUMBER = 1;
export const MAXIMUM_PORT_NUMBER = 4095;

/** What values of a received BPDU are pulled into; wider than ours, as 802.1D-1998 allowed a Hello Time of 10. */
export const RECEIVED_HELLO_TIME = { minimum: 1, maximum: 10 } as const;
export const RECEIVED_MAX_AGE = { minimum: 6, maximum: 40 } as const;
export const RECEIVED_FORWARD_DELAY = { minimum: 4, maximum: 30 } as const;

/** Ours: BPDUs a port may take in per second, and at once. A polite peer sends at most 10 per second. */
export const DEFAULT_BPDU_RATE = 50;
export const DEFAULT_BPDU_BURST = 100;

/**
 * Ours: topology changes heard through a port that are acted on at once, and then in a second.
 * A change is told two or three times within four seconds.
 */
export const TOPOLOGY_CHANGE_BURST = 20;
export const TOPOLOGY_CHANGE_RATE = 1;

/** Force Protocol Version, 17.13.4: `stp` is 0, `rstp` is 2. */
export type ProtocolVersion = 'stp' | 'rstp';

/** What an operator may set for the whole bridge. */
export interface BridgeParameters {
  /** Bridge Priority: 0 … 61,440 in steps of 4,096; the lowest becomes root. Default 32,768. */
  readonly priority: number;
  /** Bridge Hello Time: 1 … 2 s. Default 2. */
  readonly helloTime: number;
  /** Bridge Max Age: 6 … 40 s; with RSTP also the largest number of hops from the root. Default 20. */
  readonly maxAge: number;
  /** Bridge Forward Delay: 4 … 30 s. Default 15. */
  readonly forwardDelay: number;
  /** BPDUs a port may send per second once it has sent this many at once: 1 … 10. Default 6. */
  readonly transmitHoldCount: number;
}

export const DEFAULT_BRIDGE_PARAMETERS: BridgeParameters = {
  priority: 32_768,
  helloTime: 2,
  maxAge: 20,
  forwardDelay: 15,
  transmitHoldCount: 6,
};

export const DEFAULT_PORT_PRIORITY = 128;

function checkRange(name: string, value: number, minimum: number, maximum: number): void {
  if (value >= minimum && value <= maximum) return;
  throw new KithError(
    'config',
    `Set the ${name} to a number from ${minimum} to ${maximum}; ${value} is outside.`,
  );
}

function checkStep(name: string, value: number, maximum: number, step: number): void {
  if (value >= 0 && value <= maximum && value % step === 0) return;
  throw new KithError(
    'config',
    `Set the ${name} to a multiple of ${step} from 0 to ${maximum}; ${value} is not one.`,
  );
}

/** Throws KithError `config` unless Table 17-1, Table 17-2 and 17.14's relation hold. */
export function checkBridgeParameters(parameters: BridgeParameters): void {
  const { priority, helloTime, maxAge, forwardDelay, transmitHoldCount } = parameters;
  checkStep('bridge priority', priority, 61_440, 4096);
  checkRange('hello time', helloTime, 1, 2);
  checkRange('max age', maxAge, 6, 40);
  checkRange('forward delay', forwardDelay, 4, 30);
  checkRange('transmit hold count', transmitHoldCount, 1, 10);
  if (2 * (forwardDelay - 1) < maxAge) {
    throw new KithError(
      'config',
      `Raise the forward delay to ${maxAge / 2 + 1} s or lower the max age to ${2 * (forwardDelay - 1)} s: twice (forward delay - 1) must reach the max age.`,
    );
  }
  if (maxAge < 2 * (helloTime + 1)) {
    throw new KithError(
      'config',
      `Raise the max age to ${2 * (helloTime + 1)} s: it must reach twice (hello time + 1).`,
    );
  }
}

/** Throws KithError `config` unless `number` can be a port number. */
export function checkPortNumber(number: number): void {
  checkRange('port number', number, MINIMUM_PORT_NUMBER, MAXIMUM_PORT_NUMBER);
  if (!Number.isInteger(number)) {
    throw new KithError('config', `Set the port number to a whole number; ${number} is none.`);
  }
}

/** Throws KithError `config` unless `priority` can be a Port Priority (Table 17-2). */
export function checkPortPriority(priority: number): void {
  checkStep('port priority', priority, 240, 16);
}

/** Throws KithError `config` unless `cost` can be a Port Path Cost (Table 17-3). */
export function checkPathCost(cost: number): void {
  checkRange('port path cost', cost, MINIMUM_PATH_COST, MAXIMUM_PATH_COST);
  if (!Number.isInteger(cost)) {
    throw new KithError('config', `Set the port path cost to a whole number; ${cost} is none.`);
  }
}
