/**
 * How the switch as a whole is set, and how that is changed.
 *
 * Part of the contract of node-api.ts, which says in what units.
 */
import type { StormLimits } from '../switch/storm-control.ts';

/** A port as it was named, and its number if it is there now. */
export interface NamedPort {
  readonly named: number | string;
  readonly port?: number;
}

/** What is set of the switch. */
export interface SwitchStatus {
  /** Every frame goes to every port, and nothing is learnt. */
  readonly hub: boolean;
  /** After so long an address not heard of is forgotten. */
  readonly ageing: number;
  /** So long an address stays on its port before it may move. */
  readonly minPersistence: number;
  /** A round through all addresses takes so long. */
  readonly collection: number;
  readonly addressesPerPort: number;
  /** Slots for addresses, three quarters of which are used. */
  readonly tableSize: number;
  /** Addresses that are known now. */
  readonly addresses: number;
  readonly snooping: boolean;
  /** Absent while tags mean nothing. */
  readonly vlans?: readonly number[];
  /** Absent when nothing is copied. */
  readonly mirror?: { readonly to: NamedPort; readonly of?: NamedPort };
  /** Flooded frames a second that pass: of every port, and of single ones. */
  readonly storm: {
    readonly every: StormLimits;
    readonly ports: readonly (NamedPort & { readonly limits: StormLimits })[];
  };
  readonly statics: readonly (NamedPort & { readonly mac: string; readonly vlan: number })[];
  /** What `saveSwitch` has kept: it is set again at the next start. */
  readonly kept: readonly SwitchSettingName[];
  /** What is as it is until the node ends, and other from the next start on. */
  readonly unsaved: readonly SwitchSettingName[];
}

/** Which setting of the switch it is. */
export interface SwitchSettingName {
  readonly set:
    | 'hub'
    | 'ageing'
    | 'minPersistence'
    | 'collection'
    | 'addressesPerPort'
    | 'tableSize'
    | 'mirror'
    | 'storm'
    | 'address'
    | 'stp';
  /** Of this port, as it is named; absent: of every port, or of none. */
  readonly port?: number | string;
  /** Of a static address. */
  readonly mac?: string;
  readonly vlan?: number;
}

/** What is to be another; what is left out stays. */
export interface SwitchChanges {
  readonly hub?: boolean;
  readonly ageing?: number;
  readonly minPersistence?: number;
  readonly collection?: number;
  readonly addressesPerPort?: number;
  readonly tableSize?: number;
}

export interface MirrorRequest {
  /** The port that gets the copies; null: nothing is copied any more. */
  readonly to: number | string | null;
  /** Only what enters or leaves by this port. */
  readonly of?: number | string;
}

export interface StormRequest {
  /** Absent: every port. */
  readonly port?: number | string;
  /** Replaces what was set before; null: nothing is. */
  readonly limits: StormLimits | null;
}

export interface AddressRequest {
  readonly mac: string;
  /** By default 0. */
  readonly vlan?: number;
  /** The port that the station is behind; null: the address is static no more. */
  readonly port: number | string | null;
}
