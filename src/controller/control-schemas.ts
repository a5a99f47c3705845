/**
 * The shapes of node-api.ts as schemas: what the control socket checks in what
 * it is asked, and what the OpenAPI description says of both directions. The
 * last lines hold them against the types, so that they cannot drift apart.
 */
import { z } from 'zod';
import { REFUSALS } from '../f2f/friend.ts';
import { MAX_PORT } from '../switch/port.ts';
import {
  ADDRESS_ALLOWED,
  DHCP,
  isInterfaceName,
  MAC_ALLOWED,
  MAX_MTU,
  MIN_MTU,
  MOST_TAP_ADDRESSES,
  NAME_ALLOWED,
  NAMESPACE_ALLOWED,
  namespacePath,
  parseHostAddress,
  parseStationMac,
} from '../tap/interface-options.ts';
import { wholeNumber } from './config-kit.ts';
import {
  impairSection,
  portReference,
  staticVlan,
  stationMac as stationAddress,
  stormSection,
  treePortSection,
} from './config-ports.ts';
import {
  groupKeySchema,
  groupNameSchema,
  LEAST_SLOTS,
  LONGEST_AGEING,
  MOST_SLOTS,
  PLAINTEXT_FLOORS,
} from './config-schema.ts';
import type * as Api from './node-api.ts';

const count = z.int().min(0);
const counters = z.record(z.string(), z.number()).describe('Monotonic counters, by name.');
const milliseconds = z.number().min(0).describe('Milliseconds.');
const portNumber = z.int().min(0).describe('The number of a switch port.');
const uid = z.string().describe('20 octets in hexadecimal.');
const friendState = z.enum(['offline', 'connecting', 'connected', 'refused']);

export const impairRequest = z
  .strictObject({
    port: portReference.describe('A port by number, or by the friend or interface there.'),
    impair: impairSection.nullable().describe('Replaces what was set before; null: nothing is.'),
  })
  .refine(({ impair }) => !impair?.reorder || impair.delay, {
    path: ['impair', 'reorder'],
    message: 'frames overtake others only where there is a delay; add one',
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
  mac: stationAddress,
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

export const nodeStatus = z.object({
  name: z.string(),
  uid,
  pid: z.int(),
  version: z.string(),
  uptime: milliseconds,
  home: z.string(),
  switchDirectory: z.string().describe('The VDE directory, for `-netdev vde,sock=…`.'),
  consoleSocket: z.string().describe('The socket of the VDE management console.'),
  listening: z.array(z.string()).describe('Where friends reach us, with the ports in use.'),
  told: z.array(z.string()).describe('What friends on other machines are told of that.'),
  friends: z.object({ known: count, connected: count }),
  ports: count,
  addresses: count,
  taps: z.array(z.string()).describe('Names of the host interfaces.'),
  groups: z.array(z.string()),
  plaintext: z.enum(['never', 'when-no-shared-group']),
  dataPlane: z.string().describe("What moves the frames: 'native' or 'memory'."),
  memory: z.object({ resident: z.number().describe('Octets.') }),
  counters,
});

const unprovenRefusal = z
  .literal('version')
  .describe('What somebody at its address has said, and has proved nothing: a hint at most.');

export const friendStatus = z.object({
  uid,
  name: z.string(),
  state: friendState,
  addresses: z.array(z.string()),
  formerUids: z.array(uid).describe('UIDs that the friend had before.').exactOptional(),
  source: z.enum(['config', 'invited', 'joined']),
  clearOctetsIn: z.number().describe('Octets of Ethernet that came in the clear.'),
  clearOctetsOut: z.number(),
  clearSince: z.iso.datetime().describe('Since when these are counted, over restarts.'),
  link: portNumber.exactOptional(),
  unreached: z.string().exactOptional().describe('Why no address answered when last called.'),
  refusal: z.enum(REFUSALS).exactOptional().describe('Why one end will have no link.'),
  mend: z.string().exactOptional().describe('What can be done about the refusal.'),
  unproven: unprovenRefusal.exactOptional(),
  lastError: z.string().exactOptional(),
  retryIn: milliseconds.exactOptional(),
});

export const linkStatus = z.object({
  state: z.literal('up'),
  port: portNumber,
  friend: uid,
  friendName: z.string(),
  provider: z.string().describe("'udp', 'tcp', …"),
  remote: z.string(),
  relay: z.string().exactOptional().describe('The friend who relays the link, if one does.'),
  security: z.enum(['sealed', 'clear']),
  cipher: z.string(),
  sharedGroups: z.array(z.string()),
  role: z.enum(['initiator', 'responder']),
  since: z.number().describe('Milliseconds that the link has been up.'),
  rtt: milliseconds.exactOptional(),
  loss: z.number().describe('Fraction of keepalives lost, 0 to 1.'),
  pathMtu: z.number().describe('Octets of the largest link message that passes whole.'),
  framesIn: z.number(),
  framesOut: z.number(),
  octetsIn: z.number(),
  octetsOut: z.number(),
  clearOctetsIn: z.number(),
  clearOctetsOut: z.number(),
  clearSince: z.iso.datetime(),
  keyUpdates: z.number(),
  dropped: counters,
});

export const missingLink = z.object({
  port: portNumber,
  friend: uid,
  friendName: z.string(),
  state: z.enum(['refused', 'dialling', 'waiting', 'no-address']),
  since: z.number().describe('Milliseconds that there has been no link.'),
  attempts: count.describe('Attempts of ours that have failed, one after another.'),
  addresses: z.array(z.string()),
  retryIn: milliseconds.exactOptional(),
  lastError: z.string().exactOptional(),
  lastErrorAge: milliseconds.exactOptional(),
  refusal: z.enum(REFUSALS).exactOptional(),
  unproven: unprovenRefusal.exactOptional(),
  mend: z.string().exactOptional(),
});

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

export const groupStatus = z.object({
  name: z.string(),
  keyed: z.boolean().describe('Whether members prove a key, or only know the name.'),
  sharedWith: z.array(z.string()),
  byOldKey: z.array(z.string()).describe('Friends who lack the new key.'),
  oldKeysUntil: z.iso.datetime().exactOptional(),
});

/** What a group may be called, and its key, are as in the configuration. */
export const addGroupRequest = z.strictObject({
  name: groupNameSchema,
  key: groupKeySchema.exactOptional(),
});
/** A year: who has not changed the key by then never will. */
export const LONGEST_OVERLAP = 365 * 86_400_000;
export const rotateGroupRequest = z.strictObject({
  name: groupNameSchema,
  key: groupKeySchema.exactOptional(),
  overlapMs: z.number().min(0).max(LONGEST_OVERLAP).exactOptional(),
});
export const removeGroupRequest = z.strictObject({ name: groupNameSchema });
export const changedGroup = z.object({
  name: z.string(),
  keyFile: z.string().describe('Where the key is; it is told nowhere.').exactOptional(),
  oldKeysUntil: z.iso.datetime().exactOptional(),
  warning: z.string().exactOptional(),
});
export const plaintextPolicy = z.strictObject({ plaintext: z.enum(PLAINTEXT_FLOORS) });

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

export const whyReport = z.object({
  friend: uid,
  friendName: z.string(),
  state: friendState,
  answer: z.string().describe('One sentence.'),
  inputs: z.array(z.object({ name: z.string(), value: z.string() })),
});

/** A year: a ticket is a bearer secret, and one that outlives that was forgotten. */
export const LONGEST_TICKET_LIFE = 365 * 86_400_000;

export const inviteRequest = z.strictObject({
  expiresInMs: z.number().min(1000).max(LONGEST_TICKET_LIFE).exactOptional(),
  addresses: z.array(z.string().max(300)).max(16).exactOptional(),
});
export const inviteAnswer = z.object({ ticket: z.string(), expiresAt: z.iso.datetime() });
export const joinRequest = z.strictObject({ ticket: z.string().min(1).max(16_384) });
export const joinAnswer = z.object({ uid, name: z.string() });
export const removeAnswer = z.object({ uid });
export const rotateIdentityRequest = z.strictObject({});
export const rotatedIdentity = z.object({ uid, publicKey: z.string(), formerUid: uid });

const mtu = z.int().min(MIN_MTU).max(MAX_MTU).describe('Octets of payload in a frame.');
const stationMac = z
  .string()
  .refine((text) => parseStationMac(text) !== undefined, `it must be ${MAC_ALLOWED}`)
  .describe(`A MAC address: ${MAC_ALLOWED}.`);
const interfaceName = z
  .string()
  .refine(isInterfaceName, `it must be ${NAME_ALLOWED}`)
  .describe(`The name of an interface: ${NAME_ALLOWED}.`);
const namespace = z
  .string()
  .refine((text) => namespacePath(text) !== undefined, `it must be ${NAMESPACE_ALLOWED}`)
  .describe(`A network namespace: ${NAMESPACE_ALLOWED}.`);
/** An address with its prefix, or the word `dhcp`. */
const tapAddress = z
  .string()
  .superRefine((text, context) => {
    const address = text === DHCP ? undefined : parseHostAddress(text);
    if (typeof address === 'string') {
      context.addIssue({ code: 'custom', message: `it must be ${address}, or ${DHCP}` });
    }
  })
  .describe(`Either \`${DHCP}\`, or ${ADDRESS_ALLOWED}.`);

export const tapStatus = z.object({
  name: z.string().describe('What it goes by here.'),
  interface: z.string().describe('The name of the interface, in its namespace.'),
  port: portNumber,
  mac: z.string(),
  mtu: z.int(),
  addresses: z.array(z.string()).describe('Those that the node gave it, with prefixes.'),
  dhcp: z.boolean().describe('Whether the node asks a DHCP server for an address.'),
  netns: z.string().exactOptional(),
  attached: z.boolean().describe('Whether another process opened it and passed it here.'),
});
export const tapRequest = z.strictObject({
  name: interfaceName.exactOptional(),
  ip: z.array(tapAddress).max(MOST_TAP_ADDRESSES).exactOptional(),
  mac: stationMac.exactOptional(),
  mtu: mtu.exactOptional(),
  netns: namespace.exactOptional(),
});
export const tapRemoval = z.object({ name: z.string() });
export const tapAttachmentRequest = z.strictObject({});
export const tapAttachmentAnswer = z.object({
  path: z.string().describe('A Unix datagram socket, for one descriptor, for ten seconds.'),
});
export const tapAttachment = z.strictObject({
  path: z.string().min(1).max(107),
  name: interfaceName,
  mac: stationMac,
  mtu,
  held: z.boolean().exactOptional().describe('To go away unless it is held within ten seconds.'),
});
export const tapHoldRequest = z.strictObject({ dhcp: z.boolean().exactOptional() });
export const tapEvent = z.object({
  lease: z
    .object({
      address: z.string(),
      prefix: z.int(),
      gateway: z.string().exactOptional(),
      dns: z.array(z.string()).exactOptional(),
      domain: z.string().exactOptional(),
      mtu: z.int().exactOptional(),
    })
    .nullable()
    .describe('What a DHCP server granted; null: nothing yet, or nothing any more.'),
});

export const downRequest = z.strictObject({});
export const downAnswer = z.object({ ending: z.literal(true) });

export const errorAnswer = z.object({
  error: z.object({
    code: z.string().describe('Stable; see the exit codes of the command line.'),
    message: z.string().describe('One sentence that says what is wrong and what to do.'),
  }),
});

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
type Matches<Schema extends z.ZodType, Type> = Same<z.output<Schema>, Mutable<Type>>;

// A line that does not compile here is a schema that is out of step with node-api.ts.
true satisfies Matches<typeof nodeStatus, Api.NodeStatus>;
true satisfies Matches<typeof friendStatus, Api.FriendStatus>;
true satisfies Matches<typeof linkStatus, Api.LinkStatus>;
true satisfies Matches<typeof missingLink, Api.MissingLink>;
true satisfies Matches<typeof portStatus, Api.PortStatus>;
true satisfies Matches<typeof macStatus, Api.MacStatus>;
true satisfies Matches<typeof groupStatus, Api.GroupStatus>;
true satisfies Matches<typeof addGroupRequest, Api.AddGroup>;
true satisfies Matches<typeof rotateGroupRequest, Api.RotateGroup>;
true satisfies Matches<typeof changedGroup, Api.ChangedGroup>;
true satisfies Matches<typeof rotatedIdentity, Api.RotatedIdentity>;
true satisfies Matches<typeof stpStatus, Api.StpStatus>;
true satisfies Matches<typeof stpPortRequest, Api.StpPortRequest>;
true satisfies Matches<typeof whyReport, Api.WhyReport>;
true satisfies Matches<typeof switchStatus, Api.SwitchStatus>;
true satisfies Matches<typeof switchChanges, Api.SwitchChanges>;
true satisfies Matches<typeof mirrorRequest, Api.MirrorRequest>;
true satisfies Matches<typeof stormRequest, Api.StormRequest>;
true satisfies Matches<typeof addressRequest, Api.AddressRequest>;
true satisfies Matches<typeof impairRequest, Api.ImpairRequest>;
true satisfies Matches<typeof impairmentStatus, Api.ImpairmentStatus>;
true satisfies Matches<typeof tapStatus, Api.TapStatus>;
true satisfies Matches<typeof tapRequest, Api.TapRequest>;
true satisfies Matches<typeof tapAttachment, Api.TapAttachment>;
true satisfies Matches<typeof tapHoldRequest, Api.TapHoldRequest>;
true satisfies Matches<typeof tapEvent, Api.TapEvent>;
true satisfies Matches<typeof inviteRequest, Api.InviteOptions>;
