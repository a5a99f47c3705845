/** The stream of a capture, over a ring that the test fills. */
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { type CaptureOptions, CaptureStream } from '../../src/controller/capture.ts';
import type { CaptureEvents } from '../../src/data-plane/data-plane.ts';
import { RECORD_HEADER_LENGTH, writeRecordHeader } from '../../src/data-plane/frame-record.ts';
import { KithError } from '../../src/errors.ts';
import { SharedRing } from '../../src/io/ring.ts';
import { Direction } from '../../src/switch/capture/pcapng.ts';

class Plane {
  readonly ring: SharedRing;
  events: CaptureEvents | undefined;
  running = 0;

  constructor(length = 1 << 16) {
    this.ring = SharedRing.create(length);
  }

  startCapture(_filter: unknown, events: CaptureEvents) {
    this.events = events;
    this.running++;
    let stopped = false;
    const stop = (): void => {
      if (!stopped) this.running--;
      stopped = true;
    };
    return { ring: this.ring, stop };
  }

  /** A frame passes. */
  record(port: number, octets: Uint8Array, time = 1.5, tell = true): void {
    const header = new Uint8Array(RECORD_HEADER_LENGTH);
    const view = new DataView(header.buffer);
    writeRecordHeader(view, time, octets.length, port, Direction.outbound);
    this.ring.push([header, octets]);
    if (tell) this.events?.recorded();
  }
}

const options: CaptureOptions = {
  port: 0,
  snaplen: 100,
  application: 'Kith',
  ports: [1],
  describe: (port) => ({ name: `port${port}` }),
};

interface Block {
  readonly type: number;
  readonly body: Buffer;
}

/** Takes a file apart; every length has to stand at both ends. */
function blocksOf(file: Buffer): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32LE(at + 4);
    if (file.readUInt32LE(at + length - 4) !== length) throw new Error('lengths differ');
    const body = file.subarray(at + 8, at + length - 4);
    blocks.push({ type: file.readUInt32LE(at), body });
    at += length;
  }
  return blocks;
}

const [SECTION, INTERFACE, STATISTICS, PACKET] = [0x0a0d0d0a, 1, 5, 6];

test('interfaces come before their packets, and statistics at the end', async (t) => {
  const plane = new Plane();
  const stream = new CaptureStream(plane, options);
  const read = buffer(stream);
  plane.record(1, Uint8Array.of(1, 2, 3));
  plane.record(7, Uint8Array.of(4), 1_700_000_000_000.25);
  plane.record(7, Uint8Array.of(5));
  await sleep(1);
  t.is(plane.running, 1);
  plane.events?.ended();
  const blocks = blocksOf(await read);
  t.is(plane.running, 0);
  t.deepEqual(
    blocks.map(({ type }) => type),
    [SECTION, INTERFACE, PACKET, INTERFACE, PACKET, PACKET, STATISTICS, STATISTICS],
  );
  t.deepEqual(
    blocks.filter(({ type }) => type === PACKET).map(({ body }) => body.readUInt32LE(0)),
    [0, 1, 1],
  );
  const second = blocks[4]?.body as Buffer;
  const time = second.readUInt32LE(4) * 2 ** 32 + second.readUInt32LE(8);
  t.is(time, 1_700_000_000_000_250);
  t.true(blocks[3]?.body.includes('port7'));
});

test('it ends after so many packets, or so long', async (t) => {
  const plane = new Plane();
  const counted = buffer(new CaptureStream(plane, { ...options, count: 2 }));
  for (let i = 0; i < 5; i++) plane.record(1, Uint8Array.of(i), i, false);
  plane.events?.recorded();
  const packets = blocksOf(await counted).filter(({ type }) => type === PACKET);
  t.is(packets.length, 2);
  const timed = await buffer(new CaptureStream(new Plane(), { ...options, duration: 30 }));
  t.is(blocksOf(timed).at(-1)?.type, STATISTICS);
});

test('what is lost is told with the next packet, and at the end', async (t) => {
  const plane = new Plane(64);
  const stream = new CaptureStream(plane, { ...options, ports: [] });
  const read = buffer(stream);
  for (let i = 0; i < 4; i++) plane.record(1, new Uint8Array(4), 1, false);
  t.is(plane.ring.drops, 2);
  plane.events?.recorded();
  plane.record(1, new Uint8Array(4));
  await sleep(1);
  plane.events?.ended();
  const blocks = blocksOf(await read);
  const packets = blocks.filter(({ type }) => type === PACKET);
  t.is(packets.length, 3);
  // 20 octets of fields, 4 of packet, 8 of flags; then the drops, if any.
  t.deepEqual(
    packets.map(({ body }) => (body.length > 36 ? body.readUInt32LE(36) : 0)),
    [2, 0, 0],
  );
  const statistics = blocks.at(-1)?.body as Buffer;
  t.deepEqual([statistics.readUInt32LE(16), statistics.readUInt32LE(28)], [3, 2]);
});

test('a reader that does not read fills the ring, and no more memory', async (t) => {
  const plane = new Plane(1 << 16);
  const stream = new CaptureStream(plane, options);
  for (let i = 0; i < 2000; i++) {
    plane.record(1, new Uint8Array(1000));
    if (i % 100 === 0) await sleep(0);
  }
  t.true(plane.ring.drops > 1000);
  t.true(stream.readableLength < 600_000);
  stream.destroy();
  await once(stream, 'close');
  t.is(plane.running, 0);
});

test('too many captures are refused with a sentence', (t) => {
  const none = { startCapture: () => undefined };
  t.throws(() => new CaptureStream(none, options), {
    instanceOf: KithError,
    code: 'system',
    message: /end one of them/,
  });
});
