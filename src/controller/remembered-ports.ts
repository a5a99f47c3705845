/**
 * Keeps the ports that the system chose, so that a node that starts again is
 * where its friends look for it: `ports.json` in the home, by the address as
 * configured.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { formatLinkUrl, parseLinkUrl } from '../links/link-url.ts';

const PORTS_FILE = 'ports.json';

const portsFile = z.record(z.string(), z.int().min(1).max(65_535));

export class RememberedPorts {
  readonly #path: string;
  #ports: Record<string, number> = {};

  constructor(home: string) {
    this.#path = join(home, PORTS_FILE);
  }

  /** Reads what is remembered. A file that is missing or damaged is as good as none: ports are a hint. */
  async load(): Promise<void> {
    try {
      this.#ports = portsFile.parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch {
      this.#ports = {};
    }
  }

  /**
   * Listens on an address; where it leaves the port to the system, on the port of
   * last time if that is still free.
   * @param listen resolves with the URL that is really in use
   */
  async listen(url: string, listen: (url: string) => Promise<string>): Promise<string> {
    const parsed = parseLinkUrl(url, 'listen');
    if (parsed.scheme === 'memory' || parsed.port !== 0) return listen(url);
    const last = this.#ports[url];
    if (last !== undefined) {
      try {
        return await listen(formatLinkUrl({ ...parsed, port: last }));
      } catch {
        // Somebody else has it now; the system shall choose anew.
      }
    }
    const used = await listen(url);
    this.#ports[url] = parseLinkUrl(used, 'listen').port;
    return used;
  }

  /** Writes them down. A home that cannot be written stops nobody: ports are a hint. */
  async save(): Promise<void> {
    if (Object.keys(this.#ports).length === 0) return;
    const temporary = `${this.#path}.${process.pid}`;
    try {
      await writeFile(temporary, `${JSON.stringify(this.#ports, null, 2)}\n`, { mode: 0o600 });
      await rename(temporary, this.#path);
    } catch {
      // Next time the system chooses again.
    }
  }
}
