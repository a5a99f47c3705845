/**
 * The switch of a node as the VDE management console acts on it: ConsoleTarget over
 * the parts of a node. Ports and VLANs are in console-ports.ts.
 *
 * What is set here lasts as long as the node.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { MAXIMUM_PATH_COST } from '../stp/parameters.ts';
import type { FilteringEntry } from '../switch/filtering-database.ts';
import { checkedCapacity, MAX_AGEING_TIME, MIN_CAPACITY } from '../switch/filtering-parameters.ts';
import { Errno, type Status, SUCCESS } from '../switch/vde/console/errno.ts';
import type {
  AddressView,
  ConsoleTarget,
  HashInfo,
  SwitchAbout,
  TreeGuard,
  TreeRole,
  TreeView,
} from '../switch/vde/console/target.ts';
import type { BridgeControl } from './bridge-control.ts';
import { ConsolePorts, type ConsolePortsOptions, innerPortOf, shownPort } from './console-ports.ts';
import type { SwitchSettings } from './switch-settings.ts';
import type { TreePortSettings } from './tree-ports.ts';

const SECOND = 1000;
const MAX_SECONDS = MAX_AGEING_TIME / SECOND;

/** Octets of a script. */
const MAX_SCRIPT_LENGTH = 1024 * 1024;

/** What stands for "no other bridge" where a bridge identifier is shown. */
const NO_BRIDGE = 'ff:ff:ff:ff:ff:ff:ff:ff';

const GUARD_SETTINGS = {
  bpdu: 'bpduGuard',
  root: 'rootGuard',
  change: 'changeGuard',
} as const satisfies Record<TreeGuard, keyof TreePortSettings>;

const ERRNO_OF: Readonly<Record<string, Errno>> = {
  ENOENT: Errno.noEntry,
  ENOTDIR: Errno.noEntry,
  EACCES: Errno.accessDenied,
  EPERM: Errno.operationNotPermitted,
  EISDIR: Errno.isDirectory,
};

export interface ConsoleTargetOptions extends ConsolePortsOptions {
  readonly clock: Clock;
  readonly bridge: BridgeControl;
  readonly settings: SwitchSettings;
  /** Bridge priority; told where there is no tree, too. */
  readonly priority: number;
  /** 6 octets. */
  readonly bridgeAddress: Uint8Array;
  /** What never changes; uptime is reckoned here. */
  readonly about: Omit<SwitchAbout, 'uptime' | 'mac' | 'pid'>;
  /** Seconds, as the node was started. */
  readonly ageing: number;
  readonly minPersistence: number;
  readonly collection: number;
  /** Slots of the filtering database, as the node was started. */
  readonly tableSize: number;
  addresses(): Promise<readonly FilteringEntry[]>;
  end(): void;
}

export class NodeConsoleTarget extends ConsolePorts implements ConsoleTarget {
  readonly #options: ConsoleTargetOptions;
  readonly #startedAt: number;

  constructor(options: ConsoleTargetOptions) {
    super(options);
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  about(): SwitchAbout {
    const { clock, about } = this.#options;
    const uptime = Math.floor((clock.now() - this.#startedAt) / SECOND);
    return { ...about, uptime, mac: this.#mac(), pid: process.pid };
  }

  async readScript(path: string): Promise<{ text: string } | { status: Status }> {
    if (path === '') return { status: Errno.noEntry };
    try {
      // Not to wait for the writer of a pipe.
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const found = await file.stat();
        if (!found.isFile())
          return { status: found.isDirectory() ? Errno.isDirectory : Errno.invalid };
        if (found.size > MAX_SCRIPT_LENGTH) return { status: Errno.fileTooLarge };
        return { text: await file.readFile('utf8') };
      } finally {
        await file.close();
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      return { status: ERRNO_OF[code] ?? Errno.inputOutput };
    }
  }

  shutDown(): void {
    this.#options.end();
  }

  // ---- hash/

  hash(): HashInfo {
    const { settings, ageing, minPersistence, collection, tableSize } = this.#options;
    const { admin } = settings;
    return {
      size: admin.capacity ?? checkedCapacity(tableSize),
      collectionInterval: (admin.collectionInterval ?? collection * SECOND) / SECOND,
      expiry: (admin.ageingTime ?? ageing * SECOND) / SECOND,
      minPersistence: (admin.minPersistence ?? minPersistence * SECOND) / SECOND,
    };
  }

  async setHashSize(size: number): Promise<Status> {
    if (size <= 0) return Errno.invalid;
    let capacity: number;
    try {
      capacity = checkedCapacity(Math.max(size, MIN_CAPACITY));
    } catch {
      return Errno.invalid;
    }
    const entries = await this.#options.addresses();
    // Three quarters of the slots are used, as FilteringDatabase has it.
    if (entries.length > (capacity * 3) >>> 2) return Errno.noSpace;
    this.#options.settings.set({ capacity });
    return SUCCESS;
  }

  setCollectionInterval(seconds: number): Status {
    if (seconds < 1 || seconds > MAX_SECONDS) return Errno.invalid;
    this.#options.settings.set({ collectionInterval: seconds * SECOND });
    return SUCCESS;
  }

  setExpiry(seconds: number): Status {
    if (seconds < 1 || seconds > MAX_SECONDS) return Errno.invalid;
    this.#options.settings.set({ ageingTime: seconds * SECOND });
    return SUCCESS;
  }

  setMinPersistence(seconds: number): Status {
    if (seconds < 0 || seconds > MAX_SECONDS) return Errno.invalid;
    this.#options.settings.set({ minPersistence: seconds * SECOND });
    return SUCCESS;
  }

  async addresses(): Promise<readonly AddressView[]> {
    const entries = await this.#options.addresses();
    return entries
      .map(({ mac, vlan, port, ageMs }) => {
        return { mac, vlan, port: shownPort(port), age: Math.floor(ageMs / SECOND) };
      })
      .sort((a, b) => a.vlan - b.vlan || compare(a.mac, b.mac));
  }

  // ---- fstp/

  tree(): TreeView {
    const { bridge, priority } = this.#options;
    const tree = bridge.snapshot();
    const own = octets(priority.toString(16).padStart(4, '0') + this.#mac());
    const active = this.ports().filter(({ endpoints }) => endpoints.length > 0);
    const states = bridge.ports();
    const rootPort = tree?.rootPort ?? 0;
    const upstream = states.get(rootPort)?.designatedBridge;
    return {
      enabled: bridge.enabled,
      mac: this.#mac(),
      priority,
      isRoot: tree?.isRoot ?? true,
      root: tree === undefined ? own : octets(tree.rootIdentifier),
      designated: upstream === undefined ? NO_BRIDGE : octets(upstream),
      rootPort: shownPort(rootPort),
      rootPathCost: tree?.rootPathCost ?? 0,
      age: Math.floor(bridge.rootAge / SECOND),
      bonusPort: shownPort(bridge.bonus.port),
      bonusCost: bridge.bonus.cost,
      ports: active.map(({ port }) => {
        const inner = innerPortOf(port);
        const known = states.get(inner);
        const role = known?.role ?? 'designated';
        const edge = known?.edge ?? bridge.settingsOf(inner).edge ?? false;
        return { port, cost: bridge.pathCost(inner), role: roleOf(role, edge) };
      }),
    };
  }

  /** vde_switch has a tree for each VLAN, whose first word of a new one is its root. */
  override createVlan(vlan: number): Status {
    const status = super.createVlan(vlan);
    if (status === SUCCESS) this.#options.announce('fstp/root', rootText(this.tree(), vlan));
    return status;
  }

  setTreeEnabled(enabled: boolean): Status {
    this.#options.bridge.setEnabled(enabled);
    return SUCCESS;
  }

  setEdge(port: number, edge: boolean): Status {
    if (!this.isInRange(port)) return Errno.invalid;
    return this.#setPort(port, { edge });
  }

  setCost(port: number, cost: number): Status {
    if (!this.isInRange(port)) return Errno.invalid;
    if (cost < 0 || cost > MAXIMUM_PATH_COST) return Errno.invalid;
    return this.#setPort(port, { cost: cost === 0 ? null : cost });
  }

  setGuard(port: number, guard: TreeGuard, on: boolean): Status {
    if (!this.isInRange(port)) return Errno.invalid;
    return this.#setPort(port, { [GUARD_SETTINGS[guard]]: on });
  }

  recover(port: number): Status {
    if (!this.isInRange(port)) return Errno.invalid;
    this.#options.bridge.recover(innerPortOf(port));
    return SUCCESS;
  }

  /** As vde_switch has it, nothing is said of a port that is not up. */
  #setPort(port: number, settings: TreePortSettings): Status {
    const { bridge } = this.#options;
    const inner = innerPortOf(port);
    if (bridge.isUp(inner)) bridge.setPort(inner, settings);
    return SUCCESS;
  }

  setBonus(port: number, cost: number): Status {
    if (!this.isInRange(port)) return Errno.invalid;
    this.#options.bridge.setBonus({ port: innerPortOf(port), cost });
    return SUCCESS;
  }

  #mac(): string {
    return Buffer.from(this.#options.bridgeAddress).toString('hex').replaceAll(/..\B/g, '$&:');
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The text of the event `fstp/root`. */
export function rootText({ rootPort, root }: TreeView, vlan = 0): string {
  const octets = vlan.toString(16).padStart(4, '0').replace(/..\B/, '$&:');
  return `Port ${String(rootPort).padStart(4, '0')} VLAN ${octets} -> ${root}`;
}

/** `8000.02:00:00:00:00:01` as `80:00:02:00:00:00:00:01`. */
function octets(identifier: string): string {
  return identifier.replaceAll(/[.:]/g, '').replaceAll(/..\B/g, '$&:');
}

function roleOf(role: string, edge: boolean): TreeRole {
  if (edge) return 'Edge';
  if (role === 'root') return 'Root';
  if (role === 'designated') return 'Designated';
  return role === 'disabled' ? 'Unknown' : 'Alternate/Backup';
}
