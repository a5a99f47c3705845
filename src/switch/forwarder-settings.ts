/** What a Forwarder is told: how the control side wants the switch to be. */
import type { FilteringParameters } from './filtering-parameters.ts';
import type { SnoopingSettings } from './snooping/snooper.ts';
import type { StormLimits } from './storm-control.ts';
import type { VlanTables } from './vlan-table.ts';

/**
 * A whole set of settings, but that those of the database stay as they are where absent.
 * Immutable; structured clone carries it between threads.
 */
export interface ForwarderSettings extends FilteringParameters {
  /** PortState by port number; ports beyond its end are disabled. */
  readonly portStates: Uint8Array;
  /** Flood everything and learn nothing. */
  readonly hub?: boolean;
  /** Flooded frames a second by port, 0 for no limit; ports beyond its end have none. */
  readonly stormRates?: Int32Array;
  /** The same by class: an administrator's. Ports beyond its end have no limits. */
  readonly stormLimits?: readonly (StormLimits | undefined)[];
  /** Static entries of the database, as static-addresses.ts packs them; absent: none. */
  readonly statics?: Int32Array;
  /** Absent: not VLAN-aware. */
  readonly vlans?: VlanTables;
  /** Absent: multicast goes everywhere. */
  readonly snooping?: SnoopingSettings;
  /** A port that gets a copy of what passes, as it came in; 0 or absent for none. */
  readonly mirrorTo?: number;
  /** Copy only what enters or leaves by this port; 0 or absent for all. */
  readonly mirrorOf?: number;
}
