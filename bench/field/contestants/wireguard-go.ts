/** wireguard-go, of 2023 or later: from then on it has segmentation offloads of its own. */

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../processes.ts';
import { type Contestant, FAR_END } from '../contestant.ts';
import { WIREGUARD_GO_SINCE, wireguardGoYear } from '../install.ts';
import { OVERLAY, otherSide, SIDES, type Side, type Stage, WIRE } from '../stage.ts';
import { missingTools, printedBy, tool } from '../tools.ts';

const PORT = 51820;

/** The names must differ: both processes keep their control sockets in one directory. */
const DEVICES: Readonly<Record<Side, string>> = { a: `kithbwga`, b: `kithbwgb` };
const CONTROL_DIRECTORY = '/var/run/wireguard';
const CONTROL_WITHIN = 5000;

interface Keys {
  /** Base 64, as wg(8) has them. */
  readonly publicKey: string;
  readonly privateKey: string;
}

export const wireguardGo: Contestant = {
  name: 'wireguard-go',
  version: () => /v(0\.0\.\d+)/.exec(printedBy('wireguard-go', ['--version']))?.[1],
  missing: () => missingTools('wireguard-go', 'wg') ?? tooOld(),
  prepare: async (stage) => {
    const keys: Readonly<Record<Side, Keys>> = { a: makeKeys(), b: makeKeys() };
    for (const side of SIDES) writeFileSync(keyFile(stage, side), keys[side].privateKey);
    return async () => {
      for (const side of SIDES) {
        await stage.start(side, [...tool('wireguard-go'), '-f', DEVICES[side]]);
      }
      for (const side of SIDES) await configure(stage, side, keys[otherSide(side)].publicKey);
      return FAR_END;
    };
  },
};

async function configure(stage: Stage, side: Side, peerKey: string): Promise<void> {
  const device = DEVICES[side];
  const socket = join(CONTROL_DIRECTORY, `${device}.sock`);
  if (!(await eventually(() => existsSync(socket), CONTROL_WITHIN))) {
    throw new Error(`wireguard-go made no ${socket}`);
  }
  const peer = otherSide(side);
  await stage.run(side, [
    ...tool('wg'),
    ...['set', device, 'listen-port', `${PORT}`, 'private-key', keyFile(stage, side)],
    ...['peer', peerKey, 'endpoint', `${WIRE[peer]}:${PORT}`, 'allowed-ips', `${OVERLAY[peer]}/32`],
  ]);
  await stage.configure(side, device);
}

function keyFile(stage: Stage, side: Side): string {
  return join(stage.directory, `${side}.key`);
}

function makeKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const base64 = (url: string | undefined) =>
    Buffer.from(url ?? '', 'base64url').toString('base64');
  const { d, x } = privateKey.export({ format: 'jwk' });
  return { publicKey: base64(x ?? publicKey.export({ format: 'jwk' }).x), privateKey: base64(d) };
}

function tooOld(): string | undefined {
  const year = wireguardGoYear();
  if (year !== undefined && year >= WIREGUARD_GO_SINCE) return undefined;
  return `wireguard-go of ${year ?? 'an unknown year'} has no segmentation offloads: one of ${WIREGUARD_GO_SINCE} is needed (--install)`;
}
