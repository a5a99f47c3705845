/** What `npm run demo -- --once` measures and says at the end. */
import type { LinkStatus, WhyReport } from '../../src/controller/node-api-friends.ts';
import { KithError } from '../../src/errors.ts';
import type { Demo } from './demo.ts';
import { pushFlow } from './flow.ts';
import { parsePingSummary } from './measurements.ts';

export interface Summary {
  readonly acceleration: string;
  /** Milliseconds, a guest each. */
  readonly bootTimes: readonly number[];
  readonly linkTime: number;
  readonly link: LinkStatus;
  readonly why: string;
  /** Milliseconds from guest to guest. */
  readonly minimum: number;
  readonly average: number;
  /** Megabits a second that arrived. */
  readonly rate: number;
}

const PINGS = 10;
const FLOW_SECONDS = 5;

/** Pings, pushes a flow and looks at the link. Throws KithError 'system' when one of them fails. */
export async function measure(demo: Demo): Promise<Summary> {
  const [caller, server] = demo.guests;
  const [alice, bob] = demo.nodes;
  const pinged = await caller.run(`ping -c ${PINGS} -i 0.2 -W 2 ${demo.target}`);
  const times = parsePingSummary(pinged.output);
  if (times?.minimum === undefined || times.average === undefined) {
    throw new KithError('system', `No ping came back from ${demo.target}: ${pinged.output}`);
  }
  if (times.received < times.sent) {
    const { received, sent } = times;
    throw new KithError('system', `Of ${sent} pings to ${demo.target} only ${received} came back.`);
  }
  const rate = await pushFlow(caller, server, demo.target, FLOW_SECONDS);
  const links = await alice.json<readonly LinkStatus[]>('links');
  const link = links.find((candidate) => candidate.friendName === bob.name);
  if (link === undefined) throw new KithError('system', `The link to ${bob.name} went away.`);
  if (link.security !== 'sealed') {
    throw new KithError('system', 'The link is in the clear, though both nodes share a group.');
  }
  const why = await alice.json<WhyReport>('why', bob.name);
  return {
    acceleration: demo.acceleration,
    bootTimes: demo.guests.map((guest) => guest.bootTime),
    linkTime: demo.linkTime,
    link,
    why: why.answer,
    minimum: times.minimum,
    average: times.average,
    rate,
  };
}

export function describeSummary(summary: Summary): string {
  const { link } = summary;
  const boots = summary.bootTimes.map((time) => `${(time / 1000).toFixed(1)} s`).join(' and ');
  const groups = link.sharedGroups.join(', ') || 'none';
  return [
    '',
    'Summary',
    `  guests      up after ${boots}; ${summary.acceleration}`,
    `  link        up after ${(summary.linkTime / 1000).toFixed(1)} s over ${link.provider}, path MTU ${link.pathMtu}`,
    `  security    ${link.security}, ${link.cipher}, shared groups: ${groups}`,
    `  why         ${summary.why}`,
    `  ping        minimum ${summary.minimum.toFixed(2)} ms, average ${summary.average.toFixed(2)} ms`,
    `  iperf3      ${summary.rate.toFixed(0)} Mb/s, one TCP flow, guest to guest`,
  ].join('\n');
}
