/**
 * NodeApi over the control socket. Light, because every command of the command
 * line starts with it: node:http and nothing else.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { KithError } from '../errors.ts';
import { errorFromBody } from './control-errors.ts';
import { checkSocketPath, controlSocketPath, inodeOf } from './control-socket.ts';
import { parseJsonLines } from './json-lines.ts';
import type { NodeApi } from './node-api.ts';

/** Milliseconds without a sign of life from the node. Joining waits for a friend, so it is generous. */
const ANSWER_TIMEOUT = 60_000;
/** Octets of an answer: a filtering database of 65,536 addresses fits. */
const LONGEST_ANSWER = 32 * 1024 * 1024;

export interface ControlClient extends NodeApi {
  readonly path: string;
  /** The OpenAPI description. */
  openApi(): Promise<Record<string, unknown>>;
  /** Whether the socket is still there. */
  isListening(): Promise<boolean>;
}

/**
 * @param home the home of the node
 * Every method fails with KithError 'not-running' when nobody listens there, with
 * the node's own error when it refuses, and with 'protocol' when it makes no sense.
 */
export function controlClient(home: string): ControlClient {
  const path = controlSocketPath(home);
  const get = <T>(route: string) => ask<T>(path, 'GET', route);
  const post = <T>(route: string, body: object) => ask<T>(path, 'POST', route, body);
  return {
    path,
    status: () => get('/v1/status'),
    friends: () => get('/v1/friends'),
    links: () => get('/v1/links'),
    missingLinks: () => get('/v1/links/missing'),
    ports: () => get('/v1/ports'),
    mac: () => get('/v1/mac'),
    stp: () => get('/v1/stp'),
    setStpPort: (request) => post('/v1/stp', request),
    groups: () => get('/v1/groups'),
    addGroup: (group) => post('/v1/groups', group),
    removeGroup: (name) => post('/v1/groups/remove', { name }),
    rotateGroup: (request) => post('/v1/groups/rotate', request),
    setPlaintext: (plaintext) => post('/v1/plaintext', { plaintext }),
    why: (friend) => get(`/v1/why/${encodeURIComponent(friend)}`),
    invite: (options) => post('/v1/invite', options),
    join: (ticket) => post('/v1/join', { ticket }),
    removeFriend: (friend) => ask(path, 'DELETE', `/v1/friends/${encodeURIComponent(friend)}`),
    rotateIdentity: () => post('/v1/id/rotate', {}),
    taps: () => get('/v1/taps'),
    addTap: (request) => post('/v1/taps', request),
    removeTap: (name) => ask(path, 'DELETE', `/v1/taps/${encodeURIComponent(name)}`),
    openTapAttachment: () => post('/v1/taps/attachments', {}),
    completeTapAttachment: (attachment) => post('/v1/taps/attachments/complete', attachment),
    holdTap: (name, request) => listen(path, `/v1/taps/${encodeURIComponent(name)}/hold`, request),
    switch: () => get('/v1/switch'),
    changeSwitch: (changes) => post('/v1/switch', changes),
    mirror: (request) => post('/v1/switch/mirror', request),
    limitStorms: (request) => post('/v1/switch/storm', request),
    setAddress: (request) => post('/v1/switch/addresses', request),
    saveSwitch: () => post('/v1/switch/save', {}),
    forgetSwitch: () => post('/v1/switch/forget', {}),
    impairments: () => get('/v1/impairments'),
    impair: (request) => post('/v1/impairments', request),
    capture: (request) => flow(path, `/v1/capture${queryOf(request)}`),
    down: async () => {
      await post('/v1/down', {});
    },
    openApi: () => get('/v1/openapi.json'),
    isListening: async () => (await inodeOf(path)) !== undefined,
  };
}

/** One request on its own connection, and the whole answer. */
async function ask<T>(
  socketPath: string,
  method: string,
  route: string,
  body?: object,
): Promise<T> {
  const response = await send(socketPath, method, route, body);
  return await wholeAnswer<T>(socketPath, response);
}

/** One request whose answer is a line of JSON for each value, as they come. */
async function listen<T>(
  socketPath: string,
  route: string,
  body: object,
): Promise<AsyncIterable<T>> {
  const response = await send(socketPath, 'POST', route, body);
  if (response.statusCode !== 200) await wholeAnswer(socketPath, response);
  response.socket.setTimeout(0);
  return parseJsonLines<T>(response, (error) => connectionError(socketPath, error));
}

/** One request whose answer is octets without end; destroying them ends the connection. */
async function flow(socketPath: string, route: string): Promise<Readable> {
  const response = await send(socketPath, 'GET', route);
  if (response.statusCode !== 200) await wholeAnswer(socketPath, response);
  response.socket.setTimeout(0);
  return response;
}

function queryOf(request: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query}`;
}

/** @returns the answer, of which the head has come */
function send(
  socketPath: string,
  method: string,
  route: string,
  body?: object,
): Promise<IncomingMessage> {
  checkSocketPath(socketPath);
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = httpRequest({
      socketPath,
      method,
      path: route,
      agent: false,
      timeout: ANSWER_TIMEOUT,
      headers:
        text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    });
    request.on('timeout', () => request.destroy(silent(socketPath)));
    request.on('error', (error) => reject(connectionError(socketPath, error)));
    request.on('response', resolve);
    request.end(text);
  });
}

function wholeAnswer<T>(socketPath: string, response: IncomingMessage): Promise<T> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LONGEST_ANSWER) response.destroy(nonsense('an answer without end'));
      else chunks.push(chunk);
    });
    response.on('error', (error) => reject(connectionError(socketPath, error)));
    response.on('end', () => {
      try {
        resolve(readAnswer<T>(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function readAnswer<T>(status: number, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw nonsense('no JSON', cause);
  }
  if (status < 200 || status > 299) throw errorFromBody(value, status);
  // Whoever answers at this path is ourselves: the home is ours alone.
  return value as T;
}

function connectionError(socketPath: string, error: unknown): KithError {
  if (error instanceof KithError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new KithError(
      'not-running',
      `no node is running in ${dirname(socketPath)}; start one with \`kith up\`, or name its home with --home`,
      { cause: error },
    );
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new KithError(
      'permission',
      `the control socket ${socketPath} belongs to somebody else; ask as the user who runs the node`,
      { cause: error },
    );
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new KithError('not-running', 'the node ended before it answered; start it again', {
      cause: error,
    });
  }
  return nonsense(error instanceof Error ? error.message : code, error);
}

function silent(socketPath: string): KithError {
  return new KithError(
    'protocol',
    `the node at ${socketPath} does not answer; if it hangs, end its process and start it again`,
  );
}

function nonsense(what: string, cause?: unknown): KithError {
  return new KithError(
    'protocol',
    `the node did not answer sensibly (${what}); is it another version?`,
    { cause },
  );
}
