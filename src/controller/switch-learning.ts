/** How the switch learns: as the node was started, and what was changed since. Pure. */
import { checkedCapacity } from '../switch/filtering-parameters.ts';
import type { KithConfig } from './config.ts';
import type { SwitchStatus } from './node-api-switch.ts';
import type { AdminSettings } from './switch-settings.ts';

const SECOND = 1000;

type Learning = Pick<
  SwitchStatus,
  'hub' | 'ageing' | 'minPersistence' | 'collection' | 'addressesPerPort' | 'tableSize'
>;

export function learningOf(configured: KithConfig['switch'], admin: AdminSettings): Learning {
  return {
    hub: admin.hub ?? false,
    ageing: admin.ageingTime ?? configured.ageing * SECOND,
    minPersistence: admin.minPersistence ?? configured.minPersistence * SECOND,
    collection: admin.collectionInterval ?? configured.collection * SECOND,
    addressesPerPort: admin.portLimit ?? configured.addressesPerPort,
    tableSize: admin.capacity ?? checkedCapacity(configured.tableSize),
  };
}
