/**
 * System error numbers: their names, and what an operator can do about them.
 *
 * The batched I/O contract hands out negated errno values. Code that decides on
 * one compares with the names here; code that gives up turns it into a KithError.
 */
import { constants } from 'node:os';
import { type ErrorCode, KithError } from '../errors.ts';

/** The numbers that callers of the I/O contract branch on, as positive values. */
export const Errno = {
  EAGAIN: constants.errno.EAGAIN,
  EBADF: constants.errno.EBADF,
  EINVAL: constants.errno.EINVAL,
  EEXIST: constants.errno.EEXIST,
  EMSGSIZE: constants.errno.EMSGSIZE,
  ECONNREFUSED: constants.errno.ECONNREFUSED,
  ECONNRESET: constants.errno.ECONNRESET,
  ENOTCONN: constants.errno.ENOTCONN,
  EPIPE: constants.errno.EPIPE,
  EADDRINUSE: constants.errno.EADDRINUSE,
  EADDRNOTAVAIL: constants.errno.EADDRNOTAVAIL,
  EAFNOSUPPORT: constants.errno.EAFNOSUPPORT,
  ENAMETOOLONG: constants.errno.ENAMETOOLONG,
  EACCES: constants.errno.EACCES,
  EBADMSG: constants.errno.EBADMSG,
  EOPNOTSUPP: constants.errno.EOPNOTSUPP,
  EPERM: constants.errno.EPERM,
  EISDIR: constants.errno.EISDIR,
  ENFILE: constants.errno.ENFILE,
  ENXIO: constants.errno.ENXIO,
  ENODEV: constants.errno.ENODEV,
  ENOENT: constants.errno.ENOENT,
  ENETUNREACH: constants.errno.ENETUNREACH,
  EHOSTUNREACH: constants.errno.EHOSTUNREACH,
  EBUSY: constants.errno.EBUSY,
} as const;

interface Explanation {
  readonly code: ErrorCode;
  /** Completes "cannot DO: …" and names the mend. */
  readonly text: string;
}

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  EACCES: { code: 'permission', text: 'access is denied; check the owner and mode of the place' },
  EADDRINUSE: { code: 'address', text: 'the address is in use; choose another or stop its user' },
  EADDRNOTAVAIL: {
    code: 'address',
    text: 'this machine does not have that address; use one of its own, or :: for all',
  },
  EAFNOSUPPORT: {
    code: 'address',
    text: 'this machine or socket does not speak that address family; use the other one',
  },
  EBUSY: { code: 'system', text: 'it is busy; stop its other user first' },
  ECONNREFUSED: { code: 'system', text: 'nothing listens there; check that the other end runs' },
  EHOSTUNREACH: { code: 'system', text: 'there is no route to that host; check the network' },
  EMFILE: { code: 'system', text: 'too many open files; raise the limit with "ulimit -n"' },
  ENAMETOOLONG: {
    code: 'address',
    text: 'the path is empty or longer than 108 octets; use a shorter directory',
  },
  ENETUNREACH: { code: 'system', text: 'the network is unreachable; check addresses and routes' },
  ENFILE: { code: 'system', text: 'the system is out of open files; close some programs' },
  ENODEV: { code: 'unsupported', text: 'there is no such device; load its kernel module' },
  ENOENT: { code: 'not-found', text: 'it does not exist; check the path' },
  EPERM: { code: 'permission', text: 'the system does not permit it; run with the capability' },
};

/** The name of a (positive or negated) errno, as 'EAGAIN'; 'errno 9999' for an unknown one. */
export function errnoName(errno: number): string {
  const number = Math.abs(errno);
  // Some numbers have two names, and the runtime names only what its own calls return.
  const names = [...Object.entries(Errno), ...Object.entries(constants.errno)];
  return names.find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
}

/** A system call that failed; `errno` is for callers that know better what to do about it. */
export class SystemError extends KithError {
  /** Positive. */
  readonly errno: number;

  constructor(code: ErrorCode, message: string, errno: number) {
    super(code, message);
    this.errno = Math.abs(errno);
  }
}

/**
 * An error for an operator: "cannot DO: WHAT IS WRONG; THE MEND (NAME)".
 * @param doing completes "cannot …", for instance "listen on 10.0.0.1:7000"
 */
export function systemError(doing: string, errno: number): SystemError {
  const name = errnoName(errno);
  const explanation = EXPLANATIONS[name] ?? {
    code: 'system' as const,
    text: 'the system refused; look the name up with "errno"',
  };
  const sentence = `cannot ${doing}: ${explanation.text} (${name})`;
  return new SystemError(explanation.code, sentence, errno);
}
