/**
 * The forwarding decision's lookups, in this process: learn the source, look the
 * destination up, against a Map as one would first write it.
 */

import { FilteringDatabase } from '../../src/switch/filtering-database.ts';
import { readHigh32, readLow16, writeMac } from '../../src/switch/mac-address.ts';
import type { Contender, Row } from '../row.ts';
import { IN_PROCESS_SHARE, nanosecondsEach } from '../stopwatch.ts';

/** Stations that talk, and frames gone through in one batch. */
const STATIONS = [2, 1024] as const;
const FRAMES = 4096;

/** Octets of a frame that matter here: destination and source. */
const STRIDE = 12;
const SOURCE = 6;

const VID = 1;
const PORTS = 32;

type LearnAndLookup = (frames: Uint8Array, offset: number, port: number, now: number) => number;

export const microFilteringRows: readonly Row[] = [
  {
    name: 'micro-filtering',
    title: 'Learn the source and look the destination up, by number of stations, in process',
    metrics: STATIONS.map((stations) => ({
      name: metricName(stations),
      unit: 'ns per frame',
      better: 'less' as const,
      digits: 1,
    })),
    targets: [],
    ratios: [
      ['kith', 'Map by text'],
      ['kith', 'Map by number'],
    ],
    contenders: ({ seconds }) => [
      contender('kith', seconds, filteringDatabase),
      contender('Map by text', seconds, mapByText),
      contender('Map by number', seconds, mapByNumber),
    ],
  },
];

function contender(name: string, seconds: number, make: () => LearnAndLookup): Contender {
  return {
    name,
    async measure() {
      const entries = STATIONS.map((stations) => [
        metricName(stations),
        measure(make(), stations, (seconds * IN_PROCESS_SHARE) / STATIONS.length),
      ]);
      return Object.fromEntries(entries);
    },
  };
}

function measure(step: LearnAndLookup, stations: number, seconds: number): number {
  const frames = conversation(stations);
  let now = 0;
  const batch = () => {
    now++;
    let sum = 0;
    for (let frame = 0; frame < FRAMES; frame++) {
      sum += step(frames, frame * STRIDE, ((frame % stations) % PORTS) + 1, now);
    }
    return sum;
  };
  return nanosecondsEach(batch, FRAMES, seconds);
}

/** Frames in which every station in turn talks to one that is far from it in the list. */
function conversation(stations: number): Uint8Array {
  const frames = new Uint8Array(FRAMES * STRIDE);
  for (let frame = 0; frame < FRAMES; frame++) {
    const source = frame % stations;
    const destination = (source * 7 + (stations >> 1)) % stations;
    writeStation(frames, frame * STRIDE, destination);
    writeStation(frames, frame * STRIDE + SOURCE, source);
  }
  return frames;
}

/** Addresses as QEMU's users give them: one vendor, and a few octets that differ. */
function writeStation(frames: Uint8Array, offset: number, station: number): void {
  writeMac(frames, offset, 0x52540000 | (station >>> 8), 0x1000 | (station & 0xff));
}

function filteringDatabase(): LearnAndLookup {
  const database = new FilteringDatabase();
  return (frames, offset, port, now) => {
    const source = offset + SOURCE;
    database.learn(readHigh32(frames, source), readLow16(frames, source), VID, port, now);
    return database.lookup(readHigh32(frames, offset), readLow16(frames, offset), VID);
  };
}

function mapByText(): LearnAndLookup {
  const entries = new Map<string, { port: number; seen: number }>();
  const key = (frames: Uint8Array, offset: number) =>
    `${readHigh32(frames, offset)},${readLow16(frames, offset)},${VID}`;
  return (frames, offset, port, now) => {
    entries.set(key(frames, offset + SOURCE), { port, seen: now });
    return entries.get(key(frames, offset))?.port ?? 0;
  };
}

function mapByNumber(): LearnAndLookup {
  const entries = new Map<number, { port: number; seen: number }>();
  const key = (frames: Uint8Array, offset: number) =>
    (readHigh32(frames, offset) >>> 0) * 0x10000 + readLow16(frames, offset);
  return (frames, offset, port, now) => {
    const source = key(frames, offset + SOURCE);
    const entry = entries.get(source);
    if (entry === undefined) {
      entries.set(source, { port, seen: now });
    } else {
      entry.port = port;
      entry.seen = now;
    }
    return entries.get(key(frames, offset))?.port ?? 0;
  };
}

function metricName(stations: number): string {
  return `${stations} stations`;
}
