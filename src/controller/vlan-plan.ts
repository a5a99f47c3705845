/**
 * Which VLANs each port is in, as the configuration says.
 *
 *   nothing said of it    a port of a guest or TAP: VLAN 0, untagged
 *                         a port of a link: VLAN 0, untagged, and all others, tagged
 *   perPort               access, or trunk and native, instead
 *   vlans                 `untagged` replaces the untagged VLAN, `tagged` adds one
 *
 * So VLANs, those that the console makes among them, cross from friend to friend with their tags, as far as each node lets them.
 */
import { MAX_PORT } from '../switch/port.ts';
import { DEFAULT_VID, NO_VLAN, type PortVlans } from '../switch/vlan-table.ts';
import type { KithConfig } from './config.ts';
import type { PortReference } from './config-ports.ts';
import { FIRST_LINK_PORT } from './friend-book.ts';

/** The number of a port that the configuration names, if it has one now. */
export type ResolvePort = (reference: PortReference) => number | undefined;

type SwitchConfig = Pick<KithConfig['switch'], 'vlans' | 'perPort'>;

/** The VLANs that the configuration names. */
export function configuredVlans({ vlans, perPort }: SwitchConfig): number[] {
  const ofPorts = perPort.flatMap(({ access, trunk, native }) => [
    access ?? [],
    trunk === undefined || trunk === 'all' ? [] : trunk,
    native === undefined || native === 'none' ? [] : native,
  ]);
  return [...new Set([...vlans.map(({ id }) => id), ...ofPorts.flat()])].sort((a, b) => a - b);
}

/** Membership by port, for a VlanRegistry. */
export function planVlans(
  { vlans, perPort }: SwitchConfig,
  resolve: ResolvePort,
): Map<number, PortVlans> {
  const plan = new Map<number, PortVlans>();
  for (let port = FIRST_LINK_PORT; port <= MAX_PORT; port++) {
    plan.set(port, { untagged: DEFAULT_VID, tagged: 'all' });
  }
  for (const { port: reference, access, trunk, native = DEFAULT_VID } of perPort) {
    const port = resolve(reference);
    if (port === undefined) continue;
    if (access !== undefined) plan.set(port, { untagged: access, tagged: [] });
    else if (trunk !== undefined) {
      plan.set(port, { untagged: native === 'none' ? NO_VLAN : native, tagged: trunk });
    }
  }
  const change = (reference: PortReference, how: (before: PortVlans) => PortVlans): void => {
    const port = resolve(reference);
    if (port === undefined) return;
    plan.set(port, how(plan.get(port) ?? { untagged: DEFAULT_VID, tagged: [] }));
  };
  for (const { id, untagged, tagged } of vlans) {
    for (const each of untagged) change(each, (before) => ({ ...before, untagged: id }));
    for (const each of tagged) {
      change(each, (before) => ({
        ...before,
        tagged: before.tagged === 'all' ? 'all' : [...before.tagged, id],
      }));
    }
  }
  return plan;
}
