/** What several parts of the configuration's schema are made of. */
import { z } from 'zod';
import { isNodeName } from '../links/handshake/handshake-payload.ts';

/** A name of a node, a friend or a group. No blanks, no ':', no '@': names go into flags. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,62}$/u;
const NAME_ALLOWED = "1 to 63 letters, digits, '.', '_' or '-', beginning with a letter or digit";

export const name = z
  .string(NAME_ALLOWED)
  .regex(NAME, NAME_ALLOWED)
  .refine(isNodeName, NAME_ALLOWED);

export function wholeNumber(minimum: number, maximum: number, unit = '') {
  const allowed = `a whole number from ${minimum} to ${maximum}${unit}`;
  return z.int(allowed).min(minimum, allowed).max(maximum, allowed);
}

export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, 'an object in {braces}');
}
