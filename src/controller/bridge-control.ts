/**
 * Drives the spanning tree: feeds it BPDUs, time and measurements, and carries
 * out what it decides. Also the one place that knows every port's state, and so
 * what the data plane is told about them.
 *
 * Ports of VDE clients and of TAPs begin as edges, so that a guest can talk at once, and
 * stop being edges when a BPDU comes in. Ports of links are point to point.
 */
import type { Clock } from '../clock.ts';
import { LinkCost, type LinkMeasurement } from '../stp/link-cost.ts';
import type { SpanningTreeEvent } from '../stp/output.ts';
import type { PortSnapshot, SpanningTreeSnapshot } from '../stp/snapshot.ts';
import { SpanningTree } from '../stp/spanning-tree.ts';
import type { ForwarderSettings } from '../switch/forwarding.ts';
import { PORT_TABLE_LENGTH, PortState } from '../switch/port.ts';

/** IEEE 802.1D-2004, Table 17-3: 20,000 for a LAN of 1 Gb/s. */
const LOCAL_PATH_COST = 20_000;
/** Flooded frames a second and port that pass when no spanning tree keeps loops out. */
const UNGUARDED_FLOOD_RATE = 500;

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
    readonly priority: number;
    readonly helloTime: number;
    readonly maxAge: number;
    readonly forwardDelay: number;
  };
  onEvent(event: SpanningTreeEvent): void;
}

export class BridgeControl {
  readonly #options: BridgeControlOptions;
  readonly #tree: SpanningTree | undefined;
  readonly #states = new Uint8Array(PORT_TABLE_LENGTH);
  readonly #stormRates = new Int32Array(PORT_TABLE_LENGTH);
  readonly #costs = new Map<number, LinkCost>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: BridgeControlOptions) {
    this.#options = options;
    const { enabled, ...parameters } = options.stp;
    this.#tree = enabled
      ? new SpanningTree({ bridgeAddress: options.bridgeAddress, ...parameters })
      : undefined;
    this.#configure();
  }

  /** A port came up. `kind` says what is behind it. */
  portUp(port: number, kind: 'vde' | 'tap' | 'link'): void {
    const now = this.#options.clock.now();
    if (this.#tree === undefined) {
      this.#states[port] = PortState.forwarding;
      this.#stormRates[port] = kind === 'link' ? UNGUARDED_FLOOD_RATE : 0;
      this.#configure();
      return;
    }
    if (this.#tree.hasPort(port)) return;
    const link = kind === 'link' ? new LinkCost() : undefined;
    if (link !== undefined) this.#costs.set(port, link);
    this.#tree.addPort(
      port,
      {
        pathCost: link?.cost ?? LOCAL_PATH_COST,
        pointToPoint: true,
        adminEdge: kind !== 'link',
        autoEdge: kind !== 'link',
      },
      now,
    );
    this.#apply();
  }

  portDown(port: number): void {
    if (this.#tree !== undefined) {
      this.#tree.removePort(port, this.#options.clock.now());
      this.#costs.delete(port);
    }
    this.#states[port] = PortState.disabled;
    this.#stormRates[port] = 0;
    this.#configure();
    this.#options.plane.flushPort(port);
    this.#apply();
  }

  /** A frame to a reserved bridge address came in. */
  receive(port: number, frame: Uint8Array): void {
    if (this.#tree === undefined) return;
    this.#tree.receive(port, frame, this.#options.clock.now());
    this.#apply();
  }

  /** What a link's keepalives have measured. */
  measured(port: number, measurement: LinkMeasurement): void {
    const cost = this.#costs.get(port);
    const now = this.#options.clock.now();
    if (cost === undefined || !cost.measure(measurement, now)) return;
    this.#tree?.setPortCost(port, cost.cost, now);
    this.#apply();
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
    for (const event of events) this.#options.onEvent(event);
    this.#arm();
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
