/** What in `config.json` does not go together, though each value is one that may be. */
import { uidOf } from '../f2f/uid.ts';
import { nodeSuite } from '../links/handshake/node-suite.ts';
import type { Contradiction } from './config-kit.ts';
import { portContradictions } from './config-ports.ts';

/** What of the file is held together. */
export interface CrossChecked {
  friends: { uid: string; publicKey?: string | undefined }[];
  groups: { name: string }[];
  taps: { name: string; netns?: string }[];
  switch: Parameters<typeof portContradictions>[0];
  stp: { helloTime: number; maxAge: number; forwardDelay: number };
  link: { keepaliveMs: number; failAfterMs: number };
}

export function* contradictions(file: CrossChecked): Generator<Contradiction> {
  const friendAt = firstRepeated(file.friends.map((each) => each.uid));
  if (friendAt !== undefined) {
    yield [['friends', friendAt, 'uid'], 'this friend is listed already; join the two entries'];
  }
  const foreignAt = file.friends.findIndex(
    ({ uid, publicKey }) =>
      publicKey !== undefined && uid !== uidOf(nodeSuite, Buffer.from(publicKey, 'hex')),
  );
  if (foreignAt >= 0) {
    yield [
      ['friends', foreignAt, 'publicKey'],
      'this is not the key that the UID was made of; copy both from `kith id` on the friend’s machine',
    ];
  }
  const groupAt = firstRepeated(file.groups.map((each) => each.name));
  if (groupAt !== undefined) {
    yield [
      ['groups', groupAt, 'name'],
      'this group is listed already; join the two entries, old keys go into previousKeys',
    ];
  }
  const tapAt = firstRepeated(file.taps.map(({ name, netns = '' }) => `${name}@${netns}`));
  if (tapAt !== undefined && !file.taps[tapAt].name.includes('%d')) {
    yield [['taps', tapAt, 'name'], 'this interface is listed already; give it another name'];
  }
  for (const [path, message] of portContradictions(file.switch))
    yield [['switch', ...path], message];
  const { helloTime, maxAge, forwardDelay } = file.stp;
  // 802.1D-2004, 17.14: 2 * (Forward Delay - 1) >= Max Age >= 2 * (Hello Time + 1).
  if (maxAge > 2 * (forwardDelay - 1) || maxAge < 2 * (helloTime + 1)) {
    yield [
      ['stp', 'maxAge'],
      `${maxAge} must be from 2 * (helloTime + 1) = ${2 * (helloTime + 1)} to 2 * (forwardDelay - 1) = ${2 * (forwardDelay - 1)}`,
    ];
  }
  const { keepaliveMs, failAfterMs } = file.link;
  if (failAfterMs < 2 * keepaliveMs) {
    yield [
      ['link', 'failAfterMs'],
      `${failAfterMs} must be at least twice link.keepaliveMs (${keepaliveMs}), or every lost keepalive ends a link`,
    ];
  }
}

function firstRepeated(values: readonly string[]): number | undefined {
  const at = values.findIndex((value, index) => values.indexOf(value) !== index);
  return at < 0 ? undefined : at;
}
