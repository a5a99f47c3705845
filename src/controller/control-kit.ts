/** What several of the schemas of the control socket are made of. */
import { z } from 'zod';

export const count = z.int().min(0);
export const counters = z.record(z.string(), z.number()).describe('Monotonic counters, by name.');
export const milliseconds = z.number().min(0).describe('Milliseconds.');
export const portNumber = z.int().min(0).describe('The number of a switch port.');
export const uid = z.string().describe('20 octets in hexadecimal.');

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

/** `true` when a schema gives just what node-api.ts and its parts say, or else never. */
export type Matches<Schema extends z.ZodType, Type> = Same<z.output<Schema>, Mutable<Type>>;
