/** Not a VPN but the bound of one: a loop in C that copies between TAP and UDP and does nothing else. */
import { type Contestant, FAR_END } from '../contestant.ts';
import { otherSide, SIDES, WIRE } from '../stage.ts';

const DEVICE = 'bare';
/** Octets of a super-frame: with its header it has to fit into a datagram's worth of segments. */
const LONGEST_SUPER_FRAME = '60000';

export const bareCopy: Contestant = {
  name: 'bare-copy',
  missing: ({ clients }) => clients.missing('bare-copy'),
  prepare: async (stage) => async () => {
    const program = stage.bench.clients.path('bare-copy');
    for (const side of SIDES) {
      await stage.start(side, [program, DEVICE, WIRE[side], WIRE[otherSide(side)]]);
    }
    for (const side of SIDES) {
      await stage.configure(side, DEVICE);
      await stage.ip(side, 'link', 'set', DEVICE, 'gso_max_size', LONGEST_SUPER_FRAME);
    }
    return FAR_END;
  },
};
