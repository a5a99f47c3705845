/**
 * Counters of every port, in shared memory: the data-plane worker writes, the
 * main thread reads. Nothing is locked. A reader may see a frame counted whose
 * octets are not yet, but each number by itself is whole, for V8 reads and
 * writes an aligned double in one piece.
 *
 * Numbers are doubles that hold integers up to 2^53; they only rise. Setting
 * them back is the reader's affair, who keeps a baseline, so that there is one
 * writer only of each memory.
 */
import { PORT_TABLE_LENGTH } from './port.ts';

/** Index of each counter within a port. Those in `drop…` count frames that went no further. */
export const Counter = {
  /** Frames that came in, those dropped later among them. */
  framesIn: 0,
  octetsIn: 1,
  /** Frames handed to the system for this port. */
  framesOut: 2,
  octetsOut: 3,
  /** Frames in whose destination was unknown or a group. */
  floodedIn: 4,
  /** Frames in to a reserved address, for the control side. */
  controlIn: 5,
  /** Shorter than an Ethernet header. */
  dropRunt: 6,
  /** Longer than MAX_FRAME_LENGTH. */
  dropGiant: 7,
  /** A group address as source. */
  dropGroupSource: 8,
  /** The port's state did not allow it. */
  dropDiscarding: 9,
  /** Not in a VLAN of its port, ingress or egress. */
  dropVlan: 10,
  /** Storm control. */
  dropStorm: 11,
  /** The destination is on the port it came from, or behind a port that does not forward. */
  dropFiltered: 12,
  /** Out: no room in the port's queue or socket. */
  dropFull: 13,
  /** Out: the system refused the frame for another reason. */
  dropError: 14,
  /** In, for the control side: too many of the port, or its queue was full. */
  dropControl: 15,
  /** An address is too fresh on another port to move here, or static there; the frame went on. */
  moveRefused: 16,
  /** An address was not learned because the port or the database was full; the frame went on. */
  learnRefused: 17,
  /** In: offload fields that make no sense. */
  dropMalformed: 18,
  /** Out: kept from a link in the clear whose friend does not own the destination. */
  dropConfined: 19,
  /** In, in the clear, with the source address of a host of ours or of a member of a group. */
  dropSpoofed: 20,
  /** Out: lost on purpose, because the port is impaired. */
  dropImpaired: 21,
} as const;
export type Counter = (typeof Counter)[keyof typeof Counter];
export type CounterName = keyof typeof Counter;

/** Doubles per port; a multiple of eight, so that two ports share no cache line. */
export const COUNTER_STRIDE = 24;

const NAMES = Object.keys(Counter) as CounterName[];

export type PortCounters = Readonly<Record<CounterName, number>>;

/** Memory for the counters of all ports, zeroed. */
export function allocateCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer(PORT_TABLE_LENGTH * COUNTER_STRIDE * Float64Array.BYTES_PER_ELEMENT);
}

/** The writer's side: one per buffer, in the thread that forwards. */
export class CounterWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer | ArrayBuffer) {
    this.#cells = new Float64Array(memory);
  }

  add(port: number, counter: Counter, amount: number): void {
    this.#cells[port * COUNTER_STRIDE + counter] += amount;
  }

  frameIn(port: number, octets: number): void {
    const at = port * COUNTER_STRIDE;
    this.#cells[at + Counter.framesIn]++;
    this.#cells[at + Counter.octetsIn] += octets;
  }

  frameOut(port: number, octets: number): void {
    const at = port * COUNTER_STRIDE;
    this.#cells[at + Counter.framesOut]++;
    this.#cells[at + Counter.octetsOut] += octets;
  }
}

/** The reader's side, in any thread: the sum of what each writer counts. */
export class CounterReader {
  readonly #writers: readonly Float64Array[];
  readonly #baseline: Float64Array;

  constructor(...memories: readonly (SharedArrayBuffer | ArrayBuffer)[]) {
    this.#writers = memories.map((memory) => new Float64Array(memory));
    this.#baseline = new Float64Array(this.#writers[0].length);
  }

  /** One counter since the last reset. */
  value(port: number, counter: Counter): number {
    const at = port * COUNTER_STRIDE + counter;
    return this.#sum(at) - this.#baseline[at];
  }

  /** All counters of a port since the last reset. */
  read(port: number): PortCounters {
    const result = {} as Record<CounterName, number>;
    for (const name of NAMES) result[name] = this.value(port, Counter[name]);
    return result;
  }

  /** From here on `port` counts from 0, for this reader. */
  reset(port: number): void {
    const at = port * COUNTER_STRIDE;
    for (let i = at; i < at + COUNTER_STRIDE; i++) this.#baseline[i] = this.#sum(i);
  }

  resetAll(): void {
    for (let i = 0; i < this.#baseline.length; i++) this.#baseline[i] = this.#sum(i);
  }

  #sum(at: number): number {
    let sum = 0;
    for (const cells of this.#writers) sum += cells[at];
    return sum;
  }
}
