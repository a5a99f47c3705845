/** OpenVPN 2.6 between two ends, with a TAP. Each end knows the other by its certificate. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, FAR_END } from '../contestant.ts';
import { otherSide, SIDES, type Side, type Stage, WIRE } from '../stage.ts';
import { missingTools, printedBy, tool } from '../tools.ts';

const PORT = 1194;
const DEVICE = 'ovpn';

const AES = ['--data-ciphers', 'AES-256-GCM'];
const NO_CIPHER = [
  ...['--data-ciphers', 'none', '--data-ciphers-fallback', 'none'],
  ...['--cipher', 'none', '--auth', 'none'],
];

export const openvpnPlain = contestant('openvpn', NO_CIPHER);
export const openvpnAes = contestant('openvpn-aes', AES);

function contestant(name: string, cipher: readonly string[]): Contestant {
  return {
    name,
    version: () => /OpenVPN (\d\S*)/.exec(printedBy('openvpn', ['--version']))?.[1],
    missing: () => missingTools('openvpn', 'openssl'),
    prepare: async (stage) => {
      for (const side of SIDES) await makeCertificate(stage, side);
      return async () => {
        for (const side of SIDES) {
          await stage.start(side, [...tool('openvpn'), ...endArguments(stage, side), ...cipher]);
        }
        for (const side of SIDES) await stage.configure(side, DEVICE);
        return FAR_END;
      };
    },
  };
}

function endArguments(stage: Stage, side: Side): string[] {
  const peer = otherSide(side);
  const role = side === 'a' ? ['--tls-server', '--dh', 'none'] : ['--tls-client'];
  return [
    ...['--dev', DEVICE, '--dev-type', 'tap', '--proto', 'udp', '--verb', '1'],
    ...['--local', WIRE[side], '--lport', `${PORT}`, '--remote', WIRE[peer], `${PORT}`],
    ...['--cert', file(stage, side, 'crt'), '--key', file(stage, side, 'key')],
    ...['--peer-fingerprint', fingerprint(stage, peer), ...role],
  ];
}

async function makeCertificate(stage: Stage, side: Side): Promise<void> {
  await stage.run('a', [
    ...tool('openssl'),
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-days', '30', '-subj', `/CN=${side}`],
    ...['-keyout', file(stage, side, 'key'), '-out', file(stage, side, 'crt')],
  ]);
}

function fingerprint(stage: Stage, side: Side): string {
  return new X509Certificate(readFileSync(file(stage, side, 'crt'))).fingerprint256;
}

function file(stage: Stage, side: Side, ending: string): string {
  return join(stage.directory, `${side}.${ending}`);
}
