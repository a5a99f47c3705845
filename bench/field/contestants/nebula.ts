/** nebula: certificates of one authority, and each host in the other's map. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, FAR_END } from '../contestant.ts';
import { OVERLAY, otherSide, PREFIX_LENGTH, SIDES, type Side, type Stage, WIRE } from '../stage.ts';
import { missingTools, printedBy, tool } from '../tools.ts';

const PORT = 4242;
const DEVICE = 'nebula';

/** Milliseconds in which two handshakes that crossed become one tunnel. */
const SETTLE = 3000;
const ANYTHING = [{ port: 'any', proto: 'any', host: 'any' }];

export const nebula: Contestant = {
  name: 'nebula',
  version: () => /Version: (\S+)/.exec(printedBy('nebula', ['-version']))?.[1],
  missing: () => missingTools('nebula', 'nebula-cert'),
  prepare: async (stage) => {
    const file = (name: string) => join(stage.directory, name);
    const authority = [
      ...['-name', 'bench', '-out-crt', file('ca.crt'), '-out-key', file('ca.key')],
    ];
    await stage.run('a', [...tool('nebula-cert'), 'ca', ...authority]);
    for (const side of SIDES) {
      await stage.run('a', [
        ...[...tool('nebula-cert'), 'sign', '-name', side],
        ...['-ca-crt', file('ca.crt'), '-ca-key', file('ca.key')],
        ...['-ip', `${OVERLAY[side]}/${PREFIX_LENGTH}`],
        ...['-out-crt', file(`${side}.crt`), '-out-key', file(`${side}.key`)],
      ] as [string, ...string[]]);
      // JSON is YAML.
      writeFileSync(file(`${side}.yml`), JSON.stringify(configuration(stage, side)));
    }
    return async () => {
      for (const side of SIDES) {
        await stage.start(side, [...tool('nebula'), '-config', file(`${side}.yml`)]);
      }
      // It gives its device the address itself.
      for (const side of SIDES) await stage.waitForDevice(side, DEVICE);
      return { ...FAR_END, settle: SETTLE };
    };
  },
};

function configuration({ directory }: Stage, side: Side): unknown {
  const peer = otherSide(side);
  return {
    pki: {
      ca: join(directory, 'ca.crt'),
      cert: join(directory, `${side}.crt`),
      key: join(directory, `${side}.key`),
    },
    static_host_map: { [OVERLAY[peer]]: [`${WIRE[peer]}:${PORT}`] },
    lighthouse: { am_lighthouse: false, hosts: [] },
    listen: { host: WIRE[side], port: PORT },
    tun: { dev: DEVICE },
    firewall: { outbound: ANYTHING, inbound: ANYTHING },
    logging: { level: 'warning' },
  };
}
