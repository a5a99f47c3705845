/** QEMU guests on the switches of two friends: the whole way, as a user has it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pushFlow } from '../../integration/qemu/flow.ts';
import { Guest, type GuestCard } from '../../integration/qemu/guest.ts';
import { type PreparedSystem, prepareGuestSystem } from '../../integration/qemu/guest-system.ts';
import type { KithNode } from '../../integration/qemu/kith-node.ts';
import { parsePingSummary } from '../../integration/qemu/measurements.ts';
import type { PortStatus } from '../../src/controller/node-api-ports.ts';
import { startFriends, startNode } from './support/kith.ts';
import { waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';

const OPTIONS = { needs: ['guests'], timeout: 240_000 };

const directory = mkdtempSync(join(tmpdir(), 'kith-guest-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

let prepared: Promise<PreparedSystem> | undefined;

/** One kernel and initramfs for all guests of this file. */
async function guestSystem(t: ExecutionContext): Promise<PreparedSystem> {
  prepared ??= prepareGuestSystem(directory, (what) => t.log(what));
  return await prepared;
}

async function bootGuest(
  t: ExecutionContext,
  name: string,
  node: KithNode,
  card: Omit<GuestCard, 'switchDirectory'>,
): Promise<Guest> {
  const guest = await Guest.boot({
    name,
    system: await guestSystem(t),
    card: { switchDirectory: node.switchDirectory, ...card },
  });
  t.teardown(() => guest.stop());
  t.log(`${name} was up after ${(guest.bootTime / 1000).toFixed(1)} s`);
  return guest;
}

const CARD_A = { mac: '02:00:00:00:aa:01', address: '10.93.0.1/24' };
const CARD_B = { mac: '02:00:00:00:bb:02', address: '10.93.0.2/24' };
const ADDRESS_B = '10.93.0.2';

async function bootPair(
  t: ExecutionContext,
  first: KithNode,
  second: KithNode,
  mtu: { readonly mtu?: number } = {},
): Promise<readonly [Guest, Guest]> {
  const { choice } = await guestSystem(t);
  t.log(`guests run with ${choice.accelerator.toUpperCase()}: ${choice.reason}`);
  const [a, b] = await Promise.all([
    bootGuest(t, 'tux', first, { ...CARD_A, ...mtu }),
    bootGuest(t, 'gnu', second, { ...CARD_B, ...mtu }),
  ]);
  await waitUntil(
    'the guests to hear of each other',
    async () => (await a.run(`ping -c 1 -W 1 ${ADDRESS_B}`)).status === 0,
    60_000,
  );
  return [a, b];
}

/** Ten pings, all of which must come back. */
async function pingAll(t: ExecutionContext, guest: Guest, size: number): Promise<void> {
  const { output } = await guest.run(`ping -c 10 -i 0.1 -W 5 -s ${size} ${ADDRESS_B}`);
  const summary = parsePingSummary(output);
  t.is(summary?.received, 10, output);
  t.log(`${size} octets: ${summary?.minimum} ms at least, ${summary?.average} ms on average`);
}

systemTest('two guests on one switch ping and push a flow', OPTIONS, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const [a, b] = await bootPair(t, node, node);
  await pingAll(t, a, 56);
  const rate = await pushFlow(a, b, ADDRESS_B, 3);
  t.log(`${rate} Mb/s`);
  t.true(rate > 1);
});

systemTest('two guests on two friends ping and push a flow', OPTIONS, async (t) => {
  const [alice, bob] = await startFriends(t);
  const [a, b] = await bootPair(t, alice, bob);
  await pingAll(t, a, 56);
  await pingAll(t, a, 1472);
  const rate = await pushFlow(a, b, ADDRESS_B, 3);
  t.log(`${rate} Mb/s`);
  t.true(rate > 1);
});

systemTest('guests with jumbo frames reach each other across a link', OPTIONS, async (t) => {
  const [alice, bob] = await startFriends(t);
  const [a] = await bootPair(t, alice, bob, { mtu: 9000 });
  await pingAll(t, a, 8972);
});

systemTest('a guest that loses its power frees its port', OPTIONS, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const guest = await bootGuest(t, 'tux', node, CARD_A);
  const guests = async (): Promise<readonly PortStatus[]> =>
    (await node.json<readonly PortStatus[]>('ports')).filter((port) => port.kind === 'vde');
  const [port] = await guests();
  t.regex(port?.description ?? '', /QEMU/);
  await guest.kill();
  await waitUntil('the port to go', async () => (await guests()).length === 0);
  t.pass();
});
