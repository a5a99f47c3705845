/**
 * What the console acts on: a switch, as vde_switch's commands see one.
 *
 * The implementation belongs to whoever owns the switch. Numbers have been read
 * but not judged when an act is called, so every act checks ranges itself and
 * answers with a status. Nothing here throws. Port 0 is VDE's management port.
 */
import type { Status } from './errno.ts';

export interface SwitchAbout {
  /** The second line of the banner: who this is. */
  readonly introduction: string;
  readonly pid: number;
  /** `02:00:00:00:00:01` */
  readonly mac: string;
  /** Whole seconds. */
  readonly uptime: number;
  readonly consolePath: string;
  /** Permission bits. */
  readonly consoleMode: number;
  readonly switchDirectory: string;
  readonly switchMode: number;
}

/** Seconds where it is a time. */
export interface HashInfo {
  readonly size: number;
  readonly collectionInterval: number;
  readonly expiry: number;
  readonly minPersistence: number;
}

export interface AddressView {
  readonly mac: string;
  readonly vlan: number;
  readonly port: number;
  /** Whole seconds. */
  readonly age: number;
}

/** What keeps BPDUs of a port from doing harm; Kith's own, vde_switch has none. */
export type TreeGuard = 'bpdu' | 'root' | 'change';

export type TreeRole = 'Unknown' | 'Edge' | 'Root' | 'Alternate/Backup' | 'Designated';

export interface TreeView {
  readonly enabled: boolean;
  readonly mac: string;
  readonly priority: number;
  readonly isRoot: boolean;
  /** Eight octets, `80:00:02:00:00:00:00:01`. */
  readonly root: string;
  /** The bridge that the root port follows, in the same form; all ff where this is the root. */
  readonly designated: string;
  /** 0 where this is the root. */
  readonly rootPort: number;
  readonly rootPathCost: number;
  /** Whole seconds since the root was last heard of. */
  readonly age: number;
  readonly bonusPort: number;
  readonly bonusCost: number;
  /** Active ports, in order. */
  readonly ports: readonly {
    readonly port: number;
    readonly cost: number;
    readonly role: TreeRole;
  }[];
}

export interface EndpointView {
  readonly id: number;
  /** What it hangs on: `unix prog` for a VDE client. */
  readonly module: string;
  readonly description: string;
}

export interface PortView {
  readonly port: number;
  /** 4095 for none. */
  readonly untaggedVlan: number;
  /** May be given to who wants any. */
  readonly allocatable: boolean;
  /** Names, or `NONE`. */
  readonly currentUser: string;
  readonly user: string;
  readonly group: string;
  readonly framesIn: number;
  readonly octetsIn: number;
  readonly framesOut: number;
  readonly octetsOut: number;
  /** Newest first; a port without any is inactive. */
  readonly endpoints: readonly EndpointView[];
}

export interface VlanView {
  readonly vlan: number;
  /** Members, in order. */
  readonly ports: readonly {
    readonly port: number;
    readonly tagged: boolean;
    readonly active: boolean;
    readonly state: 'Discarding' | 'Learning' | 'Forwarding';
  }[];
}

export interface ConsoleTarget {
  about(): SwitchAbout;
  /** The text of a script. */
  readScript(path: string): Promise<{ readonly text: string } | { readonly status: Status }>;
  /** Ends the switch, soon. */
  shutDown(): void;

  hash(): HashInfo;
  setHashSize(size: number): Promise<Status>;
  setCollectionInterval(seconds: number): Status;
  setExpiry(seconds: number): Status;
  setMinPersistence(seconds: number): Status;
  addresses(): Promise<readonly AddressView[]>;

  tree(): TreeView;
  setTreeEnabled(enabled: boolean): Status;
  setEdge(port: number, edge: boolean): Status;
  setBonus(port: number, cost: number): Status;
  /** @param cost 0: as the link is */
  setCost(port: number, cost: number): Status;
  setGuard(port: number, guard: TreeGuard, on: boolean): Status;
  /** Lets a port that a guard disabled try again. */
  recover(port: number): Status;

  portCount(): number;
  setPortCount(count: number): Status;
  isHub(): boolean;
  setHub(hub: boolean): Status;
  /** Every port that is or was in use, or was created, in order. */
  ports(): readonly PortView[];
  /** @param port 0 for any that is free @returns what was created, or why nothing was */
  createPort(port: number): { readonly port: number } | { readonly status: Status };
  removePort(port: number): Status;
  setAllocatable(port: number, allocatable: boolean): Status;
  /** @param name a name, digits, NONE or ANY */
  setPortUser(port: number, name: string): Status;
  setPortGroup(port: number, name: string): Status;
  closeEndpoint(port: number, id: number): Status;
  /** @param port undefined for all ports */
  resetCounters(port: number | undefined): Status;

  /** In order; VLAN 0 is always there. */
  vlans(): readonly VlanView[];
  createVlan(vlan: number): Status;
  removeVlan(vlan: number): Status;
  addToVlan(vlan: number, port: number): Status;
  removeFromVlan(vlan: number, port: number): Status;
  /** @param vlan 4095: no untagged frames */
  setUntaggedVlan(port: number, vlan: number): Status;
}
