/**
 * Frames that leave by an impaired port: they wait in memory of their own until the port's
 * Impairment (switch/) lets them go.
 *
 *   PortOutputs --offer--> copy in a slot --> Impairment --release--> PortOutputs
 *
 * A slot of a frame that was released is lent until the turn has sent everything. While no port
 * is impaired, `count` is 0 and nobody calls anything here.
 */
import type { BatchedIo } from '../io/contract.ts';
import { Counter, type CounterWriter } from '../switch/counters.ts';
import { Impairment } from '../switch/impairment.ts';
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import type { PiecePool } from './memory.ts';
import type { ImpairmentReport } from './report.ts';

/** What a frame that waits is. */
export const LateKind = { frame: 0, bridge: 1, straight: 2 } as const;
export type LateKind = (typeof LateKind)[keyof typeof LateKind];

/** Frames that may wait for one port. */
const CAPACITY = 2048;

/** Sends a frame that has waited; it stays where it is until everything is sent. */
type Transmit = (port: number, offset: number, length: number, kind: LateKind) => void;

export class ImpairedPorts {
  readonly #slab: Uint8Array;
  readonly #pool: PiecePool;
  readonly #counters: CounterWriter;
  readonly #transmit: Transmit;
  readonly #machines: (Impairment | undefined)[] = new Array(PORT_TABLE_LENGTH).fill(undefined);
  /** Ports that are impaired. */
  #ports: number[] = [];
  readonly #lent: number[] = [];
  count = 0;
  /** When `release` wants to be called. */
  deadline = Number.POSITIVE_INFINITY;

  constructor(io: BatchedIo, pool: PiecePool, counters: CounterWriter, transmit: Transmit) {
    this.#slab = io.slab;
    this.#pool = pool;
    this.#counters = counters;
    this.#transmit = transmit;
  }

  has(port: number): boolean {
    return this.#machines[port] !== undefined;
  }

  get hasLent(): boolean {
    return this.#lent.length > 0;
  }

  /** Impairs a port, or no longer: then what waits leaves at once. */
  set(port: number, settings: ImpairmentSettings | undefined): void {
    const before = this.#machines[port];
    this.#machines[port] = undefined;
    if (before !== undefined) this.#empty(port, before);
    if (settings !== undefined) this.#machines[port] = new Impairment(settings, CAPACITY);
    this.#ports = this.#ports.filter((each) => each !== port);
    if (settings !== undefined) this.#ports.push(port);
    this.count = this.#ports.length;
    this.#plan();
  }

  /** A frame in the slab is to leave by a port that is impaired. */
  offer(port: number, offset: number, length: number, kind: LateKind, now: number): void {
    const machine = this.#machines[port];
    if (machine === undefined) return;
    const slot = length > this.#pool.slotLength ? -1 : this.#pool.take();
    if (slot < 0) {
      this.#counters.add(port, Counter.dropFull, 1);
      return;
    }
    if (machine.accept(slot, length, kind, now) === 0) {
      this.#pool.give(slot);
      this.#counters.add(port, Counter.dropImpaired, 1);
      return;
    }
    this.#slab.copyWithin(slot, offset, offset + length);
    this.deadline = Math.min(this.deadline, machine.deadline);
  }

  /** Sends what is to leave by `now`. */
  release(now: number): void {
    for (const port of this.#ports) {
      const machine = this.#machines[port];
      if (machine === undefined) continue;
      for (let slot = machine.take(now); slot >= 0; slot = machine.take(now)) {
        this.#leave(port, machine, slot);
      }
    }
    this.#plan();
  }

  /** Gives the memory of what has been released back: nothing points there any more. */
  settle(): void {
    for (const slot of this.#lent) this.#pool.give(slot);
    this.#lent.length = 0;
  }

  reports(): ImpairmentReport[] {
    return this.#ports.flatMap((port) => {
      const machine = this.#machines[port];
      if (machine === undefined) return [];
      const { settings, waiting, counters } = machine;
      return [{ port, settings, waiting, counters: { ...counters } }];
    });
  }

  #empty(port: number, machine: Impairment): void {
    for (let slot = machine.takeAny(); slot >= 0; slot = machine.takeAny()) {
      this.#leave(port, machine, slot);
    }
  }

  #leave(port: number, machine: Impairment, slot: number): void {
    const { length, isLast } = machine;
    this.#transmit(port, slot, length, machine.kind as LateKind);
    if (isLast) this.#lent.push(slot);
  }

  #plan(): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const port of this.#ports) {
      earliest = Math.min(earliest, this.#machines[port]?.deadline ?? earliest);
    }
    this.deadline = earliest;
  }
}
