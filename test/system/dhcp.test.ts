/** The node's DHCP client against dnsmasq, each in a network namespace. */
import { join } from 'node:path';
import type { TapStatus } from '../../src/controller/node-api-taps.ts';
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

systemTest(
  'kith tap --ip dhcp: an address that another host has is declined, and another one used',
  { needs: ['root', 'tun', 'namespaces', 'dnsmasq', 'ping'] },
  async (t) => {
    const node = await startNode(t, { name: 'node' });
    const server = await createNamespace(t, 'server');
    const squatter = await createNamespace(t, 'squatter');
    const client = await createNamespace(t, 'client');
    const place = ['--netns', server.name, '--name', 'lan0'];
    await node.cli('tap', ...place, '--mac', SERVER_MAC, '--ip', '10.9.0.1/24');
    // Somebody has given itself an address that the server believes to be free.
    await node.cli('tap', '--netns', squatter.name, '--ip', '10.9.0.42/24');
    const [command, ...prefix] = server.prefix;
    const dnsmasq = startProgram(t, command, [
      ...prefix,
      ...['dnsmasq', '--no-daemon', '--user=root', '--conf-file=/dev/null', '--pid-file='],
      // Without a ping of its own before it offers an address.
      ...['--no-ping', '--port=0', '--interface=lan0', '--bind-interfaces', '--dhcp-authoritative'],
      ...[`--dhcp-host=${CLIENT_MAC},10.9.0.42`, '--dhcp-range=10.9.0.100,10.9.0.120,120'],
      `--dhcp-leasefile=${join(temporaryDirectory(t), 'leases')}`,
    ]);
    await dnsmasq.waitFor(/DHCP, IP range/, 20_000);
    // It takes ten seconds of peace after the DECLINE, so the command does not wait for it.
    const wanted = ['--netns', client.name, '--mac', CLIENT_MAC, '--ip', 'dhcp'];
    const asked = node.json<TapStatus>('tap', ...wanted).catch(() => undefined);
    await dnsmasq.waitFor(
      new RegExp(`DHCPDECLINE\\(lan0\\) 10\\.9\\.0\\.42 ${CLIENT_MAC}`),
      20_000,
    );
    t.notRegex(await client.run('ip', '-brief', 'address', 'show', 'kith0'), /10\.9\.0/);
    await waitUntil('another address', async () => {
      const taps = await node.json<readonly TapStatus[]>('tap', '--list');
      return taps.some(({ dhcp, addresses }) => dhcp && addresses.length > 0);
    });
    await asked;
    const shown = await client.run('ip', '-brief', 'address', 'show', 'kith0');
    t.regex(shown, /10\.9\.0\.1[012]\d\/24/);
    t.regex(
      await client.run('ping', '-n', '-c', '2', '-i', '0.2', '10.9.0.42'),
      /\b0% packet loss/,
    );
  },
);
