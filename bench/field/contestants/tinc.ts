/** tinc 1.0 as a switch. */

import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, FAR_END } from '../contestant.ts';
import { otherSide, SIDES, type Side, type Stage, WIRE } from '../stage.ts';
import { missingTools, printedBy, tool } from '../tools.ts';

const DEVICE = 'tinc';

/** Milliseconds of path MTU discovery, during which much goes by TCP. */
const SETTLE = 6000;

const KEY_BITS = 2048;

/** Lines of both host files; without them tinc encrypts as it does by default. */
const UNENCRYPTED = ['Cipher = none', 'Digest = none', 'MACLength = 0'];

export const tincPlain = contestant('tinc', UNENCRYPTED);
export const tincEncrypted = contestant('tinc-encrypted', []);

function contestant(name: string, hostLines: readonly string[]): Contestant {
  return {
    name,
    version: () => /tinc version (\S+)/.exec(printedBy('tincd', ['--version']))?.[1],
    missing: () => missingTools('tincd'),
    prepare: async (stage) => {
      const directories = { a: join(stage.directory, 'a'), b: join(stage.directory, 'b') };
      for (const side of SIDES) mkdirSync(join(directories[side], 'hosts'), { recursive: true });
      for (const side of SIDES) writeNode(directories, side, hostLines);
      return async () => {
        for (const side of SIDES) await startNode(stage, side, directories[side]);
        for (const side of SIDES) await stage.configure(side, DEVICE);
        return { ...FAR_END, settle: SETTLE };
      };
    },
  };
}

function writeNode(
  directories: Readonly<Record<Side, string>>,
  side: Side,
  hostLines: readonly string[],
): void {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: KEY_BITS,
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const lines = [
    `Name = ${side}`,
    `ConnectTo = ${otherSide(side)}`,
    ...['Mode = switch', 'DeviceType = tap', `Interface = ${DEVICE}`, 'AddressFamily = ipv4'],
  ];
  writeFileSync(join(directories[side], 'tinc.conf'), `${lines.join('\n')}\n`);
  writeFileSync(join(directories[side], 'rsa_key.priv'), privateKey, { mode: 0o600 });
  const host = [`Address = ${WIRE[side]}`, ...hostLines, publicKey].join('\n');
  for (const each of SIDES) writeFileSync(join(directories[each], 'hosts', side), host);
}

async function startNode(stage: Stage, side: Side, directory: string): Promise<void> {
  const pid = `--pidfile=${join(directory, 'pid')}`;
  await stage.start(side, [...tool('tincd'), '-c', directory, '-D', pid]);
}
