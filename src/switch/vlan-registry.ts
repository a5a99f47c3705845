/**
 * Which VLANs there are and which ports are in them, as people set it.
 *
 * Read first: IEEE 802.1Q-2018, 8.8.2 (static entries) and 6.9 (PVID); the rules
 * are VDE's (docs/protocol/vde.md):
 *
 *   - VLAN 0 is always there: the untagged network of ports that have no other;
 *   - every port is untagged in one VLAN, or in none (NO_VLAN), and tagged in any number;
 *   - a VLAN is created before a port joins it, and removed when it has no member;
 *   - a port that is untagged in a VLAN cannot be tagged in it, and leaves it by
 *     becoming untagged in another.
 *
 * Pure. Nothing throws: each act says what was wrong with it, or nothing.
 */
import { MAX_PORT } from './port.ts';
import {
  buildVlanTables,
  DEFAULT_VID,
  NO_VLAN,
  type PortVlans,
  type VlanTables,
} from './vlan-table.ts';
import { MAX_VID } from './vlan-tag.ts';

/** The greatest VLAN that can be created (VDE's; 4094 and 4095 are for itself). */
export const MAX_CREATED_VID = 4093;

/** Why an act was refused. */
export type VlanFault =
  /** A number out of range. */
  | 'range'
  | 'exists'
  | 'no-such-vlan'
  /** The VLAN has members, or the port is untagged in it. */
  | 'in-use';

export interface VlanMember {
  readonly port: number;
  readonly tagged: boolean;
}

interface PortMembership {
  untagged: number;
  tagged: Set<number> | 'all';
}

/** A port of which nothing is said. */
const UNTOUCHED: PortVlans = { untagged: DEFAULT_VID, tagged: [] };

export class VlanRegistry {
  readonly #vlans = new Set<number>([DEFAULT_VID]);
  /** What ports are until somebody changes them. */
  #configured: ReadonlyMap<number, PortVlans> = new Map();
  /** Somebody who configured them thought of VLANs. */
  #aware = false;
  /** Ports that were changed. */
  readonly #ports = new Map<number, PortMembership>();

  /**
   * Takes over what the configuration says; what was changed since the start stays.
   * @param vlans those that are there from the start
   * @param ports what is special about ports; trunks may carry all VLANs
   * @param aware whether tags mean something as long as no VLAN is created
   */
  configure(vlans: Iterable<number>, ports: ReadonlyMap<number, PortVlans>, aware: boolean): void {
    for (const vid of vlans) this.#vlans.add(vid);
    this.#configured = ports;
    this.#aware = aware;
  }

  /** In order. */
  get vlans(): number[] {
    return [...this.#vlans].sort((a, b) => a - b);
  }

  create(vid: number): VlanFault | undefined {
    if (!isWithin(vid, 1, MAX_CREATED_VID)) return 'range';
    if (this.#vlans.has(vid)) return 'exists';
    this.#vlans.add(vid);
    return undefined;
  }

  /** @param ports every port that counts as there: VLAN 0 has members that nobody put into it */
  remove(vid: number, ports: Iterable<number>): VlanFault | undefined {
    if (!isWithin(vid, 0, MAX_VID)) return 'range';
    if (!this.#vlans.has(vid)) return 'no-such-vlan';
    // Trunks that carry whatever there is do not hold it.
    const held = this.members(vid, ports).some(({ port }) => !this.#carriesAll(port, vid));
    if (vid === DEFAULT_VID || held) return 'in-use';
    this.#vlans.delete(vid);
    return undefined;
  }

  /** Makes a port a tagged member; one that is untagged there stays so. */
  addTagged(vid: number, port: number): VlanFault | undefined {
    if (!isWithin(vid, 0, MAX_CREATED_VID) || !isPort(port)) return 'range';
    if (!this.#vlans.has(vid)) return 'no-such-vlan';
    if (this.untaggedOf(port) === vid) return undefined;
    // VLAN 0 is never tagged on the wire (802.1Q, table 9-2: VID 0 is a priority tag).
    if (vid === DEFAULT_VID) return 'range';
    const membership = this.#membership(port);
    if (membership.tagged !== 'all') membership.tagged.add(vid);
    return undefined;
  }

  removeTagged(vid: number, port: number): VlanFault | undefined {
    if (!isWithin(vid, 0, MAX_CREATED_VID) || !isPort(port)) return 'range';
    if (!this.#vlans.has(vid)) return 'no-such-vlan';
    if (this.untaggedOf(port) === vid) return 'in-use';
    if (!this.#isTagged(port, vid)) return undefined;
    const membership = this.#membership(port);
    if (membership.tagged === 'all') membership.tagged = new Set(this.#vlans);
    membership.tagged.delete(vid);
    membership.tagged.delete(DEFAULT_VID);
    return undefined;
  }

  /** Gives a port its untagged VLAN; NO_VLAN: it takes and gives no untagged frames. */
  setUntagged(port: number, vid: number): VlanFault | undefined {
    if (!isWithin(vid, 0, NO_VLAN) || !isPort(port)) return 'range';
    if (vid !== NO_VLAN && !this.#vlans.has(vid)) return 'no-such-vlan';
    const membership = this.#membership(port);
    membership.untagged = vid;
    if (membership.tagged !== 'all') membership.tagged.delete(vid);
    return undefined;
  }

  /** The port is gone: should it come again, it is as it was configured. */
  forgetPort(port: number): void {
    this.#ports.delete(port);
  }

  untaggedOf(port: number): number {
    return this.#of(port).untagged;
  }

  /** Those of `ports` that are in a VLAN, in order. */
  members(vid: number, ports: Iterable<number>): VlanMember[] {
    const members: VlanMember[] = [];
    for (const port of ports) {
      if (this.untaggedOf(port) === vid) members.push({ port, tagged: false });
      else if (this.#isTagged(port, vid)) members.push({ port, tagged: true });
    }
    return members.sort((a, b) => a.port - b.port);
  }

  /** For the forwarder; undefined while there is nothing but VLAN 0, and tags pass as they are. */
  tables(): VlanTables | undefined {
    const described = new Map<number, PortVlans>(this.#configured);
    let aware = this.#aware || this.#vlans.size > 1;
    for (const [port, { untagged, tagged }] of this.#ports) {
      const list = tagged === 'all' ? tagged : [...tagged];
      described.set(port, { untagged, tagged: list });
      aware ||= untagged !== DEFAULT_VID;
    }
    return aware ? buildVlanTables(described) : undefined;
  }

  #of(port: number): PortMembership | PortVlans {
    return this.#ports.get(port) ?? this.#configured.get(port) ?? UNTOUCHED;
  }

  #isTagged(port: number, vid: number): boolean {
    const { untagged, tagged } = this.#of(port);
    if (vid === untagged || vid === DEFAULT_VID) return false;
    if (tagged === 'all') return true;
    return tagged instanceof Set ? tagged.has(vid) : tagged.includes(vid);
  }

  #carriesAll(port: number, vid: number): boolean {
    const { untagged, tagged } = this.#of(port);
    return tagged === 'all' && vid !== untagged;
  }

  #membership(port: number): PortMembership {
    let membership = this.#ports.get(port);
    if (membership === undefined) {
      const { untagged, tagged } = this.#configured.get(port) ?? UNTOUCHED;
      membership = { untagged, tagged: tagged === 'all' ? tagged : new Set(tagged) };
      this.#ports.set(port, membership);
    }
    return membership;
  }
}

function isPort(port: number): boolean {
  return isWithin(port, 1, MAX_PORT);
}

function isWithin(value: number, least: number, greatest: number): boolean {
  return Number.isInteger(value) && value >= least && value <= greatest;
}
