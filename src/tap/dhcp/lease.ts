/**
 * What a server lets us have: an OFFER or an ACK, read and judged.
 *
 * Read first: RFC 2131 section 4.3.1 and table 3 (what these messages must carry),
 * section 4.4.5 (T1 and T2); RFC 2132 for each option.
 */
import { classPrefix, formatIpv4, isHostAddress, prefixOfMask } from './ipv4.ts';
import type { DhcpMessage } from './message.ts';
import { Option, readAddress, readDomain, readHostAddresses, readNumber } from './options.ts';

/** An address on loan, and what the server says of the network. */
export interface Lease {
  /** IPv4, as text. */
  readonly address: string;
  /** 1 … 32. */
  readonly prefix: number;
  /** The default router, if there is one. */
  readonly router?: string;
  /** Name servers, the preferred one first. */
  readonly dns: readonly string[];
  /** The domain to look up short names in. */
  readonly domain?: string;
  /** Octets of the largest IP packet, from 576. */
  readonly mtu?: number;
  /** The server's identifier, which is an address of it. */
  readonly server: string;
  /** Milliseconds from the request on; Infinity for a lease without an end. */
  readonly duration: number;
}

/** A lease with what only the client needs. Times are milliseconds from the request on. */
export interface Grant {
  readonly lease: Lease;
  readonly address: number;
  readonly server: number;
  /** T1: when to ask the server again. */
  readonly renewAfter: number;
  /** T2: when to ask any server. */
  readonly rebindAfter: number;
}

/** RFC 2131 section 3.3: seconds that mean "for ever". */
const FOR_EVER = 0xffffffff;
/** RFC 2131 section 4.4.5. */
const DEFAULT_T1 = 0.5;
const DEFAULT_T2 = 0.875;
/** RFC 791 section 3.1: what every host takes; a smaller MTU is nonsense or malice. */
const SMALLEST_MTU = 576;
/** Name servers kept; the resolver uses three. */
const MOST_NAME_SERVERS = 8;
/** Seconds: what a shorter lease counts as, lest we do nothing but renew it (ours). */
const SHORTEST_LEASE = 4;

/** @returns undefined when the message lacks what it must have, or has what cannot be */
export function readGrant(message: DhcpMessage): Grant | undefined {
  const { options, yourAddress } = message;
  const server = readAddress(options, Option.serverIdentifier);
  const seconds = readNumber(options, Option.leaseTime, 4);
  const prefix = prefixFor(message);
  if (server === undefined || !isHostAddress(server)) return undefined;
  if (seconds === undefined || seconds === 0 || prefix === undefined) return undefined;
  if (!isHostAddress(yourAddress)) return undefined;

  const duration =
    seconds === FOR_EVER ? Number.POSITIVE_INFINITY : 1000 * Math.max(seconds, SHORTEST_LEASE);
  const [router] = readHostAddresses(options, Option.router);
  const domain = readDomain(options, Option.domainName);
  const mtu = readNumber(options, Option.interfaceMtu, 2);
  return {
    lease: {
      address: formatIpv4(yourAddress),
      prefix,
      ...(router === undefined ? {} : { router }),
      dns: readHostAddresses(options, Option.domainNameServer).slice(0, MOST_NAME_SERVERS),
      ...(domain === undefined ? {} : { domain }),
      ...(mtu === undefined || mtu < SMALLEST_MTU ? {} : { mtu }),
      server: formatIpv4(server),
      duration,
    },
    address: yourAddress,
    server,
    ...timesOf(message, duration),
  };
}

function prefixFor({ options, yourAddress }: DhcpMessage): number | undefined {
  if (!options.has(Option.subnetMask)) return classPrefix(yourAddress);
  const mask = readAddress(options, Option.subnetMask);
  return mask === undefined ? undefined : prefixOfMask(mask);
}

/** T1 and T2 as the server wants them if that makes sense: 0 < T1 < T2 < duration. */
function timesOf(
  { options }: DhcpMessage,
  duration: number,
): Pick<Grant, 'renewAfter' | 'rebindAfter'> {
  if (duration === Number.POSITIVE_INFINITY) {
    return { renewAfter: duration, rebindAfter: duration };
  }
  const t1 = 1000 * (readNumber(options, Option.renewalTime, 4) ?? 0);
  const t2 = 1000 * (readNumber(options, Option.rebindingTime, 4) ?? 0);
  const rebindAfter = t2 > 0 && t2 < duration ? t2 : duration * DEFAULT_T2;
  const usual = duration * DEFAULT_T1;
  const fallback = usual < rebindAfter ? usual : rebindAfter / 2;
  return { renewAfter: t1 > 0 && t1 < rebindAfter ? t1 : fallback, rebindAfter };
}
