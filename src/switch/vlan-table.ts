/**
 * VLAN membership, packed for the forwarding path.
 *
 * Read first: IEEE 802.1Q-2018, 8.8.2 (Static VLAN Registration Entries: member
 * sets and untagged sets), 6.9 (Acceptable Frame Types, PVID).
 *
 * A VLAN has one row of bits, one bit a port, in each of two tables:
 *
 *    rowOfVid[vid] --> row r     members  [r * words + (port >> 5)] bit (port & 31)
 *                                untagged [r * words + (port >> 5)] bit (port & 31)
 *
 * Row 0 stands for every VLAN that no port names, so the path has no special case; only
 * trunks that carry all VLANs are in it. Tables are built once, never changed, and can be
 * posted to another thread.
 *
 * VLAN 0 is the network of ports that have no VLAN (VDE's default). It is never
 * tagged on the wire.
 */
import { PORT_TABLE_LENGTH } from './port.ts';
import { MAX_VID } from './vlan-tag.ts';

/** PVID of a port that takes no untagged frames (VDE's 4095). */
export const NO_VLAN = 4095;

/** The VLAN of ports that were not given one. */
export const DEFAULT_VID = 0;

const VID_COUNT = 4096;
const WORDS = PORT_TABLE_LENGTH >>> 5;

/** How one port takes part. Ports that are not described are access ports of VLAN 0. */
export interface PortVlans {
  /** The VLAN of untagged frames, both ways (PVID and native VLAN); 0 … 4094, or NO_VLAN. */
  readonly untagged: number;
  /** The VLANs that go tagged, both ways; 1 … 4094. A trunk may carry all of them. */
  readonly tagged: readonly number[] | 'all';
}

/** Immutable once built. Structured clone carries it. */
export interface VlanTables {
  readonly rowOfVid: Uint16Array;
  readonly members: Int32Array;
  readonly untagged: Int32Array;
  /** By port. */
  readonly pvid: Uint16Array;
}

/**
 * Packs a description. A VLAN exists when some port is in it, VLAN 0 always.
 * RangeError for a VID out of range: the caller has checked what people typed.
 */
export function buildVlanTables(ports: ReadonlyMap<number, PortVlans>): VlanTables {
  const pvid = new Uint16Array(PORT_TABLE_LENGTH);
  const rowOfVid = new Uint16Array(VID_COUNT);
  let rows = 1;
  const rowFor = (vid: number): number => {
    if (rowOfVid[vid] === 0) rowOfVid[vid] = rows++;
    return rowOfVid[vid];
  };
  rowFor(DEFAULT_VID);
  for (const [port, vlans] of ports) {
    if (!(port >= 1 && port < PORT_TABLE_LENGTH)) throw new RangeError(`no port ${port}`);
    checkVid(vlans.untagged, DEFAULT_VID, NO_VLAN);
    pvid[port] = vlans.untagged;
    if (vlans.untagged !== NO_VLAN) rowFor(vlans.untagged);
    if (vlans.tagged === 'all') continue;
    for (const vid of vlans.tagged) {
      checkVid(vid, 1, MAX_VID);
      rowFor(vid);
    }
  }
  const members = new Int32Array(rows * WORDS);
  const untagged = new Int32Array(rows * WORDS);
  for (const [port, vlans] of ports) {
    if (vlans.tagged === 'all') {
      for (let row = 0; row < rows; row++) {
        if (row !== rowOfVid[DEFAULT_VID]) setBit(members, row, port);
      }
    } else for (const vid of vlans.tagged) setBit(members, rowOfVid[vid], port);
  }
  for (let port = 1; port < PORT_TABLE_LENGTH; port++) {
    if (pvid[port] === NO_VLAN) continue;
    setBit(members, rowOfVid[pvid[port]], port);
    setBit(untagged, rowOfVid[pvid[port]], port);
  }
  return { rowOfVid, members, untagged, pvid };
}

/** The VLANs that some port is in, in order; without tables, the one there is. */
export function vlansOf(tables: VlanTables | undefined): number[] {
  if (tables === undefined) return [DEFAULT_VID];
  const vlans: number[] = [];
  for (let vid = 0; vid < VID_COUNT; vid++) if (tables.rowOfVid[vid] !== 0) vlans.push(vid);
  return vlans;
}

/** Where the row of a VLAN begins in `members` and `untagged`. */
export function rowOffset(tables: VlanTables, vid: number): number {
  return tables.rowOfVid[vid] * WORDS;
}

/** Whether `port` has its bit set in the row at `offset` (see `rowOffset`). */
export function hasPort(table: Int32Array, offset: number, port: number): boolean {
  return ((table[offset + (port >>> 5)] >>> (port & 31)) & 1) !== 0;
}

function setBit(table: Int32Array, row: number, port: number): void {
  table[row * WORDS + (port >>> 5)] |= 1 << (port & 31);
}

function checkVid(vid: number, least: number, greatest: number): void {
  if (!(Number.isInteger(vid) && vid >= least && vid <= greatest)) {
    throw new RangeError(`a VLAN here is ${least} to ${greatest}, not ${vid}`);
  }
}
