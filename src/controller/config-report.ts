/** From the complaints of the schema to one sentence that an operator can act on. */
import type { z } from 'zod';
import { KithError } from '../errors.ts';
import { nearestWord } from './config-nearest.ts';

/** Looks up the keys known at a path of the file, for "did you mean". */
export type KnownKeys = (path: readonly PropertyKey[]) => readonly string[];

/**
 * @param where the name of the file, for the front of the sentence
 * @param value what was in the file
 */
export function configProblem(
  where: string,
  value: unknown,
  error: z.ZodError,
  knownKeys: KnownKeys,
): KithError {
  const issues = error.issues;
  // A key nobody knows is the likeliest cause of whatever else is wrong.
  const first = issues.find((issue) => issue.code === 'unrecognized_keys') ?? issues[0];
  const count = first.code === 'unrecognized_keys' ? first.keys.length : 1;
  const others = issues.length - 1 + count - 1;
  const more = others === 0 ? '' : ` (and ${others} more ${others === 1 ? 'mistake' : 'mistakes'})`;
  return new KithError('config', `${where}: ${describe(first, value, knownKeys)}${more}`);
}

function describe(issue: z.core.$ZodIssue, value: unknown, knownKeys: KnownKeys): string {
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0];
    const known = knownKeys(issue.path);
    const near = nearestWord(key, known);
    const mend =
      near === undefined
        ? `known there: ${known.join(', ')}`
        : `did you mean ${writePath([...issue.path, near])}?`;
    return `${writePath([...issue.path, key])} is no known key; ${mend}`;
  }
  const path = writePath(issue.path);
  const given = valueAt(value, issue.path);
  if (issue.code === 'custom' && issue.params?.whole === true) return `${path}: ${issue.message}`;
  if (issue.path.length === 0) return `it must be ${issue.message}`;
  if (given === undefined) return `${path} is missing; it must be ${issue.message}`;
  return `${path} is ${shortly(given)}; it must be ${issue.message}`;
}

/** friends[2].addresses[0] */
export function writePath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? String(step) : `.${String(step)}`;
  }
  return text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<PropertyKey, unknown>)[step];
  }
  return current;
}

function shortly(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 40 ? text : `${text.slice(0, 37)}…`;
}

/**
 * @param at octet of the text, as the parser of JSON counts
 * @returns "line 3, column 14"
 */
export function linePosition(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  const column = at - (before.lastIndexOf('\n') + 1) + 1;
  return `line ${line}, column ${column}`;
}
