/**
 * A session that lives in another worker, as the worker of the ports knows it: enough to decide
 * what it may be given, and the way there.
 */
import { PacketType } from '../links/packet.ts';
import { BASE_PATH_MTU } from '../links/path-mtu.ts';
import { RELAY_OVERHEAD } from '../links/relay/relay-packet.ts';
import type { FrameOffload } from '../links/super-frame.ts';
import type { OpenRemoteSession } from './commands.ts';
import type { Crossing } from './crossing.ts';
import { noDrops, type Session, type SessionDrops } from './session.ts';

/** What a link port can send through. */
export type LinkSession = Session | RemoteSession;

export class RemoteSession {
  readonly localIndex: number;
  readonly descriptor: number;
  /** Where the friend was when it was opened. */
  readonly address: Uint8Array | undefined;
  readonly port: number;
  readonly clear: boolean;
  readonly confined: boolean;
  readonly superFrames: boolean;
  /** None goes through a friend: those live where the ports are. */
  readonly circuit = undefined;
  readonly crossing: Crossing;
  /** What was dropped on this side. */
  readonly drops: SessionDrops = noDrops();
  /** Octets of the largest record that may leave, as we were told last. */
  recordLength: number = BASE_PATH_MTU;

  constructor(open: OpenRemoteSession, crossing: Crossing) {
    this.localIndex = open.localIndex;
    this.descriptor = open.descriptor;
    this.address = open.address;
    this.port = open.port;
    this.clear = open.mode === 'clear';
    this.confined = this.clear && (open.confined ?? false);
    this.superFrames = open.superFrames ?? false;
    this.crossing = crossing;
  }

  /** @returns false when the way is full: the frame is dropped */
  frame(offset: number, length: number, offload: Readonly<FrameOffload>, flag: number): boolean {
    return this.crossing.frame(this.localIndex, offset, length, offload, flag);
  }

  packet(type: number, offset: number, length: number): void {
    if (!this.crossing.packet(this.localIndex, type, offset, length)) this.drops.full++;
  }

  control(type: number, payload: Uint8Array): void {
    if (!this.crossing.control(this.localIndex, type, payload)) this.drops.full++;
  }

  /** A link message in the slab. @returns false when it is too long for a record */
  relay(number: number, offset: number, length: number): boolean {
    if (RELAY_OVERHEAD + length > this.recordLength) return false;
    const { relay } = PacketType;
    if (!this.crossing.relay(this.localIndex, relay, number, offset, length)) this.drops.full++;
    return true;
  }
}
