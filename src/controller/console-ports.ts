/**
 * Ports and VLANs of a node as the VDE management console sees them.
 *
 * A port is known from its first use, or from when it was created, until it is
 * removed, as in vde_switch; the ports of links are among them. VDE's port 0 is
 * PORT_ZERO inside and 0 on the console.
 */
import { Counter } from '../switch/counters.ts';
import type { Accounts } from '../switch/vde/accounts.ts';
import type { Category } from '../switch/vde/console/categories.ts';
import { Errno, type Status, SUCCESS } from '../switch/vde/console/errno.ts';
import type { EndpointView, PortView, VlanView } from '../switch/vde/console/target.ts';
import { PORT_ZERO, type PortEntry, type PortTable } from '../switch/vde/port-table.ts';
import type { VdeEndpoint } from '../switch/vde/vde-server.ts';
import { MAX_CREATED_VID, type VlanFault, type VlanRegistry } from '../switch/vlan-registry.ts';
import { NO_VLAN } from '../switch/vlan-table.ts';
import type { BridgeControl } from './bridge-control.ts';
import { FIRST_LINK_PORT } from './friend-book.ts';
import type { SwitchSettings } from './switch-settings.ts';

/** What vde_switch calls the module of its clients, and what we call those of ours. */
const VDE_MODULE = 'unix prog';

const NOBODY = 'NONE';
/** Words that lift a restriction. */
const ANYBODY = new Set([NOBODY, 'ANY']);

/** Something of the node's on a port of its own: a link, a TAP. */
export interface OwnEndpoint {
  readonly port: number;
  readonly module: string;
  readonly description: string;
}

export interface ConsolePortsOptions {
  readonly ports: PortTable;
  /** VDE clients, in order of port and id. */
  clients(): readonly VdeEndpoint[];
  closeClient(id: number): boolean;
  /** The node's own ports that are up. */
  ownEndpoints(): readonly OwnEndpoint[];
  readonly counters: { value(port: number, counter: Counter): number };
  readonly bridge: BridgeControl;
  readonly settings: SwitchSettings;
  readonly vlans: VlanRegistry;
  flushPort(port: number): void;
  /** The accounts of this machine as they are now. */
  accounts(): Accounts;
  /** The user that the node runs as. */
  readonly ownUser: number;
  announce(category: Category, text: string): void;
}

const COUNTED = [Counter.framesIn, Counter.octetsIn, Counter.framesOut, Counter.octetsOut] as const;

const UNTOUCHED: Omit<PortEntry, 'port'> = {
  endpoints: 0,
  currentUser: undefined,
  reserved: false,
  allocatable: true,
  user: undefined,
  group: undefined,
};

export class ConsolePorts {
  readonly #options: ConsolePortsOptions;
  /** Numbers as the console shows them, like all numbers of ports in here. */
  readonly #known = new Set<number>();
  readonly #registry: VlanRegistry;
  /** Counters at the last reset. */
  readonly #baselines = new Map<number, readonly number[]>();

  constructor(options: ConsolePortsOptions) {
    this.#options = options;
    this.#registry = options.vlans;
  }

  // ---- what happens on ports

  /** A VDE client has come, or something of the node's is up. */
  endpointAdded(innerPort: number, id: number, description: string): void {
    const port = shownPort(innerPort);
    this.#learn(port);
    const { announce } = this.#options;
    announce('port/ep/+', `Port ${two(port)} FD ${String(id).padStart(2)}`);
    announce('port/descr', `Port ${two(port)} FD ${String(id).padStart(2)} -> "${description}"`);
  }

  /** @param last nothing is left on the port */
  endpointRemoved(innerPort: number, id: number, last: boolean): void {
    const port = shownPort(innerPort);
    const { announce } = this.#options;
    announce('port/ep/-', `Port ${two(port)} FD ${String(id).padStart(2)}`);
    if (last) announce('port/-', two(port));
  }

  // ---- port/

  portCount(): number {
    return this.#options.ports.portCount;
  }

  setPortCount(count: number): Status {
    if (count < 1 || count >= FIRST_LINK_PORT) return Errno.invalid;
    for (const port of this.#known) {
      if (port > count && port < FIRST_LINK_PORT) return Errno.addressInUse;
    }
    return guarded(Errno.addressInUse, () => this.#options.ports.setPortCount(count));
  }

  isHub(): boolean {
    return this.#options.settings.admin.hub ?? false;
  }

  setHub(hub: boolean): Status {
    this.#options.settings.set({ hub });
    return SUCCESS;
  }

  ports(): readonly PortView[] {
    const { ports, accounts, ownUser } = this.#options;
    const names = accounts();
    const nameOf = (uid: number | undefined) => (uid === undefined ? NOBODY : names.userName(uid));
    const groupOf = (gid: number | undefined) =>
      gid === undefined ? NOBODY : names.groupName(gid);
    const entries = new Map(ports.list().map((entry) => [shownPort(entry.port), entry]));
    const endpoints = this.#endpoints();
    const own = new Set(this.#options.ownEndpoints().map(({ port }) => port));
    return this.#knownPorts().map((port) => {
      const entry = entries.get(port) ?? UNTOUCHED;
      const [framesIn, octetsIn, framesOut, octetsOut] = this.#counted(port);
      return {
        port,
        untaggedVlan: this.#registry.untaggedOf(innerPortOf(port)),
        allocatable: entry.allocatable && !own.has(port) && port < FIRST_LINK_PORT,
        currentUser: nameOf(own.has(port) ? ownUser : entry.currentUser),
        user: nameOf(entry.user),
        group: groupOf(entry.group),
        framesIn,
        octetsIn,
        framesOut,
        octetsOut,
        endpoints: endpoints.get(port) ?? [],
      };
    });
  }

  createPort(wanted: number): { port: number } | { status: Status } {
    if (wanted < 0 || wanted > this.portCount()) return { status: Errno.invalid };
    if (this.#known.has(wanted)) return { status: Errno.exists };
    const port = wanted === 0 ? this.#firstFree() : wanted;
    if (port === undefined) return { status: Errno.noSpace };
    const { ports } = this.#options;
    const status = guarded(Errno.exists, () => {
      if (this.#known.has(port)) ports.setAllocatable(port, false);
      else ports.create(port);
    });
    if (status !== SUCCESS) return { status };
    this.#learn(port);
    return { port };
  }

  removePort(port: number): Status {
    return this.#onPort(port, () => {
      if (this.#endpoints().has(port)) return Errno.addressInUse;
      const { ports } = this.#options;
      const inner = innerPortOf(port);
      const kept = ports.list().some((entry) => entry.port === inner);
      const status = guarded(Errno.addressInUse, () => void (kept && ports.remove(inner)));
      if (status !== SUCCESS) return status;
      this.#known.delete(port);
      this.#registry.forgetPort(inner);
      this.#publishVlans();
      return SUCCESS;
    });
  }

  setAllocatable(port: number, allocatable: boolean): Status {
    return this.#onTable(port, (inner) => this.#options.ports.setAllocatable(inner, allocatable));
  }

  setPortUser(port: number, name: string): Status {
    const uid = this.#options.accounts().userId(name);
    if (uid === undefined && !ANYBODY.has(name)) return this.#onPort(port, () => Errno.invalid);
    return this.#onTable(port, (inner) => this.#options.ports.setUser(inner, uid));
  }

  setPortGroup(port: number, name: string): Status {
    const gid = this.#options.accounts().groupId(name);
    if (gid === undefined && !ANYBODY.has(name)) return this.#onPort(port, () => Errno.invalid);
    return this.#onTable(port, (inner) => this.#options.ports.setGroup(inner, gid));
  }

  closeEndpoint(port: number, id: number): Status {
    return this.#onPort(port, () => {
      const inner = innerPortOf(port);
      const { clients, ownEndpoints, closeClient } = this.#options;
      if (ownEndpoints().some((each) => each.port === inner)) return Errno.operationNotPermitted;
      const there = clients().some((each) => each.port === inner && each.id === id);
      return there && closeClient(id) ? SUCCESS : Errno.noSuchDeviceOrAddress;
    });
  }

  resetCounters(port: number | undefined): Status {
    if (port !== undefined && !this.isInRange(port)) return Errno.invalid;
    for (const each of port === undefined ? this.#known : [port]) {
      this.#baselines.set(each, this.#raw(each));
    }
    return SUCCESS;
  }

  /** Whether the console takes a number for that of a port. */
  isInRange(port: number): boolean {
    return this.#known.has(port) || (port >= 0 && port <= this.portCount());
  }

  // ---- vlan/

  vlans(): readonly VlanView[] {
    const known = this.#knownPorts();
    const endpoints = this.#endpoints();
    return this.#registry.vlans.map((vlan) => ({
      vlan,
      ports: this.#registry
        .members(vlan, known.map(innerPortOf))
        .map(({ port: inner, tagged }) => {
          const port = shownPort(inner);
          const active = endpoints.has(port);
          return { port, tagged, active, state: this.#state(inner, active) };
        })
        .sort((a, b) => a.port - b.port),
    }));
  }

  createVlan(vlan: number): Status {
    return this.#changed(this.#registry.create(vlan));
  }

  removeVlan(vlan: number): Status {
    return this.#changed(this.#registry.remove(vlan, this.#knownPorts().map(innerPortOf)));
  }

  addToVlan(vlan: number, port: number): Status {
    return this.#onVlanPort(vlan, port, MAX_CREATED_VID, (inner) =>
      this.#registry.addTagged(vlan, inner),
    );
  }

  removeFromVlan(vlan: number, port: number): Status {
    const status = this.#onVlanPort(vlan, port, MAX_CREATED_VID, (inner) =>
      this.#registry.removeTagged(vlan, inner),
    );
    if (status === SUCCESS) this.#options.flushPort(innerPortOf(port));
    return status;
  }

  setUntaggedVlan(port: number, vlan: number): Status {
    const status = this.#onVlanPort(vlan, port, NO_VLAN, (inner) =>
      this.#registry.setUntagged(inner, vlan),
    );
    if (status === SUCCESS) this.#options.flushPort(innerPortOf(port));
    return status;
  }

  // ---- ports and what they are

  #learn(port: number): void {
    if (this.#known.has(port)) return;
    this.#known.add(port);
    this.#options.announce('port/+', two(port));
  }

  #knownPorts(): number[] {
    return [...this.#known].sort((a, b) => a - b);
  }

  /** The lowest port that nobody has and that is not kept from who wants any. */
  #firstFree(): number | undefined {
    const { ports } = this.#options;
    const entries = new Map(ports.list().map((entry) => [entry.port, entry]));
    for (let port = 1; port <= ports.portCount; port++) {
      const { endpoints, reserved, allocatable } = entries.get(port) ?? UNTOUCHED;
      if (endpoints === 0 && !reserved && allocatable) return port;
    }
    return undefined;
  }

  /** Active ports; of each the endpoints, newest first. */
  #endpoints(): ReadonlyMap<number, readonly EndpointView[]> {
    const endpoints = new Map<number, EndpointView[]>();
    const add = (port: number, view: EndpointView): void => {
      endpoints.set(port, [view, ...(endpoints.get(port) ?? [])]);
    };
    for (const { port, id, description } of this.#options.clients()) {
      add(shownPort(port), { id, module: VDE_MODULE, description });
    }
    for (const { port, module, description } of this.#options.ownEndpoints()) {
      add(shownPort(port), { id: port, module, description });
    }
    return endpoints;
  }

  #raw(port: number): readonly number[] {
    const inner = innerPortOf(port);
    return COUNTED.map((counter) => this.#options.counters.value(inner, counter));
  }

  #counted(port: number): readonly number[] {
    const baseline = this.#baselines.get(port);
    return this.#raw(port).map((value, index) => value - (baseline?.[index] ?? 0));
  }

  /** An inactive port counts as Learning, in vde_switch. */
  #state(inner: number, active: boolean): 'Discarding' | 'Learning' | 'Forwarding' {
    if (!active) return 'Learning';
    const state = this.#options.bridge.stateOf(inner);
    if (state === 'forwarding') return 'Forwarding';
    return state === 'learning' ? 'Learning' : 'Discarding';
  }

  /** Acts on a port that is known. */
  #onPort(port: number, apply: () => Status): Status {
    if (!this.isInRange(port)) return Errno.invalid;
    return this.#known.has(port) ? apply() : Errno.noSuchDeviceOrAddress;
  }

  /** Changes who may have a port; the node's own are nobody else's. */
  #onTable(port: number, apply: (inner: number) => void): Status {
    return this.#onPort(port, () =>
      guarded(Errno.operationNotPermitted, () => apply(innerPortOf(port))),
    );
  }

  /** Numbers are judged first, then whether what they stand for is there. */
  #onVlanPort(
    vlan: number,
    port: number,
    greatest: number,
    apply: (inner: number) => VlanFault | undefined,
  ): Status {
    if (vlan < 0 || vlan > greatest || !this.isInRange(port)) return Errno.invalid;
    if (!this.#known.has(port)) return Errno.noSuchDeviceOrAddress;
    return this.#changed(apply(innerPortOf(port)));
  }

  #changed(fault: VlanFault | undefined): Status {
    if (fault !== undefined) return STATUS_OF_FAULT[fault];
    this.#publishVlans();
    return SUCCESS;
  }

  #publishVlans(): void {
    this.#options.settings.setVlans(this.#registry.tables());
  }
}

const STATUS_OF_FAULT: Readonly<Record<VlanFault, Status>> = {
  range: Errno.invalid,
  exists: Errno.exists,
  'no-such-vlan': Errno.noSuchDeviceOrAddress,
  'in-use': Errno.addressInUse,
};

/** The number that the console shows for a port. */
export function shownPort(inner: number): number {
  return inner === PORT_ZERO ? 0 : inner;
}

export function innerPortOf(shown: number): number {
  return shown === 0 ? PORT_ZERO : shown;
}

/** `%02d` */
function two(port: number): string {
  return String(port).padStart(2, '0');
}

/** Runs an act of the port table, which throws what an operator would have to mend. */
function guarded(refused: Status, apply: () => void): Status {
  try {
    apply();
    return SUCCESS;
  } catch {
    return refused;
  }
}
