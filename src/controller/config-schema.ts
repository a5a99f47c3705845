/**
 * The shape of `config.json`, once: the types, the checks, the sentences of the
 * errors and the JSON Schema for editors all come from here.
 *
 * Each check carries the phrase that completes "it must be …".
 */
import { z } from 'zod';
import { MOST_WORKERS } from '../data-plane/local-index.ts';
import { uidOf } from '../f2f/uid.ts';
import { CIPHER_NAMES } from '../links/handshake/negotiation.ts';
import { nodeSuite } from '../links/handshake/node-suite.ts';
import { DEFAULT_KEEPALIVE } from '../links/keepalive.ts';
import { formatLinkUrl, parseLinkUrl, type UrlUse } from '../links/link-url.ts';
import { DEFAULT_CAPACITY } from '../switch/filtering-parameters.ts';
import { MAX_STATICS } from '../switch/static-addresses.ts';
import {
  ADDRESS_ALLOWED,
  DEFAULT_MTU,
  DEFAULT_NAME,
  DHCP,
  NAME_ALLOWED as INTERFACE_NAME_ALLOWED,
  isInterfaceName,
  MAC_ALLOWED,
  MAX_MTU,
  MIN_MTU,
  MOST_TAP_ADDRESSES,
  NAMESPACE_ALLOWED,
  namespacePath,
  parseHostAddress,
  parseStationMac,
} from '../tap/interface-options.ts';
import { name, section, wholeNumber } from './config-kit.ts';
import {
  addressSection,
  mirrorSection,
  portContradictions,
  portSection,
  stormSection,
  vlanSection,
} from './config-ports.ts';

/** Frames up to this length pass whole; VDE's 1,518 is the least that is any use. */
const LONGEST_FRAME = 9216;
const SHORTEST_LONGEST_FRAME = 1518;

/** 20 octets in hexadecimal. */
const UID = /^[0-9a-fA-F]{40}$/;
/** 32 octets in hexadecimal. */
const PUBLIC_KEY = /^[0-9a-fA-F]{64}$/;

/** The name of a security group. */
export const groupNameSchema = name;
const uid = z
  .string('a UID: 40 hexadecimal digits')
  .regex(UID, 'a UID: 40 hexadecimal digits, as `kith id` prints it')
  .toLowerCase();
const publicKey = z
  .string('a public key: 64 hexadecimal digits')
  .regex(PUBLIC_KEY, 'a public key: 64 hexadecimal digits, as `kith id` prints it')
  .toLowerCase();

function linkUrl(use: UrlUse) {
  const example = use === 'listen' ? 'udp://[::]:4000' : 'udp://vm.example.org:4000';
  return z
    .string(`an address such as "${example}"`)
    .meta({ pattern: '^(udp|tcp|memory)://', examples: [example] })
    .transform((text, context): string => {
      try {
        return formatLinkUrl(parseLinkUrl(text, use));
      } catch (error) {
        context.addIssue({ code: 'custom', message: sentenceOf(error), params: WHOLE });
        return z.NEVER;
      }
    });
}

/** Marks an issue whose message is a whole sentence and not the end of "it must be …". */
export const WHOLE = { whole: true } as const;

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A file mode as in chmod: "0600". */
function fileMode(fallback: number) {
  const allowed = 'a file mode in octal, in quotes, such as "0600"';
  return z
    .string(allowed)
    .regex(/^0?[0-7]{3,4}$/, allowed)
    .default(`0${fallback.toString(8)}`)
    .transform((text) => Number.parseInt(text, 8));
}

const friend = section({
  uid: uid.describe("The friend's UID, as `kith id` prints it there."),
  publicKey: publicKey
    .optional()
    .describe('The public key, when you want it pinned; it must be the one the UID was made of.'),
  name: name.optional().describe('What we call the friend; by default the name the friend gives.'),
  addresses: z
    .array(linkUrl('dial'), 'a list of addresses')
    .max(16, 'a list of at most 16 addresses')
    .prefault([])
    .describe('Where to dial, in order of preference; empty if only the friend dials.'),
});

const TAP_ADDRESS_ALLOWED = `${ADDRESS_ALLOWED}, or "${DHCP}"`;

/** The key of a security group. */
export const groupKeySchema = z
  .string('text of 1 to 256 characters')
  .min(1, 'text of 1 to 256 characters')
  .max(256, 'text of 1 to 256 characters');

const group = section({
  name: name.describe('The name of the security group.'),
  key: groupKeySchema
    .optional()
    .describe('What a member has to prove; without it, knowing the name is enough. 16 or more.'),
  previousKeys: z
    .array(groupKeySchema, 'a list of keys')
    .max(4, 'a list of at most 4 keys')
    .default([])
    .describe('Keys still accepted while members change over to the new one.'),
});

/** Seconds. */
export const LONGEST_AGEING = 1_000_000;
/** Slots for addresses: static ones fit with room to spare. */
export const LEAST_SLOTS = 4096;
export const MOST_SLOTS = 1_048_576;

const switchSection = section({
  directory: z
    .string('the path of a directory')
    .min(1, 'the path of a directory')
    .optional()
    .describe('The VDE directory guests attach to; by default `switch` in the home.'),
  ports: wholeNumber(1, 512).default(128).describe('The most ports of the VDE switch.'),
  mode: fileMode(0o600).describe('Who may attach: the file mode of the control socket.'),
  dirMode: fileMode(0o2700).describe('The file mode of the VDE directory.'),
  group: z
    .string('the name of a group of this system')
    .min(1, 'the name of a group of this system')
    .optional()
    .describe('The Unix group that owns directory and sockets.'),
  ageing: wholeNumber(10, LONGEST_AGEING, ' seconds')
    .default(100)
    .describe(
      "Seconds until an address not heard of is forgotten (vde_switch's; 802.1D says 300).",
    ),
  minPersistence: wholeNumber(0, 60, ' seconds')
    .default(3)
    .describe('Seconds an address stays on its port before it may move to another.'),
  collection: wholeNumber(1, LONGEST_AGEING, ' seconds')
    .default(2)
    .describe('Seconds of one round through all addresses, in which old ones are forgotten.'),
  tableSize: wholeNumber(LEAST_SLOTS, MOST_SLOTS)
    .default(DEFAULT_CAPACITY)
    .describe('Slots for addresses, rounded up to a power of two; three quarters are used.'),
  addressesPerPort: wholeNumber(1, 65_536)
    .default(1024)
    .describe('The most addresses learnt on one port, so that no guest fills the table.'),
  addresses: z
    .array(addressSection, 'a list of addresses')
    .max(MAX_STATICS, `a list of at most ${MAX_STATICS} addresses`)
    .prefault([])
    .describe('Static addresses: where stations are, whatever is heard.'),
  hub: z
    .boolean('true or false')
    .default(false)
    .describe('Whether to send every frame to every port, and learn nothing.'),
  mirror: mirrorSection.exactOptional().describe('A port that gets a copy of what passes.'),
  storm: stormSection
    .default({})
    .describe('Frames a second that each port may have flooded; 0 or absent: no limit.'),
  vlans: z
    .array(vlanSection, 'a list of VLANs')
    .max(4094, 'a list of at most 4094 VLANs')
    .prefault([])
    .describe('VLANs and the ports in them; ports of links carry all of them, tagged.'),
  perPort: z
    .array(portSection, 'a list of settings of ports')
    .max(1023, 'a list of at most 1023 settings of ports')
    .prefault([])
    .describe('Settings of single ports.'),
  snooping: z
    .boolean('true or false')
    .default(false)
    .describe('Whether multicast goes only where IGMP and MLD say somebody wants it.'),
});

const consoleSection = section({
  path: z
    .string('the path of a socket')
    .min(1, 'the path of a socket')
    .optional()
    .describe('The socket of the VDE management console; by default `console` in the home.'),
  mode: fileMode(0o600).describe('Who may use the console: the file mode of its socket.'),
  group: z
    .string('the name of a group of this system')
    .min(1, 'the name of a group of this system')
    .optional()
    .describe('The Unix group that owns the socket of the console.'),
});

const stpSection = section({
  enabled: z
    .boolean('true or false')
    .default(true)
    .describe('Whether to speak the Rapid Spanning Tree Protocol.'),
  version: oneOf(['rstp', 'stp'])
    .default('rstp')
    .describe('`stp` speaks nothing later than 802.1D-1998, and heals by timers.'),
  priority: wholeNumber(0, 61_440)
    .multipleOf(4096, 'a multiple of 4096 from 0 to 61440')
    .default(32_768)
    .describe('Bridge priority; the lowest becomes the root.'),
  helloTime: wholeNumber(1, 2, ' seconds').default(2).describe('Seconds between BPDUs.'),
  maxAge: wholeNumber(6, 40, ' seconds').default(20).describe('Seconds a BPDU is believed.'),
  forwardDelay: wholeNumber(4, 30, ' seconds')
    .default(15)
    .describe('Seconds in Discarding and in Learning without an agreement.'),
  guestGuard: oneOf(['none', 'root', 'bpdu'])
    .default('none')
    .describe('The guard of ports of guests.'),
  friendGuard: oneOf(['none', 'root', 'bpdu'])
    .default('none')
    .describe('The guard of ports of links.'),
  guardRecovery: wholeNumber(0, 86_400, ' seconds')
    .default(0)
    .describe('Seconds until a port that BPDU guard disabled tries again; 0: when told to.'),
});

const CIPHERS = Object.values(CIPHER_NAMES);
const SOME_CIPHERS = `a list of one or more of ${CIPHERS.map((each) => `"${each}"`).join(', ')}`;

const linkSection = section({
  keepaliveMs: wholeNumber(50, 60_000, ' milliseconds')
    .default(DEFAULT_KEEPALIVE.interval)
    .describe('Milliseconds between keepalives.'),
  failAfterMs: wholeNumber(100, 300_000, ' milliseconds')
    .default(DEFAULT_KEEPALIVE.failAfter)
    .describe('Milliseconds of silence after which a link has failed.'),
  maxFrame: wholeNumber(SHORTEST_LONGEST_FRAME, LONGEST_FRAME, ' octets')
    .default(LONGEST_FRAME)
    .describe('The longest Ethernet frame taken, without FCS; longer ones are dropped.'),
  relay: z
    .boolean('true or false')
    .default(true)
    .describe('Whether to pass on sealed messages between friends who do not reach one another.'),
  useRelays: z
    .boolean('true or false')
    .default(true)
    .describe('Whether to ask friends for a way to those who cannot be reached directly.'),
  ciphers: z
    .array(oneOf(CIPHERS), SOME_CIPHERS)
    .min(1, SOME_CIPHERS)
    .max(CIPHERS.length, SOME_CIPHERS)
    .default(CIPHERS)
    .describe('The ciphers offered; of those the friend offers too, the fastest is taken.'),
});

const WORKERS_ALLOWED = `a whole number from 1 to ${MOST_WORKERS}, or "auto"`;

const dataPlaneSection = section({
  workers: z
    .union(
      [
        z.literal('auto'),
        z.int(WORKERS_ALLOWED).min(1, WORKERS_ALLOWED).max(MOST_WORKERS, WORKERS_ALLOWED),
      ],
      WORKERS_ALLOWED,
    )
    .default('auto')
    .describe('Threads that move frames; those beyond the first have sessions of links over UDP.'),
});

/** A text that a check of tap/interface-options.ts reads. */
function tapText(allowed: string, isAllowed: (text: string) => boolean) {
  return z.string(allowed).refine(isAllowed, allowed);
}

const tapAddress = z.string(TAP_ADDRESS_ALLOWED).superRefine((text, context) => {
  const address = text === DHCP ? undefined : parseHostAddress(text);
  if (typeof address !== 'string') return;
  context.addIssue({ code: 'custom', message: `${address}, or "${DHCP}"` });
});

const tapSection = section({
  name: tapText(INTERFACE_NAME_ALLOWED, isInterfaceName)
    .default(DEFAULT_NAME)
    .describe('The name of the interface; with a %d in it, the lowest free number.'),
  ip: z
    .union(
      [
        tapAddress.transform((text) => [text]),
        z
          .array(tapAddress, 'a list of addresses')
          .max(MOST_TAP_ADDRESSES, `a list of at most ${MOST_TAP_ADDRESSES} addresses`),
      ],
      TAP_ADDRESS_ALLOWED,
    )
    .default([])
    .describe('Addresses with their prefixes, or "dhcp".'),
  mac: tapText(MAC_ALLOWED, (text) => parseStationMac(text) !== undefined)
    .exactOptional()
    .describe('By default made of UID, name and namespace, and so always the same.'),
  mtu: wholeNumber(MIN_MTU, MAX_MTU, ' octets')
    .exactOptional()
    .describe(`Octets of payload in a frame; by default what DHCP says, else ${DEFAULT_MTU}.`),
  netns: tapText(NAMESPACE_ALLOWED, (text) => namespacePath(text) !== undefined)
    .exactOptional()
    .describe("The network namespace, by name or path; by default the node's own."),
});

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export const PLAINTEXT_FLOORS = ['never', 'when-no-shared-group'] as const;

function oneOf<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, `one of ${values.map((value) => `"${value}"`).join(', ')}`);
}

const logSection = section({
  level: oneOf(LOG_LEVELS).default('info').describe('The least that is logged.'),
});

/** Everything `config.json` may hold. `z.input` of it is the file, `z.output` what we work with. */
export const configFileSchema = section({
  $schema: z
    .string('the address of the JSON Schema')
    .optional()
    .describe('For your editor; Kith itself does not look.'),
  name: name.optional().describe('The name friends see; by default the host name.'),
  listen: z
    .array(linkUrl('listen'), 'a list of addresses')
    .max(16, 'a list of at most 16 addresses')
    .prefault(['udp://[::]:0', 'tcp://[::]:0'])
    .describe('Where friends may dial us; port 0 lets the system choose.'),
  advertise: z
    .array(linkUrl('dial'), 'a list of addresses')
    .max(16, 'a list of at most 16 addresses')
    .optional()
    .describe('Addresses to tell friends instead of those the node finds, as behind a NAT.'),
  friends: z
    .array(friend, 'a list of friends')
    .prefault([])
    .describe('Friends known from the start; those who join with a ticket are kept elsewhere.'),
  groups: z
    .array(group, 'a list of groups')
    .max(64, 'a list of at most 64 groups')
    .prefault([{ name: 'default' }])
    .describe('Security groups we are in; a link is sealed when its ends share one.'),
  plaintext: oneOf(PLAINTEXT_FLOORS)
    .default('when-no-shared-group')
    .describe('Whether Ethernet may go in the clear to a friend who shares no group.'),
  switch: switchSection.prefault({}).describe('The Ethernet switch.'),
  console: consoleSection.prefault({}).describe('The VDE management console.'),
  consoleRc: z
    .string('the path of a file')
    .min(1, 'the path of a file')
    .optional()
    .describe('Console commands that are carried out when the node starts.'),
  taps: z
    .array(tapSection, 'a list of host interfaces')
    .max(64, 'a list of at most 64 host interfaces')
    .prefault([])
    .describe('Interfaces of this machine on the switch, made at the start (CAP_NET_ADMIN).'),
  stp: stpSection.prefault({}).describe('The spanning tree.'),
  link: linkSection.prefault({}).describe('The links to friends.'),
  dataPlane: dataPlaneSection.prefault({}).describe('What moves the frames.'),
  log: logSection.prefault({}).describe('The log on standard error.'),
}).superRefine((file, context) => {
  for (const [path, message] of contradictions(file)) {
    context.addIssue({ code: 'custom', path, message, params: WHOLE });
  }
});

type Path = (string | number)[];

interface CrossChecked {
  friends: { uid: string; publicKey?: string | undefined }[];
  groups: { name: string }[];
  taps: { name: string; netns?: string }[];
  switch: Parameters<typeof portContradictions>[0];
  stp: { helloTime: number; maxAge: number; forwardDelay: number };
  link: { keepaliveMs: number; failAfterMs: number };
}

/** What no single value is to blame for. */
function* contradictions(file: CrossChecked): Generator<[Path, string]> {
  const friendAt = firstRepeated(file.friends.map((each) => each.uid));
  if (friendAt !== undefined) {
    yield [['friends', friendAt, 'uid'], 'this friend is listed already; join the two entries'];
  }
  const foreignAt = file.friends.findIndex(
    ({ uid, publicKey }) =>
      publicKey !== undefined && uid !== uidOf(nodeSuite, Buffer.from(publicKey, 'hex')),
  );
  if (foreignAt >= 0) {
    yield [
      ['friends', foreignAt, 'publicKey'],
      'this is not the key that the UID was made of; copy both from `kith id` on the friend’s machine',
    ];
  }
  const groupAt = firstRepeated(file.groups.map((each) => each.name));
  if (groupAt !== undefined) {
    yield [
      ['groups', groupAt, 'name'],
      'this group is listed already; join the two entries, old keys go into previousKeys',
    ];
  }
  const tapAt = firstRepeated(file.taps.map(({ name, netns = '' }) => `${name}@${netns}`));
  if (tapAt !== undefined && !file.taps[tapAt].name.includes('%d')) {
    yield [['taps', tapAt, 'name'], 'this interface is listed already; give it another name'];
  }
  for (const [path, message] of portContradictions(file.switch))
    yield [['switch', ...path], message];
  const { helloTime, maxAge, forwardDelay } = file.stp;
  // 802.1D-2004, 17.14: 2 * (Forward Delay - 1) >= Max Age >= 2 * (Hello Time + 1).
  if (maxAge > 2 * (forwardDelay - 1) || maxAge < 2 * (helloTime + 1)) {
    yield [
      ['stp', 'maxAge'],
      `${maxAge} must be from 2 * (helloTime + 1) = ${2 * (helloTime + 1)} to 2 * (forwardDelay - 1) = ${2 * (forwardDelay - 1)}`,
    ];
  }
  const { keepaliveMs, failAfterMs } = file.link;
  if (failAfterMs < 2 * keepaliveMs) {
    yield [
      ['link', 'failAfterMs'],
      `${failAfterMs} must be at least twice link.keepaliveMs (${keepaliveMs}), or every lost keepalive ends a link`,
    ];
  }
}

function firstRepeated(values: readonly string[]): number | undefined {
  const at = values.findIndex((value, index) => values.indexOf(value) !== index);
  return at < 0 ? undefined : at;
}

/** The JSON Schema (draft 2020-12) of the file as people write it. */
export function configJsonSchema(): Record<string, unknown> {
  const generated = z.toJSONSchema(configFileSchema, { io: 'input', target: 'draft-2020-12' });
  return { title: 'Configuration of Kith (config.json)', ...generated };
}
