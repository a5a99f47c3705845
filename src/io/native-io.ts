/**
 * BatchedIo over the addon: epoll, recvmmsg, sendmmsg and OpenSSL. It makes the
 * memory, lends it to one native poller and passes calls through; nothing is
 * decided here. To be used from the thread that made it.
 */
import { KithError } from '../errors.ts';
import {
  type BatchedIo,
  type CipherId,
  type DescriptorKind,
  type IoCounters,
  IV_LENGTH,
  JOB_RECORDS,
  JOB_STRIDE,
  KEY_LENGTH,
  KEY_SLOTS,
  MAX_DESCRIPTORS,
  type Offload,
  PART_RECORDS,
  PART_STRIDE,
  RECEIVE_SLOTS,
  RX_STRIDE,
  SEND_RECORDS,
  SLAB_LENGTH,
  type StreamArea,
  TX_STRIDE,
} from './contract.ts';
import { Errno, errnoName, systemError } from './errno.ts';
import { COUNTERS, Counter, type NativePoller, nativeBinding } from './native-binding.ts';

export interface NativeIoOptions {
  /** An eventfd from openDoorbell; it stays the caller's to close. -1: none. */
  readonly doorbell: number;
}

export class NativeIo implements BatchedIo {
  readonly implementation = 'native';
  /** Untouched pages of it cost nothing: the system zeroes them at first use. */
  readonly slab = new Uint8Array(new ArrayBuffer(SLAB_LENGTH));
  readonly rx = new Int32Array(RECEIVE_SLOTS * RX_STRIDE);
  readonly tx = new Int32Array(SEND_RECORDS * TX_STRIDE);
  readonly parts = new Int32Array(PART_RECORDS * PART_STRIDE);
  readonly jobs = new Int32Array(JOB_RECORDS * JOB_STRIDE);
  readonly fill = new Int32Array(MAX_DESCRIPTORS);
  readonly #counters = new Float64Array(COUNTERS);
  /** What the counters were when they were begun anew. */
  #before: Float64Array = new Float64Array(COUNTERS);
  readonly #poller: NativePoller;

  /** @throws KithError 'native' when the addon is missing or does not load */
  constructor({ doorbell }: NativeIoOptions) {
    const { Poller } = nativeBinding();
    const { slab, rx, tx, parts, jobs, fill } = this;
    this.#poller = new Poller(slab, rx, tx, parts, jobs, fill, this.#counters, doorbell);
  }

  /**
   * On failure the system descriptor stays the caller's.
   * @throws RangeError for an index out of range or in use, or an area outside the slab
   * @throws KithError when the system descriptor is not what `kind` says
   */
  addDescriptor(
    index: number,
    systemDescriptor: number,
    kind: DescriptorKind,
    area?: StreamArea,
  ): void {
    checkIndex(index);
    const { offset, length } = area ?? { offset: 0, length: 0 };
    const error = this.#poller.add(index, systemDescriptor, kind, offset, length);
    if (error === -Errno.EEXIST) throw new RangeError(`descriptor ${index} is in use`);
    if (error < 0) throw systemError(`poll system descriptor ${systemDescriptor}`, error);
  }

  /** Does nothing for an index that is not in use. */
  removeDescriptor(index: number): void {
    checkIndex(index);
    this.#poller.remove(index);
  }

  watchWritable(index: number): void {
    checkIndex(index);
    this.#poller.watchWritable(index);
  }

  hold(index: number, held: boolean): void {
    checkIndex(index);
    this.#poller.hold(index, held ? 1 : 0);
  }

  poll(timeout: number): number {
    const count = this.#poller.poll(timeout);
    if (count < 0) throw systemError('wait for descriptors', count);
    return count;
  }

  flush(count: number): number {
    return this.#poller.flush(count);
  }

  segment(
    frame: number,
    length: number,
    offload: Offload,
    segmentSize: number,
    checksumStart: number,
    checksumOffset: number,
    output: number,
    room: number,
  ): number {
    return this.#poller.segment(
      frame,
      length,
      offload,
      segmentSize,
      checksumStart,
      checksumOffset,
      output,
      room,
    );
  }

  setKey(slot: number, cipher: CipherId, key: Uint8Array, iv: Uint8Array): void {
    if (!(slot >= 0 && slot < KEY_SLOTS)) throw new RangeError(`no key slot ${slot}`);
    if (key.length !== KEY_LENGTH || iv.length !== IV_LENGTH) {
      throw new RangeError(`a key has ${KEY_LENGTH} octets and an IV ${IV_LENGTH}`);
    }
    const error = this.#poller.setKey(slot, cipher, key, iv);
    if (error < 0) throw new KithError('system', `no key could be set (${errnoName(error)})`);
  }

  clearKey(slot: number): void {
    this.#poller.clearKey(slot);
  }

  seal(count: number): void {
    this.#poller.seal(count);
  }

  open(count: number): number {
    return this.#poller.open(count);
  }

  copyOut(offset: number, length: number, shared: Uint8Array, at: number): void {
    this.#poller.copyOut(offset, length, shared, at);
  }

  copyIn(shared: Uint8Array, at: number, length: number, offset: number): void {
    this.#poller.copyIn(shared, at, length, offset);
  }

  counters(): IoCounters {
    const since = (counter: number): number => this.#counters[counter] - this.#before[counter];
    return {
      polls: since(Counter.polls),
      received: since(Counter.received),
      sent: since(Counter.sent),
      wouldBlock: since(Counter.wouldBlock),
      sendErrors: since(Counter.sendErrors),
      receiveErrors: since(Counter.receiveErrors),
    };
  }

  /** Counts from 0 again: what came before was no traffic. */
  restartCounters(): void {
    this.#before = this.#counters.slice();
  }

  close(): void {
    this.#poller.close();
  }
}

function checkIndex(index: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < MAX_DESCRIPTORS)) {
    throw new RangeError(`no descriptor ${index}: there are ${MAX_DESCRIPTORS}`);
  }
}
