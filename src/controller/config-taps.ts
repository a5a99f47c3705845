/** The part of the configuration that is about host interfaces. */
import { z } from 'zod';
import {
  ADDRESS_ALLOWED,
  DEFAULT_MTU,
  DEFAULT_NAME,
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
import { section, wholeNumber } from './config-kit.ts';

const TAP_ADDRESS_ALLOWED = `${ADDRESS_ALLOWED}, or "${DHCP}"`;

/** A text that a check of tap/interface-options.ts reads. */
function tapText(allowed: string, isAllowed: (text: string) => boolean) {
  return z.string(allowed).refine(isAllowed, allowed);
}

const tapAddress = z.string(TAP_ADDRESS_ALLOWED).superRefine((text, context) => {
  const address = text === DHCP ? undefined : parseHostAddress(text);
  if (typeof address !== 'string') return;
  context.addIssue({ code: 'custom', message: `${address}, or "${DHCP}"` });
});

export const tapSection = section({
  name: tapText(NAME_ALLOWED, isInterfaceName)
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
