/** What several parts of the configuration's schema are made of. */
import { z } from 'zod';
import { isNodeName } from '../links/handshake/handshake-payload.ts';
import { formatLinkUrl, parseLinkUrl, type UrlUse } from '../links/link-url.ts';

/** Where it stands in the file, and a whole sentence with the mend. */
export type Contradiction = [path: (string | number)[], message: string];

/** Marks an issue whose message is a whole sentence and not the end of "it must be …". */
export const WHOLE = { whole: true } as const;

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

export function flag() {
  return z.boolean('true or false');
}

/** @param what the phrase for "it must be …"; an empty text is none */
export function someText(what: string) {
  return z.string(what).min(1, what);
}

export function oneOf<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, `one of ${values.map((value) => `"${value}"`).join(', ')}`);
}

/** A file mode as in chmod: "0600". */
export function fileMode(fallback: number) {
  const allowed = 'a file mode in octal, in quotes, such as "0600"';
  return z
    .string(allowed)
    .regex(/^0?[0-7]{3,4}$/, allowed)
    .default(`0${fallback.toString(8)}`)
    .transform((text) => Number.parseInt(text, 8));
}

/** The URL of a link, in its one spelling. */
export function linkUrl(use: UrlUse) {
  const example = use === 'listen' ? 'udp://[::]:4000' : 'udp://vm.example.org:4000';
  return z
    .string(`an address such as "${example}"`)
    .meta({ pattern: '^(udp|tcp|memory)://', examples: [example] })
    .transform((text, context): string => {
      try {
        return formatLinkUrl(parseLinkUrl(text, use));
      } catch (error) {
        context.addIssue({ code: 'custom', message: sentenceOf(error), params: WHOLE });
        return z.NEVER;
      }
    });
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
