/**
 * Drives the spanning tree: feeds it BPDUs, time and measurements, and carries
 * out what it decides. Also the one place that knows every port's state, and so
 * what the data plane is told about them.
 *
 * Ports of VDE clients and of TAPs begin as edges, so that a guest can talk at once, and
 * stop being edges when a BPDU comes in. Ports of links are point to point.
 */
import type { Clock } from '../clock.ts';
import { KithError } from '../errors.ts';
import { LinkCost, type LinkMeasurement } from '../stp/link-cost.ts';
import type { SpanningTreeEvent } from '../stp/output.ts';
import {
  checkPathCost,
  MAXIMUM_PATH_COST,
  MINIMUM_PATH_COST,
  type ProtocolVersion,
} from '../stp/parameters.ts';
import type { PortSnapshot, SpanningTreeSnapshot } from '../stp/snapshot.ts';
import { SpanningTree } from '../stp/spanning-tree.ts';
import type { ForwarderSettings } from '../switch/forwarder-settings.ts';
import { PORT_TABLE_LENGTH, PortState } from '../switch/port.ts';
import type { PortKind, TreePortSettings } from './tree-ports.ts';

/** IEEE 802.1D-2004, Table 17-3: 20,000 for a LAN of 1 Gb/s. */
const LOCAL_PATH_COST = 20_000;
/** Flooded frames a second and port that pass when no spanning tree keeps loops out. */
const UNGUARDED_FLOOD_RATE = 500;

/** What tells the Bridge Group Address, 01:80:C2:00:00:00, from the other reserved ones. */
const BRIDGE_GROUP_OCTET = 5;
const BRIDGE_GROUP_END = 0x00;

/** What of the data plane the tree acts on. */
export interface BridgePlane {
  configure(settings: ForwarderSettings): void;
  flushPort(port: number): void;
  sendFrame(port: number, frame: Uint8Array): void;
}

export interface BridgeControlOptions {
  readonly clock: Clock;
  readonly plane: BridgePlane;
  /** 6 octets. */
  readonly bridgeAddress: Uint8Array;
  /** Seconds and priority as in the configuration; `enabled: false` leaves loops to storm control. */
  readonly stp: {
    readonly enabled: boolean;
    /** Absent: RSTP. */
    readonly version?: ProtocolVersion;
    readonly priority: number;
    readonly helloTime: number;
    readonly maxAge: number;
    readonly forwardDelay: number;
    /** Until a port that BPDU guard disabled tries again; 0, or absent: when told to. */
    readonly guardRecovery?: number;
  };
  /** What the configuration says of a port that comes up; absent: nothing of any. */
  readonly settingsOf?: (port: number, kind: PortKind) => TreePortSettings;
  onEvent(event: SpanningTreeEvent): void;
  /** Hears of ports as the console tells of them. Must not throw. */
  readonly onPortEvent?: (event: BridgePortEvent) => void;
}

export type BridgePortEvent =
  | {
      readonly kind: 'state';
      readonly port: number;
      readonly state: 'discarding' | 'learning' | 'forwarding';
    }
  /** The first BPDU came in, or the port that had heard one went down. */
  | { readonly kind: 'heard' | 'silent'; readonly port: number };

/** A rebate on the path cost of one port, so that the tree prefers it (VDE's bonus). */
export interface PathBonus {
  readonly port: number;
  readonly cost: number;
}

export class BridgeControl {
  readonly #options: BridgeControlOptions;
  #tree: SpanningTree | undefined;
  /** Ports that are up. */
  readonly #kinds = new Map<number, PortKind>();
  /** When a BPDU last came in, by port. */
  readonly #heardAt = new Map<number, number>();
  /** What the configuration says of ports that are up. */
  readonly #configured = new Map<number, TreePortSettings>();
  /** What was said of ports since the node runs. */
  readonly #said = new Map<number, TreePortSettings>();
  #rootSince: number;
  #bonus: PathBonus = { port: 0, cost: 0 };
  readonly #states = new Uint8Array(PORT_TABLE_LENGTH);
  readonly #stormRates = new Int32Array(PORT_TABLE_LENGTH);
  readonly #costs = new Map<number, LinkCost>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: BridgeControlOptions) {
    this.#options = options;
    this.#rootSince = options.clock.now();
    if (options.stp.enabled) this.#tree = this.#makeTree();
    this.#configure();
  }

  /** What was said of ports since the node runs. */
  get said(): ReadonlyMap<number, TreePortSettings> {
    return this.#said;
  }

  get enabled(): boolean {
    return this.#tree !== undefined;
  }

  /** Switches the spanning tree on or off while ports are up. */
  setEnabled(enabled: boolean): void {
    if (enabled === this.enabled) return;
    const ports = [...this.#kinds];
    clearTimeout(this.#timer);
    this.#tree = enabled ? this.#makeTree() : undefined;
    this.#rootSince = this.#options.clock.now();
    this.#heardAt.clear();
    for (const [port] of ports) {
      this.#states[port] = PortState.discarding;
      this.#stormRates[port] = 0;
      this.#options.plane.flushPort(port);
    }
    for (const [port, kind] of ports) this.portUp(port, kind);
    this.#configure();
  }

  isUp(port: number): boolean {
    return this.#kinds.has(port);
  }

  /** A port came up. `kind` says what is behind it. */
  portUp(port: number, kind: PortKind): void {
    const now = this.#options.clock.now();
    this.#kinds.set(port, kind);
    this.#configured.set(port, this.#options.settingsOf?.(port, kind) ?? {});
    if (kind === 'link' && !this.#costs.has(port)) this.#costs.set(port, new LinkCost());
    this.#costs.get(port)?.setAdministrative(this.settingsOf(port).cost ?? null);
    if (this.#tree === undefined) {
      this.#states[port] = PortState.forwarding;
      this.#stormRates[port] = kind === 'link' ? UNGUARDED_FLOOD_RATE : 0;
      this.#configure();
      return;
    }
    if (this.#tree.hasPort(port)) return;
    const { edge = kind !== 'link', bpduGuard, rootGuard, changeGuard } = this.settingsOf(port);
    this.#tree.addPort(
      port,
      {
        pathCost: this.pathCost(port),
        pointToPoint: true,
        adminEdge: edge,
        autoEdge: edge,
        bpduGuard: bpduGuard ?? false,
        rootGuard: rootGuard ?? false,
        restrictedTcn: changeGuard ?? false,
      },
      now,
    );
    this.#apply();
  }

  portDown(port: number): void {
    // The next guest on a port is another one; a friend and an interface stay who they are.
    if (this.#kinds.get(port) === 'vde') this.#said.delete(port);
    this.#kinds.delete(port);
    this.#configured.delete(port);
    this.#costs.delete(port);
    if (this.#heardAt.delete(port)) this.#options.onPortEvent?.({ kind: 'silent', port });
    this.#tree?.removePort(port, this.#options.clock.now());
    this.#states[port] = PortState.disabled;
    this.#stormRates[port] = 0;
    this.#configure();
    this.#options.plane.flushPort(port);
    this.#apply();
  }

  /** Who had the port will not come back: what was said of it is not for the next one there. */
  forget(port: number): void {
    this.#said.delete(port);
  }

  /** A frame to a reserved bridge address came in. */
  receive(port: number, frame: Uint8Array): void {
    if (this.#tree === undefined || !this.#tree.hasPort(port)) return;
    const now = this.#options.clock.now();
    if (frame[BRIDGE_GROUP_OCTET] === BRIDGE_GROUP_END) {
      if (!this.#heardAt.has(port)) this.#options.onPortEvent?.({ kind: 'heard', port });
      this.#heardAt.set(port, now);
    }
    this.#tree.receive(port, frame, now);
    this.#apply();
  }

  /** What a link's keepalives have measured. */
  measured(port: number, measurement: LinkMeasurement): void {
    const cost = this.#costs.get(port);
    const now = this.#options.clock.now();
    if (cost === undefined) return;
    const { throughput = measurement.throughput } = this.settingsOf(port);
    if (!cost.measure({ ...measurement, throughput }, now)) return;
    this.#setCost(port);
    this.#apply();
  }

  /** What holds for a port: the configuration's word, and what was said since. */
  settingsOf(port: number): TreePortSettings {
    return { ...this.#configured.get(port), ...this.#said.get(port) };
  }

  /**
   * Changes what is given, for a port that is up. It holds until the node ends, for a guest's
   * port until it goes down.
   * @throws KithError `not-found` for a port that is not up, `config` for a cost out of range
   */
  setPort(port: number, changes: TreePortSettings): void {
    if (!this.#kinds.has(port)) {
      throw new KithError('not-found', `nothing is on port ${port} now; see \`kith ports\``);
    }
    if (typeof changes.cost === 'number') checkPathCost(changes.cost);
    this.#said.set(port, { ...this.#said.get(port), ...changes });
    this.#costs.get(port)?.setAdministrative(this.settingsOf(port).cost ?? null);
    const tree = this.#tree;
    if (tree === undefined) return;
    const now = this.#options.clock.now();
    const { bpduGuard = false, rootGuard = false, changeGuard = false } = this.settingsOf(port);
    tree.setPortOptions(port, { bpduGuard, rootGuard, restrictedTcn: changeGuard }, now);
    this.#setCost(port);
    const { edge } = changes;
    if (edge !== undefined) {
      // AdminEdgePort counts when a port is enabled (802.1D-2004, 17.25).
      tree.setPortEnabled(port, false, now);
      tree.setPortOptions(port, { adminEdge: edge, autoEdge: edge }, now);
      tree.setPortEnabled(port, true, now);
    }
    this.#apply();
  }

  /** Lets a port that BPDU guard disabled try again. Others are left as they are. */
  recover(port: number): void {
    if (this.#tree?.hasPort(port) !== true) return;
    this.#tree.recoverPort(port, this.#options.clock.now());
    this.#apply();
  }

  /** The cost a link has by its latest measurement, in force or not; null: none, or no link. */
  measuredCost(port: number): number | null {
    return this.#costs.get(port)?.measured ?? null;
  }

  get bonus(): PathBonus {
    return this.#bonus;
  }

  /** There is one bonus; the one before it ends. */
  setBonus(bonus: PathBonus): void {
    const before = this.#bonus;
    this.#bonus = bonus;
    this.#setCost(before.port);
    this.#setCost(bonus.port);
    this.#apply();
  }

  /** Milliseconds since the root was last heard of; where this bridge is the root, since it is. */
  get rootAge(): number {
    const rootPort = this.snapshot()?.rootPort ?? null;
    const heard = rootPort === null ? undefined : this.#heardAt.get(rootPort);
    return this.#options.clock.now() - (heard ?? this.#rootSince);
  }

  /** The path cost of a port that is up, with or without a tree. */
  pathCost(port: number): number {
    const cost = this.#costs.get(port)?.cost ?? this.settingsOf(port).cost ?? LOCAL_PATH_COST;
    const rebate = this.#bonus.port === port ? this.#bonus.cost : 0;
    return Math.min(Math.max(cost - rebate, MINIMUM_PATH_COST), MAXIMUM_PATH_COST);
  }

  #setCost(port: number): void {
    if (this.#tree?.hasPort(port) !== true) return;
    this.#tree.setPortCost(port, this.pathCost(port), this.#options.clock.now());
  }

  snapshot(): SpanningTreeSnapshot | undefined {
    return this.#tree?.snapshot(this.#options.clock.now());
  }

  /** What the tree says of each port, by number. */
  ports(): ReadonlyMap<number, PortSnapshot> {
    const snapshots = this.snapshot()?.ports ?? [];
    return new Map(snapshots.map((each) => [each.port, each]));
  }

  stateOf(port: number): 'discarding' | 'learning' | 'forwarding' {
    if (this.#states[port] === PortState.forwarding) return 'forwarding';
    return this.#states[port] === PortState.learning ? 'learning' : 'discarding';
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Carries out the tree's output in its order: states, flush, BPDUs. */
  #apply(): void {
    if (this.#tree === undefined || this.#closed) return;
    const { states, flush, bpdus, events } = this.#tree.takeOutput();
    const { plane } = this.#options;
    for (const { port, state } of states) this.#states[port] = PortState[state];
    if (states.length > 0) this.#configure();
    for (const port of flush) plane.flushPort(port);
    for (const { port, frame } of bpdus) plane.sendFrame(port, frame);
    const { onEvent, onPortEvent } = this.#options;
    for (const { port, state } of states) onPortEvent?.({ kind: 'state', port, state });
    for (const event of events) {
      if (event.kind === 'root-changed') this.#rootSince = this.#options.clock.now();
      onEvent(event);
    }
    this.#arm();
  }

  #makeTree(): SpanningTree {
    const { stp, bridgeAddress } = this.#options;
    const { enabled: _, ...parameters } = stp;
    return new SpanningTree({ bridgeAddress, ...parameters });
  }

  #configure(): void {
    this.#options.plane.configure({
      portStates: this.#states.slice(),
      stormRates: this.#stormRates.slice(),
    });
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const deadline = this.#tree?.nextDeadline() ?? Number.POSITIVE_INFINITY;
    if (deadline === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#options;
    this.#timer = setTimeout(
      () => {
        this.#tree?.tick(clock.now());
        this.#apply();
      },
      Math.max(0, Math.ceil(deadline - clock.now())),
    );
    this.#timer.unref();
  }
}
