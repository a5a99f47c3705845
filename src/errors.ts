/**
 * One base class for everything that an operator may have to mend.
 *
 * `code` is stable and may be relied on by scripts; `message` is one sentence
 * that says what is wrong and what to do about it. Traffic from a peer never
 * becomes an error: it is counted and dropped where it came in.
 */

/** Codes of KithError. Adding one is fine, renaming one is a breaking change. */
export type ErrorCode =
  | 'usage' // the command line is off
  | 'config' // the configuration file is off
  | 'identity' // the key file is missing, foreign or readable by others
  | 'ticket' // a ticket is malformed, expired or for somebody else
  | 'refused' // one end of a link will not have it
  | 'not-running' // there is no node to talk to
  | 'already-running' // there is a node where one was to be started
  | 'not-found' // no such friend, port or group
  | 'permission' // the system refused
  | 'no-program' // what was to be run is not there
  | 'not-runnable' // it is there, and cannot be run
  | 'system' // a system call failed
  | 'address' // an address or URL cannot be used
  | 'native' // the addon is missing or does not load
  | 'unsupported' // this build or this machine cannot do it
  | 'protocol'; // a program that should know better spoke nonsense

/** Exit codes of the command line, by error code; everything else exits with 1. */
export const EXIT_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  usage: 2,
  config: 3,
  identity: 3,
  ticket: 4,
  'not-running': 5,
  'already-running': 6,
  'not-found': 7,
  permission: 8,
  refused: 9,
  // sh(1): what a shell says of them, for `kith exec` is as good as one.
  'not-runnable': 126,
  'no-program': 127,
};

export class KithError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KithError';
    this.code = code;
  }
}
