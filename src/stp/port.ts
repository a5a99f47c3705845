/**
 * The variables of one port.
 *
 * Read first: IEEE 802.1D-2004, 17.17 (timers) and 17.19 (variables). The names
 * are the standard's, so that a machine can be read beside its figure. Timers
 * count whole seconds down to zero and stay there.
 */
import type { Bpdu, BpduFault } from './bpdu.ts';
import { MIGRATE_TIME, TOPOLOGY_CHANGE_BURST, TOPOLOGY_CHANGE_RATE } from './parameters.ts';
import type { PriorityVector, Times } from './priority-vector.ts';
import { portIdentifier } from './priority-vector.ts';
import { SentHistory } from './sent-history.ts';
import { TokenBucket } from './token-bucket.ts';

export type PortRole = 'disabled' | 'root' | 'designated' | 'alternate' | 'backup';
export type PortState = 'discarding' | 'learning' | 'forwarding';

/** infoIs, 17.19.10: where the port's vector came from. */
export type InfoIs = 'disabled' | 'aged' | 'mine' | 'received';

/** rcvdInfo, 17.21.8: what a received message is worth. */
export type ReceivedInfo =
  | 'superior-designated'
  | 'repeated-designated'
  | 'inferior-designated'
  | 'inferior-root-alternate'
  | 'other';

/** Resting states of the Topology Change machine (17.30); the others end at once. */
export type TopologyChangeState = 'inactive' | 'learning' | 'active';
/** States of the Port Protocol Migration machine (17.24). */
export type MigrationState = 'checking-rstp' | 'selecting-stp' | 'sensing';
export type GuardState = 'none' | 'bpdu-guard' | 'root-guard';

/** What an operator or the driver says about a port. */
export interface PortOptions {
  /** Port Path Cost, 1 … 200,000,000. */
  readonly pathCost: number;
  /** Port Priority, 0 … 240 in steps of 16. Default 128. */
  readonly priority: number;
  /** AdminEdgePort, 17.13.1: forwards at once, until a BPDU comes in. Default false. */
  readonly adminEdge: boolean;
  /** AutoEdgePort, 17.13.3: becomes an edge when it proposes and no bridge answers for 3 s. Default true. */
  readonly autoEdge: boolean;
  /** operPointToPointMAC, 6.4.3: at most one other bridge is at the far end. */
  readonly pointToPoint: boolean;
  /** Ours: a BPDU disables the port. Default false. */
  readonly bpduGuard: boolean;
  /** restrictedRole, 17.13.14, known as root guard: never becomes the Root Port. Default false. */
  readonly rootGuard: boolean;
  /** restrictedTcn, 17.13.15: topology changes heard here are not passed on. Default false. */
  readonly restrictedTcn: boolean;
}

export interface PortCounters {
  bpdusReceived: number;
  bpdusSent: number;
  /** Faulty BPDUs, all kinds together. */
  bpdusBad: number;
  /** BPDUs over the port's rate. */
  bpdusDropped: number;
  /** Topology Change Notifications and topology change flags heard. */
  topologyChangesReceived: number;
  /** Those of them that had to wait for the port's limit. */
  topologyChangesHeldBack: number;
  /** Agreements that may have been about older news. */
  agreementsPassedOver: number;
  /** Own BPDUs that came back. */
  loopbacks: number;
  /** Times the port began to forward. */
  forwardTransitions: number;
}

export class Port {
  readonly number: number;
  /** 6 octets, the source of BPDUs sent here. */
  readonly address: Readonly<Uint8Array>;
  options: PortOptions;
  /** portId, 17.19.19. */
  portId: number;

  // What the driver and the guards say; portEnabled follows from both.
  linkUp = false;
  bpduGuardTripped = false;
  /** When a tripped guard lets go by itself, in milliseconds; Infinity: never. */
  guardRecoversAt = Number.POSITIVE_INFINITY;
  rootGuardActive = false;
  /** portEnabled, 17.19.18. */
  portEnabled = false;

  // Timers, 17.17.
  edgeDelayWhile = MIGRATE_TIME;
  fdWhile = 0;
  helloWhen = 0;
  mdelayWhile = MIGRATE_TIME;
  rbWhile = 0;
  rcvdInfoWhile = 0;
  rrWhile = 0;
  tcWhile = 0;
  /** Ours: since an own BPDU came back, the port must not learn or forward. */
  loopbackWhile = 0;

  // Roles and states, 17.19.35, 17.19.38 and the Port State machine.
  role: PortRole = 'disabled';
  selectedRole: PortRole = 'disabled';
  selected = false;
  learn = false;
  learning = false;
  forward = false;
  forwarding = false;

  // Proposal and agreement.
  agree = false;
  agreed = false;
  proposed = false;
  proposing = false;
  disputed = false;
  sync = true;
  synced = false;
  reRoot = true;

  // Information.
  infoIs: InfoIs = 'disabled';
  updtInfo = false;
  portPriority: PriorityVector;
  portTimes: Times;
  designatedPriority: PriorityVector;
  designatedTimes: Times;

  // The message at hand: rcvdMsg, and what updtBPDUVersion and rcvInfo made of it.
  message: Bpdu | null = null;
  msgPriority: PriorityVector;
  msgTimes: Times;
  rcvdRSTP = false;
  rcvdSTP = false;

  // Topology change.
  topologyChangeState: TopologyChangeState = 'inactive';
  rcvdTc = false;
  rcvdTcAck = false;
  rcvdTcn = false;
  tcAck = false;
  tcProp = false;
  /** Ours: a change was heard that the port's limit holds back. */
  tcWaiting = false;

  // Protocol migration, edge detection, transmission.
  migrationState: MigrationState = 'checking-rstp';
  mcheck = false;
  sendRSTP: boolean;
  operEdge: boolean;
  newInfo = true;
  txCount = 0;

  // Bookkeeping of ours.
  readonly policer: TokenBucket;
  readonly topologyChangePolicer = new TokenBucket(TOPOLOGY_CHANGE_RATE, TOPOLOGY_CHANGE_BURST);
  readonly said = new SentHistory();
  /** An agreement was passed over, and nobody has asked again. */
  passedOver = false;
  readonly faults: Partial<Record<BpduFault, number>> = {};
  readonly counters: PortCounters = {
    bpdusReceived: 0,
    bpdusSent: 0,
    bpdusBad: 0,
    bpdusDropped: 0,
    topologyChangesReceived: 0,
    topologyChangesHeldBack: 0,
    agreementsPassedOver: 0,
    loopbacks: 0,
    forwardTransitions: 0,
  };
  /** In the list of ports whose machines have to look again. */
  touched = false;
  /** In the list of ports that may have something to send. */
  mayTransmit = false;
  announcedState: PortState = 'discarding';
  announcedRole: PortRole = 'disabled';

  constructor(
    number: number,
    options: PortOptions,
    address: Readonly<Uint8Array>,
    initial: { priority: PriorityVector; times: Times; sendRSTP: boolean; policer: TokenBucket },
  ) {
    this.number = number;
    this.options = options;
    this.address = address;
    this.portId = portIdentifier(options.priority, number);
    this.operEdge = options.adminEdge;
    this.sendRSTP = initial.sendRSTP;
    this.policer = initial.policer;
    this.portPriority = initial.priority;
    this.designatedPriority = initial.priority;
    this.msgPriority = initial.priority;
    this.portTimes = initial.times;
    this.designatedTimes = initial.times;
    this.msgTimes = initial.times;
    this.fdWhile = initial.times.maxAge;
    this.rrWhile = initial.times.forwardDelay;
    this.helloWhen = initial.times.helloTime;
  }

  get state(): PortState {
    if (this.forwarding) return 'forwarding';
    return this.learning ? 'learning' : 'discarding';
  }

  get guard(): GuardState {
    if (this.bpduGuardTripped) return 'bpdu-guard';
    return this.rootGuardActive ? 'root-guard' : 'none';
  }

  /** EdgeDelay, 17.20.4: how long no BPDU must come in before the port is taken for an edge. */
  get edgeDelay(): number {
    return this.options.pointToPoint ? MIGRATE_TIME : this.designatedTimes.maxAge;
  }

  /** forwardDelay, 17.20.5: RSTP needs only that information has spread, STP that all timers agree. */
  get forwardDelay(): number {
    return this.sendRSTP ? this.designatedTimes.helloTime : this.designatedTimes.forwardDelay;
  }
}

/** Counts a BPDU that changes nothing because of `fault`. */
export function countFault(port: Port, fault: BpduFault): void {
  port.counters.bpdusBad += 1;
  port.faults[fault] = (port.faults[fault] ?? 0) + 1;
}
