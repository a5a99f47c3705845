/**
 * The control socket: NodeApi as HTTP and JSON over `<home>/control.sock`.
 *
 * The socket is claimed before the node starts, because holding its name is
 * what makes this process the node of that home; until `serve` is called every
 * request is answered 503.
 *
 * Only the owner of the home can connect (mode 0600), so what the server defends
 * against is broken programs: requests are bounded in size and in time.
 */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { KithError } from '../errors.ts';
import { errorBody, statusOf } from './control-errors.ts';
import { CONTROL_ROUTES, type ControlRoute } from './control-routes.ts';
import {
  checkSocketPath,
  controlSocketPath,
  inodeOf,
  publishSocket,
  withdrawSocket,
} from './control-socket.ts';
import { JSON_LINES, jsonLines } from './json-lines.ts';
import type { NodeApi } from './node-api.ts';
import { openApiDocument } from './openapi.ts';

/** Octets of a request's body. */
const BODY_LIMIT = 64 * 1024;
/** Milliseconds for a whole request to come in. */
const REQUEST_TIMEOUT = 10_000;
/** Milliseconds for requests under way to be answered when the server closes. */
const CLOSING_GRACE = 500;
/** Connections at a time, those that hold interfaces among them; more are closed at once. */
const MAX_CONNECTIONS = 256;
/** Octets of a parameter in a path; a friend's is the longest: a name of 63 characters of up to 4 octets, percent-encoded. */
const MAX_PARAMETER_LENGTH = 1024;

export interface ControlServerOptions {
  /** The home directory; it has to exist. */
  readonly home: string;
  readonly version: string;
  readonly log: Logger;
  /** The name the socket is bound under before it is published; one per process by default. */
  readonly privateName?: string;
}

export interface ControlServer {
  /** Where it listens. */
  readonly path: string;
  /** From now on requests go to `api`. */
  serve(api: NodeApi): void;
  /** From now on requests are refused again, but the name is kept. */
  retire(): void;
  /** Ends all connections and removes the socket. May be called twice. */
  close(): Promise<void>;
}

/**
 * Claims the control socket of a home.
 * @throws KithError 'already-running' if another process answers there,
 *   'address' if the path is too long, 'permission' or 'system' if the system refuses
 */
export async function openControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const path = controlSocketPath(options.home);
  checkSocketPath(path);
  const state: ServingState = {
    api: undefined,
    refusal: 'the node is starting; ask again shortly',
  };
  const app = await buildApp(options, state);
  const privatePath = join(options.home, options.privateName ?? `.control${process.pid}`);
  checkSocketPath(privatePath);
  try {
    await removeOwnLeftover(privatePath);
    await app.listen({ path: privatePath });
    await chmod(privatePath, 0o600);
    const inode = await inodeOf(privatePath);
    await publishSocket(privatePath, path);
    return controlServer(path, inode, app, state);
  } catch (error) {
    await app.close();
    throw systemError(path, error);
  }
}

interface ServingState {
  api: NodeApi | undefined;
  refusal: string;
}

function controlServer(
  path: string,
  inode: bigint | undefined,
  app: FastifyInstance,
  state: ServingState,
): ControlServer {
  let closing: Promise<void> | undefined;
  const end = async () => {
    // While it listens it is nobody else's, and what is not there cannot be asked.
    if (inode !== undefined) await withdrawSocket(path, inode);
    const cutOff = setTimeout(() => app.server.closeAllConnections(), CLOSING_GRACE);
    await app.close();
    clearTimeout(cutOff);
  };
  return {
    path,
    serve(api) {
      state.api = api;
    },
    retire() {
      state.api = undefined;
      state.refusal = 'the node is ending';
    },
    close() {
      this.retire();
      closing ??= end();
      return closing;
    },
  };
}

async function buildApp(
  options: ControlServerOptions,
  state: ServingState,
): Promise<FastifyInstance> {
  const answerError = errorAnswerer(options.log);
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    keepAliveTimeout: 5000,
    forceCloseConnections: 'idle',
    // What is wrong before there is a route: a path too long, or not percent-encoded.
    frameworkErrors: answerError,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    http: { headersTimeout: REQUEST_TIMEOUT, connectionsCheckingInterval: 2000 },
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  // The schemas are zod's; ajv is neither needed nor loaded.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  acceptEmptyJson(app);

  for (const route of CONTROL_ROUTES) addRoute(app, route, state);
  let description: Record<string, unknown> | undefined;
  app.get('/v1/openapi.json', () => {
    description ??= openApiDocument(options.version);
    return description;
  });

  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send(
        errorBody(
          'not-found',
          `there is no ${request.method} ${request.url}; see /v1/openapi.json`,
        ),
      ),
  );
  app.setErrorHandler(answerError);
  return app;
}

type ErrorAnswerer = (error: unknown, request: unknown, reply: FastifyReply) => void;

function errorAnswerer(log: Logger): ErrorAnswerer {
  return (error, _request, reply) => {
    if (error instanceof KithError) {
      void reply.code(statusOf(error.code)).send(errorBody(error.code, error.message));
      return;
    }
    const { statusCode: status = 500, message } = error as Partial<FastifyError> & Error;
    if (status < 500) {
      void reply.code(status).send(errorBody('usage', message));
      return;
    }
    log.error({ err: error }, 'a control request failed');
    const told = `the node failed inside (${message}); its log says more`;
    void reply.code(500).send(errorBody('system', told));
  };
}

/** A POST without a body is one with an empty object: `curl -X POST …/v1/down`. */
function acceptEmptyJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, {});
    try {
      done(null, JSON.parse(String(body)));
    } catch (cause) {
      done(new KithError('usage', 'the body of the request is no JSON', { cause }));
    }
  });
}

function addRoute(app: FastifyInstance, route: ControlRoute, state: ServingState): void {
  app.route<{ Params: Readonly<Record<string, string>> }>({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      if (state.api === undefined) throw new KithError('not-running', state.refusal);
      const body = readInput(route, request.body, request.query);
      const [parameter = ''] = Object.values(request.params);
      const answer = await route.run(state.api, parameter, body);
      if (route.mediaType !== undefined) void reply.type(route.mediaType);
      if (route.stream === undefined) return reply.code(route.status).send(answer);
      const lines = jsonLines(answer as AsyncIterable<unknown>);
      return reply.code(route.status).type(JSON_LINES).send(lines);
    },
  });
}

/** What a route wants to know, out of the body or the query. @throws KithError 'usage' */
function readInput(route: ControlRoute, body: unknown, query: unknown): unknown {
  const schema = route.body ?? route.query;
  if (schema === undefined) return undefined;
  const result = schema.safeParse((route.body === undefined ? query : body) ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const whole = route.body === undefined ? 'query' : 'body';
  const where = issue.path.length === 0 ? whole : issue.path.join('.');
  throw new KithError('usage', `${route.path}: ${where}: ${issue.message}`);
}

/** A process with our number may have died between binding and publishing. */
async function removeOwnLeftover(path: string): Promise<void> {
  const inode = await inodeOf(path);
  if (inode !== undefined) await withdrawSocket(path, inode);
}

function systemError(path: string, error: unknown): unknown {
  if (error instanceof KithError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error;
  const refused = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  return new KithError(
    refused ? 'permission' : 'system',
    `the control socket ${path} cannot be made (${code}); check that its directory is there, is yours and has room`,
    { cause: error },
  );
}
