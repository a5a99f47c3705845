/**
 * What a spanning tree wants done, gathered until the driver takes it.
 */

import type { ProtocolVersion } from './parameters.ts';
import type { PortRole, PortState } from './port.ts';

export interface OutgoingBpdu {
  readonly port: number;
  /** A whole frame; the receiver of the output owns it. */
  readonly frame: Uint8Array;
}

export interface StateChange {
  readonly port: number;
  readonly state: PortState;
  readonly role: PortRole;
}

/** For the log; nothing depends on them. */
export type SpanningTreeEvent =
  /** `rootPort` is null where this bridge is the root. */
  | { readonly kind: 'root-changed'; readonly root: string; readonly rootPort: number | null }
  /** A change began: seen by the port itself, or heard through it. Once until it has died down. */
  | {
      readonly kind: 'topology-change';
      readonly port: number;
      readonly cause: 'detected' | 'received';
    }
  | { readonly kind: 'bpdu-guard'; readonly port: number; readonly active: boolean }
  | { readonly kind: 'root-guard'; readonly port: number; readonly active: boolean }
  /** The port's own BPDU came back through it. */
  | { readonly kind: 'loopback'; readonly port: number }
  /** The port's neighbour speaks another version, and the port follows. */
  | { readonly kind: 'version'; readonly port: number; readonly version: ProtocolVersion };

/**
 * To be carried out in this order: states, then flush, then bpdus. An agreement
 * is a promise that other ports have already stopped forwarding.
 */
export interface SpanningTreeOutput {
  /** Each port at most once, with its latest state and role; those that stop come before those that start. */
  readonly states: readonly StateChange[];
  /** Ports whose learnt addresses must go at once. */
  readonly flush: readonly number[];
  readonly bpdus: readonly OutgoingBpdu[];
  readonly events: readonly SpanningTreeEvent[];
}

export const NO_OUTPUT: SpanningTreeOutput = Object.freeze({
  states: [],
  flush: [],
  bpdus: [],
  events: [],
});
