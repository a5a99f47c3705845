/**
 * Circuits of relays (links/relay/relay-packet.ts) as the worker sees them: those that we
 * pass on for two friends, and those that end here and carry a session of ours.
 *
 *   packet of a friend's port, number --> join?  --> to another friend's port, number
 *                                    \--> end?   --> a link message on a descriptor of ours
 *
 * A number has its R bit as it stands in packets that we receive. Messages that end here
 * are kept, where they lie in the slab, until the records that brought them are dealt with.
 * Nothing allocates per packet.
 */
import { RECEIVERS } from '../links/relay/relay-packet.ts';

/** One end of a circuit: a friend's port, and the number in packets that come from there. */
export interface CircuitEnd {
  readonly port: number;
  readonly number: number;
}

/** Link messages that one turn may bring for sessions of ours. */
const MAX_MESSAGES = 2048;

export class Circuits {
  readonly #joins = new Map<number, CircuitEnd>();
  readonly #descriptors = new Map<number, number>();
  readonly #messages = new Int32Array(3 * MAX_MESSAGES);
  /** Messages that are kept. */
  messages = 0;
  readonly counters = { relayedPackets: 0, relayedOctets: 0, relayDropped: 0 };

  // ---- passed on

  join(one: CircuitEnd, other: CircuitEnd): void {
    this.#joins.set(keyOf(one.port, one.number), other);
    this.#joins.set(keyOf(other.port, other.number), one);
  }

  part(one: CircuitEnd, other: CircuitEnd): void {
    this.#joins.delete(keyOf(one.port, one.number));
    this.#joins.delete(keyOf(other.port, other.number));
  }

  /** Where a packet of `octets` is to be passed on to, if it is. */
  next(port: number, number: number, octets: number): CircuitEnd | undefined {
    const to = this.#joins.get(keyOf(port, number));
    if (to === undefined) return undefined;
    this.counters.relayedPackets++;
    this.counters.relayedOctets += octets;
    return to;
  }

  // ---- ours

  add(port: number, number: number, descriptor: number): void {
    this.#descriptors.set(keyOf(port, number), descriptor);
  }

  remove(port: number, number: number): void {
    this.#descriptors.delete(keyOf(port, number));
  }

  /** Keeps a message for a circuit that ends here. @returns false when none does */
  keep(port: number, number: number, offset: number, length: number): boolean {
    const descriptor = this.#descriptors.get(keyOf(port, number));
    if (descriptor === undefined) return false;
    if (this.messages === MAX_MESSAGES) {
      this.counters.relayDropped++;
      return true;
    }
    const at = 3 * this.messages++;
    this.#messages[at] = descriptor;
    this.#messages[at + 1] = offset;
    this.#messages[at + 2] = length;
    return true;
  }

  descriptorAt(index: number): number {
    return this.#messages[3 * index];
  }
  offsetAt(index: number): number {
    return this.#messages[3 * index + 1];
  }
  lengthAt(index: number): number {
    return this.#messages[3 * index + 2];
  }
}

/** The number in packets that we send on a circuit whose packets come with `number`. */
export function answerNumber(number: number): number {
  return number ^ RECEIVERS;
}

function keyOf(port: number, number: number): number {
  return (port << 16) | number;
}
