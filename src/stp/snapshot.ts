/** What `kith stp` shows: a copy of the tree's variables in printable form. */
import { BPDU_FAULTS, type BpduFault } from './bpdu.ts';
import type { Bridge } from './bridge.ts';
import type { ProtocolVersion } from './parameters.ts';
import type { GuardState, Port, PortCounters, PortRole, PortState } from './port.ts';
import { formatBridgeIdentifier, formatPortIdentifier } from './priority-vector.ts';

/** Seconds. */
export interface TimesSnapshot {
  readonly maxAge: number;
  readonly helloTime: number;
  readonly forwardDelay: number;
}

export interface PortSnapshot {
  readonly port: number;
  /** The port is up and no guard holds it down. */
  readonly enabled: boolean;
  readonly role: PortRole;
  readonly state: PortState;
  readonly pathCost: number;
  readonly priority: number;
  readonly portIdentifier: string;
  /** Works as an edge now (operEdge). */
  readonly edge: boolean;
  readonly adminEdge: boolean;
  readonly autoEdge: boolean;
  readonly pointToPoint: boolean;
  /** What is sent through the port: `stp` if the neighbour knows nothing later. */
  readonly version: ProtocolVersion;
  /** Root, cost, bridge and port that the LAN at this port follows. */
  readonly designatedRoot: string;
  readonly designatedCost: number;
  readonly designatedBridge: string;
  readonly designatedPort: string;
  readonly proposing: boolean;
  readonly agreed: boolean;
  readonly guard: GuardState;
  readonly bpduGuard: boolean;
  readonly rootGuard: boolean;
  readonly restrictedTcn: boolean;
  readonly counters: Readonly<PortCounters>;
  /** Faulty BPDUs by fault; faults that never came up are left out. */
  readonly faults: Readonly<Partial<Record<BpduFault, number>>>;
}

export interface SpanningTreeSnapshot {
  readonly version: ProtocolVersion;
  readonly bridgeIdentifier: string;
  readonly bridgePriority: number;
  readonly rootIdentifier: string;
  readonly isRoot: boolean;
  readonly rootPathCost: number;
  readonly rootPort: number | null;
  /** In force, as the root says. */
  readonly times: TimesSnapshot;
  /** In force if this bridge were the root. */
  readonly bridgeTimes: TimesSnapshot;
  readonly transmitHoldCount: number;
  readonly topologyChange: boolean;
  readonly topologyChangeCount: number;
  /** Seconds since the last change began; null: none yet. */
  readonly timeSinceTopologyChange: number | null;
  readonly ports: readonly PortSnapshot[];
}

export function takeSnapshot(bridge: Bridge, now: number): SpanningTreeSnapshot {
  const { rootTimes, bridgeTimes, lastTopologyChange } = bridge;
  return {
    version: bridge.version,
    bridgeIdentifier: formatBridgeIdentifier(bridge.identifier),
    bridgePriority: bridge.parameters.priority,
    rootIdentifier: formatBridgeIdentifier(bridge.rootPriority.rootBridge),
    isRoot: bridge.isRoot,
    rootPathCost: bridge.rootPriority.rootPathCost,
    rootPort: bridge.rootPort === null ? null : bridge.rootPort.number,
    times: {
      maxAge: rootTimes.maxAge,
      helloTime: rootTimes.helloTime,
      forwardDelay: rootTimes.forwardDelay,
    },
    bridgeTimes: {
      maxAge: bridgeTimes.maxAge,
      helloTime: bridgeTimes.helloTime,
      forwardDelay: bridgeTimes.forwardDelay,
    },
    transmitHoldCount: bridge.parameters.transmitHoldCount,
    topologyChange: bridge.topologyChanging(),
    topologyChangeCount: bridge.topologyChanges,
    timeSinceTopologyChange: lastTopologyChange === null ? null : (now - lastTopologyChange) / 1000,
    ports: bridge.ports.map(takePortSnapshot),
  };
}

function takePortSnapshot(port: Port): PortSnapshot {
  const { options, portPriority } = port;
  const faults: Partial<Record<BpduFault, number>> = {};
  for (const fault of BPDU_FAULTS) {
    const count = port.faults[fault];
    if (count !== undefined) faults[fault] = count;
  }
  return {
    port: port.number,
    enabled: port.portEnabled,
    role: port.role,
    state: port.state,
    pathCost: options.pathCost,
    priority: options.priority,
    portIdentifier: formatPortIdentifier(port.portId),
    edge: port.operEdge,
    adminEdge: options.adminEdge,
    autoEdge: options.autoEdge,
    pointToPoint: options.pointToPoint,
    version: port.sendRSTP ? 'rstp' : 'stp',
    designatedRoot: formatBridgeIdentifier(portPriority.rootBridge),
    designatedCost: portPriority.rootPathCost,
    designatedBridge: formatBridgeIdentifier(portPriority.designatedBridge),
    designatedPort: formatPortIdentifier(portPriority.designatedPort),
    proposing: port.proposing,
    agreed: port.agreed,
    guard: port.guard,
    bpduGuard: options.bpduGuard,
    rootGuard: options.rootGuard,
    restrictedTcn: options.restrictedTcn,
    counters: { ...port.counters },
    faults,
  };
}
