/** The part of the configuration that is about the switch, its spanning tree and its console. */
import { z } from 'zod';
import { DEFAULT_CAPACITY } from '../switch/filtering-parameters.ts';
import { MAX_STATICS } from '../switch/static-addresses.ts';
import { fileMode, flag, oneOf, section, someText, wholeNumber } from './config-kit.ts';
import {
  addressSection,
  mirrorSection,
  portSection,
  stormSection,
  vlanSection,
} from './config-ports.ts';

/** Seconds. */
export const LONGEST_AGEING = 1_000_000;
/** Slots for addresses: static ones fit with room to spare. */
export const LEAST_SLOTS = 4096;
export const MOST_SLOTS = 1_048_576;

export const switchSection = section({
  directory: someText('the path of a directory')
    .optional()
    .describe('The VDE directory guests attach to; by default `switch` in the home.'),
  ports: wholeNumber(1, 512).default(128).describe('The most ports of the VDE switch.'),
  mode: fileMode(0o600).describe('Who may attach: the file mode of the control socket.'),
  dirMode: fileMode(0o2700).describe('The file mode of the VDE directory.'),
  group: someText('the name of a group of this system')
    .optional()
    .describe('The Unix group that owns directory and sockets.'),
  ageing: wholeNumber(10, LONGEST_AGEING, ' seconds')
    .default(100)
    .describe(
      "Seconds until an address not heard of is forgotten (vde_switch's; 802.1D says 300).",
    ),
  minPersistence: wholeNumber(0, 60, ' seconds')
    .default(3)
    .describe('Seconds an address stays on its port before it may move to another.'),
  collection: wholeNumber(1, LONGEST_AGEING, ' seconds')
    .default(2)
    .describe('Seconds of one round through all addresses, in which old ones are forgotten.'),
  tableSize: wholeNumber(LEAST_SLOTS, MOST_SLOTS)
    .default(DEFAULT_CAPACITY)
    .describe('Slots for addresses, rounded up to a power of two; three quarters are used.'),
  addressesPerPort: wholeNumber(1, 65_536)
    .default(1024)
    .describe('The most addresses learnt on one port, so that no guest fills the table.'),
  addresses: z
    .array(addressSection, 'a list of addresses')
    .max(MAX_STATICS, `a list of at most ${MAX_STATICS} addresses`)
    .prefault([])
    .describe('Static addresses: where stations are, whatever is heard.'),
  hub: flag()
    .default(false)
    .describe('Whether to send every frame to every port, and learn nothing.'),
  mirror: mirrorSection.exactOptional().describe('A port that gets a copy of what passes.'),
  storm: stormSection
    .default({})
    .describe('Frames a second that each port may have flooded; 0 or absent: no limit.'),
  vlans: z
    .array(vlanSection, 'a list of VLANs')
    .max(4094, 'a list of at most 4094 VLANs')
    .prefault([])
    .describe('VLANs and the ports in them; ports of links carry all of them, tagged.'),
  perPort: z
    .array(portSection, 'a list of settings of ports')
    .max(1023, 'a list of at most 1023 settings of ports')
    .prefault([])
    .describe('Settings of single ports.'),
  snooping: flag()
    .default(false)
    .describe('Whether multicast goes only where IGMP and MLD say somebody wants it.'),
});

export const consoleSection = section({
  path: someText('the path of a socket')
    .optional()
    .describe('The socket of the VDE management console; by default `console` in the home.'),
  mode: fileMode(0o600).describe('Who may use the console: the file mode of its socket.'),
  group: someText('the name of a group of this system')
    .optional()
    .describe('The Unix group that owns the socket of the console.'),
});

export const stpSection = section({
  enabled: flag().default(true).describe('Whether to speak the Rapid Spanning Tree Protocol.'),
  version: oneOf(['rstp', 'stp'])
    .default('rstp')
    .describe('`stp` speaks nothing later than 802.1D-1998, and heals by timers.'),
  priority: wholeNumber(0, 61_440)
    .multipleOf(4096, 'a multiple of 4096 from 0 to 61440')
    .default(32_768)
    .describe('Bridge priority; the lowest becomes the root.'),
  helloTime: wholeNumber(1, 2, ' seconds').default(2).describe('Seconds between BPDUs.'),
  maxAge: wholeNumber(6, 40, ' seconds').default(20).describe('Seconds a BPDU is believed.'),
  forwardDelay: wholeNumber(4, 30, ' seconds')
    .default(15)
    .describe('Seconds in Discarding and in Learning without an agreement.'),
  guestGuard: oneOf(['none', 'root', 'bpdu'])
    .default('none')
    .describe('The guard of ports of guests.'),
  friendGuard: oneOf(['none', 'root', 'bpdu'])
    .default('none')
    .describe('The guard of ports of links.'),
  guardRecovery: wholeNumber(0, 86_400, ' seconds')
    .default(0)
    .describe('Seconds until a port that BPDU guard disabled tries again; 0: when told to.'),
});
