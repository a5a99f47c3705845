/**
 * The sending half of a turn: frames and packets are gathered, then sealed and sent in one go.
 *
 *   frame of a client's port ── endpoints ───────────────────────────> rows
 *   frame of a link's port   ── frames, superFrames ──> records ──┐      │
 *   F2F packet               ── packets ──────────────> records ──┤      │
 *                                                          seal, drain ──┴── flush ──> system
 *
 * To an endpoint a frame goes as a row that points at where it lies. To a session it is copied
 * behind others into the session's staging area, so that small frames share a record, and
 * records of one session lie side by side (one GSO send, one write). `drain` closes the open
 * records, seals them all, sends everything and deals with what the system refused.
 *
 * Allocates nothing per frame.
 */
import type { BatchedIo } from '../../io/contract.ts';
import type { DataPlaneMemory } from '../memory.ts';
import { EndpointEgress } from './endpoint-egress.ts';
import { FrameEgress } from './frame-egress.ts';
import type { EgressObserver } from './observer.ts';
import { PacketEgress } from './packet-egress.ts';
import { Refusals } from './refusals.ts';
import { SendRows } from './send-rows.ts';
import { SessionRecords } from './session-records.ts';
import { SessionSends } from './session-sends.ts';
import { StreamBacklog } from './stream-backlog.ts';
import { StreamEgress } from './stream-egress.ts';
import { SuperFrameEgress } from './super-frame-egress.ts';

export class Egress {
  readonly endpoints: EndpointEgress;
  readonly frames: FrameEgress;
  readonly superFrames: SuperFrameEgress;
  readonly packets: PacketEgress;
  readonly streams: StreamEgress;
  readonly #refusals: Refusals;
  readonly #rows: SendRows;
  readonly #records: SessionRecords;

  constructor(io: BatchedIo, memory: DataPlaneMemory, observer: EgressObserver) {
    const backlog = new StreamBacklog(io, memory);
    const refusals = new Refusals(io, memory, observer, backlog);
    const rows = new SendRows(io, refusals);
    const sends = new SessionSends(rows, refusals, backlog);
    const records = new SessionRecords(io, observer, rows, sends);
    this.#refusals = refusals;
    this.#rows = rows;
    this.#records = records;
    this.endpoints = new EndpointEgress(io, memory, observer, rows, records);
    this.frames = new FrameEgress(io, records);
    this.superFrames = new SuperFrameEgress(io, rows, records, sends);
    this.packets = new PacketEgress(io, records);
    this.streams = new StreamEgress(io, rows, records, backlog);
  }

  /** Milliseconds, of this turn. */
  set now(now: number) {
    this.#refusals.now = this.#records.now = now;
  }

  /** A link message outside a session, from memory of its own. */
  message(descriptor: number, address: number, offset: number, length: number): void {
    this.#rows.push(undefined, descriptor, offset, length, address, 0);
  }

  /** Seals and sends all that was gathered. Staging and the send list are empty afterwards. */
  drain(): void {
    this.#records.drain();
  }
}
