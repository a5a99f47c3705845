/**
 * What the kernel makes of frames that have to leave by an interface which can do nothing for
 * itself: neither segmentation nor checksums.
 *
 *   flush -> kithin0 -- bridge -- kithout0 (offloads off) -> poll
 *
 * A program of its own, to be run as root in a network namespace of its own:
 *
 *   node kernel-cutter.js TASKS RESULTS       both files are JSON, see below
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  DescriptorKind,
  Offload,
  RX_STRIDE,
  Rx,
  RxEvent,
  SlabLayout,
  TX_STRIDE,
  Tx,
} from '../../../src/io/contract.ts';
import { NativeIo } from '../../../src/io/native-io.ts';
import { systemSockets } from '../../../src/io/system-sockets.ts';

export interface CutterFrame {
  readonly hex: string;
  readonly offload: Offload;
  readonly segmentSize: number;
  readonly checksumStart: number;
  readonly checksumOffset: number;
}

/** Frames that are sent in one flush, and how many are to come out. */
export interface CutterTask {
  readonly frames: readonly CutterFrame[];
  readonly expected: number;
}

export interface CutterResult {
  /** Packets that the kernel counted on their way in: fewer than frames when those were joined. */
  readonly taken: number;
  /** The frames that came out, as hexadecimal. */
  readonly frames: readonly string[];
}

const IN = 0;
const OUT = 1;
/** Polls before frames that do not come are given up. */
const MOST_POLLS = 40;
const POLL_TIMEOUT = 50;
/** A look for what should not come. */
const QUIET = 5;
/** All test frames are from here; the kernel's own are not. */
const SOURCE = '02000000000a';
const SOURCE_OFFSET = 6;
const SOURCE_END = 12;

const io = new NativeIo({ doorbell: -1 });
const sockets = systemSockets();
const inside = sockets.openTap('kithin%d', '');
const outside = sockets.openTap('kithout%d', '');

function run(line: string): void {
  const [command, ...args] = line.split(' ');
  execFileSync(command, args, { stdio: 'inherit' });
}

function setUp(): void {
  io.addDescriptor(IN, inside.descriptor, DescriptorKind.tap);
  io.addDescriptor(OUT, outside.descriptor, DescriptorKind.tap);
  run('ip link add kithbr0 type bridge stp_state 0 mcast_snooping 0');
  run(`ethtool -K ${outside.name} tx off tx-udp-segmentation off`);
  for (const { name } of [inside, outside]) run(`ip link set ${name} master kithbr0 up`);
  run('ip link set kithbr0 up');
}

function takenSoFar(): number {
  return Number(readFileSync(`/sys/class/net/${inside.name}/statistics/rx_packets`, 'utf8'));
}

function send({ frames }: CutterTask): void {
  let at: number = SlabLayout.arena;
  io.tx.fill(0);
  for (const [i, frame] of frames.entries()) {
    const bytes = Buffer.from(frame.hex, 'hex');
    io.slab.set(bytes, at);
    const record = io.tx.subarray(i * TX_STRIDE, (i + 1) * TX_STRIDE);
    record[Tx.descriptor] = IN;
    record[Tx.payloadOffset] = at;
    record[Tx.payloadLength] = bytes.length;
    record[Tx.address] = -1;
    record[Tx.offload] = frame.offload;
    record[Tx.segmentSize] = frame.segmentSize;
    record[Tx.checksumStart] = frame.checksumStart;
    record[Tx.checksumOffset] = frame.checksumOffset;
    at += bytes.length;
  }
  if (io.flush(frames.length) !== 0) throw new Error('the kernel did not take a frame');
}

/** What one poll brings of ours. */
function poll(timeout: number): string[] {
  const came: string[] = [];
  const count = io.poll(timeout);
  for (let i = 0; i < count; i++) {
    const record = io.rx.subarray(i * RX_STRIDE, (i + 1) * RX_STRIDE);
    const [offset, length] = [record[Rx.offset], record[Rx.length]];
    const frame = Buffer.from(io.slab.subarray(offset, offset + length)).toString('hex');
    if (frame.slice(2 * SOURCE_OFFSET, 2 * SOURCE_END) !== SOURCE) continue;
    const isPlain = record[Rx.event] === RxEvent.data && record[Rx.offload] === Offload.none;
    if (record[Rx.descriptor] !== OUT || !isPlain) throw new Error(`unexpected: ${record}`);
    came.push(frame);
  }
  return came;
}

function perform(task: CutterTask): CutterResult {
  const before = takenSoFar();
  send(task);
  const taken = takenSoFar() - before;
  const came: string[] = [];
  for (let i = 0; i < MOST_POLLS && came.length < task.expected; i++) {
    came.push(...poll(POLL_TIMEOUT));
  }
  return { taken, frames: [...came, ...poll(QUIET)] };
}

const [, , tasks, results] = process.argv;
setUp();
const list = JSON.parse(readFileSync(tasks, 'utf8')) as CutterTask[];
writeFileSync(results, JSON.stringify(list.map(perform)));
io.close();
