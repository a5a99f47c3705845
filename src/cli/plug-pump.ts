/**
 * What `kith plug` does between a VDE cable and a stream: frames of the cable go
 * on the stream behind their length, frames of the stream go down the cable.
 *
 * Read first: ../switch/vde/plug-framing.ts for the stream, ../io/contract.ts.
 *
 *   cable (Unix datagram)  --frame-->  [length][frame]  -->  stream
 *   cable                  <--frame--  area of the stream <--  stream
 *
 * Towards the cable a full switch holds the stream up, as a pipe would: what is
 * not taken stays in the area, and a full area is not read. Towards the stream a
 * reader who is slow gets a bounded backlog, and then whole frames are lost and
 * counted; the cable is never held up.
 */
import {
  type BatchedIo,
  DescriptorKind,
  RX_STRIDE,
  Rx,
  RxEvent,
  SEND_RECORDS,
  SlabLayout,
  TX_STRIDE,
  Tx,
} from '../io/contract.ts';
import { Errno } from '../io/errno.ts';
import {
  MAX_PLUG_FRAME,
  PLUG_HEADER_LENGTH,
  readPlugLength,
  writePlugHeader,
} from '../switch/vde/plug-framing.ts';

const CABLE = 0;
const STREAM = 1;

/** More than the longest length a header can tell, so that a frame is either whole in it or still to come. */
const AREA_LENGTH = 256 * 1024;
const AREA = SlabLayout.free;

/** Octets of frames that wait for a slow reader of the stream. */
const BACKLOG_LENGTH = 1024 * 1024;
const BACKLOG = AREA + AREA_LENGTH;

/** Why the pump has stopped: `open` while it has not. */
export type PumpState = 'open' | 'stream-ended' | 'cable-ended';

export class PlugPump {
  /** Frames that were dropped because the reader of the stream was too slow. */
  dropped = 0;
  /** Frames too long for the other side, in either direction. */
  oversized = 0;
  state: PumpState = 'open';

  readonly #io: BatchedIo;
  /** Octets of the area that are done with. */
  #consumed = 0;
  /** Octets that wait at the start of the backlog. */
  #waiting = 0;
  /** The stream has ended: what its area still holds goes out, then it is over. */
  #draining = false;
  /** The switch is full; a `writable` event will tell. */
  #cableFull = false;

  /** Takes over both descriptors; closing `io` closes them. */
  constructor(io: BatchedIo, cable: number, stream: number) {
    this.#io = io;
    io.addDescriptor(CABLE, cable, DescriptorKind.unixDatagram);
    io.addDescriptor(STREAM, stream, DescriptorKind.stream, {
      offset: AREA,
      length: AREA_LENGTH,
    });
  }

  /** Carries out what a poll that returned `count` records has brought. */
  turn(count: number): void {
    const { rx } = this.#io;
    let outgoing = 0;
    for (let i = 0; i < count; i++) {
      const at = i * RX_STRIDE;
      const descriptor = rx[at + Rx.descriptor];
      const event = rx[at + Rx.event];
      if (descriptor === CABLE) {
        if (event === RxEvent.data) {
          outgoing = this.#listFrame(outgoing, rx[at + Rx.offset], rx[at + Rx.length]);
        } else if (event === RxEvent.oversized) {
          this.oversized++;
        } else if (event === RxEvent.writable) {
          this.#cableFull = false;
        } else if (event === RxEvent.closed) {
          this.state = 'cable-ended';
        }
      } else if (descriptor === STREAM) {
        if (event === RxEvent.writable) this.#flushBacklog();
        else if (event === RxEvent.closed) this.#draining = true;
      }
    }
    if (outgoing > 0) this.#sendToStream(outgoing);
    this.#sendToCable();
  }

  /** A frame of the cable, as a record for the stream; its header fits in the slot's headroom. */
  #listFrame(index: number, offset: number, length: number): number {
    if (length > MAX_PLUG_FRAME) {
      this.oversized++;
      return index;
    }
    const start = offset - PLUG_HEADER_LENGTH;
    writePlugHeader(this.#io.slab, start, length);
    this.#record(index, STREAM, start, PLUG_HEADER_LENGTH + length);
    return index + 1;
  }

  #record(index: number, descriptor: number, offset: number, length: number): void {
    const { tx } = this.#io;
    const at = index * TX_STRIDE;
    tx[at + Tx.descriptor] = descriptor;
    tx[at + Tx.headerOffset] = offset;
    tx[at + Tx.headerLength] = 0;
    tx[at + Tx.payloadOffset] = offset;
    tx[at + Tx.payloadLength] = length;
    tx[at + Tx.address] = -1;
    tx[at + Tx.segmentSize] = 0;
  }

  /** Sends the records listed for the stream, behind whatever waits already. */
  #sendToStream(count: number): void {
    const { tx } = this.#io;
    const direct = this.#waiting === 0;
    if (direct) this.#io.flush(count);
    for (let i = 0; i < count; i++) {
      const at = i * TX_STRIDE;
      const offset = tx[at + Tx.payloadOffset];
      const length = tx[at + Tx.payloadLength];
      const result = direct ? tx[at + Tx.result] : -Errno.EAGAIN;
      if (result === length) continue;
      if (result < 0 && result !== -Errno.EAGAIN) {
        this.#draining = true;
        return;
      }
      // A frame of which some octets are out has to follow whole.
      const sent = Math.max(0, result);
      this.#wait(offset + sent, length - sent);
    }
    if (this.#waiting > 0) this.#io.watchWritable(STREAM);
  }

  #wait(offset: number, length: number): void {
    if (this.#waiting + length > BACKLOG_LENGTH) {
      this.dropped++;
      return;
    }
    this.#io.slab.copyWithin(BACKLOG + this.#waiting, offset, offset + length);
    this.#waiting += length;
  }

  #flushBacklog(): void {
    if (this.#waiting === 0) return;
    this.#record(0, STREAM, BACKLOG, this.#waiting);
    this.#io.flush(1);
    const result = this.#io.tx[Tx.result];
    if (result < 0 && result !== -Errno.EAGAIN) {
      this.#draining = true;
      return;
    }
    const sent = Math.max(0, result);
    this.#io.slab.copyWithin(BACKLOG, BACKLOG + sent, BACKLOG + this.#waiting);
    this.#waiting -= sent;
    if (this.#waiting > 0) this.#io.watchWritable(STREAM);
  }

  /** Sends the whole frames of the area down the cable, as far as the switch takes them. */
  #sendToCable(): void {
    while (!this.#cableFull && this.state === 'open') {
      const count = this.#listArea();
      if (count === 0) break;
      this.#io.flush(count);
      this.#settleCable(count);
    }
    this.#compact();
    if (this.#draining && !this.#cableFull && this.state === 'open') this.state = 'stream-ended';
  }

  /** Lists whole frames behind `#consumed`; what is to be passed over is consumed. */
  #listArea(): number {
    const { slab, fill } = this.#io;
    const end = fill[STREAM];
    let at = this.#consumed;
    let count = 0;
    while (count < SEND_RECORDS && end - at >= PLUG_HEADER_LENGTH) {
      const length = readPlugLength(slab, AREA + at);
      const next = at + PLUG_HEADER_LENGTH + length;
      if (next > end) break;
      if (length > 0 && length <= MAX_PLUG_FRAME) {
        this.#record(count, CABLE, AREA + at + PLUG_HEADER_LENGTH, length);
        count++;
      } else if (length > MAX_PLUG_FRAME) {
        // Counted once: it is consumed now, or listed behind frames and met again.
        if (count > 0) break;
        this.oversized++;
      }
      at = next;
      if (count === 0) this.#consumed = at;
    }
    return count;
  }

  #settleCable(count: number): void {
    const { tx } = this.#io;
    for (let i = 0; i < count; i++) {
      const at = i * TX_STRIDE;
      const result = tx[at + Tx.result];
      if (result === -Errno.EAGAIN) {
        this.#cableFull = true;
        this.#io.watchWritable(CABLE);
        return;
      }
      const end = tx[at + Tx.payloadOffset] + tx[at + Tx.payloadLength] - AREA;
      this.#consumed = end;
      if (result === -Errno.EMSGSIZE) this.oversized++;
      else if (result < 0) {
        this.state = 'cable-ended';
        return;
      }
    }
  }

  #compact(): void {
    if (this.#consumed === 0) return;
    const { slab, fill } = this.#io;
    slab.copyWithin(AREA, AREA + this.#consumed, AREA + fill[STREAM]);
    fill[STREAM] -= this.#consumed;
    this.#consumed = 0;
  }
}
