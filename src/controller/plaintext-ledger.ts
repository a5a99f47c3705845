/**
 * What went in the clear with each friend, over restarts of the node: `plaintext.json` in
 * the home, mode 0600, replaced whole.
 *
 *    {"version": 1, "friends": {UID: {"in": octets, "out": octets, "since": "2026-01-31T…Z"}}}
 *
 * Sums for people to look at, so nothing depends on them: a file that cannot be read or
 * makes no sense is one line in the log, and counting begins anew.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../f2f/replace-file.ts';
import type { ClearAccount } from './plaintext-audit.ts';

export const PLAINTEXT_FILE = 'plaintext.json';

const octets = z.int().min(0);
const plaintextFile = z.strictObject({
  version: z.literal(1),
  friends: z.record(
    z.string().regex(/^[0-9a-f]{40}$/),
    z.strictObject({ in: octets, out: octets, since: z.iso.datetime() }),
  ),
});

export interface PlaintextLedgerOptions {
  readonly home: string;
  readonly log: { warn(details: object, message: string): void };
}

export class PlaintextLedger {
  readonly #path: string;
  readonly #log: PlaintextLedgerOptions['log'];
  /** The last attempt failed, and that has been said. */
  #failing = false;

  constructor({ home, log }: PlaintextLedgerOptions) {
    this.#path = join(home, PLAINTEXT_FILE);
    this.#log = log;
  }

  /** What was written last, by UID. Nothing if there is no such file, or no use in it. */
  async read(): Promise<Map<string, ClearAccount>> {
    try {
      const { friends } = plaintextFile.parse(JSON.parse(await readFile(this.#path, 'utf8')));
      const accounts = Object.entries(friends).map(([uid, { since, ...sums }]) => {
        return [uid, { ...sums, since: Date.parse(since) }] as const;
      });
      return new Map(accounts);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
        const message =
          'The sums of what went in the clear cannot be read; they begin at nothing again.';
        this.#log.warn({ file: this.#path }, message);
      }
      return new Map();
    }
  }

  /** @returns whether it is written; the first failure of several is logged */
  async write(accounts: ReadonlyMap<string, ClearAccount>): Promise<boolean> {
    const friends = Object.fromEntries(
      [...accounts].map(([uid, { since, ...sums }]) => {
        return [uid, { ...sums, since: new Date(since).toISOString() }];
      }),
    );
    try {
      await replaceFile(this.#path, `${JSON.stringify({ version: 1, friends }, null, 2)}\n`);
      this.#failing = false;
      return true;
    } catch (error) {
      if (!this.#failing) this.#log.warn({ file: this.#path }, (error as Error).message);
      this.#failing = true;
      return false;
    }
  }
}
