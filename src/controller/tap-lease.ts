/** What becomes of an interface of this node when DHCP gives it an address, or takes it. */
import type { InterfaceAddress, SystemSockets } from '../io/system-contract.ts';
import type { TapDevice } from '../tap/contract.ts';
import { formatHostAddress, leasedMtu } from '../tap/interface-options.ts';
import type { TapLease } from './lease-keeper.ts';

/** What of an interface a lease has to do with. */
export interface LeasedTap {
  readonly name: string;
  readonly netns: string | undefined;
  readonly fixed: readonly InterfaceAddress[];
  /** Whether the MTU is the user's, and not for DHCP to say. */
  readonly mtuGiven: boolean;
  mtu: number;
  leased: InterfaceAddress | undefined;
  /** A second descriptor, so that the last one is closed here and not by the data plane. */
  readonly spare: number;
}

export interface LeaseSurroundings {
  readonly sockets: Pick<SystemSockets, 'adoptTap'>;
  readonly log: {
    info(facts: object, text: string): void;
    warn(facts: object, text: string): void;
  };
}

/** Sets the interface up as the lease says; what cannot be done is logged. */
export function applyLease(
  tap: LeasedTap,
  device: TapDevice,
  lease: TapLease | undefined,
  { sockets, log }: LeaseSurroundings,
): void {
  const { name, netns, leased: last } = tap;
  const next = lease && { host: lease.address, prefix: lease.prefix };
  const moved = last !== undefined && (next === undefined || !same(last, next));
  const wanted = tap.mtuGiven ? undefined : lease?.mtu;
  const mtu = wanted === undefined ? tap.mtu : leasedMtu(wanted, tap.fixed);
  let now: string;
  try {
    // Somebody may have renamed the interface since. The descriptor knows.
    now = sockets.adoptTap(tap.spare);
    const settings = {
      ...(mtu === tap.mtu ? {} : { mtu }),
      ...(moved ? { removeAddresses: [last] } : {}),
      ...(next === undefined ? {} : { addresses: [next] }),
    };
    device.configure(settings, now);
  } catch (err) {
    log.warn({ name, err }, 'a DHCP lease could not be applied');
    return;
  }
  tap.mtu = mtu;
  tap.leased = next;
  log.info({ name, address: next ? formatHostAddress(next) : 'none' }, 'DHCP lease');
  // The default route of the machine itself is not ours to take.
  const gateway = netns === undefined ? undefined : lease?.gateway;
  if (gateway === undefined) return;
  try {
    device.configure({ gateway }, now);
  } catch (err) {
    // An address is of use even where its router is none.
    log.warn(
      { name, gateway, err },
      'the router of a DHCP lease cannot be the way to other networks',
    );
  }
}

function same(a: InterfaceAddress, b: InterfaceAddress): boolean {
  return a.host === b.host && a.prefix === b.prefix;
}
