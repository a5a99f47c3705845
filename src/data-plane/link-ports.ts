/**
 * The link ports of the switch: what each sends through, be it a session of this worker or of
 * another. No frame allocates.
 */
import { PacketType } from '../links/packet.ts';
import { COMPLETE, type FrameOffload } from '../links/super-frame.ts';
import { Counter, type CounterWriter } from '../switch/counters.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import type { Crossing } from './crossing.ts';
import type { Egress } from './egress/egress.ts';
import type { LinkSession, RemoteSession } from './remote-session.ts';

export class LinkPorts {
  readonly #egress: Egress;
  readonly #counters: CounterWriter;
  readonly #links: (LinkSession | undefined)[] = new Array(PORT_TABLE_LENGTH).fill(undefined);

  /** A frame is about to wait for another worker. */
  readonly #waits: (crossing: Crossing) => void;

  constructor(egress: Egress, counters: CounterWriter, waits: (crossing: Crossing) => void) {
    this.#waits = waits;
    this.#egress = egress;
    this.#counters = counters;
  }

  get(port: number): LinkSession | undefined {
    return this.#links[port];
  }

  set(port: number, session: LinkSession | undefined): void {
    this.#links[port] = session;
  }

  /** Ports that send through something. Not for the path of frames. */
  *[Symbol.iterator](): Generator<readonly [port: number, session: LinkSession]> {
    for (let port = 0; port < this.#links.length; port++) {
      const session = this.#links[port];
      if (session !== undefined) yield [port, session];
    }
  }

  /** A frame leaves by the port of a session, which counts it. */
  frame(session: LinkSession, port: number, offset: number, length: number, flag: number): void {
    this.#counters.frameOut(port, length);
    if (session.crossing === undefined) {
      this.#egress.frames.frame(session, offset, length, flag);
    } else this.#cross(session, port, offset, length, COMPLETE, flag);
  }

  /** The same with a super-frame in one piece. @returns false when it cannot leave whole */
  superFrame(
    session: LinkSession,
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): boolean {
    if (!session.superFrames) return false;
    if (session.crossing === undefined) {
      const egress = this.#egress;
      if (!egress.superFrames.superFrame(session, offset, length, offload, flag)) return false;
      this.#counters.frameOut(port, length);
      return true;
    }
    this.#counters.frameOut(port, length);
    this.#cross(session, port, offset, length, offload, flag);
    return true;
  }

  /** A frame to a reserved bridge address, sealed. */
  bridge(session: LinkSession, offset: number, length: number): void {
    const { bridge } = PacketType;
    if (session.crossing !== undefined) session.packet(bridge, offset, length);
    else this.#egress.packets.packet(session, bridge, offset, length);
  }

  /** A packet from memory of its own. */
  control(session: LinkSession, type: number, payload: Uint8Array): void {
    if (session.crossing !== undefined) session.control(type, payload);
    else this.#egress.packets.control(session, type, payload);
  }

  /** A link message as a packet of a relay. @returns false when it is too long for a record */
  relay(session: LinkSession, number: number, offset: number, length: number): boolean {
    if (session.crossing !== undefined) return session.relay(number, offset, length);
    return this.#egress.packets.relay(session, number, offset, length);
  }

  #cross(
    session: RemoteSession,
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void {
    this.#waits(session.crossing);
    if (session.frame(offset, length, offload, flag)) return;
    this.#counters.add(port, Counter.dropFull, 1);
    this.#counters.add(port, Counter.framesOut, -1);
    this.#counters.add(port, Counter.octetsOut, -length);
  }
}
