/**
 * What goes over circuits of relays (circuits.ts): packets that we pass on between two friends,
 * and link messages of circuits that end here.
 *
 *   relay packet ── joined ──> a packet of the other friend's port
 *              └─── ends here ──> kept; opened once the records around it are
 */
import type { BatchedIo } from '../io/contract.ts';
import { RELAY_HEADER_LENGTH, readCircuit } from '../links/relay/relay-packet.ts';
import { answerNumber, type CircuitEnd, Circuits } from './circuits.ts';
import type { Egress } from './egress/egress.ts';
import type { Ingress } from './ingress.ts';
import type { DataPlaneMemory } from './memory.ts';
import type { PortOutputs } from './port-outputs.ts';
import type { LinkSession } from './remote-session.ts';

export interface CircuitTrafficParts {
  readonly io: BatchedIo;
  readonly memory: DataPlaneMemory;
  readonly ingress: Ingress;
  readonly egress: Egress;
  readonly outputs: PortOutputs;
  /** Opens what has been taken in, so that there is room for more. */
  readonly makeRoom: () => void;
}

export class CircuitTraffic {
  readonly table = new Circuits();
  readonly #parts: CircuitTrafficParts;

  constructor(parts: CircuitTrafficParts) {
    this.#parts = parts;
  }

  /** Records that came through friends who relay them: opened once those around them are. */
  open(now: number): void {
    const { ingress, egress, makeRoom } = this.#parts;
    const circuits = this.table;
    egress.drain(); // it uses the job list, too
    // No message in these is kept: nobody relays what is relayed.
    for (let index = 0; index < circuits.messages; index++) {
      if (ingress.isFull) makeRoom();
      const descriptor = circuits.descriptorAt(index);
      ingress.datagram(descriptor, circuits.offsetAt(index), circuits.lengthAt(index), -1);
    }
    circuits.messages = 0;
    ingress.open(now);
  }

  /** A relay packet of a friend. */
  packet(session: LinkSession, offset: number, length: number): void {
    if (length <= RELAY_HEADER_LENGTH || session.circuit !== undefined) {
      session.drops.malformed++;
      return;
    }
    const { io, outputs } = this.#parts;
    const circuits = this.table;
    const number = readCircuit(io.slab, offset);
    const from = offset + RELAY_HEADER_LENGTH;
    const octets = length - RELAY_HEADER_LENGTH;
    const next = circuits.next(session.port, number, octets);
    if (next === undefined) {
      if (!circuits.keep(session.port, number, from, octets)) session.drops.unknown++;
      return;
    }
    const passes = outputs.relay(next.port, answerNumber(next.number), from, octets);
    if (!passes) circuits.counters.relayDropped++;
  }

  /** A link message of ours outside a session, on a circuit that ends here. */
  send({ port, number }: CircuitEnd, message: Uint8Array): void {
    const { io, memory, outputs } = this.#parts;
    const { scratch } = memory;
    const slot = message.length > scratch.slotLength ? -1 : scratch.take();
    if (slot < 0) return;
    io.slab.set(message, slot);
    outputs.relay(port, answerNumber(number), slot, message.length);
    scratch.give(slot);
  }
}
