/** The part of the configuration that is about VLANs, static addresses and single ports of the switch. */
import { z } from 'zod';
import { MAXIMUM_PATH_COST, MINIMUM_PATH_COST } from '../stp/parameters.ts';
import {
  MAX_DELAY,
  MAX_QUEUE,
  MAX_RATE,
  MIN_QUEUE,
  MIN_RATE,
} from '../switch/impairment-settings.ts';
import { MAX_PORT } from '../switch/port.ts';
import { STATION_ALLOWED, stationAddress } from '../switch/static-addresses.ts';
import { MAX_STORM_RATE } from '../switch/storm-control.ts';
import { MAX_VID } from '../switch/vlan-tag.ts';
import { type Contradiction, flag, name, section, wholeNumber } from './config-kit.ts';

const PORT_ALLOWED = `the number of a port, or the name of a friend or of an interface`;

/** A port by number, or by what hangs on it: a friend (name or UID) or a host interface. */
export const portReference = z.union(
  [
    z.int(PORT_ALLOWED).min(1, PORT_ALLOWED).max(MAX_PORT, PORT_ALLOWED),
    z.string(PORT_ALLOWED).min(1, PORT_ALLOWED).max(128, PORT_ALLOWED),
  ],
  PORT_ALLOWED,
);
export type PortReference = z.output<typeof portReference>;

const vid = wholeNumber(1, MAX_VID);
const portList = z.array(portReference, 'a list of ports').max(MAX_PORT, 'a list of ports');

export const vlanSection = section({
  id: vid.describe('The VLAN Identifier.'),
  name: name.exactOptional().describe('What people call it; Kith itself does not look.'),
  untagged: portList
    .default([])
    .describe('Ports whose untagged frames are in this VLAN; each port has one such VLAN.'),
  tagged: portList.default([]).describe('Ports that carry this VLAN with its tag.'),
});

const TRUNK_ALLOWED = `"all" or a list of VLANs, 1 to ${MAX_VID}`;
const NATIVE_ALLOWED = `a VLAN, 1 to ${MAX_VID}, or "none"`;

function fraction() {
  const allowed = 'a fraction from 0 to 1';
  return z.number(allowed).min(0, allowed).max(1, allowed);
}

export const REORDER_NEEDS_DELAY = 'frames overtake others only where there is a delay; add one';

/** As switch/impairment-settings.ts says. */
export const impairSection = section({
  delay: milliseconds(MAX_DELAY).describe('Milliseconds that each frame takes longer.'),
  jitter: milliseconds(MAX_DELAY).describe('Milliseconds by which the delay varies.'),
  loss: fraction().exactOptional().describe('The part of the frames that is lost.'),
  burst: section({
    begin: fraction().describe('How likely a burst of losses begins with a frame.'),
    end: fraction().describe('How likely a burst ends with a frame.'),
    loss: fraction().default(1).describe('The part of the frames that is lost in a burst.'),
  })
    .exactOptional()
    .describe('Losses in bursts.'),
  duplicate: fraction().exactOptional().describe('The part of the frames that arrives twice.'),
  reorder: fraction()
    .exactOptional()
    .describe('The part of the frames that goes without the delay, and so overtakes others.'),
  rate: wholeNumber(MIN_RATE, MAX_RATE, ' bits a second')
    .exactOptional()
    .describe('Bits a second.'),
  queue: wholeNumber(MIN_QUEUE, MAX_QUEUE, ' octets')
    .exactOptional()
    .describe('Octets that may wait for the rate; more are lost.'),
  seed: wholeNumber(0, 0xffff_ffff)
    .exactOptional()
    .describe('The same seed and the same frames give the same losses.'),
});

function milliseconds(most: number) {
  const allowed = `a number from 0 to ${most} milliseconds`;
  return z.number(allowed).min(0, allowed).max(most, allowed).exactOptional();
}

/** As switch/storm-control.ts says. */
export const stormSection = section({
  broadcast: floodRate().describe('Broadcasts.'),
  multicast: floodRate().describe('Frames to other groups.'),
  unknown: floodRate().describe('Frames to stations that the switch does not know.'),
});

function floodRate() {
  return wholeNumber(0, MAX_STORM_RATE, ' frames a second').exactOptional();
}

export const stationMac = z.string(STATION_ALLOWED).transform((text, context): string => {
  const mac = stationAddress(text);
  if (mac !== undefined) return mac;
  context.addIssue({ code: 'custom', message: STATION_ALLOWED });
  return z.NEVER;
});

export const staticVlan = wholeNumber(0, MAX_VID);

export const addressSection = section({
  mac: stationMac.describe('The address of the station.'),
  vlan: staticVlan.default(0).describe('The VLAN that it is in; 0 where there are none.'),
  port: portReference.describe('The port that it is behind, whatever is heard.'),
});

export const mirrorSection = section({
  to: portReference.describe('The port that gets a copy of what passes.'),
  of: portReference
    .exactOptional()
    .describe('Copies only what enters or leaves by this port; by default everything.'),
});

/** As controller/tree-ports.ts says. */
export const treePortSection = section({
  cost: wholeNumber(MINIMUM_PATH_COST, MAXIMUM_PATH_COST)
    .nullable()
    .exactOptional()
    .describe('Port Path Cost; null: as the link is measured, or that of a LAN.'),
  throughput: wholeNumber(1000, 1_000_000_000_000, ' bits a second')
    .exactOptional()
    .describe('The class of a link, for the cost that follows it; by default 1 Gb/s.'),
  edge: option('Whether the port forwards at once, until a BPDU comes in.'),
  bpduGuard: option('Whether a BPDU disables the port.'),
  rootGuard: option('Whether the way to the root never leads through the port.'),
  changeGuard: option('Whether topology changes heard at the port are not passed on.'),
});

function option(does: string) {
  return flag().exactOptional().describe(does);
}

export const portSection = section({
  port: portReference.describe('The port these settings are for.'),
  access: vid.exactOptional().describe('The one VLAN of the port, untagged.'),
  trunk: z
    .union(
      [z.literal('all', TRUNK_ALLOWED), z.array(vid, TRUNK_ALLOWED).max(MAX_VID, TRUNK_ALLOWED)],
      TRUNK_ALLOWED,
    )
    .exactOptional()
    .describe('The VLANs that the port carries, tagged.'),
  native: z
    .union([z.literal('none', NATIVE_ALLOWED), vid], NATIVE_ALLOWED)
    .exactOptional()
    .describe('The VLAN of untagged frames on a trunk; "none" drops them.'),
  router: option(
    'Whether all multicast goes there; by default to links, and where a router is heard.',
  ),
  storm: stormSection
    .exactOptional()
    .describe('Frames a second that the port may have flooded, in place of `switch.storm`.'),
  stp: treePortSection.exactOptional().describe('The port in the spanning tree.'),
  impair: impairSection
    .exactOptional()
    .describe('Makes what leaves by the port late, lost or twice, for trials.'),
});

interface SwitchPorts {
  readonly vlans: readonly z.output<typeof vlanSection>[];
  readonly perPort: readonly z.output<typeof portSection>[];
  readonly addresses: readonly z.output<typeof addressSection>[];
  readonly mirror?: z.output<typeof mirrorSection>;
}

/** What no single value is to blame for. */
export function* portContradictions(settings: SwitchPorts): Generator<Contradiction> {
  const { vlans, perPort, addresses, mirror } = settings;
  const untaggedIn = new Map<PortReference, number>();
  for (const [i, { port, access, trunk, native, impair }] of perPort.entries()) {
    const path = ['perPort', i];
    if (perPort.findIndex((each) => each.port === port) !== i) {
      yield [[...path, 'port'], 'this port is listed already; join the two entries'];
    }
    if (access !== undefined && (trunk ?? native) !== undefined) {
      yield [[...path, 'access'], 'a port has either access or trunk; leave one of them out'];
    }
    if (native !== undefined && trunk === undefined) {
      yield [
        [...path, 'native'],
        'only a trunk has a native VLAN; add trunk, or say access instead',
      ];
    }
    if (impair?.reorder !== undefined && !impair.delay) {
      yield [[...path, 'impair', 'reorder'], REORDER_NEEDS_DELAY];
    }
    const own = access ?? (typeof native === 'number' ? native : undefined);
    if (own !== undefined) untaggedIn.set(port, own);
  }
  for (const [i, { id, untagged, tagged }] of vlans.entries()) {
    if (vlans.findIndex((each) => each.id === id) !== i) {
      yield [['vlans', i, 'id'], 'this VLAN is listed already; join the two entries'];
    }
    for (const [at, port] of untagged.entries()) {
      const before = untaggedIn.get(port) ?? id;
      untaggedIn.set(port, id);
      if (before === id) continue;
      const message = `port ${port} is untagged in VLAN ${before} already; take it out of one of them`;
      yield [['vlans', i, 'untagged', at], message];
    }
    const both = tagged.findIndex((port) => untagged.includes(port));
    if (both >= 0) {
      const message = `port ${tagged[both]} is either tagged or untagged in VLAN ${id}; list it once`;
      yield [['vlans', i, 'tagged', both], message];
    }
  }
  for (const [i, { mac, vlan }] of addresses.entries()) {
    if (addresses.findIndex((each) => each.mac === mac && each.vlan === vlan) === i) continue;
    const message = `${mac} is listed already for VLAN ${vlan}; leave one of the two entries out`;
    yield [['addresses', i, 'mac'], message];
  }
  if (mirror !== undefined && mirror.to === mirror.of) {
    yield [['mirror', 'of'], 'a port is no mirror of itself; name another one, or leave `of` out'];
  }
}
