/**
 * The sessions that live in one worker: their table, and what keeps them alive.
 *
 *   open --> [live] -- tick: pings, probes of the path MTU, keys that move on
 *              |    -- ingress: what a friend's own pings and probes ask for
 *              +-- close, or its descriptor goes --> gone: keys wiped, memory back;
 *                                                    what was said of it is said again
 *
 * What their frames are is no business of this file. Nothing allocates per frame.
 */
import { copyAddress } from '../io/address.ts';
import { ADDRESS_LENGTH, type BatchedIo } from '../io/contract.ts';
import type { StrangerLimit } from '../links/handshake/stranger-limit.ts';
import type { KeepaliveOptions } from '../links/keepalive.ts';
import { PacketType } from '../links/packet.ts';
import type { CircuitEnd } from './circuits.ts';
import type { OpenSession, SendPacket } from './commands.ts';
import type { Egress } from './egress/egress.ts';
import { COPY_DELAYS, Farewells } from './farewells.ts';
import type { IngressSessions } from './ingress.ts';
import { SESSION_TABLE_LENGTH } from './local-index.ts';
import type { DataPlaneMemory } from './memory.ts';
import { MessageSender } from './message-sender.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { PingPayload } from './ping-payload.ts';
import { describeSession, type SessionReport } from './report.ts';
import { Session } from './session.ts';

const SESSION_MASK = SESSION_TABLE_LENGTH - 1;

export interface LiveSessionsParts {
  readonly io: BatchedIo;
  readonly memory: DataPlaneMemory;
  readonly notices: NoticeWriter;
  readonly egress: Egress;
  readonly keepalive: KeepaliveOptions;
  /** Hears where friends are. */
  readonly strangers: Pick<StrangerLimit, 'hasSession'>;
}

export class LiveSessions implements IngressSessions {
  readonly #parts: LiveSessionsParts;
  readonly #table: (Session | undefined)[] = new Array(SESSION_TABLE_LENGTH).fill(undefined);
  readonly #live = new Set<Session>();
  readonly #ping = new PingPayload();
  readonly farewells: Farewells;
  now = 0;

  constructor(parts: LiveSessionsParts) {
    this.#parts = parts;
    this.farewells = new Farewells(new MessageSender(parts.io, parts.memory, parts.egress));
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return this.#live.values();
  }

  session(localIndex: number): Session | undefined {
    const session = this.#table[localIndex & SESSION_MASK];
    return session?.localIndex === localIndex ? session : undefined;
  }

  /** One that lives on a descriptor; a stream has no other. */
  on(descriptor: number): Session | undefined {
    for (const session of this.#live) if (session.descriptor === descriptor) return session;
    return undefined;
  }

  reports(): SessionReport[] {
    return [...this.#live].map((session) => describeSession(session));
  }

  // ---- coming and going

  /**
   * @param circuit what it goes through, if a friend relays it
   * @returns undefined when there is no room; that has been told
   */
  open(open: OpenSession, circuit: CircuitEnd | undefined): Session | undefined {
    const { io, memory, keepalive } = this.#parts;
    const place = open.localIndex & SESSION_MASK;
    const full = circuit !== undefined && memory.chunks.available === 0;
    if (full || this.#table[place] !== undefined) {
      this.refuse(open);
      return undefined;
    }
    const session = new Session(io, memory, open, keepalive, this.now, circuit);
    this.#table[place] = session;
    this.#live.add(session);
    return session;
  }

  /** Tells that a session cannot be opened. */
  refuse({ localIndex }: OpenSession): void {
    this.#parts.notices.friend(NoticeKind.dead, 0, localIndex, 0, -1, 0, 0);
  }

  /** With a reason, the other end is told first, in this turn; over datagrams again, a little later. */
  sayClose(session: Session, reason: string | undefined): void {
    if (reason === undefined) return;
    const { io, egress } = this.#parts;
    const octets = new TextEncoder().encode(reason);
    egress.packets.control(session, PacketType.close, octets);
    // Of a circuit the relay tells that it is closed, and no stream loses anything.
    if (session.address < 0 || !this.farewells.hasRoom) return;
    const address = io.slab.slice(session.address, session.address + ADDRESS_LENGTH);
    for (const delay of COPY_DELAYS) {
      const record = egress.packets.recordApart(session, PacketType.close, octets);
      if (record === undefined) return;
      const { descriptor } = session;
      this.farewells.add({ descriptor, address, record, due: this.now + delay });
    }
  }

  /** Takes a session out of the table; `Session.destroy` is the caller's to call. */
  remove(session: Session): void {
    this.#table[session.localIndex & SESSION_MASK] = undefined;
    this.#live.delete(session);
  }

  // ---- packets of the main thread

  send(command: SendPacket): void {
    const session = this.session(command.localIndex);
    if (session === undefined) return;
    if (command.priority === 'control') {
      this.#parts.egress.packets.control(session, command.type, command.payload);
    } else {
      session.bulk = command;
      this.sendBulk(session);
    }
  }

  /** Lets the bulk packet go if nothing else waits for the session. */
  sendBulk(session: Session): void {
    const { bulk } = session;
    if (bulk === undefined || session.waiting > 0) return;
    session.bulk = undefined;
    this.#parts.egress.packets.control(session, bulk.type, bulk.payload);
    this.#parts.notices.friend(NoticeKind.bulkSent, 0, session.localIndex, 0, -1, 0, 0);
  }

  // ---- IngressSessions

  ping(session: Session, offset: number, length: number): void {
    this.#parts.egress.packets.packet(session, PacketType.pong, offset, length);
  }

  pong(session: Session, offset: number, length: number): void {
    if (!this.#ping.read(this.#parts.io.slab, offset, length)) {
      session.drops.malformed++;
      return;
    }
    session.keepalive.pong(this.#ping.sequence, this.#ping.sentAt, this.now);
  }

  probe(session: Session, offset: number, length: number): void {
    if (length < 2) {
      session.drops.malformed++;
      return;
    }
    this.#parts.egress.packets.packet(session, PacketType.probeAcknowledgement, offset, 2);
    session.pathMtu.prompted(this.now);
    this.#probe(session, this.now);
  }

  probeAcknowledged(session: Session, offset: number, length: number): void {
    const { slab } = this.#parts.io;
    if (length !== 2) {
      session.drops.malformed++;
      return;
    }
    session.pathMtu.acknowledged((slab[offset] << 8) | slab[offset + 1], this.now);
    this.#probe(session, this.now);
  }

  alive({ localIndex }: Session): boolean {
    return this.#parts.notices.friend(NoticeKind.alive, 0, localIndex, 0, -1, 0, 0);
  }

  roamed(session: Session, address: number): void {
    const { io, strangers } = this.#parts;
    copyAddress(io.slab, address, session.address);
    strangers.hasSession(io.slab, address, this.now);
    session.pathMtu.pathChanged(this.now);
    this.#parts.notices.friend(NoticeKind.roamed, 0, session.localIndex, 0, address, 0, 0);
  }

  // ---- time

  /**
   * Keys may move on here: nothing may be staged.
   * @returns when the next session is dead if nothing is heard of it: the spanning tree waits for that
   */
  tick(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const session of this.#live) {
      this.#tickSession(session, now);
      const { deadAt } = session.keepalive;
      if (deadAt > now && deadAt < next) next = deadAt;
    }
    return next;
  }

  #tickSession(session: Session, now: number): void {
    const { io, strangers } = this.#parts;
    session.keys.tick(now);
    if (session.address >= 0) strangers.hasSession(io.slab, session.address, now);
    session.reassembly.expire(now);
    if (session.keepalive.isDead(now)) {
      if (session.deadNoticed) return;
      const silence = Math.round(session.keepalive.silence(now));
      session.deadNoticed = this.#parts.notices.friend(
        NoticeKind.dead,
        0,
        session.localIndex,
        silence,
        -1,
        0,
        0,
      );
      return;
    }
    session.deadNoticed = false;
    if (session.keepalive.isPingDue(now)) {
      const payload = this.#ping.write(session.keepalive.ping(now), now);
      this.#parts.egress.packets.control(session, PacketType.ping, payload);
    }
    this.#probe(session, now);
  }

  /** Sends the probes of the path MTU that are due. */
  #probe(session: Session, now: number): void {
    if (!session.datagram) return;
    const { pathMtu } = session;
    for (let size = pathMtu.tick(now); size > 0; size = pathMtu.tick(now)) {
      this.#parts.egress.packets.probe(session, size);
    }
  }
}
