/**
 * The shape of `config.json`, once: the types, the checks, the sentences of the
 * errors and the JSON Schema for editors all come from here.
 *
 *   config-schema --+--> config-friends   friends, groups, links
 *   the whole file  +--> config-switch    switch, spanning tree, console
 *                   |        +--> config-ports   VLANs, static addresses, single ports
 *                   +--> config-taps      host interfaces
 *                   +--> config-contradictions   what no single value is to blame for
 *
 * Each check carries the phrase that completes "it must be …".
 */
import { z } from 'zod';
import { MOST_WORKERS } from '../data-plane/local-index.ts';
import { contradictions } from './config-contradictions.ts';
import { friendSection, groupSection, linkSection } from './config-friends.ts';
import { linkUrl, name, oneOf, section, someText, WHOLE } from './config-kit.ts';
import { consoleSection, stpSection, switchSection } from './config-switch.ts';
import { tapSection } from './config-taps.ts';

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

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export const PLAINTEXT_FLOORS = ['never', 'when-no-shared-group'] as const;

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
    .array(friendSection, 'a list of friends')
    .prefault([])
    .describe('Friends known from the start; those who join with a ticket are kept elsewhere.'),
  groups: z
    .array(groupSection, 'a list of groups')
    .max(64, 'a list of at most 64 groups')
    .prefault([{ name: 'default' }])
    .describe('Security groups we are in; a link is sealed when its ends share one.'),
  plaintext: oneOf(PLAINTEXT_FLOORS)
    .default('when-no-shared-group')
    .describe('Whether Ethernet may go in the clear to a friend who shares no group.'),
  switch: switchSection.prefault({}).describe('The Ethernet switch.'),
  console: consoleSection.prefault({}).describe('The VDE management console.'),
  consoleRc: someText('the path of a file')
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

/** The JSON Schema (draft 2020-12) of the file as people write it. */
export function configJsonSchema(): Record<string, unknown> {
  const generated = z.toJSONSchema(configFileSchema, { io: 'input', target: 'draft-2020-12' });
  return { title: 'Configuration of Kith (config.json)', ...generated };
}
