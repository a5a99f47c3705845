/**
 * The variables of the bridge, and the procedures that reach across its ports.
 *
 * Read first: IEEE 802.1D-2004, 17.18 (bridge variables), 17.20 (conditions),
 * 17.21 (procedures).
 *
 * The standard lets every machine of every port look at every variable all the
 * time. Here a port is looked at again when it was touched: by a message, a timer,
 * a setting, or a procedure that reaches across ports. Two conditions read other
 * ports (allSynced, reRooted); whoever may change what they read raises
 * `treeChanged`, and the ports that wait on them are touched once the rest is quiet.
 */
import type { OutgoingBpdu, SpanningTreeEvent } from './output.ts';
import type { BridgeParameters, ProtocolVersion } from './parameters.ts';
import type { Port } from './port.ts';
import {
  type BridgeIdentifier,
  bridgeIdentifier,
  formatBridgeIdentifier,
  type PriorityVector,
  type Times,
} from './priority-vector.ts';

export class Bridge {
  readonly address: Readonly<Uint8Array>;
  readonly version: ProtocolVersion;
  parameters: BridgeParameters;
  /** BridgeIdentifier, 17.18.2. */
  identifier: BridgeIdentifier;
  /** BridgePriority, 17.18.3. */
  bridgePriority: PriorityVector;
  /** BridgeTimes, 17.18.4. */
  bridgeTimes: Times;
  /** rootPriority, rootTimes and rootPortId, 17.18.5 to 17.18.7. */
  rootPriority: PriorityVector;
  rootTimes: Times;
  rootPort: Port | null = null;

  /** In ascending order of number, so that every run takes the same course. */
  readonly ports: Port[] = [];
  /** reselect of any port, 17.19.34. */
  reselect = false;
  treeChanged = false;
  readonly touched: Port[] = [];
  readonly mayTransmit: Port[] = [];

  /** The latest time told, in milliseconds. */
  now = 0;
  topologyChanges = 0;
  lastTopologyChange: number | null = null;

  readonly flush = new Set<number>();
  readonly bpdus: OutgoingBpdu[] = [];
  readonly events: SpanningTreeEvent[] = [];

  constructor(address: Uint8Array, version: ProtocolVersion, parameters: BridgeParameters) {
    this.address = address.slice();
    this.version = version;
    this.parameters = parameters;
    this.identifier = bridgeIdentifier(parameters.priority, address);
    this.bridgePriority = ownVector(this.identifier);
    this.bridgeTimes = ownTimes(parameters);
    this.rootPriority = this.bridgePriority;
    this.rootTimes = this.bridgeTimes;
  }

  /** rstpVersion, 17.20.11. */
  get rstpVersion(): boolean {
    return this.version === 'rstp';
  }

  get isRoot(): boolean {
    return this.rootPriority.rootBridge === this.identifier;
  }

  setParameters(parameters: BridgeParameters): void {
    this.parameters = parameters;
    this.identifier = bridgeIdentifier(parameters.priority, this.address);
    this.bridgePriority = ownVector(this.identifier);
    this.bridgeTimes = ownTimes(parameters);
    this.reselect = true;
    this.touchAll();
  }

  /** Asks for another look at the machines of a port. */
  touch(port: Port): void {
    if (!port.touched) {
      port.touched = true;
      this.touched.push(port);
    }
    if (!port.mayTransmit) {
      port.mayTransmit = true;
      this.mayTransmit.push(port);
    }
  }

  touchAll(): void {
    for (const port of this.ports) this.touch(port);
  }

  /** Touches the ports whose machines read allSynced or reRooted. */
  touchWaiting(): void {
    for (const port of this.ports) {
      const kept = port.role === 'alternate' || port.role === 'backup';
      if (port.role === 'root' || (kept && !port.agree)) this.touch(port);
    }
  }

  /** Sets reselect for a port and clears its selected (17.19.34, 17.19.36). */
  requestSelection(port: Port): void {
    port.selected = false;
    this.reselect = true;
    this.touch(port);
  }

  /** setSyncTree, 17.21.14. */
  setSyncTree(): void {
    for (const port of this.ports) port.sync = true;
    this.touchAll();
  }

  /** setReRootTree, 17.21.13. */
  setReRootTree(): void {
    for (const port of this.ports) port.reRoot = true;
    this.touchAll();
  }

  /** setTcPropTree, 17.21.18. */
  setTcPropTree(caller: Port): void {
    if (caller.options.restrictedTcn) return;
    for (const port of this.ports) {
      if (port === caller) continue;
      port.tcProp = true;
      this.touch(port);
    }
  }

  /** allSynced, 17.20.3: every port agrees with the roles selected, or is the Root Port. */
  allSynced(): boolean {
    for (const port of this.ports) {
      if (!port.selected || port.role !== port.selectedRole || port.updtInfo) return false;
      if (!port.synced && port.role !== 'root') return false;
    }
    return true;
  }

  /** reRooted, 17.20.10: no other port has been a Root Port recently. */
  reRooted(except: Port): boolean {
    for (const port of this.ports) if (port !== except && port.rrWhile !== 0) return false;
    return true;
  }

  /**
   * newTcWhile, 17.21.7; `cause` tells where the news came from. The standard lets a change on
   * the heels of another wait for the next Hello Time: until then bridges send to where a station
   * was. Here it is told at once, while half of the hold count is left for other news.
   */
  newTcWhile(port: Port, cause: 'detected' | 'received'): void {
    if (port.tcWhile !== 0) {
      const spare = port.txCount < this.parameters.transmitHoldCount >> 1;
      if (port.sendRSTP && spare) port.newInfo = true;
      return;
    }
    if (!this.topologyChanging()) {
      this.topologyChanges += 1;
      this.events.push({ kind: 'topology-change', port: port.number, cause });
    }
    this.lastTopologyChange = this.now;
    if (port.sendRSTP) {
      port.tcWhile = port.designatedTimes.helloTime + 1;
      port.newInfo = true;
    } else {
      port.tcWhile = this.rootTimes.maxAge + this.rootTimes.forwardDelay;
    }
  }

  topologyChanging(): boolean {
    for (const port of this.ports) if (port.tcWhile !== 0) return true;
    return false;
  }

  /** Records the result of role selection. */
  setRoot(priority: PriorityVector, times: Times, port: Port | null): void {
    const news = priority.rootBridge !== this.rootPriority.rootBridge || port !== this.rootPort;
    this.rootPriority = priority;
    this.rootTimes = times;
    this.rootPort = port;
    if (!news) return;
    this.events.push({
      kind: 'root-changed',
      root: formatBridgeIdentifier(priority.rootBridge),
      rootPort: port === null ? null : port.number,
    });
  }
}

function ownVector(identifier: BridgeIdentifier): PriorityVector {
  return {
    rootBridge: identifier,
    rootPathCost: 0,
    designatedBridge: identifier,
    designatedPort: 0,
    bridgePort: 0,
  };
}

function ownTimes(parameters: BridgeParameters): Times {
  return {
    messageAge: 0,
    maxAge: parameters.maxAge,
    helloTime: parameters.helloTime,
    forwardDelay: parameters.forwardDelay,
  };
}
