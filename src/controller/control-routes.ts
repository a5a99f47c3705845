/**
 * Every route of the control socket, once: the server serves this table, the
 * OpenAPI description is written from it.
 */
import { z } from 'zod';
import * as friends from './control-friend-schemas.ts';
import * as nodes from './control-node-schemas.ts';
import * as switches from './control-switch-schemas.ts';
import * as taps from './control-tap-schemas.ts';
import type { NodeApi } from './node-api.ts';

export interface ControlRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As fastify writes it: `/v1/why/:friend`. */
  readonly path: string;
  /** The operationId: the method of NodeApi, or `openapi`. */
  readonly operation: string;
  readonly summary: string;
  /** What the part of the path behind the colon is; absent: a friend. */
  readonly parameter?: string;
  readonly body?: z.ZodType;
  /** What may stand behind the question mark; `run` gets it in place of a body. */
  readonly query?: z.ZodObject;
  readonly answer: z.ZodType;
  /** The answer is a Readable with octets of this type, and not JSON. */
  readonly mediaType?: string;
  readonly status: 200 | 202;
  /** Whether the answer is an AsyncIterable: one line of JSON for each value, as they come. */
  readonly stream?: true;
  /** Answers a request. `parameter` is the part of the path behind the colon, `body` has passed the schema. */
  readonly run: (api: NodeApi, parameter: string, body: unknown) => Promise<unknown>;
}

/** Ties the body's type to its schema, which the table cannot. */
function acting<Body extends z.ZodType>(
  route: Omit<ControlRoute, 'run' | 'body' | 'method' | 'status'> & {
    readonly body: Body;
    readonly status?: 202;
    readonly run: (api: NodeApi, body: z.output<Body>) => Promise<unknown>;
  },
): ControlRoute {
  return {
    ...route,
    method: 'POST',
    status: route.status ?? 200,
    run: (api, _parameter, body) => route.run(api, body as z.output<Body>),
  };
}

function reading(
  path: string,
  operation: string,
  summary: string,
  answer: z.ZodType,
  run: ControlRoute['run'],
): ControlRoute {
  return { method: 'GET', path, operation, summary, answer, status: 200, run };
}

export const CONTROL_ROUTES: readonly ControlRoute[] = [
  reading('/v1/status', 'status', 'The node itself.', nodes.nodeStatus, (api) => api.status()),
  reading('/v1/friends', 'friends', 'All friends known.', z.array(friends.friendStatus), (api) =>
    api.friends(),
  ),
  reading('/v1/links', 'links', 'The links that are up.', z.array(friends.linkStatus), (api) =>
    api.links(),
  ),
  reading(
    '/v1/links/missing',
    'missingLinks',
    'The friends without a link, and why.',
    z.array(friends.missingLink),
    (api) => api.missingLinks(),
  ),
  reading('/v1/ports', 'ports', 'The ports of the switch.', z.array(switches.portStatus), (api) =>
    api.ports(),
  ),
  reading('/v1/mac', 'mac', 'The filtering database.', z.array(switches.macStatus), (api) =>
    api.mac(),
  ),
  reading('/v1/stp', 'stp', 'The spanning tree.', switches.stpStatus, (api) => api.stp()),
  acting({
    path: '/v1/stp',
    operation: 'setStpPort',
    summary: 'Changes how a port takes part in the spanning tree: cost, edge, guards.',
    body: switches.stpPortRequest,
    answer: switches.portAnswer,
    run: (api, body) => api.setStpPort(body),
  }),
  reading('/v1/groups', 'groups', 'Our security groups.', z.array(friends.groupStatus), (api) =>
    api.groups(),
  ),
  acting({
    path: '/v1/groups',
    operation: 'addGroup',
    summary: 'Enters a security group; links are made anew under it.',
    body: friends.addGroupRequest,
    answer: friends.changedGroup,
    run: (api, body) => api.addGroup(body),
  }),
  acting({
    path: '/v1/groups/remove',
    operation: 'removeGroup',
    summary: 'Leaves a security group; links are made anew without it.',
    body: friends.removeGroupRequest,
    answer: friends.changedGroup,
    run: (api, body) => api.removeGroup(body.name),
  }),
  acting({
    path: '/v1/groups/rotate',
    operation: 'rotateGroup',
    summary: 'Gives a group another key; the old one counts on for a while.',
    body: friends.rotateGroupRequest,
    answer: friends.changedGroup,
    run: (api, body) => api.rotateGroup(body),
  }),
  acting({
    path: '/v1/plaintext',
    operation: 'setPlaintext',
    summary: 'Whether Ethernet may go in the clear to a friend who shares no group.',
    body: friends.plaintextPolicy,
    answer: friends.plaintextPolicy,
    run: (api, body) => api.setPlaintext(body.plaintext),
  }),
  reading(
    '/v1/why/:friend',
    'why',
    'How the link to a friend came to be what it is.',
    friends.whyReport,
    (api, friend) => api.why(friend),
  ),
  acting({
    path: '/v1/invite',
    operation: 'invite',
    summary: 'Makes a ticket for a friend.',
    body: friends.inviteRequest,
    answer: friends.inviteAnswer,
    run: (api, body) => api.invite(body),
  }),
  acting({
    path: '/v1/join',
    operation: 'join',
    summary: 'Takes the ticket of a friend.',
    body: friends.joinRequest,
    answer: friends.joinAnswer,
    run: (api, body) => api.join(body.ticket),
  }),
  {
    method: 'DELETE',
    path: '/v1/friends/:friend',
    operation: 'removeFriend',
    summary: 'Ends the sessions with a friend at once and forgets the key.',
    answer: friends.removeAnswer,
    status: 200,
    run: (api, friend) => api.removeFriend(friend),
  },
  reading(
    '/v1/taps',
    'taps',
    'The host interfaces on the switch.',
    z.array(taps.tapStatus),
    (api) => api.taps(),
  ),
  acting({
    path: '/v1/taps',
    operation: 'addTap',
    summary: 'Makes a host interface on the switch.',
    body: taps.tapRequest,
    answer: taps.tapStatus,
    run: (api, body) => api.addTap(body),
  }),
  {
    method: 'DELETE',
    path: '/v1/taps/:tap',
    operation: 'removeTap',
    parameter: 'What GET /v1/taps calls it.',
    summary: 'Takes a host interface away.',
    answer: taps.tapRemoval,
    status: 200,
    run: (api, tap) => api.removeTap(tap),
  },
  acting({
    path: '/v1/taps/attachments',
    operation: 'openTapAttachment',
    summary: 'Binds a socket for the descriptor of a TAP that another process has opened.',
    body: taps.tapAttachmentRequest,
    answer: taps.tapAttachmentAnswer,
    run: (api) => api.openTapAttachment(),
  }),
  acting({
    path: '/v1/taps/attachments/complete',
    operation: 'completeTapAttachment',
    summary: 'Joins the TAP whose descriptor was sent there to the switch.',
    body: taps.tapAttachment,
    answer: taps.tapStatus,
    run: (api, body) => api.completeTapAttachment(body),
  }),
  {
    method: 'POST',
    path: '/v1/taps/:tap/hold',
    operation: 'holdTap',
    parameter: 'What GET /v1/taps calls it.',
    summary:
      'Holds an interface of another process: one line of JSON for each event, and the interface goes away with the connection.',
    body: taps.tapHoldRequest,
    answer: taps.tapEvent,
    status: 200,
    stream: true,
    run: (api, tap, body) => api.holdTap(tap, body as z.output<typeof taps.tapHoldRequest>),
  },
  reading('/v1/switch', 'switch', 'What is set of the switch.', switches.switchStatus, (api) =>
    api.switch(),
  ),
  acting({
    path: '/v1/switch',
    operation: 'changeSwitch',
    summary: 'Changes what is named, until the node ends, and leaves the rest.',
    body: switches.switchChanges,
    answer: switches.switchStatus,
    run: (api, body) => api.changeSwitch(body),
  }),
  acting({
    path: '/v1/switch/mirror',
    operation: 'mirror',
    summary: 'Copies what passes to a port, or no longer.',
    body: switches.mirrorRequest,
    answer: switches.switchStatus,
    run: (api, body) => api.mirror(body),
  }),
  acting({
    path: '/v1/switch/storm',
    operation: 'limitStorms',
    summary: 'Limits what a port, or every port, may have flooded.',
    body: switches.stormRequest,
    answer: switches.switchStatus,
    run: (api, body) => api.limitStorms(body),
  }),
  acting({
    path: '/v1/switch/addresses',
    operation: 'setAddress',
    summary: 'Says where a station is, whatever is heard, or no longer.',
    body: switches.addressRequest,
    answer: switches.switchStatus,
    run: (api, body) => api.setAddress(body),
  }),
  acting({
    path: '/v1/switch/save',
    operation: 'saveSwitch',
    summary: 'Keeps what is set of the switch over the end of the node.',
    body: switches.keepSwitchRequest,
    answer: switches.switchStatus,
    run: (api) => api.saveSwitch(),
  }),
  acting({
    path: '/v1/switch/forget',
    operation: 'forgetSwitch',
    summary: 'Keeps nothing of it: from the next start on the configuration counts.',
    body: switches.keepSwitchRequest,
    answer: switches.switchStatus,
    run: (api) => api.forgetSwitch(),
  }),
  reading(
    '/v1/impairments',
    'impairments',
    'The ports that are impaired.',
    z.array(switches.impairmentStatus),
    (api) => api.impairments(),
  ),
  acting({
    path: '/v1/impairments',
    operation: 'impair',
    summary: 'Makes what leaves by a port late, lost or twice, or no longer.',
    body: switches.impairRequest,
    answer: switches.portAnswer,
    run: (api, body) => api.impair(body),
  }),
  {
    method: 'GET',
    path: '/v1/capture',
    operation: 'capture',
    summary: 'Frames that pass, as pcapng, until the client goes.',
    query: switches.captureRequest,
    answer: z.string().meta({ format: 'binary' }),
    mediaType: 'application/x-pcapng',
    status: 200,
    run: (api, _parameter, query) => api.capture(query as z.output<typeof switches.captureRequest>),
  },
  acting({
    path: '/v1/id/rotate',
    operation: 'rotateIdentity',
    summary: 'Gives the node another key, signed by the one it has.',
    body: friends.rotateIdentityRequest,
    answer: friends.rotatedIdentity,
    run: (api) => api.rotateIdentity(),
  }),
  acting({
    path: '/v1/down',
    operation: 'down',
    summary: 'Ends the node; the socket vanishes when it has ended.',
    body: nodes.downRequest,
    answer: nodes.downAnswer,
    status: 202,
    run: async (api) => {
      await api.down();
      return { ending: true };
    },
  }),
];
