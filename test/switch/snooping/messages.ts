/** Messages about membership as whole frames, written the slow way. */
import { slowSum } from '../../io/frames.ts';

const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];

export interface Record3 {
  readonly type: number;
  readonly group: string;
  readonly sources?: readonly string[];
  /** Words of auxiliary data. */
  readonly aux?: number;
}

/** `224.1.2.3` */
export function four(text: string): number[] {
  return text.split('.').map(Number);
}

/** `ff02::1:3`, with one `::` at most. */
export function six(text: string): number[] {
  const [front = '', back] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [head, tail] = [words(front), words(back ?? '')];
  const zeros = new Array<number>(back === undefined ? 0 : 8 - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail].flatMap(u16);
}

export interface FrameFacts {
  readonly to?: string;
  readonly from?: string;
  readonly mac?: number;
  /** A VLAN, and then the frame is tagged. */
  readonly vlan?: number;
  readonly trailer?: number;
}

function ethernet(
  group: readonly number[],
  type: number,
  packet: readonly number[],
  facts: FrameFacts,
): Uint8Array {
  const tag = facts.vlan === undefined ? [] : [0x81, 0x00, ...u16(facts.vlan)];
  const source = [0x02, 0, 0, 0, 0, facts.mac ?? 1];
  const trailer = new Array<number>(facts.trailer ?? 0).fill(0);
  return Uint8Array.of(...group, ...source, ...tag, ...u16(type), ...packet, ...trailer);
}

function macOf4(group: readonly number[]): number[] {
  const [, b = 0, c = 0, d = 0] = group;
  return [0x01, 0x00, 0x5e, b & 0x7f, c, d];
}

/** An IPv4 packet; the message gets its checksum at 2. */
export function igmp(message: readonly number[], to: string, facts: FrameFacts = {}): Uint8Array {
  const body = [...message];
  body.splice(2, 2, ...u16(~slowSum(Uint8Array.from(body))));
  const group = four(facts.to ?? to);
  const header = [0x46, 0xc0, ...u16(24 + body.length), 0, 0, 0, 0, 1, 2, 0, 0];
  header.push(...four(facts.from ?? '10.0.0.1'), ...group, 0x94, 4, 0, 0);
  header.splice(10, 2, ...u16(~slowSum(Uint8Array.from(header))));
  return ethernet(macOf4(group), 0x0800, [...header, ...body], facts);
}

export const report1 = (group: string, facts?: FrameFacts): Uint8Array =>
  igmp([0x12, 0, 0, 0, ...four(group)], group, facts);
export const report2 = (group: string, facts?: FrameFacts): Uint8Array =>
  igmp([0x16, 0, 0, 0, ...four(group)], group, facts);
export const leave2 = (group: string, facts?: FrameFacts): Uint8Array =>
  igmp([0x17, 0, 0, 0, ...four(group)], '224.0.0.2', facts);

/** Version 1 with `response` 0, else 2; tenths of a second. */
export function query2(response: number, group = '0.0.0.0', facts?: FrameFacts): Uint8Array {
  const to = group === '0.0.0.0' ? '224.0.0.1' : group;
  return igmp([0x11, response, 0, 0, ...four(group)], to, facts);
}

export function query3(
  response: number,
  interval: number,
  group = '0.0.0.0',
  facts?: FrameFacts,
): Uint8Array {
  const to = group === '0.0.0.0' ? '224.0.0.1' : group;
  return igmp([0x11, response, 0, 0, ...four(group), 2, interval, 0, 0], to, facts);
}

function records(list: readonly Record3[], read: (text: string) => number[]): number[] {
  return list.flatMap(({ type, group, sources = [], aux = 0 }) => [
    ...[type, aux, ...u16(sources.length), ...read(group), ...sources.flatMap(read)],
    ...new Array<number>(4 * aux).fill(0xee),
  ]);
}

export function report3(list: readonly Record3[], facts?: FrameFacts): Uint8Array {
  return igmp(
    [0x22, 0, 0, 0, 0, 0, ...u16(list.length), ...records(list, four)],
    '224.0.0.22',
    facts,
  );
}

/** An IPv6 packet with Router Alert; the message gets its checksum at 2. */
export function mld(message: readonly number[], to: string, facts: FrameFacts = {}): Uint8Array {
  const addresses = [...six(facts.from ?? 'fe80::1'), ...six(facts.to ?? to)];
  const body = [...message];
  const pseudoHeader = [...addresses, 0, 0, ...u16(body.length), 0, 0, 0, 58];
  body.splice(2, 2, ...u16(~slowSum(Uint8Array.from([...pseudoHeader, ...body]))));
  const packet = [0x60, 0, 0, 0, ...u16(8 + body.length), 0, 1, ...addresses];
  packet.push(58, 0, 5, 2, 0, 0, 1, 0, ...body);
  return ethernet([0x33, 0x33, ...addresses.slice(28)], 0x86dd, packet, facts);
}

export const listener1 = (group: string, facts?: FrameFacts): Uint8Array =>
  mld([131, 0, 0, 0, 0, 0, 0, 0, ...six(group)], group, facts);
export const done1 = (group: string, facts?: FrameFacts): Uint8Array =>
  mld([132, 0, 0, 0, 0, 0, 0, 0, ...six(group)], 'ff02::2', facts);

/** Milliseconds. */
export function listenerQuery1(response: number, group = '::', facts?: FrameFacts): Uint8Array {
  const to = group === '::' ? 'ff02::1' : group;
  return mld([130, 0, 0, 0, ...u16(response), 0, 0, ...six(group)], to, facts);
}

export function listenerQuery2(
  code: number,
  interval: number,
  group = '::',
  facts?: FrameFacts,
): Uint8Array {
  const to = group === '::' ? 'ff02::1' : group;
  return mld([130, 0, 0, 0, ...u16(code), 0, 0, ...six(group), 2, interval, 0, 0], to, facts);
}

export function listener2(list: readonly Record3[], facts?: FrameFacts): Uint8Array {
  return mld([143, 0, 0, 0, 0, 0, ...u16(list.length), ...records(list, six)], 'ff02::16', facts);
}

/** Data for a group. */
export function data(group: string, facts: FrameFacts = {}): Uint8Array {
  const udp = [0, 99, 0, 99, 0, 12, 0, 0, 1, 2, 3, 4];
  if (group.includes(':')) {
    const packet = [0x60, 0, 0, 0, 0, udp.length, 17, 9, ...six('fd00::9'), ...six(group), ...udp];
    return ethernet([0x33, 0x33, ...six(group).slice(12)], 0x86dd, packet, facts);
  }
  const packet = [0x45, 0, 0, 32, 0, 0, 0, 0, 9, 17, 0, 0, 10, 0, 0, 9, ...four(group), ...udp];
  return ethernet(macOf4(four(group)), 0x0800, packet, facts);
}
