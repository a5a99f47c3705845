/** ping(8) of iputils: how it is called, and the times it prints. The parsers are pure. */

/** Seconds between echo requests. Only root may be so quick. */
const INTERVAL = 0.002;
/** Octets of an echo request's payload, ping's own default. */
const PAYLOAD = 56;
/** Fewer replies than this part of the requests, and the times say nothing. */
const LEAST_REPLIED = 0.5;

export interface RoundTrips {
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly sent: number;
  readonly received: number;
}

export function pingArguments(target: string, seconds: number): string[] {
  const count = Math.max(1, Math.round(seconds / INTERVAL));
  return [
    '-n',
    '-i',
    String(INTERVAL),
    '-c',
    String(count),
    '-s',
    String(PAYLOAD),
    '-W',
    '1',
    target,
  ];
}

/** One request, answered within `patience` seconds or not. */
export function onePingArguments(target: string, patience: number): string[] {
  return ['-n', '-q', '-c', '1', '-s', String(PAYLOAD), '-W', String(patience), target];
}

/** Throws when fewer than half of the requests were answered. */
export function parsePing(output: string): RoundTrips {
  const times = [...output.matchAll(/ time[=<]([\d.]+) ms/g)].map(
    (match) => Number(match[1]) * 1000,
  );
  const sent = Number(/^(\d+) packets transmitted/m.exec(output)?.[1] ?? 0);
  if (sent === 0 || times.length < sent * LEAST_REPLIED) {
    throw new Error(`only ${times.length} of ${sent} pings came back`);
  }
  times.sort((a, b) => a - b);
  return { p50: percentile(times, 50), p99: percentile(times, 99), sent, received: times.length };
}

/**
 * The smallest value that `percent` of all values do not exceed (the nearest rank).
 * @param sorted in rising order, not empty
 */
export function percentile(sorted: readonly number[], percent: number): number {
  if (sorted.length === 0) throw new RangeError('nothing to take a percentile of');
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1];
}
