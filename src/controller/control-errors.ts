/** Errors as they cross the control socket: `{ "error": { "code", "message" } }`. */
import { type ErrorCode, KithError } from '../errors.ts';

export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

/** Status codes by error code. The body tells more; the status is for tools that see only it. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  usage: 400,
  ticket: 400,
  address: 400,
  config: 400,
  permission: 403,
  refused: 403,
  'not-found': 404,
  'already-running': 409,
  identity: 500,
  system: 500,
  native: 500,
  protocol: 500,
  'no-program': 500,
  'not-runnable': 500,
  unsupported: 501,
  'not-running': 503,
};

export function statusOf(code: ErrorCode): number {
  return STATUS[code];
}

export function errorBody(code: ErrorCode, message: string): ErrorBody {
  return { error: { code, message } };
}

/**
 * The error inside an answer, whatever the answer is.
 * @param value the parsed body of an answer whose status was `status`
 */
export function errorFromBody(value: unknown, status: number): KithError {
  const error = fieldOf(value, 'error');
  const code = fieldOf(error, 'code');
  const message = fieldOf(error, 'message');
  if (isErrorCode(code) && typeof message === 'string') return new KithError(code, message);
  return new KithError(
    'protocol',
    `the node answered with status ${status} and no explanation; is this its control socket, and of this version?`,
  );
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Record<string, unknown>)[name];
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(STATUS, value);
}
