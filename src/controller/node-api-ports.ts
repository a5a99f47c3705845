/**
 * What a node tells of its switch ports: what hangs on them, their part in the spanning tree,
 * what is learnt, impaired and captured there.
 *
 * Part of the contract of node-api.ts, which says in what units.
 */
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import type { TreePortSettings } from './tree-ports.ts';

export interface PortStatus {
  readonly port: number;
  readonly kind: 'vde' | 'link' | 'tap';
  /** Who is on it: the description a VDE client gave, the friend's name, or that of the TAP. */
  readonly description: string;
  readonly endpoints: number;
  readonly role: string;
  readonly state: 'discarding' | 'learning' | 'forwarding';
  readonly pathCost: number;
  readonly counters: Readonly<Record<string, number>>;
}

export interface MacStatus {
  readonly mac: string;
  readonly vlan: number;
  readonly port: number;
  readonly age: number;
  readonly static: boolean;
}

export interface StpStatus {
  readonly enabled: boolean;
  readonly bridgeId: string;
  readonly rootId: string;
  readonly isRoot: boolean;
  readonly rootPathCost: number;
  readonly rootPort: number;
  readonly topologyChanges: number;
  readonly ports: readonly {
    readonly port: number;
    readonly role: string;
    readonly state: string;
    readonly pathCost: number;
    /** Of the link's latest measurement, in force or not; null: none, or no link. */
    readonly measuredCost: number | null;
    readonly edge: boolean;
    readonly designatedBridge: string;
    /** The guard that acts now. */
    readonly guard: 'none' | 'bpdu-guard' | 'root-guard';
    readonly bpduGuard: boolean;
    readonly rootGuard: boolean;
    readonly changeGuard: boolean;
    /** BPDUs and topology changes. */
    readonly counters: Readonly<Record<string, number>>;
    /** BPDUs with a fault, by fault. */
    readonly faults: Readonly<Record<string, number>>;
  }[];
}

/** Changes how a port takes part in the spanning tree; what is left out stays. */
export interface StpPortRequest extends TreePortSettings {
  /** The number of a port, or the name of a friend or of an interface. */
  readonly port: number | string;
  /** Whether to let a port that BPDU guard disabled try again. */
  readonly recover?: boolean;
}

/** How what leaves by a port is made worse. */
export interface ImpairRequest {
  /** The number of a port, or the name of a friend or of an interface. */
  readonly port: number | string;
  /** Replaces what was set before; null: nothing is. */
  readonly impair: ImpairmentSettings | null;
}

/** A port that is impaired. */
export interface ImpairmentStatus {
  readonly port: number;
  /** What hangs there. */
  readonly name: string;
  readonly impair: ImpairmentSettings;
  /** Frames on their way. */
  readonly waiting: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** Which frames are wanted, and until when. */
export interface CaptureRequest {
  /** Only those of this port; by default those of all. */
  readonly port?: number;
  /** Only those of the link to this friend. */
  readonly link?: string;
  /** Octets of each frame that are kept at most; by default all. */
  readonly snaplen?: number;
  /** Ends after so many packets. */
  readonly count?: number;
  /** Ends after so many seconds. */
  readonly seconds?: number;
}
