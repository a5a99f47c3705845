/**
 * The status of a command: 0, or an error number of Linux.
 *
 * Read first: errno(3), docs/protocol/vde.md. A status line is the number with
 * 1000 added and the text of glibc, which managers show to people:
 *
 *   1000 Success
 *   1022 Invalid argument
 */

/** Numbers of Linux; the same on every architecture that Kith runs on. */
export const Errno = {
  operationNotPermitted: 1,
  noEntry: 2,
  inputOutput: 5,
  noSuchDeviceOrAddress: 6,
  argumentTooLong: 7,
  badDescriptor: 9,
  accessDenied: 13,
  exists: 17,
  noDevice: 19,
  isDirectory: 21,
  invalid: 22,
  fileTooLarge: 27,
  noSpace: 28,
  notImplemented: 38,
  tooManyLevels: 40,
  addressInUse: 98,
} as const;
export type Errno = (typeof Errno)[keyof typeof Errno];

/** What a command comes to: 0 is success. */
export type Status = 0 | Errno;

export const SUCCESS: Status = 0;

const TEXTS: Readonly<Record<Status, string>> = {
  0: 'Success',
  1: 'Operation not permitted',
  2: 'No such file or directory',
  5: 'Input/output error',
  6: 'No such device or address',
  7: 'Argument list too long',
  9: 'Bad file descriptor',
  13: 'Permission denied',
  17: 'File exists',
  19: 'No such device',
  21: 'Is a directory',
  22: 'Invalid argument',
  27: 'File too large',
  28: 'No space left on device',
  38: 'Function not implemented',
  40: 'Too many levels of symbolic links',
  98: 'Address already in use',
};

/** What is added to an error number in a status line. */
export const STATUS_BASE = 1000;

/** `1022 Invalid argument`, without the end of the line. */
export function statusLine(status: Status): string {
  return `${STATUS_BASE + status} ${TEXTS[status]}`;
}
