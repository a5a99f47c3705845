/**
 * A cable between two TAPs that takes super-frames in and gives plain frames out: whatever the
 * one kernel leaves to be cut is cut here, piece by piece, before the other sees it.
 *
 *   kithleft0 -> poll -> segment -> flush -> kithright0      and back
 *
 * A program of its own, to be run as root in a network namespace of its own. It prints the name
 * of an interface a line, then `ready`, and when it is ended by SIGTERM a line of JSON (CableCount).
 */
import {
  DescriptorKind,
  Offload,
  RX_STRIDE,
  Rx,
  RxEvent,
  SEND_RECORDS,
  SlabLayout,
  TX_STRIDE,
  Tx,
} from '../../../src/io/contract.ts';
import { NativeIo } from '../../../src/io/native-io.ts';
import { checkOffload } from '../../../src/io/offload.ts';
import { systemSockets } from '../../../src/io/system-sockets.ts';

export interface CableCount {
  /** Frames that came complete. */
  plain: number;
  /** Super-frames by type, by Offload. */
  cut: [number, number, number, number];
  /** Frames that came and made no sense, or could not be cut. */
  refused: number;
}

/** Room for the pieces of one super-frame: 128 times the longest headers more than itself. */
const PIECES_ROOM = 1 << 17;
const POLL_TIMEOUT = 5;

const io = new NativeIo({ doorbell: -1 });
const sockets = systemSockets();
const count: CableCount = { plain: 0, cut: [0, 0, 0, 0], refused: 0 };
for (const [index, pattern] of ['kithleft%d', 'kithright%d'].entries()) {
  const { descriptor, name } = sockets.openTap(pattern, '');
  io.addDescriptor(index, descriptor, DescriptorKind.tap);
  console.log(name);
}
console.log('ready');

let records = 0;
let arena: number = SlabLayout.arena;

function flush(): void {
  io.flush(records);
  records = 0;
  arena = SlabLayout.arena;
}

function list(descriptor: number, offset: number, length: number): void {
  const record = io.tx.subarray(records * TX_STRIDE, ++records * TX_STRIDE).fill(0);
  record[Tx.descriptor] = descriptor;
  record[Tx.payloadOffset] = offset;
  record[Tx.payloadLength] = length;
  record[Tx.address] = -1;
}

function pass(record: Int32Array): void {
  const to = 1 - record[Rx.descriptor];
  const [offset, length] = [record[Rx.offset], record[Rx.length]];
  const offload = record[Rx.offload] as Offload;
  if (record[Rx.event] !== RxEvent.data) {
    count.refused++;
    return;
  }
  if (offload === Offload.none) {
    count.plain++;
    list(to, offset, length);
    return;
  }
  const [size, start, at] = record.subarray(Rx.segmentSize, Rx.checksumOffset + 1);
  const headers = checkOffload(io.slab, offset, length, offload, size, start, at);
  const pieces = io.segment(offset, length, offload, size, start, at, arena, PIECES_ROOM);
  if (headers === 0 || pieces < 0) {
    count.refused++;
    return;
  }
  count.cut[offload]++;
  let left = length - headers;
  for (let i = 0; i < pieces; i++) {
    const octets = headers + Math.min(size, left);
    list(to, arena, octets);
    arena += octets;
    left -= size;
  }
}

function turn(): void {
  const received = io.poll(POLL_TIMEOUT);
  for (let i = 0; i < received; i++) {
    const arenaLeft = SlabLayout.arena + SlabLayout.arenaLength - arena;
    if (records + 128 > SEND_RECORDS || arenaLeft < PIECES_ROOM) flush();
    pass(io.rx.subarray(i * RX_STRIDE, (i + 1) * RX_STRIDE));
  }
  flush();
  setImmediate(turn);
}

process.once('SIGTERM', () => {
  console.log(JSON.stringify(count));
  process.exit(0);
});
turn();
