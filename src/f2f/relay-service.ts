/**
 * What a node does for two friends of its own who cannot reach one another: it passes
 * their link messages on. The worker does so by itself; here circuits are made and ended.
 *
 * Bounded: MOST_PER_FRIEND circuits that a friend is an end of, MOST in all, and so many
 * that a friend may ask for in a second. An answer is a yes or a no; a no is the same at
 * once for somebody whom we do not know, who is not connected, and for any other reason.
 */
import type { CircuitEnd } from '../data-plane/circuits.ts';
import type { CircuitNumbers } from '../links/relay/circuit-numbers.ts';
import { RECEIVERS, RelayKind, relayControl } from '../links/relay/relay-packet.ts';

const MOST_PER_FRIEND = 32;
const MOST = 256;
const REQUESTS_PER_SECOND = 10;
const SECOND = 1000;

export interface RelayPlane {
  joinCircuits(one: CircuitEnd, other: CircuitEnd): void;
  partCircuits(one: CircuitEnd, other: CircuitEnd): void;
}

export interface RelayServiceOptions {
  readonly plane: RelayPlane;
  readonly numbers: CircuitNumbers;
  /** Whether we do this at all. */
  readonly enabled: boolean;
  /** The port of a connected friend whose link is not relayed itself. */
  portOf(uid: string): number | undefined;
  /** Whether the friend on a port can be served: its link is not relayed itself. */
  isDirect(port: number): boolean;
  control(port: number, packet: Uint8Array): void;
}

interface Circuit {
  readonly caller: CircuitEnd;
  readonly callee: CircuitEnd;
}

export class RelayService {
  readonly counters = { relayOpened: 0, relayRefused: 0 };
  readonly #options: RelayServiceOptions;
  /** By either end. */
  readonly #circuits = new Map<string, Circuit>();
  readonly #requests = new Map<number, { count: number; since: number }>();

  constructor(options: RelayServiceOptions) {
    this.#options = options;
  }

  /** Circuits that are open. */
  get count(): number {
    return this.#circuits.size / 2;
  }

  has(port: number, number: number): boolean {
    return this.#circuits.has(keyOf({ port, number }));
  }

  /** A friend wants to be led to another. */
  open(port: number, number: number, callee: string, now: number): void {
    const { control, plane, numbers } = this.#options;
    const to = this.#mayRequest(port, now) ? this.#calleePort(port, number, callee) : undefined;
    const own = to === undefined ? undefined : numbers.take(to);
    if (to === undefined || own === undefined) {
      this.counters.relayRefused++;
      if ((number & RECEIVERS) === 0) {
        control(port, relayControl(RelayKind.refused, number ^ RECEIVERS));
      }
      return;
    }
    const circuit = { caller: { port, number }, callee: { port: to, number: own | RECEIVERS } };
    this.#circuits.set(keyOf(circuit.caller), circuit);
    this.#circuits.set(keyOf(circuit.callee), circuit);
    this.counters.relayOpened++;
    plane.joinCircuits(circuit.caller, circuit.callee);
    control(to, relayControl(RelayKind.offer, own));
    control(port, relayControl(RelayKind.opened, number ^ RECEIVERS));
  }

  /** An end says that a circuit is over. */
  closed(port: number, number: number): void {
    const circuit = this.#circuits.get(keyOf({ port, number }));
    if (circuit !== undefined) this.#end(circuit, port);
  }

  /** A friend is not connected any more: neither are those who went through us. */
  linkGone(port: number): void {
    for (const circuit of new Set(this.#circuits.values())) {
      if (circuit.caller.port === port || circuit.callee.port === port) this.#end(circuit, port);
    }
    this.#requests.delete(port);
  }

  #calleePort(port: number, number: number, callee: string): number | undefined {
    const { enabled, portOf, isDirect } = this.#options;
    const isTheirs = (number & RECEIVERS) === 0;
    if (!enabled || !isTheirs || this.has(port, number) || !isDirect(port)) return undefined;
    const to = portOf(callee);
    if (to === undefined || to === port || this.count >= MOST) return undefined;
    if (this.#of(port) >= MOST_PER_FRIEND || this.#of(to) >= MOST_PER_FRIEND) return undefined;
    return to;
  }

  #of(port: number): number {
    let count = 0;
    for (const { caller, callee } of new Set(this.#circuits.values())) {
      if (caller.port === port || callee.port === port) count++;
    }
    return count;
  }

  #mayRequest(port: number, now: number): boolean {
    const before = this.#requests.get(port);
    if (before === undefined || now - before.since >= SECOND) {
      this.#requests.set(port, { count: 1, since: now });
      return true;
    }
    before.count++;
    return before.count <= REQUESTS_PER_SECOND;
  }

  /** @param by the port of who ended it, and need not be told */
  #end(circuit: Circuit, by: number): void {
    const { plane, numbers, control } = this.#options;
    const { caller, callee } = circuit;
    this.#circuits.delete(keyOf(caller));
    this.#circuits.delete(keyOf(callee));
    plane.partCircuits(caller, callee);
    numbers.give(callee.port, callee.number ^ RECEIVERS);
    for (const { port, number } of [caller, callee]) {
      if (port !== by) control(port, relayControl(RelayKind.closed, number ^ RECEIVERS));
    }
  }
}

function keyOf({ port, number }: CircuitEnd): string {
  return `${port}/${number}`;
}
