/** Keys of groups that we make, for a node and for the command line. */
import { randomBytes } from 'node:crypto';

/** Octets of chance: 192 bits, 32 characters of base64url. */
const FRESH_KEY_LENGTH = 24;

/** @returns a key that fits NAME:KEY, the configuration, and a line of a file */
export function freshGroupKey(): string {
  return randomBytes(FRESH_KEY_LENGTH).toString('base64url');
}
