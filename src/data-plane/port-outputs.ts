/**
 * What leaves by the ports of the switch, and who hangs on each.
 *
 *   link:    to the session that the port sends through
 *   TAP:     as it is, a super-frame whole
 *   client:  as it is, a super-frame cut into frames
 *
 * No frame allocates.
 */
import { type BatchedIo, DescriptorKind, Offload } from '../io/contract.ts';
import { STRAIGHT } from '../links/packet.ts';
import type { FrameOffload } from '../links/super-frame.ts';
import { Direction } from '../switch/capture/pcapng.ts';
import { Counter, type CounterWriter } from '../switch/counters.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import { DhcpPorts } from './dhcp-ports.ts';
import { Egress } from './egress/egress.ts';
import type { EgressObserver } from './egress/observer.ts';
import { Endpoint } from './endpoint.ts';
import { FlowControl, type Receiver } from './flow-control.ts';
import { ImpairedPorts, LateKind } from './impaired-ports.ts';
import { LinkPorts } from './link-ports.ts';
import type { DataPlaneMemory } from './memory.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { Recorder } from './recorder.ts';
import type { LinkSession } from './remote-session.ts';
import { inOnePlace, Segmenter } from './segmenter.ts';

export interface PortOutputsParts {
  readonly io: BatchedIo;
  readonly memory: DataPlaneMemory;
  readonly notices: NoticeWriter;
  readonly counters: CounterWriter;
  /** What to add to `now` for milliseconds since 1970. */
  readonly timeOrigin?: number;
}

export class PortOutputs implements EgressObserver {
  readonly egress: Egress;
  readonly links: LinkPorts;
  readonly dhcp = new DhcpPorts();
  readonly flowControl: FlowControl;
  readonly impaired: ImpairedPorts;
  readonly recorder: Recorder;
  readonly #io: BatchedIo;
  readonly #memory: DataPlaneMemory;
  readonly #notices: NoticeWriter;
  readonly #counters: CounterWriter;
  readonly #segmenter: Segmenter;
  /** By port: the endpoints of a local port. */
  readonly #endpoints: (Endpoint[] | undefined)[] = new Array(PORT_TABLE_LENGTH).fill(undefined);
  /** Whose frame is being forwarded, who may have to be held back; undefined for a friend's. */
  sender: Endpoint | undefined;
  /** Whole milliseconds: a small integer needs no memory of its own when it is handed on. */
  now = 0;
  /** The same with its fraction, for what is rare or has to be exact. */
  moment = 0;

  constructor({ io, memory, notices, counters, timeOrigin = 0 }: PortOutputsParts) {
    this.#io = io;
    this.#memory = memory;
    this.#notices = notices;
    this.#counters = counters;
    this.egress = new Egress(io, memory, this);
    this.links = new LinkPorts(this.egress, counters, (crossing) => this.#waitsFor(crossing));
    this.#segmenter = new Segmenter(io, memory.large);
    this.flowControl = new FlowControl(io);
    this.impaired = new ImpairedPorts(io, memory.late, counters, (port, offset, length, kind) => {
      if (kind === LateKind.bridge) this.#bridge(port, offset, length);
      else this.frame(port, offset, length, kind === LateKind.straight ? STRAIGHT : 0);
    });
    this.recorder = new Recorder(io.slab, timeOrigin, () => {
      notices.pending = true;
    });
  }

  // ---- who hangs where

  addEndpoint(descriptor: number, kind: DescriptorKind, port: number): Endpoint {
    const endpoint = new Endpoint(descriptor, port, kind === DescriptorKind.tap);
    this.#endpoints[port] = [...(this.#endpoints[port] ?? []), endpoint];
    return endpoint;
  }

  /** What waits for the endpoint is forgotten. @returns whether the port has others */
  removeEndpoint(endpoint: Endpoint): boolean {
    const { port } = endpoint;
    endpoint.destroy(this.#memory);
    const rest = this.#endpoints[port]?.filter((each) => each !== endpoint) ?? [];
    this.#endpoints[port] = rest.length > 0 ? rest : undefined;
    return rest.length > 0;
  }

  // ---- frames

  /** A frame in the slab, which has to stay there until the end of the turn. */
  frame(port: number, offset: number, length: number, flag: number): void {
    if (this.recorder.count > 0) this.#recordOut(port, offset, length);
    this.#transmit(port, offset, length, flag);
  }

  /** The same with a super-frame; `endSuperFrame` follows. */
  superFrame(
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void {
    const { slab } = this.#io;
    const { egress } = this;
    if (this.recorder.count > 0) this.#recordOut(port, inOnePlace(slab, offset, offload), length);
    const session = this.links.get(port);
    if (session !== undefined) {
      const at = inOnePlace(slab, offset, offload);
      if (!this.links.superFrame(session, port, at, length, offload, flag)) {
        this.#segments(port, offset, length, offload, flag);
      }
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    for (let i = 0; i < endpoints.length; i++) {
      if (endpoints[i].tap) {
        egress.endpoints.superFrame(endpoints[i], offset, length, offload);
        this.#counters.frameOut(port, length);
      } else {
        this.#segments(port, offset, length, offload, 0, endpoints[i]);
      }
    }
  }

  /** The super-frame in hand has gone wherever it had to. */
  endSuperFrame(): void {
    this.#segmenter.forget();
  }

  /** A frame of an impaired port has to wait; a super-frame does as the frames that it stands for. */
  delay(
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
  ): void {
    const kind = flag === STRAIGHT ? LateKind.straight : LateKind.frame;
    if (offload.offload === Offload.none) {
      this.impaired.offer(port, offset, length, kind, this.moment);
      return;
    }
    if (!this.#cut(port, offset, length, offload)) return;
    const segmenter = this.#segmenter;
    for (let i = 0; i < segmenter.count; i++) {
      const octets = segmenter.lengthOf(i);
      this.impaired.offer(port, segmenter.offsetOf(i), octets, kind, this.moment);
    }
  }

  /** A frame of ours to a reserved bridge address, sealed where the port is a link. */
  bridge(port: number, offset: number, length: number): void {
    if (this.impaired.count > 0 && this.impaired.has(port)) {
      this.impaired.offer(port, offset, length, LateKind.bridge, this.moment);
    } else this.#bridge(port, offset, length);
  }

  /** A link message as a packet of a relay. @returns false when it cannot be sent */
  relay(port: number, number: number, offset: number, length: number): boolean {
    const session = this.links.get(port);
    if (session === undefined || session.circuit !== undefined) return false;
    return this.links.relay(session, number, offset, length);
  }

  /** Copies have been lent, which have to be sent before they are released. */
  get hasLent(): boolean {
    return this.#segmenter.hasLent || this.impaired.hasLent;
  }

  /** Everything is sent: gives back the memory of frames that were cut or late. */
  release(): void {
    this.#segmenter.release();
    this.impaired.settle();
  }

  // ---- onto the way

  #recordOut(port: number, offset: number, length: number): void {
    if (this.links.get(port) === undefined && this.#endpoints[port] === undefined) return;
    this.recorder.record(port, Direction.outbound, offset, length, this.moment);
  }

  #transmit(port: number, offset: number, length: number, flag: number): void {
    const session = this.links.get(port);
    if (session !== undefined) {
      this.links.frame(session, port, offset, length, flag);
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    if (this.dhcp.wants(port, this.#io.slab, offset, length)) {
      this.#notices.friend(NoticeKind.dhcpReply, 0, port, 0, -1, offset, length);
    }
    for (let i = 0; i < endpoints.length; i++) {
      this.egress.endpoints.frame(endpoints[i], offset, length);
    }
    this.#counters.frameOut(port, length);
  }

  #bridge(port: number, offset: number, length: number): void {
    if (this.recorder.count > 0) this.#recordOut(port, offset, length);
    const session = this.links.get(port);
    if (session !== undefined) {
      this.links.bridge(session, offset, length);
      return;
    }
    const endpoints = this.#endpoints[port];
    if (endpoints === undefined) return;
    for (const endpoint of endpoints) this.egress.endpoints.frame(endpoint, offset, length);
    this.#counters.frameOut(port, length);
  }

  /** Sends the frames that a super-frame consists of, to one endpoint or to the port's session. */
  #segments(
    port: number,
    offset: number,
    length: number,
    offload: Readonly<FrameOffload>,
    flag: number,
    endpoint?: Endpoint,
  ): void {
    if (!this.#cut(port, offset, length, offload)) return;
    const segmenter = this.#segmenter;
    for (let i = 0; i < segmenter.count; i++) {
      const at = segmenter.offsetOf(i);
      const octets = segmenter.lengthOf(i);
      if (endpoint === undefined) this.#transmit(port, at, octets, flag);
      else {
        this.egress.endpoints.frame(endpoint, at, octets);
        this.#counters.frameOut(port, octets);
      }
    }
  }

  /** Cuts the super-frame in hand, unless that is done. @returns whether it could be */
  #cut(port: number, offset: number, length: number, offload: Readonly<FrameOffload>): boolean {
    const segmenter = this.#segmenter;
    if (!segmenter.has && segmenter.isShort) {
      this.egress.drain();
      segmenter.release();
    }
    if (segmenter.cut(inOnePlace(this.#io.slab, offset, offload), length, offload)) return true;
    this.#counters.add(port, Counter.dropError, 1);
    return false;
  }

  // ---- EgressObserver

  sessionOf(port: number): LinkSession | undefined {
    return this.links.get(port);
  }

  endpointFull(port: number, length: number): void {
    this.#counters.add(port, Counter.dropFull, 1);
    this.#counters.add(port, Counter.framesOut, -1);
    this.#counters.add(port, Counter.octetsOut, -length);
  }

  endpointWaits(endpoint: Endpoint): void {
    this.#waitsFor(endpoint);
  }

  /** Whoever has sent the frame in hand may have to be held back. */
  #waitsFor(receiver: Receiver): void {
    if (this.sender === undefined) return;
    this.flowControl.queued(receiver, this.sender, this.now);
  }

  endpointDrained(endpoint: Endpoint): void {
    this.flowControl.drained(endpoint, this.now);
  }
}
