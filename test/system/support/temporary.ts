import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/**
 * A directory that is gone after the test. Its path is short: the path of a
 * Unix socket has room for 107 octets.
 */
export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'kith-t-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
