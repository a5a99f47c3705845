/** n2n from version 3: a supernode that introduces the edges, which then talk to each other. */

import { type Contestant, FAR_END } from '../contestant.ts';
import { N2N_SINCE, n2nVersion } from '../install.ts';
import { OVERLAY, PREFIX_LENGTH, SIDES, WIRE } from '../stage.ts';
import { missingTools, tool } from '../tools.ts';

const SUPERNODE_PORT = 7654;
const DEVICE = 'n2n';
const COMMUNITY = ['-c', 'bench'];

/** Milliseconds in which the edges find the way past the supernode. */
const SETTLE = 6000;

/** Options of `edge`: which cipher, and its key. */
const PLAIN = ['-A1'];
const AES = ['-A3', '-k', 'a key for the bench'];

export const n2nPlain = contestant('n2n', PLAIN);
export const n2nAes = contestant('n2n-aes', AES);

function contestant(name: string, cipher: readonly string[]): Contestant {
  return {
    name,
    version: n2nVersion,
    missing: () => missingTools('edge', 'supernode') ?? tooOld(),
    prepare: async (stage) => async () => {
      await stage.start('a', [...tool('supernode'), '-p', `${SUPERNODE_PORT}`, '-f']);
      for (const side of SIDES) {
        await stage.start(side, [
          ...tool('edge'),
          ...['-d', DEVICE, '-a', `static:${OVERLAY[side]}/${PREFIX_LENGTH}`, ...COMMUNITY],
          ...['-l', `${WIRE.a}:${SUPERNODE_PORT}`, '-f', '-u', '0', '-g', '0', ...cipher],
        ]);
      }
      // It gives its device the address itself.
      for (const side of SIDES) await stage.waitForDevice(side, DEVICE);
      return { ...FAR_END, settle: SETTLE };
    },
  };
}

function tooOld(): string | undefined {
  const version = n2nVersion() ?? 'unknown';
  if (Number.parseInt(version, 10) >= N2N_SINCE) return undefined;
  return `n2n ${version} has no choice of ciphers: version ${N2N_SINCE} is needed (--install)`;
}
