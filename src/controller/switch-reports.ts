/** What a node tells of its switch, and what is changed there by hand: for NodeReports. */
import { KithError } from '../errors.ts';
import { checkedCapacity } from '../switch/filtering-parameters.ts';
import type { PortReference } from './config-ports.ts';
import type {
  AddressRequest,
  MirrorRequest,
  NamedPort,
  StormRequest,
  SwitchChanges,
  SwitchStatus,
} from './node-api-switch.ts';
import type { NodeParts } from './node-parts.ts';
import type { PortFinder } from './port-reports.ts';
import { learningOf } from './switch-learning.ts';

/** Of the slots, so many quarters are used, as FilteringDatabase has it. */
const USED_QUARTERS = 3;

type Finder = Pick<PortFinder, 'resolve' | 'find'>;
type Parts = Pick<
  NodeParts,
  'config' | 'dataPlane' | 'settings' | 'switchAdmin' | 'switchKeeper' | 'vlans'
>;

export class SwitchReports {
  readonly #parts: Parts;
  readonly #ports: Finder;

  constructor(parts: Parts, ports: Finder) {
    this.#parts = parts;
    this.#ports = ports;
  }

  async status(): Promise<SwitchStatus> {
    const { config, dataPlane, settings, switchAdmin, switchKeeper, vlans } = this.#parts;
    const configured = config.switch;
    const addresses = await dataPlane.addresses();
    const { mirror } = switchAdmin;
    return {
      ...learningOf(configured, settings.admin),
      addresses: addresses.length,
      snooping: configured.snooping,
      ...(vlans.tables() === undefined ? {} : { vlans: vlans.vlans }),
      ...(mirror === undefined
        ? {}
        : {
            mirror: {
              to: this.#named(mirror.to),
              ...(mirror.of === undefined ? {} : { of: this.#named(mirror.of) }),
            },
          }),
      storm: {
        every: switchAdmin.storm,
        ports: [...switchAdmin.portStorms].map(([reference, limits]) => {
          return { ...this.#named(reference), limits };
        }),
      },
      statics: switchAdmin.addresses.map(({ mac, vlan, port }) => {
        return { ...this.#named(port), mac, vlan };
      }),
      ...switchKeeper.report(),
    };
  }

  /** Keeps all as it is now, over the end of the node. */
  async save(): Promise<SwitchStatus> {
    await this.#parts.switchKeeper.save();
    return await this.status();
  }

  /** Keeps nothing. */
  async forget(): Promise<SwitchStatus> {
    await this.#parts.switchKeeper.forget();
    return await this.status();
  }

  async change(changes: SwitchChanges): Promise<SwitchStatus> {
    const { hub, ageing, minPersistence, collection, addressesPerPort, tableSize } = changes;
    const capacity = tableSize === undefined ? undefined : checkedCapacity(tableSize);
    if (capacity !== undefined) await this.#checkRoom(capacity);
    this.#parts.settings.set({
      ...(hub === undefined ? {} : { hub }),
      ...(ageing === undefined ? {} : { ageingTime: ageing }),
      ...(minPersistence === undefined ? {} : { minPersistence }),
      ...(collection === undefined ? {} : { collectionInterval: collection }),
      ...(addressesPerPort === undefined ? {} : { portLimit: addressesPerPort }),
      ...(capacity === undefined ? {} : { capacity }),
    });
    return await this.status();
  }

  async mirror({ to, of }: MirrorRequest): Promise<SwitchStatus> {
    const { switchAdmin } = this.#parts;
    if (to === null) switchAdmin.setMirror(undefined);
    else {
      const [target, source] = [this.#kept(to), of === undefined ? undefined : this.#kept(of)];
      if (source !== undefined && this.#ports.find(target) === this.#ports.find(source)) {
        throw new KithError(
          'usage',
          `${to} and ${of} are the same port, which is no mirror of itself; name another one`,
        );
      }
      switchAdmin.setMirror({ to: target, ...(source === undefined ? {} : { of: source }) });
    }
    return await this.status();
  }

  async limitStorms({ port, limits }: StormRequest): Promise<SwitchStatus> {
    const kept = port === undefined ? undefined : this.#kept(port);
    this.#parts.switchAdmin.setStorm(kept, limits ?? undefined);
    return await this.status();
  }

  async setAddress({ mac, vlan = 0, port }: AddressRequest): Promise<SwitchStatus> {
    const { switchAdmin } = this.#parts;
    if (port === null) switchAdmin.removeAddress({ mac, vlan });
    else switchAdmin.addAddress({ mac, vlan, port: this.#kept(port) });
    return await this.status();
  }

  async #checkRoom(capacity: number): Promise<void> {
    const known = (await this.#parts.dataPlane.addresses()).length;
    const room = (capacity * USED_QUARTERS) >>> 2;
    if (known <= room) return;
    throw new KithError(
      'usage',
      `${capacity} slots have room for ${room} addresses, and ${known} are known; choose a greater size`,
    );
  }

  /** How a port is kept: by name as long as that always means it, or else by number. */
  #kept(reference: PortReference): PortReference {
    const port = this.#ports.find(reference);
    return this.#ports.resolve(reference) === undefined ? port : reference;
  }

  #named(reference: PortReference): NamedPort {
    const port = this.#ports.resolve(reference);
    return { named: reference, ...(port === undefined ? {} : { port }) };
  }
}
