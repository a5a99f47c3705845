/** What is asked and told of host interfaces over the control socket: node-api-taps.ts as schemas. */
import { z } from 'zod';
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
import { type Matches, portNumber } from './control-kit.ts';
import type * as Taps from './node-api-taps.ts';

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

// A line that does not compile here is a schema that is out of step with node-api-taps.ts.
true satisfies Matches<typeof tapStatus, Taps.TapStatus>;
true satisfies Matches<typeof tapRequest, Taps.TapRequest>;
true satisfies Matches<typeof tapAttachment, Taps.TapAttachment>;
true satisfies Matches<typeof tapHoldRequest, Taps.TapHoldRequest>;
true satisfies Matches<typeof tapEvent, Taps.TapEvent>;
