/**
 * What an administrator has said of the switch that depends on who has which port now:
 * static addresses, the mirror, limits of floods. VLANs and impairments are in port-plan.ts.
 *
 *   configuration --+
 *                   +--> SwitchAdmin --(ports by number)--> SwitchSettings --> data plane
 *   kith switch ----+         ^
 *                             +-- refresh(): ports have come or gone
 *
 * Ports are kept as they were named, so what was said of a friend or an interface counts again
 * when it comes back. What is set here lasts as long as the node.
 */
import { KithError } from '../errors.ts';
import { MAX_PORT, NO_PORT } from '../switch/port.ts';
import { MAX_STATICS, packStatics, type StaticAddress } from '../switch/static-addresses.ts';
import type { StormLimits } from '../switch/storm-control.ts';
import type { KithConfig } from './config.ts';
import type { PortReference } from './config-ports.ts';
import type { SwitchSettings } from './switch-settings.ts';
import type { ResolvePort } from './vlan-plan.ts';

export interface SwitchAdminOptions {
  readonly config: KithConfig['switch'];
  readonly settings: SwitchSettings;
  readonly resolve: ResolvePort;
}

/** A static address, and the port as it was named. */
export interface NamedAddress {
  readonly mac: string;
  readonly vlan: number;
  readonly port: PortReference;
}

export interface NamedMirror {
  readonly to: PortReference;
  readonly of?: PortReference;
}

/** What is handed over while nothing has been said. */
const NOTHING = JSON.stringify([[], NO_PORT, NO_PORT, {}, []]);

export class SwitchAdmin {
  readonly #options: SwitchAdminOptions;
  #addresses: readonly NamedAddress[];
  #mirror: NamedMirror | undefined;
  /** Of every port. */
  #storm: StormLimits;
  /** Of single ports, class by class in place of those. */
  readonly #portStorms = new Map<PortReference, StormLimits>();
  /** What was handed over last. */
  #sent = NOTHING;

  constructor(options: SwitchAdminOptions) {
    this.#options = options;
    const { addresses, mirror, storm, perPort, hub } = options.config;
    this.#addresses = addresses;
    this.#mirror = mirror;
    this.#storm = storm;
    for (const { port, storm: limits } of perPort) {
      if (limits !== undefined) this.#portStorms.set(port, limits);
    }
    if (hub) options.settings.set({ hub });
  }

  get addresses(): readonly NamedAddress[] {
    return this.#addresses;
  }

  get mirror(): NamedMirror | undefined {
    return this.#mirror;
  }

  get storm(): StormLimits {
    return this.#storm;
  }

  get portStorms(): ReadonlyMap<PortReference, StormLimits> {
    return this.#portStorms;
  }

  /** Looks at who has which port, and hands over what is different for it. */
  refresh(): void {
    const { resolve, settings } = this.#options;
    const statics: StaticAddress[] = [];
    for (const { mac, vlan, port: reference } of this.#addresses) {
      const port = resolve(reference);
      if (port !== undefined) statics.push({ mac, vlan, port });
    }
    const mirrorTo = this.#mirror === undefined ? NO_PORT : (resolve(this.#mirror.to) ?? NO_PORT);
    const mirrored = this.#mirror?.of;
    const mirrorOf = mirrored === undefined ? NO_PORT : resolve(mirrored);
    const limits = new Map<number, StormLimits>();
    for (const [reference, own] of this.#portStorms) {
      const port = resolve(reference);
      if (port !== undefined) limits.set(port, { ...this.#storm, ...own });
    }
    const told = JSON.stringify([statics, mirrorTo, mirrorOf, this.#storm, [...limits]]);
    if (told === this.#sent) return;
    this.#sent = told;
    const limited = limits.size > 0 || Object.keys(this.#storm).length > 0;
    const everyPort = Array.from(
      { length: MAX_PORT + 1 },
      (_, port) => limits.get(port) ?? this.#storm,
    );
    settings.set({
      statics: packStatics(statics),
      // Of a port that is away there is nothing to copy, rather than everything.
      mirrorTo: mirrorOf === undefined ? NO_PORT : mirrorTo,
      mirrorOf: mirrorOf ?? NO_PORT,
      stormLimits: limited ? everyPort : [],
    });
  }

  /** @param mirror undefined: nothing is copied any more */
  setMirror(mirror: NamedMirror | undefined): void {
    this.#mirror = mirror;
    this.refresh();
  }

  /**
   * Sets the limits of a port, or without one of every port; those before are forgotten.
   * @param limits undefined: a port has those of every port, and every port has none
   */
  setStorm(port: PortReference | undefined, limits: StormLimits | undefined): void {
    if (port === undefined) this.#storm = limits ?? {};
    else if (limits === undefined) this.#portStorms.delete(port);
    else this.#portStorms.set(port, limits);
    this.refresh();
  }

  /** Puts a station behind a port, whatever was said of it before. @throws KithError 'usage' */
  addAddress(address: NamedAddress): void {
    const others = this.#others(address);
    if (others.length >= MAX_STATICS) {
      throw new KithError(
        'usage',
        `a switch has at most ${MAX_STATICS} static addresses; remove one with \`kith switch address remove\``,
      );
    }
    this.#addresses = [...others, address];
    this.refresh();
  }

  /** @throws KithError 'not-found' */
  removeAddress({ mac, vlan }: Pick<NamedAddress, 'mac' | 'vlan'>): void {
    const others = this.#others({ mac, vlan });
    if (others.length === this.#addresses.length) {
      throw new KithError(
        'not-found',
        `${mac} is not static in VLAN ${vlan}; \`kith switch address\` lists those that are`,
      );
    }
    this.#addresses = others;
    this.refresh();
  }

  #others({ mac, vlan }: Pick<NamedAddress, 'mac' | 'vlan'>): NamedAddress[] {
    return this.#addresses.filter((each) => each.mac !== mac || each.vlan !== vlan);
  }
}
