/** What the kernel does by itself: the bare cable, and VXLAN over it. */

import type { Contestant, Overlay } from '../contestant.ts';
import { FAR_END } from '../contestant.ts';
import { otherSide, SIDES, WIRE, WIRE_DEVICE } from '../stage.ts';

const CABLE: Overlay = { target: WIRE.b };

/** RFC 7348: the registered port, and any network identifier. */
const VXLAN_PORT = 4789;
const VXLAN_NETWORK = 42;

export const veth: Contestant = {
  name: 'veth',
  missing: () => undefined,
  prepare: async () => async () => CABLE,
};

/** On a stage whose wire is of kind 'no-offloads'. */
export const vethWithoutOffloads: Contestant = { ...veth, name: 'veth-no-offloads' };

export const vxlan: Contestant = {
  name: 'vxlan',
  missing: () => undefined,
  prepare: async (stage) => async () => {
    for (const side of SIDES) {
      await stage.ip(
        ...([side, 'link', 'add', 'vxlan', 'type', 'vxlan', 'id', `${VXLAN_NETWORK}`] as const),
        ...['dev', WIRE_DEVICE, 'local', WIRE[side], 'remote', WIRE[otherSide(side)]],
        ...['dstport', `${VXLAN_PORT}`],
      );
      await stage.configure(side, 'vxlan');
    }
    return FAR_END;
  },
};
