/** Where a carrier leads, for limits on what strangers may hold: one of them has many addresses. */
import { emitAddress, isLoopback, parseAddress } from '../io/address.ts';
import { ADDRESS_LENGTH } from '../io/contract.ts';
import type { Carrier } from '../links/contract.ts';

/** Octets of an IPv4-mapped address up to its /24, and of an IPv6 address up to its /56. */
const IPV4_NETWORK_LENGTH = 15;
const IPV6_NETWORK_LENGTH = 7;
const IPV6_LENGTH = 16;
const MAPPED_PREFIX = '00000000000000000000ffff';

/** For carriers within the machine. */
const NO_ADDRESS = new Uint8Array(1);

/**
 * The far end's address as in the slab; that of a stream is in its URL only. For a relayed
 * one, fewer octets, of the UID of the relay: more is not known.
 */
export function carrierAddress(carrier: Carrier): Uint8Array {
  if (carrier.address !== undefined) return carrier.address;
  const [, relay] = /^relay:\/\/([0-9a-f]{30})/.exec(carrier.remote) ?? [];
  if (relay !== undefined) return Buffer.from(relay, 'hex');
  const [, host] = /^tcp:\/\/\[?([^\]]+)\]?:\d+$/.exec(carrier.remote) ?? [];
  const address = new Uint8Array(ADDRESS_LENGTH);
  return host !== undefined && emitAddress({ host, port: 0 }, address) ? address : NO_ADDRESS;
}

/** Whether the far end is on this machine: 127.0.0.0/8 or ::1. A relayed one is not. */
export function isLocal(carrier: Carrier): boolean {
  const address = carrierAddress(carrier);
  if (address.length < ADDRESS_LENGTH) return false;
  const { host } = parseAddress(address) ?? {};
  return host !== undefined && isLoopback(host);
}

/** A name for the network that the far end is in: an IPv4 /24, an IPv6 /56, or behind a relay. */
export function carrierNetwork(carrier: Carrier): string {
  const address = carrierAddress(carrier);
  if (address === NO_ADDRESS) return 'local';
  if (address.length < IPV6_LENGTH) return Buffer.from(address).toString('hex');
  const name = Buffer.from(address.subarray(0, IPV6_LENGTH)).toString('hex');
  const length = name.startsWith(MAPPED_PREFIX) ? IPV4_NETWORK_LENGTH : IPV6_NETWORK_LENGTH;
  return name.slice(0, 2 * length);
}
