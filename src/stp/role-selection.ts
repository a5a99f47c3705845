/**
 * Port Role Selection: one look over all ports, one role for each.
 *
 * Read first: IEEE 802.1D-2004, 17.28 (the machine) and 17.21.25 (updtRolesTree).
 *
 *   INIT_BRIDGE ──▶ ROLE_SELECTION ──┐
 *                        ▲           │ reselect of any port
 *                        └───────────┘
 */
import type { Bridge } from './bridge.ts';
import type { Port, PortRole } from './port.ts';
import {
  bridgeAddress,
  compareVectors,
  type PriorityVector,
  rootPathVector,
  sameTimes,
  type Times,
} from './priority-vector.ts';

/** ROLE_SELECTION: clearReselectTree, updtRolesTree, setSelectedTree. Touches every port whose part changed. */
export function selectRoles(bridge: Bridge): void {
  bridge.reselect = false;
  selectRoot(bridge);
  for (const port of bridge.ports) {
    updateDesignated(bridge, port);
    const role = roleFor(bridge, port);
    const updtInfo = needsUpdate(port, role);
    if (port.selectedRole !== role || port.updtInfo !== updtInfo || !port.selected) {
      port.selectedRole = role;
      port.updtInfo = updtInfo;
      port.selected = true;
      bridge.touch(port);
      bridge.treeChanged = true;
    }
  }
}

/** 17.21.25 a) to d): the best of the bridge's own vector and the root path vectors of its ports. */
function selectRoot(bridge: Bridge): void {
  let best: PriorityVector = bridge.bridgePriority;
  let rootPort: Port | null = null;
  for (const port of bridge.ports) {
    if (!mayLeadToRoot(bridge, port) || port.options.rootGuard) continue;
    const path = rootPathVector(port.portPriority, port.options.pathCost);
    if (compareVectors(path, best) >= 0) continue;
    best = path;
    rootPort = port;
  }
  const times = rootPort === null ? bridge.bridgeTimes : agedTimes(rootPort.portTimes);
  bridge.setRoot(best, times, rootPort);
  for (const port of bridge.ports) checkRootGuard(bridge, port, best);
}

/** A port leads to a root if another bridge told it so; our own echo does not count. */
function mayLeadToRoot(bridge: Bridge, port: Port): boolean {
  return (
    port.infoIs === 'received' &&
    bridgeAddress(port.portPriority.designatedBridge) !== bridgeAddress(bridge.identifier)
  );
}

/** rootTimes: the Root Port's, a second older, rounded to the whole second. */
function agedTimes(times: Times): Times {
  return { ...times, messageAge: Math.round(times.messageAge + 1) };
}

/** Root guard is active where it kept a better root path from being used. */
function checkRootGuard(bridge: Bridge, port: Port, best: PriorityVector): void {
  const active =
    port.options.rootGuard &&
    mayLeadToRoot(bridge, port) &&
    compareVectors(rootPathVector(port.portPriority, port.options.pathCost), best) < 0;
  if (active === port.rootGuardActive) return;
  port.rootGuardActive = active;
  bridge.events.push({ kind: 'root-guard', port: port.number, active });
}

/** 17.21.25 e): what the port would say as a Designated Port. Keeps the objects that still hold. */
function updateDesignated(bridge: Bridge, port: Port): void {
  const { rootBridge, rootPathCost } = bridge.rootPriority;
  const held = port.designatedPriority;
  if (
    held.rootBridge !== rootBridge ||
    held.rootPathCost !== rootPathCost ||
    held.designatedBridge !== bridge.identifier ||
    held.designatedPort !== port.portId
  ) {
    port.designatedPriority = {
      rootBridge,
      rootPathCost,
      designatedBridge: bridge.identifier,
      designatedPort: port.portId,
      bridgePort: port.portId,
    };
  }
  const { messageAge, maxAge, forwardDelay } = bridge.rootTimes;
  const times = { messageAge, maxAge, forwardDelay, helloTime: bridge.bridgeTimes.helloTime };
  if (!sameTimes(port.designatedTimes, times)) port.designatedTimes = times;
}

/** 17.21.25 f) to l). */
function roleFor(bridge: Bridge, port: Port): PortRole {
  if (port.infoIs === 'disabled') return 'disabled';
  if (port.infoIs !== 'received') return 'designated';
  if (port === bridge.rootPort) return 'root';
  if (compareVectors(port.designatedPriority, port.portPriority) < 0) return 'designated';
  const ownInformation =
    bridgeAddress(port.portPriority.designatedBridge) === bridgeAddress(bridge.identifier);
  return ownInformation ? 'backup' : 'alternate';
}

function needsUpdate(port: Port, role: PortRole): boolean {
  if (role !== 'designated') return false;
  if (port.infoIs !== 'mine') return true;
  return (
    compareVectors(port.portPriority, port.designatedPriority) !== 0 ||
    !sameTimes(port.portTimes, port.designatedTimes)
  );
}
