/**
 * What is asked and told of friends, links and groups over the control socket:
 * node-api-friends.ts and node-api-groups.ts as schemas.
 */
import { z } from 'zod';
import { REFUSALS } from '../f2f/friend.ts';
import { groupKeySchema, groupNameSchema } from './config-friends.ts';
import { PLAINTEXT_FLOORS } from './config-schema.ts';
import { count, counters, type Matches, milliseconds, portNumber, uid } from './control-kit.ts';
import type * as Node from './node-api.ts';
import type * as Friends from './node-api-friends.ts';
import type * as Groups from './node-api-groups.ts';

const friendState = z.enum(['offline', 'connecting', 'connected', 'refused']);

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

// A line that does not compile here is a schema that is out of step with node-api-friends.ts and node-api-groups.ts.
true satisfies Matches<typeof friendStatus, Friends.FriendStatus>;
true satisfies Matches<typeof linkStatus, Friends.LinkStatus>;
true satisfies Matches<typeof missingLink, Friends.MissingLink>;
true satisfies Matches<typeof groupStatus, Groups.GroupStatus>;
true satisfies Matches<typeof addGroupRequest, Groups.AddGroup>;
true satisfies Matches<typeof rotateGroupRequest, Groups.RotateGroup>;
true satisfies Matches<typeof changedGroup, Groups.ChangedGroup>;
true satisfies Matches<typeof rotatedIdentity, Node.RotatedIdentity>;
true satisfies Matches<typeof whyReport, Friends.WhyReport>;
true satisfies Matches<typeof inviteRequest, Friends.InviteOptions>;
