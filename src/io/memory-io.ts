/**
 * BatchedIo in plain JavaScript over a MemoryNetwork: for tests, readable first.
 *
 * It differs from the real one in that `poll` never blocks, whatever its timeout.
 */
import { emitAddress, parseAddress } from './address.ts';
import {
  ADDRESS_LENGTH,
  type BatchedIo,
  type CipherId,
  DescriptorKind,
  type IoCounters,
  JOB_RECORDS,
  JOB_STRIDE,
  LARGE_SLOT_LENGTH,
  LARGE_SLOTS,
  MAX_DESCRIPTORS,
  Offload,
  PART_RECORDS,
  PART_STRIDE,
  RECEIVE_BATCH,
  RECEIVE_SLOTS,
  RX_STRIDE,
  Rx,
  RxEvent,
  SEND_RECORDS,
  SLAB_LENGTH,
  SLOT_HEADROOM,
  SLOT_LENGTH,
  SlabLayout,
  type StreamArea,
  TAG_LENGTH,
  TX_STRIDE,
  Tx,
} from './contract.ts';
import { Errno, systemError } from './errno.ts';
import { MemoryAead } from './memory-aead.ts';
import { gather } from './memory-gather.ts';
import type { MemoryDescriptor, MemoryNetwork } from './memory-network.ts';
import { headersOf, landFrame, type MemoryTap } from './memory-tap.ts';
import { segment } from './offload.ts';

const SLOT_CAPACITY = SLOT_LENGTH - SLOT_HEADROOM;

export interface MemoryIoOptions {
  readonly network: MemoryNetwork;
  /** A doorbell of the network; -1: none. */
  readonly doorbell: number;
  /** SLAB_LENGTH octets to work in, whatever they hold; by default new ones. */
  readonly slab?: Uint8Array<ArrayBuffer>;
}

interface Entry {
  readonly number: number;
  readonly descriptor: MemoryDescriptor;
  readonly area: StreamArea;
  watched: boolean;
  held: boolean;
  ended: boolean;
  /** Refused for want of room in the current flush. */
  blocked: boolean;
}

const DESCRIPTOR_TYPES: Readonly<Record<DescriptorKind, MemoryDescriptor['type']>> = {
  [DescriptorKind.unixDatagram]: 'datagram',
  [DescriptorKind.udp]: 'udp',
  [DescriptorKind.stream]: 'stream',
  [DescriptorKind.listener]: 'listener',
  [DescriptorKind.tap]: 'tap',
};

export class MemoryIo implements BatchedIo {
  readonly implementation = 'memory';
  readonly slab: Uint8Array<ArrayBuffer>;
  readonly rx = new Int32Array(RECEIVE_SLOTS * RX_STRIDE);
  readonly tx = new Int32Array(SEND_RECORDS * TX_STRIDE);
  readonly parts = new Int32Array(PART_RECORDS * PART_STRIDE);
  readonly jobs = new Int32Array(JOB_RECORDS * JOB_STRIDE);
  readonly fill = new Int32Array(MAX_DESCRIPTORS);
  readonly #network: MemoryNetwork;
  readonly #doorbell: number;
  readonly #entries = new Map<number, Entry>();
  readonly #aead = new MemoryAead();
  readonly #counters: IoCounters = {
    polls: 0,
    received: 0,
    sent: 0,
    wouldBlock: 0,
    sendErrors: 0,
    receiveErrors: 0,
  };
  #received = 0;
  /** Large slots used in this poll, and the first index that found none. */
  #large = 0;
  #starved = -1;
  /** The index served first, so that none is starved when the slots run out. */
  #first = 0;

  constructor({ network, doorbell, slab }: MemoryIoOptions) {
    this.slab = slab ?? new Uint8Array(new ArrayBuffer(SLAB_LENGTH));
    this.#network = network;
    this.#doorbell = doorbell;
  }

  addDescriptor(index: number, number: number, kind: DescriptorKind, area?: StreamArea): void {
    checkIndex(index);
    if (this.#entries.has(index)) throw new RangeError(`descriptor ${index} is in use`);
    const descriptor = this.#network.descriptor(number);
    const noArea =
      kind === DescriptorKind.stream &&
      !(area && area.length > 0 && this.#holds(area.offset, area.length));
    if (!descriptor || descriptor.type !== DESCRIPTOR_TYPES[kind] || noArea) {
      throw systemError(
        `poll system descriptor ${number}`,
        descriptor ? Errno.EINVAL : Errno.EBADF,
      );
    }
    this.#entries.set(index, {
      number,
      descriptor,
      area: area ?? { offset: 0, length: 0 },
      watched: false,
      held: false,
      ended: false,
      blocked: false,
    });
    if (descriptor.type === 'stream') this.fill[index] = 0;
  }

  removeDescriptor(index: number): void {
    checkIndex(index);
    const entry = this.#entries.get(index);
    this.#entries.delete(index);
    if (entry) this.#network.closeDescriptor(entry.number);
  }

  watchWritable(index: number): void {
    checkIndex(index);
    const entry = this.#entries.get(index);
    if (entry && !entry.ended) entry.watched = true;
  }

  hold(index: number, held: boolean): void {
    checkIndex(index);
    const entry = this.#entries.get(index);
    if (entry) entry.held = held;
  }

  // ---- receive

  poll(_timeout: number): number {
    this.#counters.polls++;
    this.#received = this.#large = 0;
    this.#starved = -1;
    const doorbell = this.#network.descriptor(this.#doorbell);
    if (doorbell?.type === 'doorbell' && doorbell.rung) {
      doorbell.rung = false;
      this.#record(-1, 0, 0, RxEvent.data);
    }
    const indices = [...this.#entries.keys()].sort((a, b) => a - b);
    const start = Math.max(
      0,
      indices.findIndex((index) => index >= this.#first),
    );
    for (let i = 0; i < indices.length; i++) {
      const index = indices[(start + i) % indices.length];
      this.#first = index;
      if (this.#received === RECEIVE_SLOTS) break;
      this.#serve(index, this.#entries.get(index) as Entry);
      this.#first = index + 1;
    }
    if (this.#starved >= 0) this.#first = this.#starved;
    return this.#received;
  }

  #serve(index: number, entry: Entry): void {
    const { descriptor } = entry;
    if (entry.watched && this.#becameWritable(descriptor)) {
      entry.watched = false;
      if (descriptor.type === 'stream' && descriptor.failure !== 0) {
        this.#end(index, entry, descriptor.failure);
      } else {
        this.#record(index, 0, 0, RxEvent.writable);
      }
    }
    if (entry.held) return;
    for (let i = 0; i < RECEIVE_BATCH && this.#received < RECEIVE_SLOTS && !entry.ended; i++) {
      if (!this.#receiveOne(index, entry)) return;
    }
  }

  #becameWritable(descriptor: MemoryDescriptor): boolean {
    return 'isWritable' in descriptor ? descriptor.isWritable : true;
  }

  /** @returns whether there may be more */
  #receiveOne(index: number, entry: Entry): boolean {
    const { descriptor } = entry;
    const slot = this.#received * SLOT_LENGTH;
    switch (descriptor.type) {
      case 'datagram': {
        const bytes = descriptor.receive();
        if (bytes) this.#datagram(index, slot, bytes);
        return bytes !== undefined;
      }
      case 'udp': {
        if (this.#large === LARGE_SLOTS) return this.#starve(index);
        const run = descriptor.receive();
        if (!run) return false;
        const large = this.#largeSlot();
        emitAddress(run.from, this.slab, large);
        this.slab.set(run.bytes, large + SLOT_HEADROOM);
        this.#counters.received++;
        this.#record(index, large + SLOT_HEADROOM, run.bytes.length, RxEvent.data);
        this.#recorded(Rx.segmentSize, run.segmentSize);
        return true;
      }
      case 'tap':
        return this.#receiveFrame(index, entry, descriptor);
      case 'stream': {
        const filled = this.fill[index];
        const room = entry.area.length - filled;
        if (filled < 0 || room <= 0 || !descriptor.isReadable) return false;
        const offset = entry.area.offset + filled;
        const length = descriptor.read(this.slab.subarray(offset, offset + room));
        if (length <= 0) {
          this.#end(index, entry, -length);
        } else {
          this.fill[index] = filled + length;
          this.#counters.received++;
          this.#record(index, offset, length, RxEvent.data);
        }
        return false;
      }
      case 'listener': {
        const connection = descriptor.backlog.shift();
        if (!connection) return false;
        emitAddress(connection.from, this.slab, slot);
        this.#record(index, slot, this.#network.register(connection.stream), RxEvent.accepted);
        return true;
      }
      default:
        return false;
    }
  }

  #datagram(index: number, slot: number, bytes: Uint8Array): void {
    const fits = bytes.length <= SLOT_CAPACITY;
    const kept = fits ? bytes : bytes.subarray(0, SLOT_CAPACITY);
    this.slab.set(kept, slot + SLOT_HEADROOM);
    this.#counters.received++;
    const event = fits ? RxEvent.data : RxEvent.oversized;
    this.#record(index, slot + SLOT_HEADROOM, kept.length, event);
  }

  #receiveFrame(index: number, entry: Entry, tap: MemoryTap): boolean {
    if (tap.deleted) {
      this.#end(index, entry, Errno.ENODEV);
      return false;
    }
    if (this.#large === LARGE_SLOTS) return this.#starve(index);
    const frame = tap.receive();
    if (!frame) return false;
    const at = this.#largeSlot() + SLOT_HEADROOM;
    const landed = landFrame(frame, this.slab, at);
    this.#counters.received++;
    this.#record(index, at, frame.bytes.length, landed.event);
    this.#recorded(Rx.offload, landed.offload);
    this.#recorded(Rx.segmentSize, landed.segmentSize);
    this.#recorded(Rx.checksumStart, landed.checksumStart);
    this.#recorded(Rx.checksumOffset, landed.checksumOffset);
    return true;
  }

  #largeSlot(): number {
    return SlabLayout.large + this.#large++ * LARGE_SLOT_LENGTH;
  }

  /** No large slot is left in this poll; who could not be served is the first in the next. */
  #starve(index: number): false {
    if (this.#starved < 0) this.#starved = index;
    return false;
  }

  #end(index: number, entry: Entry, errno: number): void {
    entry.ended = true;
    this.#record(index, 0, errno, RxEvent.closed);
  }

  #record(descriptor: number, offset: number, length: number, event: number): void {
    const at = this.#received++ * RX_STRIDE;
    this.rx[at + Rx.descriptor] = descriptor;
    this.rx[at + Rx.offset] = offset;
    this.rx[at + Rx.length] = length;
    this.rx[at + Rx.event] = event;
    this.rx[at + Rx.offload] = Offload.none;
    this.rx[at + Rx.segmentSize] = 0;
  }

  /** One more field of the last record. */
  #recorded(field: number, value: number): void {
    this.rx[(this.#received - 1) * RX_STRIDE + field] = value;
  }

  // ---- send

  flush(count: number): number {
    checkCount(count, SEND_RECORDS);
    for (const entry of this.#entries.values()) entry.blocked = false;
    let notWhole = 0;
    for (let at = 0; at < count * TX_STRIDE; at += TX_STRIDE) {
      const length = this.tx[at + Tx.headerLength] + this.tx[at + Tx.payloadLength];
      const result = this.#send(at);
      this.tx[at + Tx.result] = result;
      if (result >= 0 && result === length) {
        this.#counters.sent++;
        continue;
      }
      notWhole++;
      if (result === -Errno.EAGAIN) this.#counters.wouldBlock++;
      else if (result < 0) this.#counters.sendErrors++;
    }
    return notWhole;
  }

  #send(at: number): number {
    const { tx } = this;
    const entry = this.#entries.get(tx[at + Tx.descriptor]);
    if (!entry) return -Errno.EBADF;
    if (entry.blocked) return -Errno.EAGAIN;
    const bytes = gather(this.slab, tx.subarray(at, at + TX_STRIDE), this.parts);
    if (!bytes) return -Errno.EINVAL;
    const result = this.#transmit(at, entry.descriptor, bytes);
    if (result === -Errno.EAGAIN || (result >= 0 && result < bytes.length)) entry.blocked = true;
    return result;
  }

  #transmit(at: number, descriptor: MemoryDescriptor, bytes: Uint8Array): number {
    switch (descriptor.type) {
      case 'datagram':
        return descriptor.send(bytes);
      case 'stream':
        return descriptor.write(bytes);
      case 'udp': {
        const address = this.tx[at + Tx.address];
        if (!this.#holds(address, ADDRESS_LENGTH)) return -Errno.EINVAL;
        const to = parseAddress(this.slab, address);
        if (!to) return -Errno.EINVAL;
        const segment = this.tx[at + Tx.segmentSize] || bytes.length || 1;
        for (let start = 0; start === 0 || start < bytes.length; start += segment) {
          const result = descriptor.send(to, bytes.slice(start, start + segment));
          if (result < 0) return result;
        }
        return bytes.length;
      }
      case 'tap': {
        const needs = {
          offload: this.tx[at + Tx.offload] as Offload,
          segmentSize: this.tx[at + Tx.segmentSize],
          checksumStart: this.tx[at + Tx.checksumStart],
          checksumOffset: this.tx[at + Tx.checksumOffset],
        };
        if (needs.offload === Offload.none) return descriptor.send(bytes);
        const headers = headersOf(bytes, needs);
        return headers > 0 ? descriptor.send(bytes, needs) : -Errno.EINVAL;
      }
      default:
        return -Errno.EINVAL;
    }
  }

  #holds(offset: number, length: number): boolean {
    return offset >= 0 && length >= 0 && offset + length <= SLAB_LENGTH;
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
    const { slab } = this;
    return segment(
      slab,
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

  copyOut(offset: number, length: number, shared: Uint8Array, at: number): void {
    if (!this.#holds(offset, length)) throw new RangeError('not in the slab');
    shared.set(this.slab.subarray(offset, offset + length), at);
  }

  copyIn(shared: Uint8Array, at: number, length: number, offset: number): void {
    if (at < 0 || at + length > shared.length) throw new RangeError('not in the shared memory');
    this.slab.set(shared.subarray(at, at + length), offset);
  }

  // ---- keys

  setKey(slot: number, cipher: CipherId, key: Uint8Array, iv: Uint8Array): void {
    this.#aead.setKey(slot, cipher, key, iv);
  }

  clearKey(slot: number): void {
    this.#aead.clearKey(slot);
  }

  seal(count: number): void {
    checkCount(count, JOB_RECORDS);
    this.#aead.run(this.slab, this.jobs, count, TAG_LENGTH);
  }

  open(count: number): number {
    checkCount(count, JOB_RECORDS);
    return this.#aead.run(this.slab, this.jobs, count, -TAG_LENGTH);
  }

  counters(): IoCounters {
    return { ...this.#counters };
  }

  close(): void {
    this.#aead.clear();
    for (const index of [...this.#entries.keys()]) this.removeDescriptor(index);
  }
}

function checkIndex(index: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < MAX_DESCRIPTORS)) {
    throw new RangeError(`no descriptor ${index}: there are ${MAX_DESCRIPTORS}`);
  }
}

function checkCount(count: number, most: number): void {
  if (!(Number.isInteger(count) && count >= 0 && count <= most)) {
    throw new RangeError(`no list of ${count} records: the most is ${most}`);
  }
}
