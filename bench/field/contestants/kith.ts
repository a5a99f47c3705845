/** Kith: a node and a host interface on each side, friends of each other. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigInput } from '../../../src/controller/config.ts';
import type { LinkStatus } from '../../../src/controller/node-api-friends.ts';
import { eventually } from '../../processes.ts';
import { kithLinks, kithUid, missingKith } from '../../switches.ts';
import { type Contestant, FAR_END } from '../contestant.ts';
import { OVERLAY, otherSide, PREFIX_LENGTH, SIDES, type Side, type Stage, WIRE } from '../stage.ts';

const PORT = 4000;
const DEVICE = 'kith0';

/** Milliseconds to say `ready`, and to find the friend. */
const READY_WITHIN = 20_000;
const LINKED_WITHIN = 20_000;

export interface KithSetting {
  readonly carrier: 'udp' | 'tcp';
  readonly security: LinkStatus['security'];
  readonly cipher: 'aes-256-gcm' | 'chacha20-poly1305';
}

const AES: KithSetting = { carrier: 'udp', security: 'sealed', cipher: 'aes-256-gcm' };

export const kithAes = contestant('kith-aes', AES);
export const kithChaCha = contestant('kith-chacha', { ...AES, cipher: 'chacha20-poly1305' });
export const kithPlain = contestant('kith-plain', { ...AES, security: 'clear' });
export const kithTcp = contestant('kith-tcp', { ...AES, carrier: 'tcp' });

/** Two interfaces on the switch of one node. */
export const kithLocal: Contestant = {
  name: 'kith',
  missing: missingKith,
  prepare: async (stage) => {
    const home = homeOf(stage, 'a');
    await kithUid(stage.bench, home);
    return async () => {
      await startNode(stage, 'a', ['--listen', `udp://${WIRE.a}:${PORT}`]);
      for (const side of SIDES) {
        await makeTap(stage, 'a', side, ['--name', `${DEVICE}${side}`], side === 'b');
      }
      return FAR_END;
    };
  },
};

function contestant(name: string, setting: KithSetting): Contestant {
  return {
    name,
    missing: missingKith,
    prepare: async (stage) => {
      await prepareFriends(stage, setting);
      return async () => {
        await startFriends(stage);
        for (const side of SIDES) await makeTap(stage, side, side, ['--name', DEVICE], false);
        await checkLink(stage, setting);
        return FAR_END;
      };
    },
  };
}

/** Makes the identities and configurations of two friends. */
export async function prepareFriends(stage: Stage, setting: KithSetting): Promise<void> {
  const { bench } = stage;
  const uids: Readonly<Record<Side, string>> = {
    a: await kithUid(bench, homeOf(stage, 'a')),
    b: await kithUid(bench, homeOf(stage, 'b')),
  };
  for (const side of SIDES) {
    const peer = otherSide(side);
    const url = (of: Side) => `${setting.carrier}://${WIRE[of]}:${PORT}`;
    const config: ConfigInput = {
      name: side,
      listen: [url(side)],
      friends: [{ uid: uids[peer], addresses: [url(peer)] }],
      groups: [{ name: setting.security === 'sealed' ? 'shared' : `of-${side}` }],
      plaintext: setting.security === 'sealed' ? 'never' : 'when-no-shared-group',
      link: { ciphers: [setting.cipher] },
    };
    writeFileSync(configOf(stage, side), JSON.stringify(config), { mode: 0o600 });
  }
}

/** Starts both nodes, as `prepareFriends` set them up. @returns the directories of their switches */
export async function startFriends(stage: Stage): Promise<Readonly<Record<Side, string>>> {
  await Promise.all(
    SIDES.map((side) => startNode(stage, side, ['--config', configOf(stage, side)])),
  );
  return { a: join(homeOf(stage, 'a'), 'switch'), b: join(homeOf(stage, 'b'), 'switch') };
}

/** Makes sure that the link is what is to be measured. */
export async function checkLink(stage: Stage, setting: KithSetting): Promise<void> {
  let links: readonly LinkStatus[] = [];
  const isLinked = async () => {
    links = await kithLinks(stage.bench, homeOf(stage, 'a'));
    return links.length > 0;
  };
  if (!(await eventually(isLinked, LINKED_WITHIN))) throw new Error('the friends did not connect');
  const { security, cipher } = links[0];
  if (security !== setting.security) {
    throw new Error(`the link is ${security} where ${setting.security} was to be measured`);
  }
  if (cipher !== setting.cipher) {
    throw new Error(`the link has ${cipher} where ${setting.cipher} was to be measured`);
  }
}

async function startNode(stage: Stage, side: Side, more: readonly string[]): Promise<void> {
  const args = ['up', '--home', homeOf(stage, side), '--log-level', 'warn', ...more];
  await stage.start(side, [kithProgram(stage), ...args], {
    readyLine: 'ready',
    readyWithin: READY_WITHIN,
  });
}

/**
 * A host interface on the node of `node`, with the address of `side`.
 * @param elsewhere it goes to another namespace than the node's
 */
async function makeTap(
  stage: Stage,
  node: Side,
  side: Side,
  more: readonly string[],
  elsewhere: boolean,
): Promise<void> {
  const address = ['--ip', `${OVERLAY[side]}/${PREFIX_LENGTH}`];
  const place = elsewhere ? ['--netns', stage.namespace(side)] : [];
  await stage.run(node, [
    ...[kithProgram(stage), 'tap', '--home', homeOf(stage, node)],
    ...[...address, ...more, ...place],
  ] as [string, ...string[]]);
}

function kithProgram(stage: Stage): string {
  return join(stage.bench.root, 'bin/kith');
}

function homeOf(stage: Stage, side: Side): string {
  return join(stage.directory, `h${side}`);
}

function configOf(stage: Stage, side: Side): string {
  return join(stage.directory, `${side}.json`);
}
