/** Runs targets over their corpus, and over what becomes of it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seeded } from '../links/handshake/handshake-driver.ts';
import { HANDSHAKE_TARGETS } from './handshake-targets.ts';
import { LINK_TARGETS } from './link-targets.ts';
import { mutate } from './mutate.ts';
import { SWITCH_TARGETS } from './switch-targets.ts';
import type { Target } from './target.ts';
import { TEXT_TARGETS } from './text-targets.ts';

export const TARGETS: readonly Target[] = [
  ...HANDSHAKE_TARGETS,
  ...LINK_TARGETS,
  ...SWITCH_TARGETS,
  ...TEXT_TARGETS,
];

/** In the repository; the code runs from `dist`. */
const CORPUS = fileURLToPath(new URL('../../../test/fuzz/corpus/', import.meta.url));

/**
 * Milliseconds of processor time that one input may take: far more than any needs, far less
 * than a hang. Time on the clock would tell how busy the machine is.
 */
const LONGEST_CHECK = 2000;
/** Inputs after which a target begins afresh. */
const INPUTS_PER_START = 2000;

export interface Finding {
  readonly target: string;
  /** Of the mutations; absent for an input of the corpus. */
  readonly seed?: number;
  readonly input: Uint8Array;
  readonly error: Error;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly finding: Finding | undefined;
}

export interface FuzzLimits {
  /** Whichever comes first ends it. */
  readonly milliseconds?: number;
  readonly inputs?: number;
}

/** What is in the corpus of a target. */
export function corpusOf(target: Target): readonly Uint8Array[] {
  const folder = join(CORPUS, target.name);
  return readdirSync(folder)
    .sort()
    .map((name) => Uint8Array.from(readFileSync(join(folder, name))));
}

/** Writes the samples of all targets; what else is in the corpus stays. */
export function writeCorpus(): void {
  for (const target of TARGETS) {
    const folder = join(CORPUS, target.name);
    mkdirSync(folder, { recursive: true });
    for (const [name, bytes] of Object.entries(target.samples())) {
      writeFileSync(join(folder, `${name}.bin`), bytes);
    }
  }
}

/** First the corpus as it is, then mutations of it, until a limit or a finding. */
export async function fuzz(target: Target, seed: number, limits: FuzzLimits): Promise<FuzzResult> {
  const corpus = corpusOf(target);
  const chance = seeded(seed);
  const { milliseconds = Number.POSITIVE_INFINITY, inputs: most = Number.POSITIVE_INFINITY } =
    limits;
  const end = performance.now() + milliseconds;
  let subject = target.make();
  let inputs = 0;
  try {
    for (; inputs < corpus.length || (inputs < most && performance.now() < end); inputs++) {
      if (inputs > 0 && inputs % INPUTS_PER_START === 0) {
        subject.close?.();
        subject = target.make();
      }
      const original = corpus[inputs];
      const input = original ?? mutate(corpus, chance, target.longest);
      const error = await judge(subject.check, input);
      if (error === undefined) continue;
      const finding = { target: target.name, input, error, ...(original ? {} : { seed }) };
      return { inputs: inputs + 1, finding };
    }
  } finally {
    subject.close?.();
  }
  return { inputs, finding: undefined };
}

/** Checks one input. @returns what was wrong */
export async function judge(
  check: ReturnType<Target['make']>['check'],
  input: Uint8Array,
): Promise<Error | undefined> {
  const start = process.cpuUsage();
  try {
    // A copy: nobody may rely on what comes in staying what it is.
    await check(input.slice());
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const { user, system } = process.cpuUsage(start);
  const taken = (user + system) / 1000;
  return taken > LONGEST_CHECK ? new Error(`it took ${Math.round(taken)} ms`) : undefined;
}
