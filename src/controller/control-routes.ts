/**
 * Every route of the control socket, once: the server serves this table, the
 * OpenAPI description is written from it.
 */
import { z } from 'zod';
import * as schemas from './control-schemas.ts';
import type { NodeApi } from './node-api.ts';

export interface ControlRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As fastify writes it: `/v1/why/:friend`. */
  readonly path: string;
  /** The operationId: the method of NodeApi, or `openapi`. */
  readonly operation: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
  readonly status: 200 | 202;
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
  reading('/v1/status', 'status', 'The node itself.', schemas.nodeStatus, (api) => api.status()),
  reading('/v1/friends', 'friends', 'All friends known.', z.array(schemas.friendStatus), (api) =>
    api.friends(),
  ),
  reading('/v1/links', 'links', 'The links that are up.', z.array(schemas.linkStatus), (api) =>
    api.links(),
  ),
  reading('/v1/ports', 'ports', 'The ports of the switch.', z.array(schemas.portStatus), (api) =>
    api.ports(),
  ),
  reading('/v1/mac', 'mac', 'The filtering database.', z.array(schemas.macStatus), (api) =>
    api.mac(),
  ),
  reading('/v1/stp', 'stp', 'The spanning tree.', schemas.stpStatus, (api) => api.stp()),
  reading('/v1/groups', 'groups', 'Our security groups.', z.array(schemas.groupStatus), (api) =>
    api.groups(),
  ),
  reading(
    '/v1/why/:friend',
    'why',
    'How the link to a friend came to be what it is.',
    schemas.whyReport,
    (api, friend) => api.why(friend),
  ),
  acting({
    path: '/v1/invite',
    operation: 'invite',
    summary: 'Makes a ticket for a friend.',
    body: schemas.inviteRequest,
    answer: schemas.inviteAnswer,
    run: (api, body) => api.invite(body),
  }),
  acting({
    path: '/v1/join',
    operation: 'join',
    summary: 'Takes the ticket of a friend.',
    body: schemas.joinRequest,
    answer: schemas.joinAnswer,
    run: (api, body) => api.join(body.ticket),
  }),
  {
    method: 'DELETE',
    path: '/v1/friends/:friend',
    operation: 'removeFriend',
    summary: 'Ends the sessions with a friend at once and forgets the key.',
    answer: schemas.removeAnswer,
    status: 200,
    run: (api, friend) => api.removeFriend(friend),
  },
  acting({
    path: '/v1/down',
    operation: 'down',
    summary: 'Ends the node; the socket vanishes when it has ended.',
    body: schemas.downRequest,
    answer: schemas.downAnswer,
    status: 202,
    run: async (api) => {
      await api.down();
      return { ending: true };
    },
  }),
];
