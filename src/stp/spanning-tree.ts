/**
 * One Rapid Spanning Tree instance for one switch, pure.
 *
 * Read first: IEEE 802.1D-2004 clause 17; docs/protocol/stp.md.
 *
 * A driver calls any method, in any order, with the present time; afterwards it
 * takes the output and carries it out, and arms one timer for `nextDeadline`.
 *
 *   link up, link down ─┐                        ┌─▶ states  (to the forwarding plane)
 *   BPDU frames ────────┼─▶ SpanningTree ─output─┼─▶ flush   (to the filtering database)
 *   timer ──────────────┘         │              ├─▶ bpdus   (to the ports)
 *                                 └─ deadline    └─▶ events  (to the log)
 *
 * Error contract: nothing a peer sends throws or stops the tree; it is counted
 * by port. Settings outside the standard's ranges and unknown ports throw a
 * KithError and change nothing. A BPDU for an unknown port is ignored, since it
 * may have been on its way when the port went.
 */
import { KithError } from '../errors.ts';
import { type Bpdu, parseBpdu } from './bpdu.ts';
import { Bridge } from './bridge.ts';
import { NO_OUTPUT, type SpanningTreeOutput, type StateChange } from './output.ts';
import {
  type BridgeParameters,
  checkBridgeParameters,
  checkPathCost,
  checkPortNumber,
  checkPortPriority,
  DEFAULT_BPDU_BURST,
  DEFAULT_BPDU_RATE,
  DEFAULT_BRIDGE_PARAMETERS,
  DEFAULT_PORT_PRIORITY,
  type ProtocolVersion,
} from './parameters.ts';
import { countFault, Port, type PortOptions } from './port.ts';
import { acceptBpdu, acceptEcho } from './port-receive.ts';
import { portIdentifier } from './priority-vector.ts';
import { type SpanningTreeSnapshot, takeSnapshot } from './snapshot.ts';
import { countDown, settle } from './state-machines.ts';
import { TokenBucket } from './token-bucket.ts';

const SECOND = 1000;

export interface SpanningTreeOptions extends Partial<BridgeParameters> {
  /** 6 octets, unique among all bridges; copied. */
  readonly bridgeAddress: Uint8Array;
  /** `stp` never sends RST BPDUs and does not understand them. Default `rstp`. */
  readonly version?: ProtocolVersion;
  /** BPDUs per second that a port takes in. Default 50. */
  readonly bpduRate?: number;
  /** BPDUs at once that a port takes in. Default 100. */
  readonly bpduBurst?: number;
  /** Seconds after which a port disabled by BPDU guard tries again; 0: only by `recoverPort`. Default 0. */
  readonly guardRecovery?: number;
}

/** Options of a new port: cost and kind of link must be told, the rest has defaults. */
export interface NewPort extends Partial<PortOptions> {
  readonly pathCost: number;
  readonly pointToPoint: boolean;
  /** Whether the link is up. Default true. */
  readonly enabled?: boolean;
  /** 6 octets, the source of BPDUs sent here. Default: the bridge's address. */
  readonly address?: Uint8Array;
}

export class SpanningTree {
  readonly #bridge: Bridge;
  readonly #ports = new Map<number, Port>();
  readonly #bpduRate: number;
  readonly #bpduBurst: number;
  readonly #guardRecovery: number;
  #nextTick = Number.POSITIVE_INFINITY;

  /** Throws KithError `config` for settings outside Table 17-1. */
  constructor(options: SpanningTreeOptions) {
    const parameters = pickParameters(options, DEFAULT_BRIDGE_PARAMETERS);
    checkBridgeParameters(parameters);
    if (options.bridgeAddress.length !== 6) {
      throw new KithError('config', 'Give the bridge an address of 6 octets.');
    }
    this.#bridge = new Bridge(options.bridgeAddress, options.version ?? 'rstp', parameters);
    this.#bpduRate = options.bpduRate ?? DEFAULT_BPDU_RATE;
    this.#bpduBurst = options.bpduBurst ?? DEFAULT_BPDU_BURST;
    this.#guardRecovery = options.guardRecovery ?? 0;
  }

  /** Adds port `number`, 1 … 4,095. Throws KithError `config` if it exists or an option is off. */
  addPort(number: number, options: NewPort, now: number): void {
    checkPortNumber(number);
    if (this.#ports.has(number)) {
      throw new KithError('config', `Choose another port number; the tree has a port ${number}.`);
    }
    const complete: PortOptions = {
      pathCost: options.pathCost,
      priority: options.priority ?? DEFAULT_PORT_PRIORITY,
      adminEdge: options.adminEdge ?? false,
      autoEdge: options.autoEdge ?? true,
      pointToPoint: options.pointToPoint,
      bpduGuard: options.bpduGuard ?? false,
      rootGuard: options.rootGuard ?? false,
      restrictedTcn: options.restrictedTcn ?? false,
    };
    checkPortOptions(complete);
    const bridge = this.#bridge;
    const port = new Port(number, complete, (options.address ?? bridge.address).slice(), {
      priority: bridge.rootPriority,
      times: { ...bridge.rootTimes, helloTime: bridge.bridgeTimes.helloTime },
      sendRSTP: bridge.rstpVersion,
      policer: new TokenBucket(this.#bpduRate, this.#bpduBurst),
    });
    this.#ports.set(number, port);
    const place = bridge.ports.findIndex((other) => other.number > number);
    bridge.ports.splice(place === -1 ? bridge.ports.length : place, 0, port);
    bridge.requestSelection(port);
    port.linkUp = options.enabled ?? true;
    this.#refresh(port, now);
  }

  /** Forgets a port; its state and addresses are the caller's to drop. Unknown ports are ignored. */
  removePort(number: number, now: number): void {
    const port = this.#ports.get(number);
    if (port === undefined) return;
    port.linkUp = false;
    this.#refresh(port, now);
    const bridge = this.#bridge;
    bridge.ports.splice(bridge.ports.indexOf(port), 1);
    this.#ports.delete(number);
    bridge.flush.delete(number);
    bridge.treeChanged = true;
    this.#settle(now);
  }

  hasPort(number: number): boolean {
    return this.#ports.has(number);
  }

  /** The link of a port came up or went down. A port held by BPDU guard stays down. */
  setPortEnabled(number: number, enabled: boolean, now: number): void {
    const port = this.#port(number);
    port.linkUp = enabled;
    this.#refresh(port, now);
  }

  /** Sets the Port Path Cost, 1 … 200,000,000. */
  setPortCost(number: number, pathCost: number, now: number): void {
    this.setPortOptions(number, { pathCost }, now);
  }

  /** Changes the options given. Switching BPDU guard off releases a port that it holds. */
  setPortOptions(number: number, changes: Partial<PortOptions>, now: number): void {
    const port = this.#port(number);
    const options = { ...port.options, ...changes };
    checkPortOptions(options);
    port.options = options;
    port.portId = portIdentifier(options.priority, number);
    if (!options.bpduGuard) this.#releaseGuard(port);
    this.#bridge.requestSelection(port);
    this.#refresh(port, now);
  }

  /** Lets a port that BPDU guard disabled try again. */
  recoverPort(number: number, now: number): void {
    const port = this.#port(number);
    this.#releaseGuard(port);
    this.#refresh(port, now);
  }

  /** mcheck, 17.19.13: offers RSTP again to a neighbour that spoke STP. */
  checkMigration(number: number, now: number): void {
    const port = this.#port(number);
    port.mcheck = this.#bridge.rstpVersion;
    this.#bridge.touch(port);
    this.#settle(now);
  }

  /** Changes priority, times or hold count. Throws KithError `config` as the constructor does. */
  setParameters(changes: Partial<BridgeParameters>, now: number): void {
    const parameters = pickParameters(changes, this.#bridge.parameters);
    checkBridgeParameters(parameters);
    this.#bridge.setParameters(parameters);
    this.#settle(now);
  }

  /**
   * Takes in a frame that came to the Bridge Group Address, from its destination
   * address on; nothing of it is kept. Anything may come; a flood is dropped
   * before it is read.
   */
  receive(number: number, frame: Uint8Array, now: number): void {
    const port = this.#ports.get(number);
    if (port === undefined) return;
    if (!port.policer.take(now)) {
      port.counters.bpdusDropped += 1;
      return;
    }
    const bpdu = parseBpdu(frame);
    if (typeof bpdu === 'string') {
      countFault(port, bpdu);
      return;
    }
    if (bpdu.kind === 'rst' && !this.#bridge.rstpVersion) {
      countFault(port, 'type'); // a bridge of version 0 does not know it
      return;
    }
    if (!port.portEnabled) return;
    port.counters.bpdusReceived += 1;
    if (port.options.bpduGuard) {
      this.#tripGuard(port, now);
      return;
    }
    if (this.#isEcho(port, bpdu)) acceptEcho(this.#bridge, port);
    else acceptBpdu(port, bpdu);
    this.#bridge.touch(port);
    this.#settle(now);
  }

  /**
   * Lets time pass. Timers are whole seconds, counted from the first enabled
   * port. A driver that comes late by more than a second has lost that time: a
   * stalled process must not age out messages that wait in its queues.
   */
  tick(now: number): void {
    if (now >= this.#nextTick) {
      const late = now - this.#nextTick;
      this.#nextTick = late < SECOND ? this.#nextTick + SECOND : now + SECOND;
      for (const port of this.#bridge.ports) countDown(port, now);
      this.#bridge.touchAll();
    }
    for (const port of this.#bridge.ports) {
      if (port.guardRecoversAt > now) continue;
      this.#releaseGuard(port);
      this.#refresh(port, now);
    }
    this.#settle(now);
  }

  /** When `tick` is next wanted, in milliseconds; Infinity while no port is enabled. */
  nextDeadline(): number {
    let deadline = this.#nextTick;
    for (const port of this.#bridge.ports) deadline = Math.min(deadline, port.guardRecoversAt);
    return deadline;
  }

  /** Hands over what is to be done, and forgets it. See SpanningTreeOutput for the order. */
  takeOutput(): SpanningTreeOutput {
    const { ports, flush, bpdus, events } = this.#bridge;
    const stopping: StateChange[] = [];
    const starting: StateChange[] = [];
    for (const port of ports) {
      const { state, role } = port;
      if (port.announcedState === state && port.announcedRole === role) continue;
      port.announcedState = state;
      port.announcedRole = role;
      (state === 'forwarding' ? starting : stopping).push({ port: port.number, state, role });
    }
    const states = [...stopping, ...starting];
    if (states.length + flush.size + bpdus.length + events.length === 0) return NO_OUTPUT;
    const output = { states, flush: [...flush], bpdus: [...bpdus], events: [...events] };
    flush.clear();
    bpdus.length = 0;
    events.length = 0;
    return output;
  }

  snapshot(now: number): SpanningTreeSnapshot {
    return takeSnapshot(this.#bridge, now);
  }

  #port(number: number): Port {
    const port = this.#ports.get(number);
    if (port !== undefined) return port;
    throw new KithError('not-found', `Choose a port of this switch; there is no port ${number}.`);
  }

  /** Derives portEnabled and lets the machines see it. */
  #refresh(port: Port, now: number): void {
    const enabled = port.linkUp && !port.bpduGuardTripped;
    if (!enabled) {
      port.disputed = false;
      port.loopbackWhile = 0;
    }
    port.portEnabled = enabled;
    this.#bridge.touch(port);
    this.#settle(now);
    const ticking = this.#bridge.ports.some((other) => other.portEnabled);
    if (!ticking) this.#nextTick = Number.POSITIVE_INFINITY;
    else if (this.#nextTick === Number.POSITIVE_INFINITY) this.#nextTick = now + SECOND;
  }

  #settle(now: number): void {
    this.#bridge.now = now;
    settle(this.#bridge);
  }

  #tripGuard(port: Port, now: number): void {
    port.bpduGuardTripped = true;
    if (this.#guardRecovery > 0) port.guardRecoversAt = now + this.#guardRecovery * SECOND;
    this.#bridge.events.push({ kind: 'bpdu-guard', port: port.number, active: true });
    this.#refresh(port, now);
  }

  #releaseGuard(port: Port): void {
    port.guardRecoversAt = Number.POSITIVE_INFINITY;
    if (!port.bpduGuardTripped) return;
    port.bpduGuardTripped = false;
    this.#bridge.events.push({ kind: 'bpdu-guard', port: port.number, active: false });
  }

  /** A BPDU that this very port has sent. */
  #isEcho(port: Port, bpdu: Bpdu): boolean {
    return (
      bpdu.kind !== 'tcn' &&
      bpdu.designatedBridge === this.#bridge.identifier &&
      bpdu.designatedPort === port.portId
    );
  }
}

function pickParameters(
  changes: Partial<BridgeParameters>,
  base: BridgeParameters,
): BridgeParameters {
  return {
    priority: changes.priority ?? base.priority,
    helloTime: changes.helloTime ?? base.helloTime,
    maxAge: changes.maxAge ?? base.maxAge,
    forwardDelay: changes.forwardDelay ?? base.forwardDelay,
    transmitHoldCount: changes.transmitHoldCount ?? base.transmitHoldCount,
  };
}

function checkPortOptions(options: PortOptions): void {
  checkPathCost(options.pathCost);
  checkPortPriority(options.priority);
}
