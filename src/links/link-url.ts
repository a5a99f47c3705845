/**
 * Addresses of links as people write them: `udp://host:port`, `tcp://host:port`,
 * and `memory://name` for tests.
 *
 *   udp://192.0.2.1:4000      an IPv4 address
 *   udp://[2001:db8::1]:4000  an IPv6 address, in brackets
 *   tcp://vm.example.org:443  a name, looked up when dialled
 *   udp://[::]:0              to listen: every address, any port
 */
import { lookup } from 'node:dns/promises';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { KithError } from '../errors.ts';

/** What the address is for: port 0 and the wildcard addresses are for listening only. */
export type UrlUse = 'listen' | 'dial';

export type LinkScheme = 'udp' | 'tcp' | 'memory';

/** A link address taken apart. */
export interface LinkUrl {
  readonly scheme: LinkScheme;
  /** A numeric address without brackets, or (dial) a host name; for memory:// any name. */
  readonly host: string;
  /** 0 … 65535; always 0 for memory://. */
  readonly port: number;
}

export const URL_SHAPE = 'udp://HOST:PORT or tcp://HOST:PORT, an IPv6 address in [brackets]';

const SHAPE = /^([a-z][a-z0-9+.-]*):\/\/(\[[^\]]*\]|[^/:@?#\s[\]]*)(?::([^/?#]*))?\/?$/i;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
const LOOKS_NUMERIC = /^[0-9.]+$/;

/**
 * Reads an address.
 * @throws KithError 'address' with what is wrong and what is allowed
 */
export function parseLinkUrl(text: string, use: UrlUse): LinkUrl {
  const match = SHAPE.exec(text);
  if (match === null) throw unusable(text, `write ${URL_SHAPE}`);
  const scheme = match[1].toLowerCase();
  const hostText = match[2];
  const portText = match[3];

  if (scheme === 'memory') {
    if (hostText === '' || portText !== undefined) throw unusable(text, 'write memory://NAME');
    return { scheme, host: hostText, port: 0 };
  }
  if (scheme !== 'udp' && scheme !== 'tcp') {
    throw unusable(text, `'${scheme}' is no kind of link; write ${URL_SHAPE}`);
  }
  if (portText?.includes(':')) throw unusable(text, 'an IPv6 address goes in [brackets]');
  const host = readHost(text, hostText, use);
  return { scheme, host, port: readPort(text, portText, use) };
}

/** Writes an address the one way we write it: lower case, IPv6 in brackets. */
export function formatLinkUrl(url: LinkUrl): string {
  if (url.scheme === 'memory') return `memory://${url.host}`;
  const host = url.host.includes(':') ? `[${url.host}]` : url.host;
  return `${url.scheme}://${host}:${url.port}`;
}

function readHost(text: string, hostText: string, use: UrlUse): string {
  if (hostText === '') {
    throw unusable(text, `the host is missing; write ${URL_SHAPE}`);
  }
  const bracketed = hostText.startsWith('[');
  const host = (bracketed ? hostText.slice(1, -1) : hostText).toLowerCase();
  if (bracketed) {
    if (!isIPv6(host)) throw unusable(text, `'${host}' is no IPv6 address`);
  } else if (LOOKS_NUMERIC.test(host)) {
    if (!isIPv4(host)) throw unusable(text, `'${host}' is no IPv4 address`);
  } else if (use === 'listen') {
    if (host === 'localhost') return '127.0.0.1';
    throw unusable(
      text,
      'listening needs a numeric address of this machine, such as [::] or 0.0.0.0 for all of them',
    );
  } else if (!HOST_NAME.test(host)) {
    throw unusable(text, `'${host}' is no host name`);
  }
  if (use === 'dial' && isWildcard(host)) {
    throw unusable(text, `nobody can be reached at ${host}; write the address of the machine`);
  }
  return host;
}

function readPort(text: string, portText: string | undefined, use: UrlUse): number {
  const lowest = use === 'listen' ? 0 : 1;
  const allowed = `the port must be a number from ${lowest} to 65535`;
  if (portText === undefined || portText === '') {
    throw unusable(text, `the port is missing; ${allowed}`);
  }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port >= lowest && port <= 65535)) throw unusable(text, allowed);
  return port;
}

/** True for 0.0.0.0 and every spelling of ::. */
function isWildcard(host: string): boolean {
  if (isIPv4(host)) return host === '0.0.0.0';
  return isIPv6(host) && /^[0:]+$/.test(host);
}

function unusable(text: string, why: string): KithError {
  return new KithError('address', `the address '${text}' cannot be used: ${why}`);
}

/**
 * The numeric address of a host, asking the system's resolver where it is a name.
 * @throws KithError 'address'
 */
export async function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw new KithError(
      'address',
      `The name "${host}" cannot be resolved; check its spelling, or write a numeric address.`,
      { cause },
    );
  }
}
