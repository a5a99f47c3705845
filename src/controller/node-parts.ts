/** What a node is made of, for those who report on it. */
import type { DataPlane } from '../data-plane/data-plane.ts';
import type { F2FCore } from '../f2f/core.ts';
import type { Identity } from '../f2f/identity.ts';
import type { VdeServer } from '../switch/vde/vde-server.ts';
import type { VlanRegistry } from '../switch/vlan-registry.ts';
import type { BridgeControl } from './bridge-control.ts';
import type { KithConfig } from './config.ts';
import type { FriendBook } from './friend-book.ts';
import type { GroupBook } from './group-book.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { PlaintextWatch } from './plaintext-watch.ts';
import type { PortNames } from './port-names.ts';
import type { SwitchAdmin } from './switch-admin.ts';
import type { SwitchKeeper } from './switch-keeper.ts';
import type { SwitchSettings } from './switch-settings.ts';
import type { Taps } from './taps.ts';

export interface NodeParts {
  readonly identity: Identity;
  readonly config: KithConfig;
  readonly home: string;
  readonly dataPlane: DataPlane;
  readonly bridge: BridgeControl;
  readonly core: F2FCore;
  readonly book: FriendBook;
  readonly groups: GroupBook;
  readonly plaintext: PlaintextWatch;
  readonly vde: VdeServer;
  readonly taps: Taps;
  readonly settings: SwitchSettings;
  readonly switchAdmin: SwitchAdmin;
  readonly switchKeeper: SwitchKeeper;
  readonly vlans: VlanRegistry;
  readonly portNames: PortNames;
  readonly startedAt: number;
  /** URLs to give to friends. */
  addresses(): OwnAddresses;
  /** Gives the node another key, signed by the one it has. @throws KithError */
  rotateIdentity(): Promise<void>;
  /** Ends the node. */
  end(): void;
}
