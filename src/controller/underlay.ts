/**
 * Which addresses of this machine are below the network that we make, and which are on it.
 *
 * An interface of ours on the switch (and a bridge that it is a port of) has addresses,
 * too. A link over them would carry itself: its datagrams would be frames of the switch,
 * which go by the link, as datagrams again. So they are not told to friends, and what is
 * reached by them is not dialled.
 */
import { readlinkSync } from 'node:fs';
import { BlockList } from 'node:net';
import { basename } from 'node:path';
import { parseLinkUrl } from '../links/link-url.ts';
import type { Interfaces } from './own-addresses.ts';

/** The bridge or bond that an interface is a port of, if it is of any (Linux, sysfs). */
export function masterOf(name: string): string | undefined {
  try {
    return basename(readlinkSync(`/sys/class/net/${name}/master`));
  } catch {
    return undefined;
  }
}

/** @returns the interfaces without those of ours, and without those that ours are ports of */
export function underlay(
  interfaces: Interfaces,
  ours: readonly string[],
  master: (name: string) => string | undefined = masterOf,
): Interfaces {
  const overlay = new Set(ours.flatMap((name) => [name, master(name) ?? name]));
  return Object.fromEntries(Object.entries(interfaces).filter(([name]) => !overlay.has(name)));
}

/**
 * Whether an address is reached by an interface that is not in `below`. The longest prefix
 * decides, as in the kernel; of two as long, the one below. A name is not looked up, and
 * counts as below.
 */
export function leadsOverUs(url: string, interfaces: Interfaces, below: Interfaces): boolean {
  const host = hostOf(url);
  if (host === undefined) return false;
  const longest = longestPrefix(host, interfaces);
  return longest >= 0 && longest > longestPrefix(host, below);
}

/** The host of a UDP or TCP address; what cannot be read is for the dialler to complain about. */
function hostOf(url: string): string | undefined {
  if (!/^(udp|tcp):/.test(url)) return undefined;
  try {
    return parseLinkUrl(url, 'dial').host;
  } catch {
    return undefined;
  }
}

/** @returns bits, -1 if no network of these has the address */
function longestPrefix(host: string, interfaces: Interfaces): number {
  let longest = -1;
  for (const { cidr } of Object.values(interfaces).flatMap((list) => list ?? [])) {
    if (cidr === undefined || cidr === null) continue;
    const [network = '', bits] = cidr.split('/');
    const family = network.includes(':') ? 'ipv6' : 'ipv4';
    if ((family === 'ipv6') !== host.includes(':')) continue;
    const prefix = new BlockList();
    prefix.addSubnet(network, Number(bits), family);
    if (prefix.check(host, family)) longest = Math.max(longest, Number(bits));
  }
  return longest;
}
