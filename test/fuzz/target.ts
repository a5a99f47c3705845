/** What is fuzzed: one target for each parser that takes a stranger's or a friend's octets. */

/** Takes any octets. Throws when the code under it breaks its word; a peer's nonsense is no reason. */
export type Check = (input: Uint8Array) => void | Promise<void>;

export interface Target {
  readonly name: string;
  /** Octets of the longest input that makes sense. */
  readonly longest: number;
  /** Real messages, by a name for their files; the corpus is made of them. */
  samples(): Readonly<Record<string, Uint8Array>>;
  /** Begins afresh: what a check keeps between inputs is its own affair. */
  make(): { readonly check: Check; close?(): void };
}

/** A target without a memory. */
export function pure(
  name: string,
  longest: number,
  samples: Target['samples'],
  check: Check,
): Target {
  return { name, longest, samples, make: () => ({ check }) };
}

/** @throws Error when `condition` does not hold */
export function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

export function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
