/** Two nodes with a TAP each behind a session that takes super-frames, and words for these. */
import type { FrameNeeds } from '../../src/io/memory-tap.ts';
import { STRAIGHT } from '../../src/links/packet.ts';
import { buildFrame, type FrameOptions, piecesOf } from '../io/frames.ts';
import { octets } from '../io/rig.ts';
import { type Given, leftOf } from '../links/super-rig.ts';
import { broadcast, prints, type Tap } from './node.ts';
import { Pair, type PairOptions } from './pair.ts';

const TAP = 3;
/** Where buildFrame's frames go, and where they come from. */
const RECEIVER = 0x0b;
const SENDER = 0x0a;

/** Octets of a datagram that leave room for a piece's payload: records, packets, pieces, tag. */
const FRAGMENT_HEADER = 8;
const OVERHEAD = {
  sealed: 16 + 3 + FRAGMENT_HEADER + 16,
  clear: 16 + 3 + FRAGMENT_HEADER,
} as const;

export class SuperPair extends Pair {
  readonly leftTap: Tap;
  readonly rightTap: Tap;
  readonly #mode: 'sealed' | 'clear';
  readonly #stream: boolean;

  constructor(options: PairOptions = {}) {
    super({ ...options, session: { superFrames: true, ...options.session } });
    this.#mode = options.mode ?? 'sealed';
    this.#stream = options.carrier === 'stream';
    this.leftTap = this.left.addTap(TAP);
    this.rightTap = this.right.addTap(TAP);
    // The path is found, liveness has settled.
    this.pass(5000);
  }

  /** Both switches learn that the receiver is behind the right TAP. */
  learn(): void {
    this.rightTap.send(broadcast(60, RECEIVER));
    this.leftTap.send(broadcast(60, SENDER));
    this.settle();
    // What is said of hosts is repeated once.
    this.pass(2000);
    this.leftTap.receive();
    this.rightTap.receive();
    this.leftClient.receive();
    this.rightClient.receive();
  }

  /** Octets of super-frame and fields in a piece. */
  get pieceLength(): number {
    const record = this.#stream ? 16 * 1024 : this.left.session(0x0a01).pathMtu;
    return record - OVERHEAD[this.#mode];
  }

  /** Loses the datagrams of these indices, of those with pieces that are sent from now on. */
  lose(...indices: number[]): void {
    const lost = new Set(indices);
    let index = 0;
    this.network.delivery = (datagram, deliver) => {
      if (!isPiece(datagram.bytes, this.#mode) || !lost.has(index++)) deliver(datagram);
    };
  }
}

/** Whether a datagram has a piece: nothing else is that long here, but the last may be short. */
function isPiece(bytes: Uint8Array, mode: 'sealed' | 'clear'): boolean {
  return mode === 'clear'
    ? bytes[0] === 0x11 && (bytes[16]! & ~STRAIGHT) === 0x0b
    : bytes[0] === 0x10;
}

/** A super-frame of a made-up flow. */
export class Super {
  readonly options: FrameOptions;
  readonly bytes: Uint8Array;
  readonly needs: FrameNeeds;
  /** Octets of all headers. */
  readonly headers: number;
  #whole = '';
  #frames: Uint8Array[] | undefined;

  constructor(payload: number, segmentSize: number, more: FrameOptions = {}) {
    this.options = { payload: octets(payload, payload), partial: true, ...more };
    const { bytes, headers, offload, checksumStart, checksumOffset } = buildFrame(this.options);
    this.bytes = bytes;
    this.headers = headers;
    this.needs = { offload, segmentSize, checksumStart, checksumOffset };
  }

  /** What a TAP should get of it. */
  get whole(): string {
    this.#whole ||= printNeeds({ bytes: this.bytes, fields: this.needs });
    return this.#whole;
  }

  /** The complete frames that it stands for. */
  get frames(): Uint8Array[] {
    const { segmentSize } = this.needs;
    this.#frames ??= piecesOf(this.options, segmentSize).map((each) => buildFrame(each).bytes);
    return this.#frames;
  }

  /** What should be had of it without some of its pieces. */
  left(pieceLength: number, ...lost: number[]): Given[] {
    return leftOf(this.options, this.needs.segmentSize, pieceLength, (index) =>
      lost.includes(index),
    );
  }

  pieces(pieceLength: number): number {
    const total = 8 + this.bytes.length;
    // What goes whole needs no header of fragments.
    return total <= pieceLength + FRAGMENT_HEADER ? 1 : Math.ceil(total / pieceLength);
  }
}

/** A frame with its fields as a short text. */
export function printNeeds({ bytes, fields }: { bytes: Uint8Array; fields: FrameNeeds }): string {
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  const needs = [segmentSize, checksumStart, checksumOffset].join('/');
  return `${prints([bytes])[0]}${offload === 0 ? '' : ` ${offload}: ${needs}`}`;
}

/** All that has come out of a TAP. */
export function receivedBy(tap: Tap): string[] {
  return tap.receive().map((frame) => printNeeds({ bytes: frame.bytes, fields: frame }));
}
