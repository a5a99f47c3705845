/**
 * Owner of what the forwarder is told: the one place that puts the settings of the
 * spanning tree and those of the administrator together and hands them over whole.
 *
 *   BridgeControl ---- port states, storm rates ----+
 *                                                   +--> DataPlane.configure
 *   the console ------ hub, VLANs, ageing, … -------+
 *
 * Every change goes over at once: agreements of the tree depend on port states being
 * in force, and who changed a VLAN may send the next frame.
 */
import type { ForwarderSettings } from '../switch/forwarder-settings.ts';
import type { VlanTables } from '../switch/vlan-table.ts';

/** What the spanning tree sets. */
export type TreeSettings = Pick<ForwarderSettings, 'portStates' | 'stormRates'>;

/** What an administrator sets besides VLANs; absent: as the node was started. */
export type AdminSettings = Omit<ForwarderSettings, keyof TreeSettings | 'vlans'>;

export class SwitchSettings {
  readonly #configure: (settings: ForwarderSettings) => void;
  #tree: TreeSettings = { portStates: new Uint8Array(0) };
  #admin: AdminSettings = {};
  #vlans: VlanTables | undefined;

  /** @param configure takes over a whole set; nothing in it is changed afterwards */
  constructor(configure: (settings: ForwarderSettings) => void) {
    this.#configure = configure;
  }

  get admin(): AdminSettings {
    return this.#admin;
  }

  /** Takes what the tree says; the caller leaves the arrays alone from then on. */
  setTree(settings: TreeSettings): void {
    this.#tree = settings;
    this.#send();
  }

  /** Changes the settings given. Ranges have been checked: the data plane cannot say no. */
  set(changes: AdminSettings): void {
    this.#admin = { ...this.#admin, ...changes };
    this.#send();
  }

  /** @param vlans undefined: tags mean nothing, and pass as they are */
  setVlans(vlans: VlanTables | undefined): void {
    this.#vlans = vlans;
    this.#send();
  }

  #send(): void {
    const vlans = this.#vlans;
    this.#configure({ ...this.#admin, ...this.#tree, ...(vlans !== undefined && { vlans }) });
  }
}
