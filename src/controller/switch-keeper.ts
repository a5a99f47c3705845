/**
 * Keeps what was set of the switch by hand over the end of the node, when it is told to.
 *
 *   configuration, consoleRc --> as the node begins --+
 *   switch.json ------- restore ----------------------+--> as it is now --> save --> switch.json
 *   kith switch, kith stp, the console ---------------+
 *
 * VLANs and impairments are not kept: the one have their place in the configuration and in
 * consoleRc, the others are trials.
 */
import type { KithConfig } from './config.ts';
import type { PortReference } from './config-ports.ts';
import type { NamedMirror, SwitchAdmin } from './switch-admin.ts';
import {
  differences,
  overlay,
  reconcile,
  type SettingName,
  type SwitchSetting,
  settingName,
} from './switch-differences.ts';
import { learningOf } from './switch-learning.ts';
import type { AdminSettings, SwitchSettings } from './switch-settings.ts';
import { type SwitchDifference, saveSwitchFile } from './switch-store.ts';
import type { TreePortSettings } from './tree-ports.ts';
import type { ResolvePort } from './vlan-plan.ts';

export interface SwitchKeeperOptions {
  readonly home: string;
  readonly config: KithConfig['switch'];
  /** What the file held when the node was started. */
  readonly kept: readonly SwitchDifference[];
  readonly settings: SwitchSettings;
  readonly admin: SwitchAdmin;
  readonly resolve: ResolvePort;
  /** What means a port also after the next start; undefined: nothing does. */
  readonly lastingName: (port: number) => PortReference | undefined;
  /** What was said of ports to the spanning tree since the node runs. */
  readonly saidToTree: () => ReadonlyMap<number, TreePortSettings>;
  readonly log: { warn(details: object, message: string): void };
}

export interface KeptReport {
  /** What is set again at the next start. */
  readonly kept: readonly SettingName[];
  /** What is as it is until the node ends, and other from the next start on. */
  readonly unsaved: readonly SettingName[];
}

export class SwitchKeeper {
  readonly #options: SwitchKeeperOptions;
  /** As the configuration and consoleRc have it. */
  #began: readonly SwitchSetting[] = [];
  #kept: readonly SwitchDifference[];
  /** What was kept of ports in the spanning tree, as they were named: counts like the configuration. */
  readonly #trees = new Map<PortReference, TreePortSettings>();
  /** Writes follow one another. */
  #saving: Promise<void> = Promise.resolve();

  constructor(options: SwitchKeeperOptions) {
    this.#options = options;
    this.#kept = options.kept;
  }

  /** Sets again what was kept. To be called once, when all that the configuration says is set. */
  restore(): void {
    this.#began = this.#now();
    const { valid, stale } = reconcile(this.#began, this.#kept);
    for (const each of stale) {
      this.#options.log.warn(
        settingName(each),
        'the configuration has another value since; what was kept of it is dropped (kith switch save, or forget)',
      );
    }
    for (const each of valid) {
      try {
        this.#apply(each);
      } catch (error) {
        // As when the configuration has got so many static addresses that there is no room.
        this.#options.log.warn({ err: error, ...settingName(each) }, 'not set again');
      }
    }
    this.#kept = valid;
  }

  /** What was kept of a port in the spanning tree, to be laid over the configuration. */
  treePort(port: number): TreePortSettings {
    for (const [reference, settings] of this.#trees) {
      if (this.#options.resolve(reference) === port) return settings;
    }
    return {};
  }

  /** Keeps all as it is now. @throws KithError 'permission' */
  save(): Promise<void> {
    return this.#write(() => differences(this.#began, this.#now()));
  }

  /** Keeps nothing: the next start is that of the configuration. @throws KithError 'permission' */
  forget(): Promise<void> {
    return this.#write(() => []);
  }

  report(): KeptReport {
    const unsaved = differences(overlay(this.#began, this.#kept), this.#now());
    return { kept: this.#kept.map(settingName), unsaved: unsaved.map(settingName) };
  }

  #write(choose: () => readonly SwitchDifference[]): Promise<void> {
    const done = this.#saving.then(async () => {
      const chosen = choose();
      await saveSwitchFile(this.#options.home, chosen);
      this.#kept = chosen;
      for (const each of chosen) if (each.set === 'stp') this.#trees.set(each.port, each.is ?? {});
    });
    this.#saving = done.catch(() => {});
    return done;
  }

  #apply(kept: SwitchDifference): void {
    const { settings, admin } = this.#options;
    switch (kept.set) {
      case 'mirror':
        admin.setMirror(kept.is ?? undefined);
        break;
      case 'storm':
        admin.setStorm(kept.port, kept.is ?? undefined);
        break;
      case 'address': {
        const { mac, vlan, is: port } = kept;
        if (port !== null) admin.addAddress({ mac, vlan, port });
        else if (kept.insteadOf !== null) admin.removeAddress({ mac, vlan });
        break;
      }
      case 'stp':
        this.#trees.set(kept.port, kept.is ?? {});
        break;
      default:
        settings.set({ [ADMIN_KEYS[kept.set]]: kept.is } satisfies AdminSettings);
    }
  }

  #now(): SwitchSetting[] {
    const { config, settings, admin } = this.#options;
    const { storm, portStorms, addresses } = admin;
    const learning = learningOf(config, settings.admin);
    return [
      { set: 'hub', is: learning.hub },
      { set: 'ageing', is: learning.ageing },
      { set: 'minPersistence', is: learning.minPersistence },
      { set: 'collection', is: learning.collection },
      { set: 'addressesPerPort', is: learning.addressesPerPort },
      { set: 'tableSize', is: learning.tableSize },
      { set: 'mirror', is: this.#mirror() },
      { set: 'storm', is: Object.keys(storm).length === 0 ? null : storm },
      ...[...portStorms].flatMap(([named, is]): SwitchSetting[] => {
        const port = this.#lasting(named);
        return port === undefined ? [] : [{ set: 'storm', port, is }];
      }),
      ...addresses.flatMap(({ mac, vlan, port }): SwitchSetting[] => {
        const is = this.#lasting(port);
        return is === undefined ? [] : [{ set: 'address', mac, vlan, is }];
      }),
      ...[...this.#treePorts()]
        .filter(([, is]) => Object.keys(is).length > 0)
        .map(([port, is]): SwitchSetting => ({ set: 'stp', port, is })),
    ];
  }

  /** Later words win over earlier ones, key by key. */
  #treePorts(): Map<PortReference, TreePortSettings> {
    const { config, resolve, saidToTree, lastingName } = this.#options;
    const ports = new Map<PortReference, TreePortSettings>();
    for (const { port, stp } of config.perPort) if (stp !== undefined) ports.set(port, stp);
    for (const [port, stp] of this.#trees) ports.set(port, { ...ports.get(port), ...stp });
    for (const [port, said] of saidToTree()) {
      const known = [...ports.keys()].find((reference) => resolve(reference) === port);
      const reference = known ?? lastingName(port);
      if (reference !== undefined) ports.set(reference, { ...ports.get(reference), ...said });
    }
    return ports;
  }

  #mirror(): NamedMirror | null {
    const { mirror } = this.#options.admin;
    if (mirror === undefined) return null;
    const to = this.#lasting(mirror.to);
    const of = mirror.of === undefined ? undefined : this.#lasting(mirror.of);
    // Of a port that is nobody's there is nothing to copy, rather than everything.
    if (to === undefined || (mirror.of !== undefined && of === undefined)) return null;
    return { to, ...(of === undefined ? {} : { of }) };
  }

  /**
   * A port by number that the configuration does not name so may be somebody else's at the next start.
   * @returns undefined for the port of a friend who is none any more: what was said of it goes with them
   */
  #lasting(reference: PortReference): PortReference | undefined {
    if (typeof reference === 'string' || this.#configuredNumbers().has(reference)) return reference;
    return this.#options.lastingName(reference);
  }

  #configuredNumbers(): ReadonlySet<PortReference> {
    const { addresses, mirror, perPort } = this.#options.config;
    const named = [...addresses, ...perPort].map(({ port }) => port);
    return new Set([
      ...named,
      ...(mirror === undefined ? [] : [mirror.to, mirror.of ?? mirror.to]),
    ]);
  }
}

/** What SwitchSettings calls each. */
const ADMIN_KEYS = {
  hub: 'hub',
  ageing: 'ageingTime',
  minPersistence: 'minPersistence',
  collection: 'collectionInterval',
  addressesPerPort: 'portLimit',
  tableSize: 'capacity',
} as const;
