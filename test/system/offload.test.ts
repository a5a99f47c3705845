/** Our cutting and joining of frames against the kernel's. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Offload } from '../../src/io/contract.ts';
import { segment } from '../../src/io/offload.ts';
import {
  buildFrame,
  type FrameOptions,
  joinableOptions,
  piecesOf,
  superFrameOptions,
} from '../io/frames.ts';
import { octets } from '../io/rig.ts';
import type { CutterFrame, CutterResult, CutterTask } from './support/kernel-cutter.ts';
import { createNamespace, type Namespace } from './support/namespace.ts';
import { startProgram } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import type { CableCount } from './support/tap-cable.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['root', 'namespaces', 'tun', 'ip', 'ethtool'];
const CUTTER = fileURLToPath(new URL('./support/kernel-cutter.js', import.meta.url));
const CABLE = fileURLToPath(new URL('./support/tap-cable.js', import.meta.url));
/** The same frames each time, so that a kernel's quirk does not show now and then. */
const SEED = 20_231;
const SAMPLES = 60;
const ROOM = 1 << 18;
/** Milliseconds. */
const START_TIMEOUT = 20_000;
/** Frames in one run that the sender joins. */
const MOST_JOINED = 64;

interface Case {
  readonly options: FrameOptions;
  readonly segmentSize: number;
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

async function askKernel(
  t: ExecutionContext,
  tasks: readonly CutterTask[],
): Promise<CutterResult[]> {
  const namespace = await createNamespace(t, 'offload');
  const directory = temporaryDirectory(t);
  const [given, made] = [join(directory, 'tasks.json'), join(directory, 'results.json')];
  writeFileSync(given, JSON.stringify(tasks));
  await namespace.run(process.execPath, CUTTER, given, made);
  return JSON.parse(readFileSync(made, 'utf8')) as CutterResult[];
}

/** The super-frame, and what we make of it. */
function cut({ options, segmentSize }: Case): { frame: CutterFrame; pieces: string[] } {
  const { bytes, headers, ...rest } = buildFrame({ ...options, partial: true });
  const slab = new Uint8Array(bytes.length + ROOM);
  slab.set(bytes);
  const { offload, checksumStart, checksumOffset } = rest;
  const count = segment(
    slab,
    0,
    bytes.length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
    bytes.length,
    ROOM,
  );
  const length = headers + segmentSize;
  const end = bytes.length + count * headers + (bytes.length - headers);
  const pieces = Array.from({ length: count }, (_, i) => {
    const start = bytes.length + i * length;
    return hexOf(slab.subarray(start, Math.min(start + length, end)));
  });
  return { frame: { hex: hexOf(bytes), segmentSize, ...rest }, pieces };
}

function plain(bytes: Uint8Array): CutterFrame {
  const none = { segmentSize: 0, checksumStart: 0, checksumOffset: 0 };
  return { hex: hexOf(bytes), offload: Offload.none, ...none };
}

function describe({ options, segmentSize }: Case): string {
  const { payload, ...rest } = options;
  return JSON.stringify({ ...rest, payload: payload?.length, segmentSize });
}

systemTest('a super-frame is cut as the kernel cuts it', { needs: NEEDS }, async (t) => {
  const chosen: Case[] = [false, true].flatMap((six) =>
    [false, true].flatMap((udp) => [
      { options: { six, udp, payload: octets(60_000) }, segmentSize: 1400 },
      { options: { six, udp, payload: octets(2801), tags: [0x8100] }, segmentSize: 1400 },
      { options: { six, udp, payload: octets(100), identification: 0xfffe }, segmentSize: 24 },
      { options: { six, udp, payload: octets(3000), flags: 0x99 }, segmentSize: 1000 },
    ]),
  );
  const random = fc.sample(
    fc.record({
      options: superFrameOptions(3000),
      segmentSize: fc.integer({ min: 100, max: 1300 }),
    }),
    { seed: SEED, numRuns: SAMPLES },
  );
  const cases = [...chosen, ...random];
  const ours = cases.map(cut);
  const results = await askKernel(
    t,
    ours.map(({ frame, pieces }) => ({ frames: [frame], expected: pieces.length })),
  );
  results.forEach((result, i) => {
    t.deepEqual(result.frames, ours[i].pieces, describe(cases[i]));
    t.is(result.taken, 1);
  });
});

systemTest(
  'frames that were joined for a TAP come out of the kernel as they were',
  { needs: NEEDS },
  async (t) => {
    const cases = fc.sample(
      fc.record({
        options: joinableOptions(8000),
        segmentSize: fc.integer({ min: 100, max: 1300 }),
      }),
      { seed: SEED, numRuns: SAMPLES },
    );
    const frames = cases.map(({ options, segmentSize }) =>
      piecesOf(options, segmentSize).map((piece) => buildFrame(piece).bytes),
    );
    const results = await askKernel(
      t,
      frames.map((each) => ({ frames: each.map(plain), expected: each.length })),
    );
    results.forEach((result, i) => {
      t.deepEqual(result.frames, frames[i].map(hexOf), describe(cases[i]));
      const joined = Math.ceil(frames[i].length / MOST_JOINED);
      // Before Linux 6.2 a TAP takes no UDP super-frames.
      const mayBeSingle = cases[i].options.udp && result.taken === frames[i].length;
      t.true(result.taken === joined || mayBeSingle, `${result.taken} of ${frames[i].length}`);
    });
  },
);

/** Sends a file from one namespace to the other. @returns what arrived */
async function transfer(
  t: ExecutionContext,
  from: Namespace,
  to: Namespace,
  host: string,
  bytes: Uint8Array,
): Promise<Buffer> {
  const directory = temporaryDirectory(t);
  const [given, got] = [join(directory, 'given'), join(directory, 'got')];
  writeFileSync(given, bytes);
  const six = host.includes(':');
  const family = six ? 'TCP6' : 'TCP4';
  const target = `${family}:${six ? `[${host}]` : host}:5001`;
  const [ip, ...rest] = to.prefix;
  const listen = [...rest, 'socat', '-d', '-d', '-u', `${family}-LISTEN:5001`, `CREATE:${got}`];
  const listener = startProgram(t, ip, listen);
  await listener.waitFor(/listening on/, START_TIMEOUT);
  await from.run('socat', '-u', `OPEN:${given}`, target);
  await listener.ended;
  return readFileSync(got);
}

systemTest(
  'what a kernel leaves to be cut is cut so that another kernel takes it',
  { needs: [...NEEDS, 'socat'] },
  async (t) => {
    const [left, right] = [await createNamespace(t, 'left'), await createNamespace(t, 'right')];
    const [ip, ...rest] = left.prefix;
    const cable = startProgram(t, ip, [...rest, process.execPath, CABLE]);
    const [, near, far] = await cable.waitFor(/(\S+)\n(\S+)\nready/, START_TIMEOUT);
    await left.run('ip', 'link', 'set', far, 'netns', right.name);
    const ends = [
      { namespace: left, device: near, number: 1 },
      { namespace: right, device: far, number: 2 },
    ];
    for (const { namespace, device, number } of ends) {
      await namespace.run('sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=0`);
      await namespace.configure(device, `10.93.0.${number}/24`);
      const six = `fd93::${number}/64`;
      await namespace.run('ip', 'address', 'add', six, 'dev', device, 'nodad');
    }
    const bytes = octets(8_000_000).map((octet, i) => octet ^ (i >>> 8));
    for (const host of ['10.93.0.2', 'fd93::2']) {
      const arrived = await transfer(t, left, right, host, bytes);
      t.is(Buffer.compare(arrived, bytes), 0, host);
    }
    await cable.stop();
    const counted = cable.stdout.split('\n').find((line) => line.startsWith('{')) as string;
    const { cut, refused } = JSON.parse(counted) as CableCount;
    t.log(counted);
    t.true(cut[Offload.tcp4] > 0);
    t.true(cut[Offload.tcp6] > 0);
    t.is(refused, 0);
  },
);
