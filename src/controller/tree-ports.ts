/**
 * What an administrator says of single ports to the spanning tree: in the configuration, by
 * `kith stp PORT`, and on the console. Later words win over earlier ones, key by key.
 *
 *   stp.guestGuard, stp.friendGuard  ◀─  switch.perPort[].stp  ◀─  kith stp PORT, fstp/…
 */
import type { KithConfig } from './config.ts';
import type { PortReference } from './config-ports.ts';

/** What is behind a port. */
export type PortKind = 'vde' | 'tap' | 'link';

export interface TreePortSettings {
  /** Port Path Cost, 1 … 200,000,000; null: as the link is, or that of a LAN. */
  readonly cost?: number | null;
  /** Bits a second: the class of a link, for the cost that follows it. */
  readonly throughput?: number;
  /** Forwards at once, until a BPDU comes in. Default: true for guests and interfaces. */
  readonly edge?: boolean;
  /** A BPDU disables the port. */
  readonly bpduGuard?: boolean;
  /** The way to the root never leads through the port. */
  readonly rootGuard?: boolean;
  /** Topology changes heard at the port are not passed on (restrictedTcn). */
  readonly changeGuard?: boolean;
}

/** What the configuration says of a port. `resolve` tells which port a name means now. */
export function configuredTreePort(
  config: Pick<KithConfig, 'stp' | 'switch'>,
  resolve: (reference: PortReference) => number | undefined,
  port: number,
  kind: PortKind,
): TreePortSettings {
  const guard = kind === 'link' ? config.stp.friendGuard : config.stp.guestGuard;
  const entry = config.switch.perPort.find((each) => resolve(each.port) === port);
  return {
    ...(kind !== 'tap' && guard === 'bpdu' ? { bpduGuard: true } : {}),
    ...(kind !== 'tap' && guard === 'root' ? { rootGuard: true } : {}),
    ...entry?.stp,
  };
}
