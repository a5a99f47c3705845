/**
 * One session in the data plane: its keys, its liveness, what it has under way.
 *
 * State only; the sending side is in egress/, the receiving side in ingress.ts.
 * Everything here belongs to the worker.
 */
import type { BatchedIo } from '../io/contract.ts';
import { Reassembly } from '../links/fragment.ts';
import { Keepalive, type KeepaliveOptions } from '../links/keepalive.ts';
import { PathMtu } from '../links/path-mtu.ts';
import { RELAY_OVERHEAD } from '../links/relay/relay-packet.ts';
import { ReplayWindow } from '../links/replay-window.ts';
import { SuperReassembly } from '../links/super-reassembly.ts';
import type { CircuitEnd } from './circuits.ts';
import type { OpenSession } from './commands.ts';
import type { DataPlaneMemory } from './memory.ts';
import { describeSession } from './report.ts';
import { SessionKeys } from './session-keys.ts';

/** Why something that came over a session, or was to leave by it, was dropped. */
export interface SessionDrops {
  /** Not authentic, or of a key generation that we do not hold. */
  forged: number;
  /** Seen before, or too old to tell. */
  replayed: number;
  /** Authentic, but its packets make no sense. */
  malformed: number;
  /** F2F packets of a type that nobody claims. */
  unknown: number;
  /** A clear record where everything has to be sealed, or from another address. */
  unexpectedClear: number;
  /** No room towards the other end. */
  full: number;
  /** Larger than the other end takes. */
  giant: number;
  /** The system refused to send. */
  sendErrors: number;
  /** Frames of which a fragment was lost. */
  abandoned: number;
}

export function noDrops(): SessionDrops {
  return {
    forged: 0,
    replayed: 0,
    malformed: 0,
    unknown: 0,
    unexpectedClear: 0,
    full: 0,
    giant: 0,
    sendErrors: 0,
    abandoned: 0,
  };
}

/** Records of one turn that a session can have staged. */
export const STAGED_RECORDS = 256;

/** Octets of the largest record on a stream; small enough not to hold up what comes behind. */
export const STREAM_RECORD_LENGTH = 16 * 1024;

export class Session {
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly descriptor: number;
  /** Slab offset of the other end's address; -1 on a stream and on a circuit. */
  readonly address: number;
  /** What it goes through, if a friend relays it; its records are then packets of that session. */
  readonly circuit: CircuitEnd | undefined;
  readonly datagram: boolean;
  readonly clear: boolean;
  /** In the clear, and this node is in a group: not everything may leave by it. */
  readonly confined: boolean;
  readonly port: number;
  readonly largestFrame: number;
  /** The other end takes super-frames. */
  readonly superFrames: boolean;
  readonly keys: SessionKeys;
  readonly replay = new ReplayWindow();
  readonly keepalive: Keepalive;
  readonly pathMtu: PathMtu;
  readonly reassembly: Reassembly;
  readonly superReassembly: SuperReassembly;
  readonly drops: SessionDrops = noDrops();
  /** It lives here: nothing has to cross over to another worker (remote-session.ts). */
  readonly crossing = undefined;

  // Numbers of clear records, as two 32-bit halves; those of sealed ones are with the keys.
  clearNumberHigh = 0;
  clearNumberLow = 0;
  /** Highest authentic packet number, which alone may move the address (roaming). */
  highestHigh = 0;
  highestLow = 0;
  nextFragmentId = 0;

  /** An authentic record has come in. */
  alive = false;
  recordsIn = 0;
  recordsOut = 0;
  /** Octets of Ethernet frames that crossed unsealed: the audit of plaintext. */
  clearOctetsIn = 0;
  clearOctetsOut = 0;
  /** The death of the session has been told. */
  deadNoticed = false;

  // Staging: the records of this turn, one behind another in one piece of the arena; those of
  // a relayed session in a piece of its own.
  readonly ownStaging: number;
  staging = -1;
  stagingFill = 0;
  /** Where the open record begins; -1 when none is open. */
  recordStart = -1;
  recordType = 0;
  /** Slab offset that the open record's plaintext must not pass. */
  recordLimit = 0;
  /** What the open record's plaintext goes on with, elsewhere in the slab; length 0: nothing. */
  moreOffset = 0;
  moreLength = 0;
  readonly recordEnds = new Int32Array(STAGED_RECORDS);
  recordCount = 0;

  /** The one bulk packet that waits for everything else. */
  bulk: { readonly type: number; readonly payload: Uint8Array } | undefined;

  // Backlog of a stream: octets that the system would not take yet.
  backlog = -1;
  backlogStart = 0;
  backlogEnd = 0;

  constructor(
    io: BatchedIo,
    memory: DataPlaneMemory,
    open: OpenSession,
    keepalive: KeepaliveOptions,
    now: number,
    circuit?: CircuitEnd,
  ) {
    this.localIndex = open.localIndex;
    this.remoteIndex = open.remoteIndex;
    this.descriptor = open.descriptor;
    this.clear = open.mode === 'clear';
    this.confined = this.clear && (open.confined ?? false);
    this.circuit = circuit;
    this.port = open.port;
    this.largestFrame = open.largestFrame;
    this.superFrames = open.superFrames ?? false;
    this.datagram = open.address !== undefined || circuit !== undefined;
    this.address = open.address === undefined ? -1 : memory.addresses.take();
    if (open.address !== undefined) {
      if (this.address < 0) throw new RangeError('no address slot is left');
      io.slab.set(open.address, this.address);
    }
    this.ownStaging = circuit === undefined ? -1 : memory.chunks.take();
    if (circuit !== undefined && this.ownStaging < 0) throw new RangeError('no chunk is left');
    this.keys = new SessionKeys(io, memory.keys, { ...open, now });
    this.keepalive = new Keepalive(keepalive, now);
    this.pathMtu = new PathMtu(now, circuit === undefined ? 0 : RELAY_OVERHEAD);
    this.reassembly = new Reassembly(memory.frames, open.largestFrame);
    this.superReassembly = new SuperReassembly(memory.superFrames);
  }

  /** Octets of the largest record that may leave now. */
  get recordLength(): number {
    return this.datagram ? this.pathMtu.current : STREAM_RECORD_LENGTH;
  }

  /** Octets waiting for a stream to take them. */
  get waiting(): number {
    return this.backlogEnd - this.backlogStart;
  }

  /** Gives back all memory and wipes the keys. */
  destroy(memory: DataPlaneMemory): void {
    if (this.clear) memory.depart({ ...describeSession(this), ended: true });
    this.keys.destroy();
    this.reassembly.clear();
    this.superReassembly.clear();
    if (this.address >= 0) memory.addresses.give(this.address);
    if (this.backlog >= 0) memory.chunks.give(this.backlog);
    if (this.ownStaging >= 0) memory.chunks.give(this.ownStaging);
    this.backlog = -1;
  }
}
