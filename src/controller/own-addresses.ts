/**
 * Under which URLs friends may find this node, from what it listens on.
 *
 * A wildcard stands for every address of the machine's interfaces; loopback is
 * told last, and only for friends on the same machine.
 */
import { networkInterfaces } from 'node:os';
import { formatLinkUrl, parseLinkUrl } from '../links/link-url.ts';

/** What `os.networkInterfaces` gives, as far as we look. */
export type Interfaces = Readonly<
  Record<
    string,
    | readonly {
        readonly address: string;
        readonly internal: boolean;
        /** The address with its prefix. */
        readonly cidr?: string | null;
      }[]
    | undefined
  >
>;

const WILDCARDS = new Set(['::', '0.0.0.0']);

export function ownAddresses(
  listening: readonly string[],
  interfaces: Interfaces = networkInterfaces(),
): readonly string[] {
  const addresses = Object.values(interfaces).flatMap((list) => list ?? []);
  const outer = addresses.filter(({ address, internal }) => !internal && !isLinkLocal(address));
  const inner = addresses.filter(({ internal }) => internal);
  const urls: string[] = [];
  for (const { address } of [...outer, ...inner]) {
    for (const url of listening) {
      const { scheme, host, port } = parseLinkUrl(url, 'listen');
      if (scheme === 'memory' || !WILDCARDS.has(host)) continue;
      if (host === '0.0.0.0' && address.includes(':')) continue;
      urls.push(formatLinkUrl({ scheme, host: address, port }));
    }
  }
  const fixed = listening.filter((url) => !WILDCARDS.has(parseLinkUrl(url, 'listen').host));
  return [...new Set([...fixed, ...urls])];
}

/** IPv6 link-local addresses mean nothing without the friend's own interface. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}
