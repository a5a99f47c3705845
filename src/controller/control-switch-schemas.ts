/**
 * What is asked and told of the switch over the control socket:
 * node-api-ports.ts and node-api-switch.ts as schemas.
 */
import { z } from 'zod';
import { MAX_PORT } from '../switch/port.ts';
import { wholeNumber } from './config-kit.ts';
import {
  impairSection,
  portReference,
  REORDER_NEEDS_DELAY,
  staticVlan,
  stationMac,
  stormSection,
  treePortSection,
} from './config-ports.ts';
import { LEAST_SLOTS, LONGEST_AGEING, MOST_SLOTS } from './config-switch.ts';
import { count, counters, type Matches, milliseconds, portNumber } from './control-kit.ts';
import type * as Ports from './node-api-ports.ts';
import type * as Switch from './node-api-switch.ts';

export const portStatus = z.object({
  port: portNumber,
  kind: z.enum(['vde', 'link', 'tap']),
  description: z.string(),
  endpoints: count,
  role: z.string(),
  state: z.enum(['discarding', 'learning', 'forwarding']),
  pathCost: z.number(),
  counters,
});

export const macStatus = z.object({
  mac: z.string(),
  vlan: z.int(),
  port: portNumber,
  age: z.number().describe('Milliseconds since the address was last heard of.'),
  static: z.boolean(),
});

export const stpStatus = z.object({
  enabled: z.boolean(),
  bridgeId: z.string(),
  rootId: z.string(),
  isRoot: z.boolean(),
  rootPathCost: z.number(),
  rootPort: z.number(),
  topologyChanges: z.number(),
  ports: z.array(
    z.object({
      port: portNumber,
      role: z.string(),
      state: z.string(),
      pathCost: z.number(),
      measuredCost: z.number().nullable().describe('Of the latest measurement, in force or not.'),
      edge: z.boolean(),
      designatedBridge: z.string(),
      guard: z.enum(['none', 'bpdu-guard', 'root-guard']).describe('What acts now.'),
      bpduGuard: z.boolean(),
      rootGuard: z.boolean(),
      changeGuard: z.boolean(),
      counters,
      faults: counters,
    }),
  ),
});

export const stpPortRequest = treePortSection.extend({
  port: portReference.describe('A port by number, or by the friend or interface there.'),
  recover: z
    .boolean()
    .exactOptional()
    .describe('Whether to let a port that BPDU guard disabled try again.'),
});

export const impairRequest = z
  .strictObject({
    port: portReference.describe('A port by number, or by the friend or interface there.'),
    impair: impairSection.nullable().describe('Replaces what was set before; null: nothing is.'),
  })
  .refine(({ impair }) => !impair?.reorder || impair.delay, {
    path: ['impair', 'reorder'],
    message: REORDER_NEEDS_DELAY,
  });

/** The port that was meant. */
export const portAnswer = z.object({ port: portNumber, name: z.string() });

export const impairmentStatus = z.object({
  port: portNumber,
  name: z.string().describe('What hangs there.'),
  impair: impairSection,
  waiting: count.describe('Frames on their way.'),
  counters,
});

const namedPort = {
  named: portReference.describe('As the port was named.'),
  port: portNumber.exactOptional().describe('Its number, if it is there now.'),
};

const switchSettingName = z.object({
  set: z.enum([
    'hub',
    'ageing',
    'minPersistence',
    'collection',
    'addressesPerPort',
    'tableSize',
    'mirror',
    'storm',
    'address',
    'stp',
  ]),
  port: portReference.exactOptional().describe('As the port is named; absent: of every port.'),
  mac: z.string().exactOptional(),
  vlan: z.int().exactOptional(),
});

export const switchStatus = z.object({
  hub: z.boolean().describe('Every frame goes to every port, and nothing is learnt.'),
  ageing: milliseconds,
  minPersistence: milliseconds,
  collection: milliseconds,
  addressesPerPort: count,
  tableSize: count.describe('Slots for addresses, three quarters of which are used.'),
  addresses: count.describe('Addresses that are known now.'),
  snooping: z.boolean(),
  vlans: z.array(z.int()).exactOptional().describe('Absent while tags mean nothing.'),
  mirror: z
    .object({ to: z.object(namedPort), of: z.object(namedPort).exactOptional() })
    .exactOptional(),
  storm: z.object({
    every: stormSection.describe('Of every port.'),
    ports: z.array(z.object({ ...namedPort, limits: stormSection })),
  }),
  statics: z.array(z.object({ ...namedPort, mac: z.string(), vlan: z.int() })),
  kept: z.array(switchSettingName).describe('What is set again at the next start.'),
  unsaved: z.array(switchSettingName).describe('What is as it is until the node ends.'),
});

export const keepSwitchRequest = z.strictObject({});

/** As a number of milliseconds that the configuration has in seconds. */
function seconds(minimum: number, maximum: number) {
  const [least, most] = [minimum * 1000, maximum * 1000];
  const allowed = `a number from ${least} to ${most} milliseconds`;
  return z.number(allowed).min(least, allowed).max(most, allowed).exactOptional();
}

export const switchChanges = z.strictObject({
  hub: z.boolean('true or false').exactOptional(),
  ageing: seconds(10, LONGEST_AGEING),
  minPersistence: seconds(0, 60),
  collection: seconds(1, LONGEST_AGEING),
  addressesPerPort: wholeNumber(1, 65_536).exactOptional(),
  tableSize: wholeNumber(LEAST_SLOTS, MOST_SLOTS).exactOptional(),
});

export const mirrorRequest = z
  .strictObject({
    to: portReference.nullable().describe('The port that gets the copies; null: none does.'),
    of: portReference.exactOptional().describe('Only what enters or leaves by this port.'),
  })
  .refine(({ to, of }) => to !== of, {
    path: ['of'],
    message: 'a port is no mirror of itself; name another one, or leave it out',
  });

export const stormRequest = z.strictObject({
  port: portReference.exactOptional().describe('Absent: every port.'),
  limits: stormSection.nullable().describe('Replaces what was set before; null: nothing is.'),
});

export const addressRequest = z.strictObject({
  mac: stationMac,
  vlan: staticVlan.exactOptional(),
  port: portReference.nullable().describe('Null: the address is static no more.'),
});

/** A whole number out of a query. */
function queryNumber(minimum: number, maximum: number) {
  return z.coerce.number().int().min(minimum).max(maximum).exactOptional();
}

export const captureRequest = z
  .strictObject({
    port: queryNumber(1, MAX_PORT).describe('Only the frames of this port.'),
    link: z.string().min(1).exactOptional().describe('Only those of the link to this friend.'),
    snaplen: queryNumber(1, 262_144).describe('Octets of each frame that are kept at most.'),
    count: queryNumber(1, Number.MAX_SAFE_INTEGER).describe('Ends after so many packets.'),
    seconds: queryNumber(1, 2_000_000).describe('Ends after so many seconds.'),
  })
  .refine(({ port, link }) => port === undefined || link === undefined, 'either port or link');

// A line that does not compile here is a schema that is out of step with node-api-ports.ts and node-api-switch.ts.
true satisfies Matches<typeof portStatus, Ports.PortStatus>;
true satisfies Matches<typeof macStatus, Ports.MacStatus>;
true satisfies Matches<typeof stpStatus, Ports.StpStatus>;
true satisfies Matches<typeof stpPortRequest, Ports.StpPortRequest>;
true satisfies Matches<typeof switchStatus, Switch.SwitchStatus>;
true satisfies Matches<typeof switchChanges, Switch.SwitchChanges>;
true satisfies Matches<typeof mirrorRequest, Switch.MirrorRequest>;
true satisfies Matches<typeof stormRequest, Switch.StormRequest>;
true satisfies Matches<typeof addressRequest, Switch.AddressRequest>;
true satisfies Matches<typeof impairRequest, Ports.ImpairRequest>;
true satisfies Matches<typeof impairmentStatus, Ports.ImpairmentStatus>;
