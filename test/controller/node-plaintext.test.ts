/** Octets that cross unsealed are counted to the last one, over all sessions with a friend. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import { DescriptorKind, Tx } from '../../src/io/contract.ts';
import { NativeIo } from '../../src/io/native-io.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';
import { connectVde } from '../../src/switch/vde/vde-client.ts';
import { eventually, friendEntry, linkTo, type Person, person } from './node-fixtures.ts';

/** A cable into somebody's switch. @returns sends a frame to everybody */
async function cableTo(t: ExecutionContext, somebody: Person): Promise<(length: number) => void> {
  const io = new NativeIo({ doorbell: -1 });
  const cable = await connectVde({
    switchPath: somebody.node.ready.switchDirectory,
    sockets: systemSockets(),
    description: 'cable',
  });
  io.addDescriptor(0, cable.systemDescriptor, DescriptorKind.unixDatagram);
  t.teardown(() => {
    cable.close();
    io.close();
  });
  const offset = io.slab.length - 10_000;
  return (length) => {
    io.slab.fill(0xff, offset, offset + length);
    io.slab.set([2, 0, 0, 0, 0, 1], offset + 6);
    io.tx.fill(0, 0, 8);
    io.tx[Tx.payloadOffset] = offset;
    io.tx[Tx.payloadLength] = length;
    io.tx[Tx.address] = -1;
    t.is(io.flush(1), 0);
  };
}

for (const scheme of ['udp', 'tcp']) {
  test.serial(`${scheme}: plaintext is counted by friend, and kept across sessions`, async (t) => {
    const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
    await alice.start({ advertise: [], friends: [friendEntry(bob)], groups: [{ name: 'a' }] });
    await bob.start({
      advertise: [],
      friends: [friendEntry(alice, alice.url(scheme))],
      groups: [{ name: 'b' }],
    });
    await linkTo(bob, alice);
    await linkTo(alice, bob);
    const send = await cableTo(t, alice);
    /** The next frame that alice sends will cross over such a link. */
    const linked = async (security: LinkStatus['security']): Promise<void> => {
      await eventually(`a ${security} link`, async () => {
        const links = [...(await alice.api.links()), ...(await bob.api.links())];
        return links.length === 2 && links.every((each) => each.security === security);
      });
      await eventually('frames to be let through', async () =>
        (await alice.api.ports()).every(({ state }) => state === 'forwarding'),
      );
      // What is told so far has been decided. The data plane may have yet to hear of it, and carries
      // out what it is told in order: once it answers, frames go by it.
      await alice.api.links();
    };
    await linked('clear');
    const clear = async (somebody: Person): Promise<readonly number[]> => {
      const [friend] = await somebody.api.friends();
      return [friend?.clearOctetsIn ?? -1, friend?.clearOctetsOut ?? -1];
    };
    const until = (octets: number) =>
      eventually(`${octets} octets`, async () => {
        const [, sent] = await clear(alice);
        const [received] = await clear(bob);
        return sent === octets && received === octets;
      });
    t.deepEqual(await clear(alice), [0, 0]);
    send(100);
    send(1400);
    await until(1500);
    t.is((await alice.api.links())[0]?.clearOctetsOut, 1500);
    t.is((await bob.api.status()).counters.clearOctetsIn, 1500);

    await bob.api.addGroup({ name: 'a' });
    await linked('sealed');
    send(1000);
    await new Promise((resolve) => setTimeout(resolve, 1300));
    await until(1500);
    await bob.api.removeGroup('a');
    await linked('clear');
    send(60);
    await until(1560);

    send(500);
    await bob.stop();
    await eventually('alice to notice', async () => (await alice.api.links()).length === 0);
    t.deepEqual(await clear(alice), [0, 2060], 'none is lost with the session');

    // Nor with the node: the next run goes on from there.
    const [before] = await alice.api.friends();
    t.true(Date.parse(before?.clearSince ?? '') <= Date.now());
    await alice.stop();
    const { friends } = JSON.parse(await readFile(join(alice.home, 'plaintext.json'), 'utf8'));
    t.deepEqual(friends[bob.uid], { in: 0, out: 2060, since: before?.clearSince });
    await alice.start({ advertise: [], friends: [friendEntry(bob)], groups: [{ name: 'a' }] });
    t.deepEqual(await clear(alice), [0, 2060]);
    t.is((await alice.api.friends())[0]?.clearSince, before?.clearSince);
    t.is((await alice.api.status()).counters.clearOctetsOut, 0, 'what the run itself has sent');
    await alice.stop();
    // A damaged file does not stop it.
    await writeFile(join(alice.home, 'plaintext.json'), '{');
    await alice.start({ advertise: [], friends: [friendEntry(bob)], groups: [{ name: 'a' }] });
    t.deepEqual(await clear(alice), [0, 0]);
  });
}
