/**
 * Puts the keys of one session into key slots of the I/O: one that seals, three
 * that open. When to move on is decided in links/record-keys.ts.
 */
import type { BatchedIo, CipherId } from '../io/contract.ts';
import { nodeSuite } from '../links/handshake/node-suite.ts';
import { EpochPosition, ReceiveKeys, type RecordKey, SendKeys } from '../links/record-keys.ts';
import type { PiecePool } from './memory.ts';

export interface SessionKeysOptions {
  readonly cipher: CipherId;
  readonly sendSecret: Uint8Array;
  readonly receiveSecret: Uint8Array;
  readonly firstNumber: number;
  readonly now: number;
}

export class SessionKeys {
  readonly send: SendKeys;
  readonly receive: ReceiveKeys;
  readonly #io: BatchedIo;
  readonly #slots: PiecePool;
  readonly #cipher: CipherId;
  #previousSlot = -1;
  #currentSlot: number;
  #nextSlot: number;
  /** The key slot that seals. */
  sendSlot: number;
  /** How often either direction has moved on. */
  updates = 0;

  constructor(io: BatchedIo, slots: PiecePool, options: SessionKeysOptions) {
    this.#io = io;
    this.#slots = slots;
    this.#cipher = options.cipher;
    this.send = new SendKeys(nodeSuite.hmac, options.sendSecret, options.firstNumber, options.now);
    this.receive = new ReceiveKeys(nodeSuite.hmac, options.receiveSecret);
    this.sendSlot = this.#load(this.send.current);
    this.#currentSlot = this.#load(this.receive.current);
    this.#nextSlot = this.#load(this.receive.next);
  }

  /** The key slot that opens a record of this epoch octet, or -1. */
  receiveSlot(epochOctet: number): number {
    switch (this.receive.position(epochOctet)) {
      case EpochPosition.current:
        return this.#currentSlot;
      case EpochPosition.next:
        return this.#nextSlot;
      case EpochPosition.previous:
        return this.#previousSlot;
      default:
        return -1;
    }
  }

  /** An authentic record of this epoch octet came in. */
  received(epochOctet: number, now: number): void {
    if (this.receive.position(epochOctet) !== EpochPosition.next) return;
    this.receive.advance(now);
    this.#drop(this.#previousSlot);
    this.#previousSlot = this.#currentSlot;
    this.#currentSlot = this.#nextSlot;
    this.#nextSlot = this.#load(this.receive.next);
    this.updates++;
  }

  /** Moves on where it is time. Call it between batches, never inside one. */
  tick(now: number): void {
    if (this.receive.expire(now)) {
      this.#drop(this.#previousSlot);
      this.#previousSlot = -1;
    }
    if (!this.send.isUpdateDue(now, PACKETS_BETWEEN_TICKS)) return;
    this.send.update(now);
    this.#drop(this.sendSlot);
    this.sendSlot = this.#load(this.send.current);
    this.updates++;
  }

  /** Wipes everything; the object is of no use afterwards. */
  destroy(): void {
    this.send.wipe();
    this.receive.wipe();
    for (const slot of [this.sendSlot, this.#previousSlot, this.#currentSlot, this.#nextSlot]) {
      this.#drop(slot);
    }
    this.sendSlot = this.#previousSlot = this.#currentSlot = this.#nextSlot = -1;
  }

  #load(keys: RecordKey): number {
    const slot = this.#slots.take();
    if (slot < 0) throw new RangeError('no key slot is left');
    this.#io.setKey(slot, this.#cipher, keys.key, keys.iv);
    return slot;
  }

  #drop(slot: number): void {
    if (slot < 0) return;
    this.#io.clearKey(slot);
    this.#slots.give(slot);
  }
}

/** More than can be sealed between two ticks, half a second apart. */
const PACKETS_BETWEEN_TICKS = 2 ** 23;
