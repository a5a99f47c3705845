/** The numbers that we give to circuits on the link to each friend, by its port. */
import { RECEIVERS } from './relay-packet.ts';

/** Circuits that we open on one link at a time, as a caller and as a relay together. */
export const MAX_OWN_CIRCUITS = 64;

export class CircuitNumbers {
  readonly #taken = new Map<number, Set<number>>();
  readonly #next = new Map<number, number>();

  /** Numbers are used round and round, so that a late packet hardly ever meets a new circuit. */
  take(port: number): number | undefined {
    const taken = this.#taken.get(port) ?? new Set();
    this.#taken.set(port, taken);
    if (taken.size >= MAX_OWN_CIRCUITS) return undefined;
    let number = this.#next.get(port) ?? 0;
    while (taken.has(number)) number = (number + 1) % RECEIVERS;
    taken.add(number);
    this.#next.set(port, (number + 1) % RECEIVERS);
    return number;
  }

  give(port: number, number: number): void {
    this.#taken.get(port)?.delete(number);
  }
}
