/**
 * Members of a group with a friend in the middle who is none: their frames are nowhere to be
 * read, on no wire and on no port of that friend, and they arrive.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KithNode, waitForLink } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import type { ConfigInput } from '../../src/controller/config.ts';
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import type { StpStatus } from '../../src/controller/node-api-ports.ts';
import { type Cable, openCable, testFrame } from './support/cable.ts';
import { connectNamespaces, createNamespace, type Namespace } from './support/namespace.ts';
import { mustRun, startProgram, waitUntil, watchProgram } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['root', 'tun', 'namespaces', 'tcpdump', 'libvdeplug', 'vde_plug2tap', 'ip', 'ping'];

/** Sixteen octets, so that a ping is full of it. */
const SECRET = 'kith-e2e-marker!';
const OPEN = 'kith-in-the-open';

const LAB = [{ name: 'lab', key: '7c1e5f0a94d2b8367c1e' }];
const OTHER = [{ name: 'other', key: 'c1e5f0a94d2b83677c1e' }];

interface Place {
  readonly name: string;
  readonly namespace: Namespace;
  readonly home: string;
  readonly uid: string;
}

async function place(t: ExecutionContext, name: string): Promise<Place> {
  const namespace = await createNamespace(t, name);
  const home = join(temporaryDirectory(t), name);
  const kith = join(projectRoot, 'bin/kith');
  mkdirSync(home, { mode: 0o700 });
  const identity = await mustRun(process.execPath, kith, 'id', '--json', '--home', home);
  return { name, namespace, home, uid: (JSON.parse(identity) as { uid: string }).uid };
}

/** A friend of the configuration, to be dialled at an address or not at all. */
function friend({ uid, name }: Place, ...addresses: string[]) {
  return { uid, name, addresses };
}

async function start(t: ExecutionContext, at: Place, config: ConfigInput): Promise<KithNode> {
  const file = join(at.home, 'config.json');
  writeFileSync(file, JSON.stringify({ plaintext: 'when-no-shared-group', ...config }), {
    mode: 0o600,
  });
  const node = await KithNode.start({
    home: at.home,
    name: at.name,
    namespace: at.namespace.name,
  });
  watchProgram(t, node.program);
  return node;
}

/** Listens on a wire. @returns what has passed so far */
async function listen(
  t: ExecutionContext,
  { namespace }: Place,
  device: string,
): Promise<() => Buffer> {
  const file = join(temporaryDirectory(t), `${device}.pcap`);
  const tcpdump = startProgram(t, namespace.prefix[0], [
    ...namespace.prefix.slice(1),
    ...['tcpdump', '-i', device, '-s', '0', '-U', '--immediate-mode', '-Z', 'root', '-w', file],
  ]);
  await tcpdump.waitFor(new RegExp(`listening on ${device}`), 10_000);
  return () => readFileSync(file);
}

/** A host with an address on a node's switch. */
async function host(
  t: ExecutionContext,
  { namespace }: Place,
  node: KithNode,
  address: string,
): Promise<void> {
  const plug = startProgram(t, namespace.prefix[0], [
    ...namespace.prefix.slice(1),
    ...['vde_plug2tap', '-s', node.switchDirectory, 'tap0'],
  ]);
  const show = ['ip', '-n', namespace.name, 'link', 'show', 'tap0'] as const;
  await waitUntil('the TAP', async () => {
    if (plug.end !== undefined) throw new Error('vde_plug2tap has ended');
    return await mustRun(...show).then(
      () => true,
      () => false,
    );
  });
  await namespace.configure('tap0', address);
}

const ping = (from: Place, to: string, marker: string): Promise<string> => {
  const pattern = Buffer.from(marker).toString('hex');
  return from.namespace.run(
    'ping',
    '-c',
    '3',
    '-i',
    '0.2',
    '-W',
    '2',
    '-s',
    '1000',
    '-p',
    pattern,
    to,
  );
};

interface Circle {
  readonly alice: KithNode;
  readonly bob: KithNode;
  readonly carol: KithNode;
  readonly wires: readonly (() => Buffer)[];
}

/** Alice and bob, who share a group, and carol in the middle, who is the root of the tree. */
async function circle(
  t: ExecutionContext,
  [a, b, c]: readonly [Place, Place, Place],
  isDirect: boolean,
): Promise<Circle> {
  await connectNamespaces(
    { namespace: c.namespace, address: '10.93.1.3/24' },
    { namespace: a.namespace, address: '10.93.1.1/24' },
    'to-alice',
  );
  await connectNamespaces(
    { namespace: c.namespace, address: '10.93.2.3/24' },
    { namespace: b.namespace, address: '10.93.2.2/24' },
    'to-bob',
  );
  if (isDirect) {
    await connectNamespaces(
      { namespace: a.namespace, address: '10.93.3.1/24' },
      { namespace: b.namespace, address: '10.93.3.2/24' },
      'direct',
    );
  }
  const wires = [await listen(t, c, 'to-alice'), await listen(t, c, 'to-bob')];
  if (isDirect) wires.push(await listen(t, a, 'direct'));
  const udp = ['udp://0.0.0.0:4500'];
  const carol = await start(t, c, {
    listen: udp,
    groups: OTHER,
    stp: { priority: 4096 },
    friends: [friend(a), friend(b)],
  });
  const alice = await start(t, a, {
    listen: udp,
    groups: LAB,
    friends: [
      isDirect ? friend(b, 'udp://10.93.3.2:4500') : friend(b),
      friend(c, 'udp://10.93.1.3:4500'),
    ],
  });
  const bob = await start(t, b, {
    listen: udp,
    groups: LAB,
    friends: [friend(a), friend(c, 'udp://10.93.2.3:4500')],
  });
  for (const [one, other] of [
    [alice, carol],
    [bob, carol],
    [alice, bob],
    [bob, alice],
  ] as const) {
    await waitForLink(one, other.name);
  }
  return { alice, bob, carol, wires };
}

async function linkTo(node: KithNode, name: string): Promise<LinkStatus> {
  const links = await node.json<readonly LinkStatus[]>('links');
  const link = links.find(({ friendName }) => friendName === name);
  if (link === undefined) throw new Error(`${node.name} has no link to ${name}`);
  return link;
}

for (const isDirect of [false, true]) {
  const way = isDirect ? 'the spanning tree blocks the link of the two' : 'the only way is a relay';
  systemTest(`members with a stranger in the middle: ${way}`, { needs: NEEDS }, async (t) => {
    const places = [
      await place(t, 'alice'),
      await place(t, 'bob'),
      await place(t, 'carol'),
    ] as const;
    const [a, b, c] = places;
    const { alice, bob, carol, wires } = await circle(t, places, isDirect);
    for (const [one, other] of [
      [alice, 'bob'],
      [bob, 'alice'],
    ] as const) {
      const link = await linkTo(one, other);
      t.is(link.provider, isDirect ? 'udp' : 'relay');
      t.is(link.security, 'sealed');
    }
    t.is((await linkTo(alice, 'carol')).security, 'clear');
    await waitUntil('the tree', async () => {
      const trees = [await alice.json<StpStatus>('stp'), await bob.json<StpStatus>('stp')];
      const ports = trees.flatMap((tree) => tree.ports);
      const settled = ports.every(({ role, state }) =>
        role === 'alternate' ? state === 'discarding' : state === 'forwarding',
      );
      return settled && ports.filter(({ role }) => role === 'alternate').length === 1;
    });
    const spy: Cable = await openCable(t, carol.switchDirectory);
    await host(t, a, alice, '10.94.0.1/24');
    await host(t, b, bob, '10.94.0.2/24');
    await host(t, c, carol, '10.94.0.3/24');
    const seen = (marker: string): boolean =>
      wires.some((wire) => wire().includes(marker)) ||
      spy.received.some((frame) => frame.includes(marker));

    // Before anybody has been heard of, and to somebody who is not there.
    const early = await openCable(t, alice.switchDirectory);
    for (const to of ['02:00:00:00:bb:02', '02:00:00:00:cc:09']) {
      early.send(testFrame({ from: '02:00:00:00:aa:01', to, payload: SECRET, length: 300 }));
    }
    t.regex(await ping(a, '10.94.0.2', SECRET), / 0% packet loss/);
    t.regex(await ping(b, '10.94.0.1', SECRET), / 0% packet loss/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    t.false(seen(SECRET), 'members can be read');

    t.regex(await ping(a, '10.94.0.3', OPEN), / 0% packet loss/);
    t.regex(await ping(c, '10.94.0.2', OPEN), / 0% packet loss/);
    await waitUntil('what is in the clear', () => seen(OPEN));
    t.false(seen(SECRET));

    // The same once more, with the frames of the two in great numbers.
    const burst = await a.namespace.run(
      ...(['ping', '-f', '-c', '500', '-s', '1400', '-p'] as const),
      ...[Buffer.from(SECRET).toString('hex'), '10.94.0.2'],
    );
    t.regex(burst, /received/);
    t.false(seen(SECRET));
    // Bob leaves the group, and comes back.
    const secured = async (security: LinkStatus['security']): Promise<void> => {
      await waitUntil(`a ${security} link`, async () => {
        const links = [await linkTo(alice, 'bob'), await linkTo(bob, 'alice')];
        return links.every((link) => link.security === security);
      });
    };
    await bob.cli('groups', 'remove', 'lab');
    await secured('clear');
    t.regex(await ping(a, '10.94.0.2', OPEN), / 0% packet loss/);
    await bob.cli('groups', 'add', `${LAB[0]!.name}:${LAB[0]!.key}`);
    await secured('sealed');
    t.regex(await ping(a, '10.94.0.2', SECRET), / 0% packet loss/);
    t.regex(await ping(b, '10.94.0.1', SECRET), / 0% packet loss/);
    t.false(seen(SECRET));

    if (!isDirect) {
      const why = await alice.cli('why', 'bob');
      t.regex(why, /through carol/);
      t.regex(await alice.cli('links'), /via carol/);
    }
  });
}
