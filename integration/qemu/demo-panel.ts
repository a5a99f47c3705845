/** What the demo knows, and how a person sees it. Pure: facts in, lines of text out. */
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';

export interface DemoNode {
  readonly name: string;
  readonly uid: string;
  readonly switchDirectory: string;
}

export interface DemoGuest {
  readonly name: string;
  /** Address with prefix length. */
  readonly address: string;
  readonly node: string;
  /** Milliseconds its start took; absent until it is up. */
  readonly bootTime?: number;
}

/** All that is shown. The demo changes it in place and asks for a new picture. */
export interface DemoFacts {
  /** What goes on now, as a phrase. */
  phase: string;
  nodes: DemoNode[];
  link: LinkStatus | undefined;
  /** The sentence of `kith why`. */
  why: string | undefined;
  guests: DemoGuest[];
  /** How guests run, and why so. */
  acceleration: string | undefined;
  /** Milliseconds from guest to guest, newest last, at most HISTORY. */
  roundTrips: number[];
  /** Megabits a second from guest to guest, newest last, at most HISTORY. */
  rates: number[];
  /** How to attach more guests. */
  attach: readonly string[];
}

/** Values kept for the small charts. */
export const HISTORY = 40;

export function emptyFacts(): DemoFacts {
  return {
    phase: 'starting',
    nodes: [],
    link: undefined,
    why: undefined,
    guests: [],
    acceleration: undefined,
    roundTrips: [],
    rates: [],
    attach: [],
  };
}

/** Appends a value and forgets the oldest beyond HISTORY. */
export function remember(values: number[], value: number): void {
  values.push(value);
  if (values.length > HISTORY) values.shift();
}

const BARS = '▁▂▃▄▅▆▇█';

/** A chart in one line, from zero to the largest value. */
export function sparkline(values: readonly number[]): string {
  const top = Math.max(...values, Number.MIN_VALUE);
  const bar = (value: number): string =>
    BARS[Math.min(BARS.length - 1, Math.floor((value / top) * BARS.length))]!;
  return values.map(bar).join('');
}

export function describeNode(node: DemoNode): string {
  return `${node.name}  ${node.uid.slice(0, 16)}…  switch ${node.switchDirectory}`;
}

export function describeLink(link: LinkStatus): string {
  const rtt = link.rtt === undefined ? '' : `, RTT ${link.rtt.toFixed(2)} ms`;
  return `up over ${link.provider} to ${link.friendName} at ${link.remote}${rtt}, path MTU ${link.pathMtu}`;
}

export function describeSecurity(link: LinkStatus): string {
  const groups = link.sharedGroups.length === 0 ? 'none' : link.sharedGroups.join(', ');
  return link.security === 'sealed'
    ? `sealed with ${link.cipher}; shared security groups: ${groups}`
    : `in the clear; shared security groups: ${groups}`;
}

export function describeGuest(guest: DemoGuest): string {
  const state =
    guest.bootTime === undefined ? 'booting' : `up after ${(guest.bootTime / 1000).toFixed(1)} s`;
  return `${guest.name}  ${guest.address} on ${guest.node}'s switch, ${state}`;
}

const LABEL_WIDTH = 10;

/**
 * The panel, a line an element, none longer than `width` but those to be copied.
 * @param elapsed milliseconds since the demo began
 */
export function renderPanel(facts: DemoFacts, elapsed: number, width: number): readonly string[] {
  const lines: string[] = [];
  const put = (label: string, texts: readonly string[]): void => {
    for (const [index, text] of texts.entries()) {
      lines.push(clip(`${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${text}`, width));
    }
  };
  const { link } = facts;
  lines.push(
    clip(`kith demo  ${clockFace(elapsed)}  ${facts.phase}   (Ctrl-C ends it)`, width),
    '',
  );
  put('nodes', facts.nodes.length === 0 ? ['none yet'] : facts.nodes.map(describeNode));
  put('link', [link === undefined ? 'none yet' : describeLink(link)]);
  if (link !== undefined) put('security', [describeSecurity(link)]);
  if (facts.why !== undefined) put('why', wrap(facts.why, width - LABEL_WIDTH));
  put('guests', facts.guests.length === 0 ? ['none yet'] : facts.guests.map(describeGuest));
  if (facts.acceleration !== undefined) put('', wrap(facts.acceleration, width - LABEL_WIDTH));
  put('ping', [chart(facts.roundTrips, (value) => `${value.toFixed(1)} ms`)]);
  put('iperf3', [chart(facts.rates, (value) => `${value.toFixed(0)} Mb/s`)]);
  if (facts.attach.length > 0) lines.push('', ...facts.attach);
  return lines;
}

const VALUE_WIDTH = 12;

function chart(values: readonly number[], show: (value: number) => string): string {
  const last = values.at(-1);
  return last === undefined ? '–' : `${show(last).padEnd(VALUE_WIDTH)}${sparkline(values)}`;
}

function clockFace(elapsed: number): string {
  const seconds = Math.floor(elapsed / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
