/** Reads what busybox's ping and iperf3 print, line by line. */

/** Milliseconds, from a line such as `64 bytes from 10.0.0.2: seq=1 ttl=64 time=1.495 ms`. */
export function parseReply(line: string): number | undefined {
  const found = /\btime=([\d.]+) ms\b/.exec(line);
  return found === null ? undefined : Number(found[1]);
}

export interface PingSummary {
  readonly sent: number;
  readonly received: number;
  /** Milliseconds; absent when nothing came back. */
  readonly minimum?: number;
  readonly average?: number;
  readonly maximum?: number;
}

/** The closing lines of busybox's or iputils' ping. */
export function parsePingSummary(output: string): PingSummary | undefined {
  const counts = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(output);
  if (counts === null) return undefined;
  const times = /min\/avg\/max\S* = ([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(output);
  return {
    sent: Number(counts[1]),
    received: Number(counts[2]),
    ...(times === null
      ? {}
      : { minimum: Number(times[1]), average: Number(times[2]), maximum: Number(times[3]) }),
  };
}

export interface FlowReport {
  /** Megabits (10^6) a second. */
  readonly rate: number;
  /** Whether this is an interval, or the sum as one end saw it. */
  readonly of: 'interval' | 'sender' | 'receiver';
}

const RATE_UNITS: Readonly<Record<string, number>> = { '': 1e-6, K: 1e-3, M: 1, G: 1e3 };

/** A line of iperf3 with a rate in it; undefined for all the others. */
export function parseFlow(line: string): FlowReport | undefined {
  const found = /sec\s+[\d.]+ \w?Bytes\s+([\d.]+) ([KMG]?)bits\/sec(.*)$/.exec(line);
  if (found === null) return undefined;
  const end = /\b(sender|receiver)\s*$/.exec(found[3]!);
  return {
    rate: Number(found[1]) * RATE_UNITS[found[2]!]!,
    of: end === null ? 'interval' : (end[1] as 'sender' | 'receiver'),
  };
}
