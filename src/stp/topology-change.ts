/**
 * Topology Change machine: tells the tree, and forgets addresses.
 *
 * Read first: IEEE 802.1D-2004, 17.30 (Figure 17-25).
 *
 *   INACTIVE ──learn──▶ LEARNING ──forward, no edge──▶ DETECTED ─▶ ACTIVE
 *      ▲                 │  ▲                                      │  ▲
 *      └──role is over───┘  └──────── role is over, or edge ───────┤  │
 *                                NOTIFIED_TCN, NOTIFIED_TC, PROPAGATING, ACKNOWLEDGED
 *
 * fdbFlush becomes an entry of the output and counts as done at once. A bridge
 * that speaks STP flushes as well, where the standard would age faster for a while.
 */
import type { Bridge } from './bridge.ts';
import type { Port } from './port.ts';

/** Takes at most one transition. @returns whether it took one */
export function runTopologyChange(bridge: Bridge, port: Port): boolean {
  switch (port.topologyChangeState) {
    case 'inactive':
      if (!port.learn) return false;
      enterLearning(port);
      return true;
    case 'learning':
      return runLearning(bridge, port);
    case 'active':
      return runActive(bridge, port);
  }
}

function takesPart(port: Port): boolean {
  return port.role === 'root' || port.role === 'designated';
}

function enterLearning(port: Port): void {
  port.topologyChangeState = 'learning';
  port.rcvdTc = false;
  port.rcvdTcn = false;
  port.rcvdTcAck = false;
  port.tcProp = false;
}

function runLearning(bridge: Bridge, port: Port): boolean {
  if (takesPart(port) && port.forward && !port.operEdge) {
    // DETECTED
    bridge.newTcWhile(port, 'detected');
    bridge.setTcPropTree(port);
    port.newInfo = true;
    port.topologyChangeState = 'active';
    return true;
  }
  if (port.rcvdTc || port.rcvdTcn || port.rcvdTcAck || port.tcProp) {
    enterLearning(port);
    return true;
  }
  if (!takesPart(port) && !port.learn && !port.learning) {
    // INACTIVE
    port.topologyChangeState = 'inactive';
    port.tcWhile = 0;
    port.tcAck = false;
    bridge.flush.add(port.number);
    return true;
  }
  return false;
}

function runActive(bridge: Bridge, port: Port): boolean {
  if (!takesPart(port) || port.operEdge) {
    enterLearning(port);
    return true;
  }
  if (port.rcvdTcn || port.rcvdTc) {
    // NOTIFIED_TCN, then NOTIFIED_TC
    if (port.rcvdTcn) bridge.newTcWhile(port, 'received');
    if (port.role === 'designated') port.tcAck = true;
    port.rcvdTcn = false;
    port.rcvdTc = false;
    bridge.setTcPropTree(port);
    return true;
  }
  if (port.tcProp) {
    // PROPAGATING
    bridge.newTcWhile(port, 'received');
    bridge.flush.add(port.number);
    port.tcProp = false;
    return true;
  }
  if (port.rcvdTcAck) {
    // ACKNOWLEDGED
    port.tcWhile = 0;
    port.rcvdTcAck = false;
    return true;
  }
  return false;
}
