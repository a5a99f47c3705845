/**
 * Super-frames that come out of records: whole ones are looked at, pieces put together, and what
 * is left of those that lost a piece is made the most of (links/super-frame-salvage.ts).
 *
 *   piece --> [in pieces] -- all are there --> what began earlier is salvaged, then the frame
 *                 |       -- waited too long, too many, or others need the memory --> salvaged
 *                 +-- the turn is over: pieces are copied to where they last
 *
 * A frame that was put together stays in its memory until what was sent of it has left.
 */
import { checkOffload } from '../io/offload.ts';
import {
  COMPLETE,
  type FrameOffload,
  readSuperHeader,
  SUPER_HEADER_LENGTH,
} from '../links/super-frame.ts';
import { salvage } from '../links/super-frame-salvage.ts';
import type { PartialSuperFrame } from '../links/super-reassembly.ts';
import type { IngressDrops, IngressTarget } from './ingress.ts';
import { KeptUntilSent } from './kept-until-sent.ts';
import type { Session } from './session.ts';

/** Milliseconds after which super-frames that are in pieces are looked at. */
const PATIENCE = 10;
/** Super-frames put together in one turn whose memory it may hold before it has to send. */
const MOST_KEPT = 32;

export class SuperFrameIngress {
  readonly #slab: Uint8Array;
  readonly #target: Pick<IngressTarget, 'frame' | 'drain'>;
  readonly #drops: Pick<IngressDrops, 'superFramesReclaimed'>;
  readonly #kept = new KeptUntilSent<PartialSuperFrame>();
  /** Sessions that have a super-frame in pieces, and some that had; as many as `#incompleteCount`. */
  readonly #incomplete: (Session | undefined)[] = [];
  #incompleteCount = 0;
  /** The offload fields of the super-frame in hand. */
  readonly #offload: FrameOffload = { ...COMPLETE };
  /** When `giveUp` wants to be called. */
  deadline = Number.POSITIVE_INFINITY;
  /** Whole milliseconds. */
  now = 0;

  constructor(
    slab: Uint8Array,
    target: Pick<IngressTarget, 'frame' | 'drain'>,
    drops: Pick<IngressDrops, 'superFramesReclaimed'>,
  ) {
    this.#slab = slab;
    this.#target = target;
    this.#drops = drops;
  }

  /** A super-frame with its fields in front, as it came or put together. */
  whole(
    session: Session,
    offset: number,
    length: number,
    sealed: boolean,
    straight: boolean,
    pieces?: PartialSuperFrame,
  ): void {
    const fields = this.#offload;
    const frame = offset + SUPER_HEADER_LENGTH;
    const octets = length - SUPER_HEADER_LENGTH;
    let headers = 0;
    if (octets > 0 && session.superFrames) {
      readSuperHeader(this.#slab, offset, fields);
      const { offload, segmentSize, checksumStart, checksumOffset } = fields;
      headers = checkOffload(
        this.#slab,
        frame,
        octets,
        offload,
        segmentSize,
        checksumStart,
        checksumOffset,
      );
    }
    const inFirst = pieces === undefined || SUPER_HEADER_LENGTH + headers <= pieces.piece;
    if (headers === 0 || !inFirst || headers + fields.segmentSize >= octets) {
      session.drops.malformed++;
      return;
    }
    fields.pieces = pieces !== undefined && pieces.loose > 0 ? pieces : undefined;
    if (!sealed) session.clearOctetsIn += octets;
    this.#target.frame(session, frame, octets, fields, straight);
  }

  /** One piece of a super-frame. */
  piece(
    session: Session,
    offset: number,
    length: number,
    sealed: boolean,
    straight: boolean,
  ): void {
    const { superReassembly } = session;
    const { malformed } = superReassembly;
    if (!session.superFrames) {
      session.drops.malformed++;
      return;
    }
    const slab = this.#slab;
    if (this.#kept.count >= MOST_KEPT) this.#sendKept();
    if (superReassembly.lacksRoom(slab, offset, length)) this.#makeRoom(session);
    const first = superReassembly.isEmpty;
    const whole = superReassembly.accept(slab, offset, length, this.now, straight);
    if (superReassembly.malformed !== malformed) session.drops.malformed++;
    if (whole === undefined) {
      if (first) this.#noteIncomplete(session);
      const surplus = superReassembly.surplus();
      if (surplus !== undefined) this.#salvage(session, surplus, sealed);
      return;
    }
    // Earlier ones have lost a piece by now, and what is left of them comes first.
    for (let old = superReassembly.older(whole); old; old = superReassembly.older(whole)) {
      this.#salvage(session, old, sealed);
    }
    superReassembly.take(whole);
    this.#kept.keep(whole, session);
    this.whole(session, whole.offsets[0], whole.total, sealed, straight, whole);
  }

  /** Makes do with those that have waited long enough for their pieces. */
  giveUp(now: number, sessions: Iterable<Session>): void {
    this.now = Math.floor(now);
    this.deadline = Number.POSITIVE_INFINITY;
    for (const session of sessions) {
      const { superReassembly } = session;
      for (let late = superReassembly.late(now); late; late = superReassembly.late(now)) {
        this.#salvage(session, late, !session.clear);
      }
      if (!superReassembly.isEmpty) this.deadline = this.now + PATIENCE;
    }
  }

  /** The turn is over: gives back the memory of frames that have left, and keeps what is in pieces. */
  release(): void {
    if (this.#kept.count > 0) this.#kept.giveBack(giveSuperFrame);
    let left = 0;
    for (let i = 0; i < this.#incompleteCount; i++) {
      const session = this.#incomplete[i];
      this.#incomplete[i] = undefined;
      if (session === undefined || session.superReassembly.isEmpty) continue;
      session.superReassembly.settle(this.#slab);
      this.deadline = Math.min(this.deadline, this.now + PATIENCE);
      this.#incomplete[left++] = session;
    }
    this.#incompleteCount = left;
  }

  #noteIncomplete(session: Session): void {
    for (let i = 0; i < this.#incompleteCount; i++) if (this.#incomplete[i] === session) return;
    this.#incomplete[this.#incompleteCount++] = session;
  }

  /**
   * Memory for a super-frame of `session`: of those that are put together, or the oldest of
   * whoever holds most, which is salvaged. Who holds as many as anybody gives up its own.
   */
  #makeRoom(session: Session): void {
    if (this.#kept.count > 0) {
      this.#sendKept();
      return;
    }
    let most = session.superReassembly;
    let owner = session;
    for (let i = 0; i < this.#incompleteCount; i++) {
      const each = this.#incomplete[i];
      if (each === undefined) continue;
      const { superReassembly } = each;
      const more = superReassembly.held - most.held;
      const older = superReassembly.oldestSince < most.oldestSince;
      if (more < 0 || (more === 0 && (owner === session || !older))) continue;
      most = superReassembly;
      owner = each;
    }
    const oldest = most.reclaim();
    if (oldest === undefined) return;
    this.#drops.superFramesReclaimed++;
    this.#salvage(owner, oldest, !owner.clear);
    this.#sendKept();
  }

  #sendKept(): void {
    this.#target.drain();
    this.#kept.giveBack(giveSuperFrame);
  }

  #salvage(session: Session, frame: PartialSuperFrame, sealed: boolean): void {
    this.#kept.keep(frame, session);
    salvage(this.#slab, frame, (offset, length, offload) => {
      if (!sealed) session.clearOctetsIn += length;
      this.#target.frame(session, offset, length, offload, frame.straight);
    });
  }
}

function giveSuperFrame({ superReassembly }: Session, frame: PartialSuperFrame): void {
  superReassembly.release(frame);
}
