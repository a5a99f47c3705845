/**
 * iperf3: how it is called, and what its JSON says (`iperf3 -J`, versions 3.9 to
 * 3.18). The parsers are pure.
 */

/** Octets of a UDP payload in the packet rate. */
export const UDP_PAYLOAD = 64;

export interface TcpFlow {
  readonly bytes: number;
  readonly seconds: number;
  readonly megabits: number;
}

export interface UdpFlow {
  readonly received: number;
  readonly lost: number;
  /** Packets received in a second. */
  readonly rate: number;
}

export function serverArguments(address: string): string[] {
  return ['-s', '-1', '-J', '-4', '-B', address];
}

export function tcpArguments(target: string, seconds: number, flows: number): string[] {
  return ['-c', target, '-4', '-J', '-t', String(seconds), '-P', String(flows)];
}

/** A sender that nothing slows but its own socket. */
export function udpArguments(target: string, seconds: number): string[] {
  return [
    ...['-c', target, '-4', '-J', '-t', String(seconds)],
    ...['-u', '-b', '0', '-l', String(UDP_PAYLOAD)],
  ];
}

/** What the receiver counted of all flows, from the client's JSON. Throws when iperf3 failed. */
export function parseTcp(json: string): TcpFlow {
  const report = parseReport(json);
  const sum = field(field(report, 'end'), 'sum_received');
  const bytes = numberOf(sum, 'bytes');
  const seconds = numberOf(sum, 'seconds');
  if (!(seconds > 0)) throw new Error('iperf3 measured no time');
  return { bytes, seconds, megabits: (bytes * 8) / seconds / 1e6 };
}

/**
 * What the receiver counted, from the server's JSON: by intervals, since what the client
 * knows of it comes by a connection that the flood may have cut.
 */
export function parseUdp(json: string): UdpFlow {
  const report = parseReport(json);
  const intervals = field(report, 'intervals');
  if (!Array.isArray(intervals) || intervals.length === 0) {
    throw new Error('iperf3 received nothing');
  }
  let received = 0;
  let lost = 0;
  let seconds = 0;
  for (const interval of intervals) {
    const sum = field(interval, 'sum');
    const lostHere = numberOf(sum, 'lost_packets');
    // `packets` counts by sequence numbers, so those that were lost are in it.
    received += numberOf(sum, 'packets') - lostHere;
    lost += lostHere;
    seconds += numberOf(sum, 'seconds');
  }
  if (!(seconds > 0)) throw new Error('iperf3 measured no time');
  return { received, lost, rate: received / seconds };
}

function parseReport(json: string): unknown {
  let report: unknown;
  try {
    // Warnings may stand around it.
    report = JSON.parse(json.slice(json.indexOf('{'), json.lastIndexOf('}') + 1));
  } catch {
    throw new Error(`iperf3 gave no JSON: ${json.trim().slice(0, 200) || 'nothing at all'}`);
  }
  const error = field(report, 'error');
  if (error !== undefined) throw new Error(`iperf3: ${String(error)}`);
  return report;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function numberOf(value: unknown, name: string): number {
  const number = field(value, name);
  if (typeof number !== 'number') throw new Error(`iperf3 told no ${name}`);
  return number;
}
