/**
 * What the configuration says of ports, as far as it depends on who has which port now: VLANs
 * and impairments.
 *
 * Ports are named by number, or by what hangs on them, so the plan is made anew when ports
 * come and go.
 */
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import { RouterPort, type SnoopingSettings } from '../switch/snooping/snooper.ts';
import type { VlanRegistry } from '../switch/vlan-registry.ts';
import type { KithConfig } from './config.ts';
import type { PortReference } from './config-ports.ts';
import { FIRST_LINK_PORT } from './friend-book.ts';
import { configuredVlans, planVlans, type ResolvePort } from './vlan-plan.ts';

export interface PortPlanOptions {
  readonly config: KithConfig['switch'];
  readonly registry: VlanRegistry;
  readonly resolve: ResolvePort;
  /** Impairs what leaves by a port; without settings, no longer. */
  impair(port: number, settings: ImpairmentSettings | undefined): void;
}

export class PortPlan {
  readonly #options: PortPlanOptions;
  readonly #named: readonly PortReference[];
  /** Which ports the names meant when the plan was made. */
  #meant: string | undefined;
  /** Ports that are impaired because the configuration says so, by its entry. */
  readonly #impaired = new Map<PortReference, number>();

  constructor(options: PortPlanOptions) {
    this.#options = options;
    const { config } = options;
    const inVlans = config.vlans.flatMap(({ untagged, tagged }) => [...untagged, ...tagged]);
    const all = [...config.perPort.map(({ port }) => port), ...inVlans];
    this.#named = all.filter((each) => typeof each === 'string');
  }

  /** Looks at who has which port. @returns whether the registry has changed */
  refresh(): boolean {
    const { config, registry, resolve } = this.#options;
    const meant = this.#named.map((each) => resolve(each) ?? '').join();
    if (meant === this.#meant) return false;
    this.#meant = meant;
    this.#impair();
    const ports = planVlans(config, resolve);
    const aware =
      config.vlans.length > 0 ||
      config.perPort.some(({ access, trunk }) => {
        return (access ?? trunk) !== undefined;
      });
    registry.configure(configuredVlans(config), ports, aware);
    return true;
  }

  /** How multicast is to be listened to, if it is. */
  snooping(bridgeAddress: Uint8Array): SnoopingSettings | undefined {
    const { config, resolve } = this.#options;
    if (!config.snooping) return undefined;
    const routerPorts = new Uint8Array(PORT_TABLE_LENGTH);
    routerPorts.fill(RouterPort.always, FIRST_LINK_PORT);
    for (const { port: reference, router } of config.perPort) {
      const port = resolve(reference);
      if (port === undefined || router === undefined) continue;
      routerPorts[port] = router ? RouterPort.always : RouterPort.never;
    }
    return { routerPorts, address: bridgeAddress };
  }

  /** What was changed by hand stays, as long as the name means the same port. */
  #impair(): void {
    const { config, resolve, impair } = this.#options;
    for (const { port: reference, impair: settings } of config.perPort) {
      if (settings === undefined) continue;
      const before = this.#impaired.get(reference);
      const port = resolve(reference);
      if (port === before) continue;
      if (before !== undefined) impair(before, undefined);
      if (port === undefined) this.#impaired.delete(reference);
      else {
        this.#impaired.set(reference, port);
        impair(port, settings);
      }
    }
  }
}
