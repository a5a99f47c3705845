/** What a node tells of its spanning tree, and what is changed there by hand: for NodeReports. */
import type { BridgeControl } from './bridge-control.ts';
import type { StpPortRequest, StpStatus } from './node-api-ports.ts';
import type { PortFinder } from './port-reports.ts';

type Bridge = Pick<BridgeControl, 'snapshot' | 'measuredCost' | 'setPort' | 'recover'>;

export class StpReports {
  readonly #bridge: Bridge;
  readonly #ports: PortFinder;

  constructor(bridge: Bridge, ports: PortFinder) {
    this.#bridge = bridge;
    this.#ports = ports;
  }

  status(): StpStatus {
    const snapshot = this.#bridge.snapshot();
    if (snapshot === undefined) {
      return {
        enabled: false,
        bridgeId: '',
        rootId: '',
        isRoot: false,
        rootPathCost: 0,
        rootPort: 0,
        topologyChanges: 0,
        ports: [],
      };
    }
    return {
      enabled: true,
      bridgeId: snapshot.bridgeIdentifier,
      rootId: snapshot.rootIdentifier,
      isRoot: snapshot.isRoot,
      rootPathCost: snapshot.rootPathCost,
      rootPort: snapshot.rootPort ?? 0,
      topologyChanges: snapshot.topologyChangeCount,
      ports: snapshot.ports.map((each) => ({
        port: each.port,
        role: each.role,
        state: each.state,
        pathCost: each.pathCost,
        measuredCost: this.#bridge.measuredCost(each.port),
        edge: each.edge,
        designatedBridge: each.designatedBridge,
        guard: each.guard,
        bpduGuard: each.bpduGuard,
        rootGuard: each.rootGuard,
        changeGuard: each.restrictedTcn,
        counters: { ...each.counters },
        faults: each.faults,
      })),
    };
  }

  /** @throws KithError 'not-found' */
  setPort(request: StpPortRequest): { port: number; name: string } {
    const { port: reference, recover, ...settings } = request;
    const port = this.#ports.find(reference);
    this.#bridge.setPort(port, settings);
    if (recover) this.#bridge.recover(port);
    return { port, name: this.#ports.label(port).name };
  }
}
