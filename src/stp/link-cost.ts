/**
 * A Port Path Cost that follows the link.
 *
 * Read first: IEEE 802.1D-2004, 17.14 (Table 17-3) for the scale; the rest is
 * ours and is explained, with a table, in docs/protocol/stp.md.
 *
 *   cost = (20,000 × 1 Gb/s ÷ throughput + 2,000 × RTT in ms) × (1 + 20 × loss) × (2 if relayed)
 *
 * The cost in force moves only when the measured one has left its neighbourhood
 * for some time, so that jitter never makes the tree change:
 *
 *             inside factor                  outside, same side, for the hold time
 *   STEADY ◀───────────────── LEAVING ────────────────────────────────────▶ STEADY, at the mean
 *          ──outside factor─▶
 *
 * RTT comes smoothed (RFC 6298). A share of lost pings is a coarse thing, so it is smoothed here,
 * over LOSS_TIME. The hold time doubles with each change that comes soon after the one before:
 * whoever can make a link look good and bad in turn moves the tree a few times an hour at most.
 */
import { checkPathCost, MAXIMUM_PATH_COST, MINIMUM_PATH_COST } from './parameters.ts';

/** Table 17-3: 20,000 for 1 Gb/s, in inverse proportion. */
const COST_TIMES_BITS_PER_SECOND = 20_000 * 1_000_000_000;
/** Ours: 10 ms of round trip weigh as much as a hop of 1 Gb/s. */
const COST_PER_MILLISECOND = 2_000;
/** Ours: 5 % of loss doubles the cost. */
const LOSS_WEIGHT = 20;
/** Ours: a relayed link burdens the relay with every frame twice. */
const RELAY_FACTOR = 2;

/** Ours: milliseconds over which loss is averaged; 3 % over pings every 800 ms is then 2 to 4 %. */
const LOSS_TIME = 120_000;
/** Ours: a change that comes within so many milliseconds of the one before is soon. */
const CALM_TIME = 900_000;
/** Ours: the hold time doubles up to this multiple. */
const MOST_HOLDS = 16;

/** In force until the first measurement: that of 100 Mb/s, so that proven links come first. */
export const UNMEASURED_COST = 200_000;

export interface LinkMeasurement {
  /** Smoothed round-trip time, milliseconds. */
  readonly roundTripTime: number;
  /** Share of frames lost, 0 … 1. */
  readonly loss: number;
  /** Class of throughput in bits per second, such as 1e9; a class and no momentary rate. */
  readonly throughput: number;
  /** Whether somebody in between passes the frames on. */
  readonly relayed: boolean;
}

/** The cost of a link as measured: a whole number in the range of Table 17-3. Nonsense in gives the worst cost. */
export function costOf(measurement: LinkMeasurement): number {
  const { roundTripTime, loss, throughput, relayed } = measurement;
  const base = COST_TIMES_BITS_PER_SECOND / throughput + COST_PER_MILLISECOND * roundTripTime;
  const cost = Math.round(base * (1 + LOSS_WEIGHT * loss) * (relayed ? RELAY_FACTOR : 1));
  if (!(cost >= MINIMUM_PATH_COST)) {
    return cost < MINIMUM_PATH_COST ? MINIMUM_PATH_COST : MAXIMUM_PATH_COST;
  }
  return Math.min(cost, MAXIMUM_PATH_COST);
}

export interface LinkCostOptions {
  /** How far the measured cost must be away, as a factor either way. Default 1.5. */
  readonly factor?: number;
  /** Milliseconds it must stay away, when all was calm before. Default 30,000. */
  readonly holdTime?: number;
  /** The administrator's cost, which wins; null: follow the link. Default null. */
  readonly administrative?: number | null;
}

/** A measured cost on its way out of the neighbourhood. */
interface Departure {
  readonly side: 'better' | 'worse';
  readonly since: number;
  /** Of the measured costs since then: sum of logarithms, and how many. */
  logarithms: number;
  count: number;
}

export class LinkCost {
  readonly #factor: number;
  readonly #holdTime: number;
  #administrative: number | null;
  #measured: number | null = null;
  #loss: number | null = null;
  #measuredAt = 0;
  /** Hold times that the next change must last. */
  #holds = 1;
  #changedAt = Number.NEGATIVE_INFINITY;
  #followed: number | null = null;
  #departure: Departure | null = null;

  /** Throws KithError `config` for an administrative cost out of range. */
  constructor(options: LinkCostOptions = {}) {
    this.#factor = options.factor ?? 1.5;
    this.#holdTime = options.holdTime ?? 30_000;
    this.#administrative = options.administrative ?? null;
    if (this.#administrative !== null) checkPathCost(this.#administrative);
  }

  /** The cost in force. */
  get cost(): number {
    return this.#administrative ?? this.#followed ?? UNMEASURED_COST;
  }

  /** The cost of the latest measurement, in force or not; null before the first. */
  get measured(): number | null {
    return this.#measured;
  }

  /** The administrator's word: a cost that wins from now on, or null to follow the link again. */
  setAdministrative(cost: number | null): void {
    if (cost !== null) checkPathCost(cost);
    this.#administrative = cost;
  }

  /** Takes a measurement at `now`, milliseconds. @returns whether the cost in force changed */
  measure(measurement: LinkMeasurement, now: number): boolean {
    const before = this.cost;
    const measured = costOf({ ...measurement, loss: this.#smooth(measurement.loss, now) });
    this.#measured = measured;
    this.#measuredAt = now;
    if (this.#followed === null) this.#followed = measured;
    else this.#follow(this.#followed, measured, now);
    return this.cost !== before;
  }

  /** The more time has passed since the last measurement, the more this one counts. */
  #smooth(loss: number, now: number): number {
    const share = loss >= 0 ? Math.min(loss, 1) : 1;
    const weight = 1 - Math.exp(-Math.max(now - this.#measuredAt, 0) / LOSS_TIME);
    this.#loss = this.#loss === null ? share : this.#loss + (share - this.#loss) * weight;
    return this.#loss;
  }

  #follow(followed: number, measured: number, now: number): void {
    const ratio = measured / followed;
    if (ratio < this.#factor && ratio > 1 / this.#factor) {
      this.#departure = null;
      return;
    }
    const side = ratio > 1 ? 'worse' : 'better';
    let departure = this.#departure;
    if (departure === null || departure.side !== side) {
      departure = { side, since: now, logarithms: 0, count: 0 };
      this.#departure = departure;
    }
    departure.logarithms += Math.log(measured);
    departure.count += 1;
    const holds = now - this.#changedAt < CALM_TIME ? this.#holds : 1;
    if (now - departure.since < holds * this.#holdTime) return;
    this.#holds = Math.min(2 * holds, MOST_HOLDS);
    this.#changedAt = now;
    // The geometric mean, so that one wild value at the end does not decide.
    this.#followed = Math.round(Math.exp(departure.logarithms / departure.count));
    this.#departure = null;
  }
}
