/** Where the package is: compiled, this file may lie at several depths below it. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest directory above this file that holds bench/clients/. */
export function findRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'bench/clients'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('bench/clients is not above this program');
    directory = parent;
  }
  return directory;
}
