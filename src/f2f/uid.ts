/** UIDs as people write them; what they are made from is in links/handshake/identity-proof.ts. */

import { KithError } from '../errors.ts';
import { UID_LENGTH, type Uid } from '../links/handshake/identity-proof.ts';

export type { Uid } from '../links/handshake/identity-proof.ts';
export { uidOf } from '../links/handshake/identity-proof.ts';

/** Digits of a UID's short form, for tables; it is not unique. */
const SHORT_DIGITS = 8;

const UID_PATTERN = new RegExp(`^[0-9a-f]{${2 * UID_LENGTH}}$`);

/** Whether `text` is a UID in lower case. */
export function isUid(text: string): text is Uid {
  return UID_PATTERN.test(text);
}

/**
 * Reads a UID; upper case and surrounding blanks are forgiven.
 * @throws KithError 'usage'
 */
export function parseUid(text: string): Uid {
  const uid = text.trim().toLowerCase();
  if (isUid(uid)) return uid;
  throw new KithError(
    'usage',
    `"${text}" is no UID; give the ${2 * UID_LENGTH} hex digits that "kith id" prints on the friend's machine.`,
  );
}

/** The first digits of a UID, for people to tell friends apart. */
export function shortUid(uid: Uid): string {
  return uid.slice(0, SHORT_DIGITS);
}
