/**
 * Identifiers, priority vectors and times of the spanning tree.
 *
 * Read first: IEEE 802.1D-2004, 17.5 and 17.6 (vectors), 9.2.5 (Bridge
 * Identifier), 9.2.7 (Port Identifier).
 *
 *   Bridge Identifier, 64 bits:  | priority 4 | extension 12 | address 48 |
 *   Port Identifier, 16 bits:    | priority 4 | number 12 |
 *
 * Numerically lower is better, for identifiers and for vectors component by
 * component. A Bridge Identifier is a bigint, since 64 bits do not fit a number.
 * All values here are immutable and may be shared.
 */
import { MAXIMUM_ROOT_PATH_COST } from './parameters.ts';

const ADDRESS_BITS = 48n;
const ADDRESS_MASK = (1n << ADDRESS_BITS) - 1n;
const PORT_NUMBER_MASK = 0x0fff;

export type BridgeIdentifier = bigint;

/** `priority` is 16 bits whose low 12 are the (zero) extension; `address` is 6 octets. */
export function bridgeIdentifier(priority: number, address: Uint8Array): BridgeIdentifier {
  let value = BigInt(priority);
  for (let i = 0; i < 6; i++) value = (value << 8n) | BigInt(address[i]);
  return value;
}

export function bridgeAddress(identifier: BridgeIdentifier): bigint {
  return identifier & ADDRESS_MASK;
}

export function bridgePriority(identifier: BridgeIdentifier): number {
  return Number(identifier >> ADDRESS_BITS);
}

/** `8000.02:00:00:00:00:01`: priority in hex, a dot, the address. */
export function formatBridgeIdentifier(identifier: BridgeIdentifier): string {
  const hex = identifier.toString(16).padStart(16, '0');
  const octets = hex.slice(4).match(/../g) ?? [];
  return `${hex.slice(0, 4)}.${octets.join(':')}`;
}

/** `priority` 0 … 240 in steps of 16, `number` 1 … 4,095. */
export function portIdentifier(priority: number, number: number): number {
  return (priority << 8) | number;
}

export function portNumber(identifier: number): number {
  return identifier & PORT_NUMBER_MASK;
}

/** `8.001`: the priority nibble, a dot, the number, all in hex. */
export function formatPortIdentifier(identifier: number): string {
  const hex = identifier.toString(16).padStart(4, '0');
  return `${hex.slice(0, 1)}.${hex.slice(1)}`;
}

/** A spanning tree priority vector (17.5), most significant component first. */
export interface PriorityVector {
  readonly rootBridge: BridgeIdentifier;
  readonly rootPathCost: number;
  readonly designatedBridge: BridgeIdentifier;
  readonly designatedPort: number;
  /** The port that holds or received the vector. */
  readonly bridgePort: number;
}

/** Below zero: `a` is better (17.6); zero: the same; above zero: `b` is better. */
export function compareVectors(a: PriorityVector, b: PriorityVector): number {
  if (a.rootBridge !== b.rootBridge) return a.rootBridge < b.rootBridge ? -1 : 1;
  if (a.rootPathCost !== b.rootPathCost) return a.rootPathCost - b.rootPathCost;
  if (a.designatedBridge !== b.designatedBridge) {
    return a.designatedBridge < b.designatedBridge ? -1 : 1;
  }
  if (a.designatedPort !== b.designatedPort) return a.designatedPort - b.designatedPort;
  return a.bridgePort - b.bridgePort;
}

/** 17.6: better, or said by the same Designated Bridge and Port, who may correct itself. */
export function isSuperior(message: PriorityVector, held: PriorityVector): boolean {
  return compareVectors(message, held) < 0 || isSamePort(message, held);
}

/** Whether both name the same port of the same bridge, whatever its priorities. */
export function isSamePort(a: Sender, b: Sender): boolean {
  return (
    bridgeAddress(a.designatedBridge) === bridgeAddress(b.designatedBridge) &&
    portNumber(a.designatedPort) === portNumber(b.designatedPort)
  );
}

type Sender = Pick<PriorityVector, 'designatedBridge' | 'designatedPort'>;

/** 17.5: the vector of the path to the root through the port that holds `vector`. */
export function rootPathVector(vector: PriorityVector, pathCost: number): PriorityVector {
  const rootPathCost = Math.min(vector.rootPathCost + pathCost, MAXIMUM_ROOT_PATH_COST);
  return { ...vector, rootPathCost };
}

/** Timer parameters that travel in a BPDU (17.19.22), in seconds. */
export interface Times {
  readonly messageAge: number;
  readonly maxAge: number;
  readonly helloTime: number;
  readonly forwardDelay: number;
}

export function sameTimes(a: Times, b: Times): boolean {
  return (
    a.messageAge === b.messageAge &&
    a.maxAge === b.maxAge &&
    a.helloTime === b.helloTime &&
    a.forwardDelay === b.forwardDelay
  );
}
