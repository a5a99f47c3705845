/** The home of a node: which directory it is, and that it is ours alone. */
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { KithError } from '../errors.ts';

/** `--home`, then `$KITH_HOME`, then `~/.kith`. @returns an absolute path */
export function homeDirectory(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (flag === '') throw new KithError('usage', '--home needs the path of a directory');
  return resolve(flag ?? (env.KITH_HOME || join(env.HOME || homedir(), '.kith')));
}

/** Makes the home, for its owner only, if it is not there. */
export async function ensureHome(home: string): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const mend =
      code === 'EEXIST' || code === 'ENOTDIR'
        ? 'something that is no directory stands there; name another with --home'
        : 'make it by hand or name another with --home';
    throw new KithError('permission', `the home ${home} cannot be made (${code}); ${mend}`, {
      cause,
    });
  }
}
