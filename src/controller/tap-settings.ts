/** A request for a host interface, checked and with its defaults filled in. */
import { KithError } from '../errors.ts';
import type { InterfaceAddress } from '../io/system-contract.ts';
import type { TapOptions } from '../tap/contract.ts';
import { defaultMac } from '../tap/default-mac.ts';
import {
  ADDRESS_ALLOWED,
  DEFAULT_MTU,
  DEFAULT_NAME,
  DHCP,
  isInterfaceName,
  MAC_ALLOWED,
  MAX_MTU,
  MIN_IPV6_MTU,
  MIN_MTU,
  MOST_TAP_ADDRESSES,
  NAME_ALLOWED,
  NAMESPACE_ALLOWED,
  namespacePath,
  parseHostAddress,
  parseStationMac,
} from '../tap/interface-options.ts';
import type { TapRequest } from './node-api-taps.ts';

export interface TapSettings {
  readonly options: TapOptions;
  readonly dhcp: boolean;
}

/**
 * @param uid of the node, for the MAC address of an interface that has none
 * @throws KithError 'usage'; the words before "must be" are the flags of `kith tap`
 */
export function tapSettings(request: TapRequest, uid: string): TapSettings {
  const { name = DEFAULT_NAME, ip = [], mac, mtu = DEFAULT_MTU, netns } = request;
  if (!isInterfaceName(name)) throw off('--name', name, NAME_ALLOWED);
  if (!Number.isInteger(mtu) || mtu < MIN_MTU || mtu > MAX_MTU) {
    throw off('--mtu', String(mtu), `a whole number from ${MIN_MTU} to ${MAX_MTU}`);
  }
  const namespace = netns === undefined ? '' : namespacePath(netns);
  if (namespace === undefined) throw off('--netns', String(netns), NAMESPACE_ALLOWED);
  const station = mac === undefined ? undefined : parseStationMac(mac);
  if (mac !== undefined && station === undefined) throw off('--mac', mac, MAC_ALLOWED);
  const addresses = hostAddresses(ip);
  if (mtu < MIN_IPV6_MTU && addresses.some(({ host }) => host.includes(':'))) {
    throw off('--mtu', String(mtu), `at least ${MIN_IPV6_MTU} with an IPv6 address (RFC 8200)`);
  }
  const macFor = (real: string) => station ?? defaultMac(uid, tapName(real, netns));
  return {
    options: { name, namespace, mtu, addresses, macFor },
    dhcp: ip.includes(DHCP),
  };
}

/**
 * What an interface goes by in this node.
 * @param place its namespace, or the port of one that another process has
 */
export function tapName(name: string, place: string | undefined): string {
  return place === undefined ? name : `${name}@${place}`;
}

function hostAddresses(ip: readonly string[]): InterfaceAddress[] {
  const addresses: InterfaceAddress[] = [];
  for (const [i, text] of ip.entries()) {
    if (ip.indexOf(text) !== i) throw off('--ip', text, 'given once only');
    if (text === DHCP) continue;
    const address = parseHostAddress(text);
    if (typeof address === 'string') throw off('--ip', text, `${DHCP}, or ${address}`);
    if (addresses.some(({ host }) => host === address.host)) {
      throw off('--ip', text, 'given once only');
    }
    addresses.push(address);
  }
  if (ip.length <= MOST_TAP_ADDRESSES) return addresses;
  throw off('--ip', `${ip.length} times`, `${ADDRESS_ALLOWED}, ${MOST_TAP_ADDRESSES} at most`);
}

function off(flag: string, given: string, allowed: string): KithError {
  return new KithError('usage', `${flag} '${given}' must be ${allowed}`);
}
