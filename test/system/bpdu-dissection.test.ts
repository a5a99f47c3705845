/** What Wireshark says of our BPDUs: Rapid Spanning Tree and Spanning Tree, and no complaint. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { joinSwitches, KithSwitch, LAB_NEEDS } from './support/bridge-lab.ts';
import { LinuxBridge } from './support/linux-bridge.ts';
import type { Namespace } from './support/namespace.ts';
import { mustRun, startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = [...LAB_NEEDS, 'tcpdump', 'tshark'];

/** Captures BPDUs of all kinds on an interface. @returns the capture file, and what ends it */
async function capture(
  t: ExecutionContext,
  namespace: Namespace,
  device: string,
): Promise<{ readonly file: string; stop(): Promise<void> }> {
  const file = join(temporaryDirectory(t), 'bpdus.pcap');
  const tcpdump = startProgram(t, namespace.prefix[0], [
    ...namespace.prefix.slice(1),
    ...['tcpdump', '-i', device, '-U', '--immediate-mode', '-Z', 'root', '-w', file],
    ...['ether', 'dst', '01:80:c2:00:00:00'],
  ]);
  await tcpdump.waitFor(/listening on/, 10_000);
  return { file, stop: async () => void (await tcpdump.stop()) };
}

systemTest(
  'tshark reads our RST, Configuration and TCN BPDUs without a complaint',
  { needs: NEEDS },
  async (t) => {
    const kith = await KithSwitch.start(t, 'kith', 4096);
    const bridge = await LinuxBridge.start(t, 'bridge', 32_768);
    await joinSwitches('c1', kith, bridge);
    const { file, stop } = await capture(t, bridge.namespace, 'c1');
    await waitUntil('STP', () => kith.versionAt('c1') === 'stp');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    // Under the bridge, and with a new bridge behind it, the node has to send a TCN.
    await bridge.setPriority(0);
    await waitUntil('a root port', async () => (await kith.stp()).rootPort === kith.portOf('c1'));
    const leaf = await LinuxBridge.start(t, 'leaf', 61_440);
    await joinSwitches('c2', kith, leaf);
    await waitUntil('STP', () => kith.versionAt('c2') === 'stp');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await stop();

    const own = (await kith.stp()).bridgeId.slice(5);
    const read = async (...args: readonly string[]): Promise<string> =>
      await mustRun('tshark', '-n', '-r', file, ...args);
    const ours = `eth.src == ${own}`;
    const kinds = (await read('-Y', ours, '-T', 'fields', '-e', 'stp.version', '-e', 'stp.type'))
      .trim()
      .split('\n');
    t.log(`versions and types: ${[...new Set(kinds)].join(', ')}`);
    t.deepEqual([...new Set(kinds)].sort(), ['0\t0x00', '0\t0x80', '2\t0x02']);
    const verbose = await read('-V', '-Y', ours);
    t.regex(verbose, /Protocol Version Identifier: Rapid Spanning Tree \(2\)/);
    t.regex(verbose, /BPDU flags: 0x[0-9a-f]{2}, .*Port Role: /);
    t.notRegex(verbose, /malformed|expert info|unreassembled/i);
    t.is(await read('-Y', `${ours} && (_ws.malformed || _ws.expert)`), '');
  },
);
