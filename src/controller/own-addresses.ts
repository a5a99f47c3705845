/**
 * Under which URLs friends may find this node, from what it listens on.
 *
 * A wildcard stands for every address of the machine's interfaces. Those on loopback are
 * apart: they are told to friends whose link runs over it, who are on the same machine.
 */
import { networkInterfaces } from 'node:os';
import { isLoopback } from '../io/address.ts';
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

export interface OwnAddresses {
  /** For every friend. */
  readonly everywhere: readonly string[];
  /** On loopback: for friends on this machine. */
  readonly local: readonly string[];
}

export function ownAddresses(
  listening: readonly string[],
  interfaces: Interfaces = networkInterfaces(),
): OwnAddresses {
  const addresses = Object.values(interfaces).flatMap((list) => list ?? []);
  const outer = addresses.filter(({ address, internal }) => !internal && !isLinkLocal(address));
  const inner = addresses.filter(({ internal }) => internal);
  const fixed = listening.filter((url) => !WILDCARDS.has(parseLinkUrl(url, 'listen').host));
  const urls = [...fixed];
  for (const { address } of [...outer, ...inner]) {
    for (const url of listening) {
      const { scheme, host, port } = parseLinkUrl(url, 'listen');
      if (scheme === 'memory' || !WILDCARDS.has(host)) continue;
      if (host === '0.0.0.0' && address.includes(':')) continue;
      urls.push(formatLinkUrl({ scheme, host: address, port }));
    }
  }
  const each = [...new Set(urls)];
  return {
    everywhere: each.filter((url) => !isLoopbackUrl(url)),
    local: each.filter(isLoopbackUrl),
  };
}

/**
 * What a ticket says, of which nobody knows who will take it: loopback only where there is
 * nothing else, as with two nodes on a machine without a network.
 */
export function ticketAddresses({ everywhere, local }: OwnAddresses): readonly string[] {
  return everywhere.length > 0 ? everywhere : local;
}

/** Whether a link's URL is one on loopback: to a friend elsewhere that is its own machine. */
export function isLoopbackUrl(url: string): boolean {
  const { scheme, host } = parseLinkUrl(url, 'dial');
  return scheme !== 'memory' && isLoopback(host);
}

/** IPv6 link-local addresses mean nothing without the friend's own interface. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}
