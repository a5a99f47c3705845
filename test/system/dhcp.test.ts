/** The node's DHCP client against dnsmasq, each in a network namespace. */
import { join } from 'node:path';
import type { TapStatus } from '../../src/controller/node-api.ts';
import { startNode } from './support/kith.ts';
import { createNamespace } from './support/namespace.ts';
import { startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const SERVER_MAC = '02:00:00:00:00:01';
const CLIENT_MAC = '02:00:00:00:00:2a';

systemTest(
  'kith tap --ip dhcp: asked for, acknowledged, used, given back',
  { needs: ['root', 'tun', 'namespaces', 'dnsmasq', 'ping'] },
  async (t) => {
    const node = await startNode(t, { name: 'node' });
    const server = await createNamespace(t, 'server');
    const client = await createNamespace(t, 'client');
    const place = ['--netns', server.name, '--name', 'lan0'];
    await node.cli('tap', ...place, '--mac', SERVER_MAC, '--ip', '10.9.0.1/24');
    const [command, ...prefix] = server.prefix;
    const dnsmasq = startProgram(t, command, [
      ...prefix,
      ...['dnsmasq', '--no-daemon', '--user=root', '--conf-file=/dev/null', '--pid-file='],
      ...['--port=0', '--interface=lan0', '--bind-interfaces', '--dhcp-authoritative'],
      ...[`--dhcp-host=${CLIENT_MAC},10.9.0.42`, '--dhcp-range=10.9.0.100,10.9.0.120,120'],
      `--dhcp-leasefile=${join(temporaryDirectory(t), 'leases')}`,
    ]);
    await dnsmasq.waitFor(/DHCP, IP range/, 20_000);
    const wanted = ['--netns', client.name, '--mac', CLIENT_MAC, '--ip', 'dhcp'];
    const made = await node.json<TapStatus>('tap', ...wanted);
    t.deepEqual(made.addresses, ['10.9.0.42/24']);
    t.true(made.dhcp);
    t.regex(await client.run('ip', '-brief', 'address', 'show', 'kith0'), /10\.9\.0\.42\/24/);
    t.regex(await client.run('ip', 'route', 'show', 'default'), /via 10\.9\.0\.1 dev kith0/);
    t.regex(await client.run('ping', '-n', '-c', '2', '-i', '0.2', '10.9.0.1'), /\b0% packet loss/);
    await node.cli('tap', '--remove', '--netns', client.name);
    await dnsmasq.waitFor(/DHCPRELEASE\(lan0\) 10\.9\.0\.42 02:00:00:00:00:2a/, 20_000);
    await waitUntil('the end of it', async () => {
      return (await node.json<readonly TapStatus[]>('tap', '--list')).length === 1;
    });
    for (const word of ['DISCOVER', 'OFFER', 'REQUEST', 'ACK']) {
      t.regex(dnsmasq.output, new RegExp(`DHCP${word}\\(lan0\\).*${CLIENT_MAC}`), word);
    }
    t.notRegex(dnsmasq.output, /DHCPNAK|DHCPDECLINE/);
  },
);
