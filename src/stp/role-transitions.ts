/**
 * Port Role Transitions and Port State Transition machines: from the role that
 * was selected to a port that learns and forwards, without ever closing a loop.
 *
 * Read first: IEEE 802.1D-2004, 17.29 (Figures 17-20 to 17-23) and 17.31.
 *
 * Each role is a star: a resting state, and states that do one thing and return.
 *
 *   DISABLE_PORT ─▶ DISABLED_PORT          BLOCK_PORT ─▶ ALTERNATE_PORT ◀─▶ ALTERNATE_PROPOSED
 *                                                              ▲      ◀─▶ ALTERNATE_AGREED
 *                                                              └──────◀─▶ BACKUP_PORT
 *   ROOT_PORT ◀─▶ ROOT_PROPOSED, ROOT_AGREED, REROOT, ROOT_LEARN, ROOT_FORWARD, REROOTED
 *   DESIGNATED_PORT ◀─▶ DESIGNATED_PROPOSE, _SYNCED, _RETIRED, _LEARN, _FORWARD, _DISCARD
 *
 * BLOCK_PORT and DISABLE_PORT wait until the port has stopped learning and
 * forwarding. The role and the two flags name the state, so none is stored.
 *
 *   DISCARDING ──learn──▶ LEARNING ──forward──▶ FORWARDING
 *       ▲                    │ !learn               │ !forward
 *       └────────────────────┴──────────────────────┘
 */
import type { Bridge } from './bridge.ts';
import type { Port } from './port.ts';

/** Takes at most one transition of the role machine. @returns whether it took one */
export function runPortRoleTransitions(bridge: Bridge, port: Port): boolean {
  if (!port.selected || port.updtInfo) return false;
  const moved = port.role === port.selectedRole ? runRole(bridge, port) : enterRole(port);
  if (moved) bridge.treeChanged = true;
  return moved;
}

/** DISABLE_PORT, ROOT_PORT, DESIGNATED_PORT, BLOCK_PORT */
function enterRole(port: Port): boolean {
  port.role = port.selectedRole;
  switch (port.role) {
    case 'root':
      port.rrWhile = port.designatedTimes.forwardDelay;
      break;
    case 'designated':
      break;
    default:
      port.learn = false;
      port.forward = false;
  }
  return true;
}

function runRole(bridge: Bridge, port: Port): boolean {
  switch (port.role) {
    case 'disabled':
      return runDisabled(port);
    case 'root':
      return runRoot(bridge, port);
    case 'designated':
      return runDesignated(port);
    default:
      return runAlternate(bridge, port);
  }
}

function runDisabled(port: Port): boolean {
  if (port.learning || port.forwarding) return false;
  const { maxAge } = port.designatedTimes;
  if (port.fdWhile === maxAge && !port.sync && !port.reRoot && port.synced) return false;
  // DISABLED_PORT
  port.fdWhile = maxAge;
  port.synced = true;
  port.rrWhile = 0;
  port.sync = false;
  port.reRoot = false;
  return true;
}

function runRoot(bridge: Bridge, port: Port): boolean {
  if (port.proposed && !port.agree) {
    // ROOT_PROPOSED
    bridge.setSyncTree();
    port.proposed = false;
    return true;
  }
  if ((port.proposed && port.agree) || (!port.agree && bridge.allSynced())) {
    // ROOT_AGREED
    port.proposed = false;
    port.sync = false;
    port.agree = true;
    port.newInfo = true;
    return true;
  }
  if (!port.forward && !port.reRoot) {
    // REROOT
    bridge.setReRootTree();
    return true;
  }
  if (!port.learn || !port.forward) {
    const mayProceed =
      port.fdWhile === 0 || (bridge.rstpVersion && port.rbWhile === 0 && bridge.reRooted(port));
    if (mayProceed && !port.learn) {
      // ROOT_LEARN
      port.fdWhile = port.forwardDelay;
      port.learn = true;
      return true;
    }
    if (mayProceed) {
      // ROOT_FORWARD
      port.fdWhile = 0;
      port.forward = true;
      return true;
    }
  }
  if (port.reRoot && port.forward) {
    // REROOTED
    port.reRoot = false;
    return true;
  }
  if (port.rrWhile !== port.designatedTimes.forwardDelay) {
    // ROOT_PORT
    port.rrWhile = port.designatedTimes.forwardDelay;
    return true;
  }
  return false;
}

function runDesignated(port: Port): boolean {
  if (!port.forward && !port.agreed && !port.proposing && !port.operEdge) {
    // DESIGNATED_PROPOSE
    port.proposing = true;
    port.edgeDelayWhile = port.edgeDelay;
    port.newInfo = true;
    return true;
  }
  if (
    (!port.synced && ((!port.learning && !port.forwarding) || port.agreed || port.operEdge)) ||
    (port.sync && port.synced)
  ) {
    // DESIGNATED_SYNCED
    port.rrWhile = 0;
    port.synced = true;
    port.sync = false;
    return true;
  }
  if (port.rrWhile === 0 && port.reRoot) {
    // DESIGNATED_RETIRED
    port.reRoot = false;
    return true;
  }
  const mustStop =
    (port.sync && !port.synced) ||
    (port.reRoot && port.rrWhile !== 0) ||
    port.disputed ||
    port.loopbackWhile !== 0;
  if (mustStop && !port.operEdge && (port.learn || port.forward)) {
    // DESIGNATED_DISCARD
    port.learn = false;
    port.forward = false;
    port.disputed = false;
    port.fdWhile = port.forwardDelay;
    return true;
  }
  const mayProceed =
    (port.fdWhile === 0 || port.agreed || port.operEdge) &&
    (port.rrWhile === 0 || !port.reRoot) &&
    !port.sync &&
    port.loopbackWhile === 0;
  if (mayProceed && !port.learn) {
    // DESIGNATED_LEARN
    port.learn = true;
    port.fdWhile = port.forwardDelay;
    return true;
  }
  if (mayProceed && !port.forward) {
    // DESIGNATED_FORWARD
    port.forward = true;
    port.fdWhile = 0;
    // Ours: time that has passed is no agreement; the standard takes it for one.
    port.agreed = port.agreed && port.sendRSTP;
    return true;
  }
  return false;
}

function runAlternate(bridge: Bridge, port: Port): boolean {
  if (port.learning || port.forwarding) return false; // still in BLOCK_PORT
  if (
    port.fdWhile !== port.forwardDelay ||
    port.rrWhile !== 0 ||
    port.sync ||
    port.reRoot ||
    !port.synced
  ) {
    // ALTERNATE_PORT
    port.fdWhile = port.forwardDelay;
    port.synced = true;
    port.rrWhile = 0;
    port.sync = false;
    port.reRoot = false;
    return true;
  }
  if (port.proposed && !port.agree) {
    // ALTERNATE_PROPOSED
    bridge.setSyncTree();
    port.proposed = false;
    return true;
  }
  if ((port.proposed && port.agree) || (!port.agree && bridge.allSynced())) {
    // ALTERNATE_AGREED
    port.proposed = false;
    port.agree = true;
    port.newInfo = true;
    return true;
  }
  if (port.role === 'backup' && port.rbWhile !== 2 * port.designatedTimes.helloTime) {
    // BACKUP_PORT
    port.rbWhile = 2 * port.designatedTimes.helloTime;
    return true;
  }
  return false;
}

/** Takes at most one transition of the state machine. @returns whether it took one */
export function runPortStateTransition(bridge: Bridge, port: Port): boolean {
  if (port.forwarding ? !port.forward : port.learning && !port.learn) {
    // DISCARDING
    port.learning = false;
    port.forwarding = false;
  } else if (!port.learning && port.learn) {
    // LEARNING
    port.learning = true;
  } else if (port.learning && !port.forwarding && port.forward) {
    // FORWARDING
    port.forwarding = true;
    port.counters.forwardTransitions += 1;
  } else {
    return false;
  }
  bridge.treeChanged = true;
  return true;
}
