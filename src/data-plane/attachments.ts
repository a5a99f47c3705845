/**
 * What the main thread attaches to the worker of the ports: descriptors, and the sessions that
 * live on them.
 *
 *   add --> [owned] -- addEndpoint: a port's; openSession: a link's
 *              |
 *              +-- remove, or its end (`finish`) --> its sessions go too, memory back
 *
 * Here is what happens when something comes, goes or can be written again. What is received on
 * a descriptor is the engine's, which reads `owners` for it: nothing here is on the path of frames.
 */
import { constants } from 'node:os';
import { type BatchedIo, DescriptorKind, MAX_DESCRIPTORS } from '../io/contract.ts';
import type { StrangerLimit } from '../links/handshake/stranger-limit.ts';
import type { CircuitTraffic } from './circuit-traffic.ts';
import type { CircuitEnd } from './circuits.ts';
import type { OpenSession } from './commands.ts';
import { type Owner, ownerOf } from './descriptor-owners.ts';
import type { Egress } from './egress/egress.ts';
import type { LiveSessions } from './live-sessions.ts';
import { CHUNK_LENGTH, type DataPlaneMemory } from './memory.ts';
import { MessageSender } from './message-sender.ts';
import { NoticeKind } from './notice.ts';
import type { NoticeWriter } from './notice-writer.ts';
import type { LinkSession, RemoteSession } from './remote-session.ts';
import type { RemoteSessions } from './remote-sessions.ts';
import type { Session } from './session.ts';
import type { Streams } from './streams.ts';
import type { Switchboard } from './switchboard.ts';

const { ENOBUFS } = constants.errno;

export interface AttachmentsParts {
  readonly io: BatchedIo;
  readonly memory: DataPlaneMemory;
  readonly notices: NoticeWriter;
  readonly board: Switchboard;
  readonly egress: Egress;
  readonly streams: Streams;
  readonly sessions: LiveSessions;
  /** Undefined while there is no other worker. */
  readonly remotes: RemoteSessions | undefined;
  readonly circuits: CircuitTraffic;
  /** Hears of first messages that leave. */
  readonly strangers: Pick<StrangerLimit, 'sent'>;
  /** Closes a system descriptor that there is no place for. */
  readonly discard: (systemDescriptor: number) => void;
}

export class Attachments {
  /** By descriptor. Only to be read. */
  readonly owners: readonly (Owner | undefined)[];
  readonly #owners: (Owner | undefined)[] = new Array(MAX_DESCRIPTORS).fill(undefined);
  readonly #parts: AttachmentsParts;
  readonly #messages: MessageSender;
  readonly #beforeSend = (addressSlot: number, message: Uint8Array): void => {
    const { io, strangers, sessions } = this.#parts;
    strangers.sent(io.slab, addressSlot, message, sessions.now);
  };

  constructor(parts: AttachmentsParts) {
    this.#parts = parts;
    this.owners = this.#owners;
    this.#messages = new MessageSender(parts.io, parts.memory, parts.egress);
  }

  // ---- descriptors

  add(index: number, system: number, kind: DescriptorKind): void {
    const { io, memory, notices, streams, discard } = this.#parts;
    const stream = kind === DescriptorKind.stream;
    const area = stream ? memory.chunks.take() : -1;
    try {
      if (!stream) io.addDescriptor(index, system, kind);
      else if (area < 0) throw new RangeError('no memory is left for a stream');
      else io.addDescriptor(index, system, kind, { offset: area, length: CHUNK_LENGTH });
    } catch {
      discard(system);
      if (area >= 0) memory.chunks.give(area);
      notices.friend(NoticeKind.closed, 0, index, 0, -1, 0, 0);
      return;
    }
    if (stream) streams.add(index, area);
    this.#owners[index] = ownerOf(kind);
  }

  remove(index: number): void {
    const owner = this.#owners[index];
    if (owner === undefined) return;
    const { io, board, egress, streams, sessions, remotes, circuits } = this.#parts;
    egress.drain();
    for (const session of sessions) {
      if (session.descriptor === index) this.#destroySession(session);
    }
    for (const remote of remotes?.on(index) ?? []) this.#forgetRemote(remote);
    if (owner.kind === 'endpoint') board.flowControl.removed(owner.endpoint);
    this.#owners[index] = undefined;
    sessions.farewells.hurry(index);
    if (owner.kind === 'circuit') {
      circuits.table.remove(owner.end.port, owner.end.number);
      return;
    }
    io.removeDescriptor(index);
    streams.remove(index);
    if (owner.kind === 'endpoint') board.removeEndpoint(owner.endpoint);
  }

  /** Nothing more will come from a descriptor; the main thread decides what follows. */
  finish(descriptor: number, errno: number): void {
    this.#parts.notices.friend(NoticeKind.closed, 0, descriptor, errno, -1, 0, 0);
    this.remove(descriptor);
  }

  /** Ends the streams of which a piece got lost for want of memory: nothing behind it makes sense. */
  endBroken(): void {
    const broken = this.#parts.egress.streams.takeBroken();
    if (broken !== undefined) for (const each of broken) this.finish(each, ENOBUFS);
  }

  watch(descriptor: number): void {
    if (this.#owners[descriptor] !== undefined) this.#parts.io.watchWritable(descriptor);
  }

  addEndpoint(descriptor: number, port: number): void {
    const owner = this.#owners[descriptor];
    if (owner?.kind !== 'frames') return;
    const endpoint = this.#parts.board.outputs.addEndpoint(descriptor, owner.carrier, port);
    this.#owners[descriptor] = { kind: 'endpoint', endpoint };
  }

  addCircuit(descriptor: number, end: CircuitEnd): void {
    this.#owners[descriptor] = { kind: 'circuit', end };
    this.#parts.circuits.table.add(end.port, end.number, descriptor);
  }

  /** A connection came in. @param address where its address is in the slab */
  accepted(descriptor: number, system: number, address: number): void {
    const { notices, discard } = this.#parts;
    if (!notices.stranger(NoticeKind.accepted, descriptor, system, address, 0, 0)) discard(system);
  }

  writable(descriptor: number, owner: Owner): void {
    const { notices, egress, streams, sessions } = this.#parts;
    if (owner.kind === 'endpoint') {
      egress.endpoints.writable(owner.endpoint);
      return;
    }
    if (owner.kind !== 'stream') return;
    if (streams.writable(descriptor)) {
      notices.friend(NoticeKind.writable, 0, descriptor, 0, -1, 0, 0);
    }
    if (!streams.sendQueued(descriptor)) {
      this.finish(descriptor, ENOBUFS);
      return;
    }
    for (const session of sessions) {
      if (session.descriptor !== descriptor) continue;
      egress.streams.writable(session);
      sessions.sendBulk(session);
    }
  }

  sendMessage(descriptor: number, address: Uint8Array | undefined, message: Uint8Array): void {
    const { streams, circuits } = this.#parts;
    const owner = this.#owners[descriptor];
    if (owner?.kind === 'stream') {
      if (!streams.send(descriptor, message)) this.finish(descriptor, ENOBUFS);
    } else if (owner?.kind === 'circuit') circuits.send(owner.end, message);
    else if (owner !== undefined) {
      this.#messages.send(descriptor, address, message, this.#beforeSend);
    }
  }

  // ---- sessions

  /** @returns whether there is one now */
  openSession(open: OpenSession): boolean {
    const { board, sessions, streams } = this.#parts;
    const owner = this.#owners[open.descriptor];
    if (owner === undefined) {
      sessions.refuse(open);
      return false;
    }
    const session = sessions.open(open, owner.kind === 'circuit' ? owner.end : undefined);
    if (session === undefined) return false;
    board.addSession(session);
    if (!streams.sendQueued(open.descriptor)) this.finish(open.descriptor, ENOBUFS);
    return true;
  }

  closeSession(localIndex: number, reason: string | undefined): void {
    const { sessions, remotes } = this.#parts;
    const remote = remotes?.get(localIndex);
    if (remote !== undefined) this.#forgetRemote(remote);
    const session = sessions.session(localIndex);
    if (session === undefined) return;
    sessions.sayClose(session, reason);
    this.#destroySession(session);
  }

  /** What a port may send through. */
  linkSession(localIndex: number): LinkSession | undefined {
    return this.#parts.sessions.session(localIndex) ?? this.#parts.remotes?.get(localIndex);
  }

  #destroySession(session: Session): void {
    const { io, memory, board, egress, streams, sessions } = this.#parts;
    egress.drain();
    sessions.remove(session);
    board.removeSession(session);
    if (session.waiting > 0) {
      const rest = io.slab.slice(session.backlogStart, session.backlogEnd);
      streams.keep(session.descriptor, rest);
    }
    session.destroy(memory);
  }

  #forgetRemote(remote: RemoteSession): void {
    this.#parts.remotes?.remove(remote);
    this.#parts.board.removeSession(remote);
  }
}
