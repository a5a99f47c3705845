/** Files of the home that need not be there; replace-file.ts writes them. */
import { readFile } from 'node:fs/promises';
import { KithError } from '../errors.ts';

/** @returns undefined when there is no such file. @throws KithError 'permission' */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new KithError('permission', `${path} cannot be read; make it yours with chown.`, {
      cause,
    });
  }
}
