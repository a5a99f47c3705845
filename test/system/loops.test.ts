/** Rings of nodes: every frame arrives once, nobody is busy with it, and a cut heals. */
import type { ExecutionContext } from 'ava';
import { befriend, type KithNode } from '../../integration/qemu/kith-node.ts';
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import type { StpStatus } from '../../src/controller/node-api-ports.ts';
import { testFrame } from './support/cable.ts';
import { startNode } from './support/kith.ts';
import { openPlug, type Plug } from './support/plug.ts';
import { processorShare } from './support/process-state.ts';
import { startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';

/** Ports of links begin here. */
const FIRST_LINK_PORT = 513;
/** As a part of one core, while nothing but BPDUs and keepalives goes about. */
const QUIET = 0.2;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

interface Spot {
  readonly node: KithNode;
  readonly mac: string;
  readonly plug: Plug;
}

async function nodes(t: ExecutionContext, ...names: readonly string[]): Promise<KithNode[]> {
  const started: KithNode[] = [];
  for (const name of names) started.push(await startNode(t, { name }));
  return started;
}

/** A cable at each of them. */
async function plugIn(t: ExecutionContext, at: readonly KithNode[]): Promise<Spot[]> {
  const spots: Spot[] = [];
  for (const node of at) {
    const mac = `02:00:00:00:10:0${spots.length + 1}`;
    spots.push({ node, mac, plug: await openPlug(t, node) });
  }
  return spots;
}

const trees = (of: readonly KithNode[]): Promise<StpStatus[]> =>
  Promise.all(of.map((node) => node.json<StpStatus>('stp')));

/** Waits until the tree stands: one root, and so many ports held back. */
async function converged(of: readonly KithNode[], blocked: number): Promise<StpStatus[]> {
  return await waitUntil(`a tree with ${blocked} blocked`, async () => {
    const all = await trees(of);
    const oneRoot = new Set(all.map(({ rootId }) => rootId)).size === 1;
    const ports = all.flatMap((each) => each.ports);
    const settled = ports.every(({ state }) => state !== 'learning');
    const held = ports.filter(({ state }) => state === 'discarding').length;
    return oneRoot && settled && held === blocked && all;
  });
}

/** Each says something to all; each other hears it, and hears it once. */
async function everybodyHearsOnce(t: ExecutionContext, spots: readonly Spot[]): Promise<void> {
  const rounds = 20;
  const label = `round of ${Math.random().toString(36).slice(2)} `;
  for (const { plug } of spots) plug.clear();
  for (let round = 0; round < rounds; round++) {
    for (const { plug, mac } of spots) {
      plug.send(testFrame({ from: mac, payload: `${label}${mac} ${round}.` }));
    }
    await pause(10);
  }
  const heard = (plug: Plug, mac: string, round: number): number =>
    plug.received.filter((frame) => frame.includes(`${label}${mac} ${round}.`)).length;
  await waitUntil('all that was said', () => {
    return spots.every(({ plug }) =>
      spots.every((other) => other.plug === plug || heard(plug, other.mac, rounds - 1) > 0),
    );
  });
  await pause(500); // for what must not come
  for (const { plug, node } of spots) {
    for (const other of spots) {
      const counts = Array.from({ length: rounds }, (_, round) => heard(plug, other.mac, round));
      const expected = other.plug === plug ? 0 : 1;
      t.true(
        counts.every((count) => count === expected),
        `${node.name} heard ${other.node.name}: ${counts.join(' ')}`,
      );
    }
  }
}

async function allQuiet(t: ExecutionContext, of: readonly KithNode[]): Promise<void> {
  const shares = await Promise.all(of.map(({ program }) => processorShare(program.pid!, 3)));
  t.true(
    shares.every((share) => share < QUIET),
    `parts of a core: ${shares.join(', ')}`,
  );
}

/** A frame gets from one to the other, as soon as the tree lets it. */
async function reaches(from: Spot, to: Spot): Promise<void> {
  const label = `to ${to.mac} ${Math.random()}`;
  await waitUntil(`${from.node.name} to reach ${to.node.name}`, async () => {
    from.plug.send(testFrame({ from: from.mac, payload: label }));
    await pause(100);
    return to.plug.received.some((frame) => frame.includes(label));
  });
}

systemTest(
  'a triangle: each broadcast arrives once, and a dead node is got around',
  { needs: [] },
  async (t) => {
    const three = await nodes(t, 'alice', 'bob', 'carol');
    const [alice, bob, carol] = three as [KithNode, KithNode, KithNode];
    await befriend(alice, bob);
    await befriend(bob, carol);
    await befriend(carol, alice);
    const all = await converged(three, 1);
    const spots = await plugIn(t, three);
    await converged(three, 1);
    await everybodyHearsOnce(t, spots);
    await allQuiet(t, three);

    // The two ends of the blocked link have to do without the third.
    const blocked = all.flatMap(({ ports }, index) =>
      ports.filter(({ state }) => state === 'discarding').map(({ port }) => ({ index, port })),
    )[0]!;
    t.true(blocked.port >= FIRST_LINK_PORT, 'a link is held back, and no guest');
    const held = three[blocked.index]!;
    const links = await held.json<readonly LinkStatus[]>('links');
    const otherName = links.find(({ port }) => port === blocked.port)!.friendName;
    const third = three.find((node) => node !== held && node.name !== otherName)!;
    await third.program.stop('SIGKILL');
    const left = spots.filter(({ node }) => node !== third);
    await reaches(left[0]!, left[1]!);
    await reaches(left[1]!, left[0]!);
    await converged(
      left.map(({ node }) => node),
      0,
    );
    await everybodyHearsOnce(t, left);
  },
);

systemTest('a chain: the ends talk through the middle', { needs: [] }, async (t) => {
  const three = await nodes(t, 'alice', 'bob', 'carol');
  const [alice, bob, carol] = three as [KithNode, KithNode, KithNode];
  await befriend(alice, bob);
  await befriend(bob, carol);
  await converged(three, 0);
  const spots = await plugIn(t, three);
  const [a, b, c] = spots as [Spot, Spot, Spot];
  await reaches(a, c);
  await reaches(c, a);
  await everybodyHearsOnce(t, spots);
  // What is for one alone does not reach the others, once the tree has done flushing addresses.
  let batch = 0;
  await waitUntil('a private talk', async () => {
    const label = `private ${batch++} `;
    await reaches(c, a);
    for (let count = 0; count < 20; count++) {
      a.plug.send(testFrame({ from: a.mac, to: c.mac, payload: label }));
    }
    const heard = (plug: Plug): number =>
      plug.received.filter((frame) => frame.includes(label)).length;
    await waitUntil('the private frames', () => heard(c.plug) === 20);
    await pause(200);
    return heard(b.plug) === 0;
  });
  t.deepEqual(await alice.json('links').then((links) => (links as unknown[]).length), 1);
});

systemTest(
  'a loop of two cables and a link melts nothing',
  { needs: ['vde_plug', 'dpipe'] },
  async (t) => {
    const two = await nodes(t, 'alice', 'bob');
    const [alice, bob] = two as [KithNode, KithNode];
    await befriend(alice, bob);
    const spots = await plugIn(t, two);
    await converged(two, 0);
    for (let cable = 0; cable < 2; cable++) {
      startProgram(
        t,
        'dpipe',
        ['vde_plug', alice.switchDirectory, '=', 'vde_plug', bob.switchDirectory],
        { ownSession: false },
      );
    }
    // Three ways between the two: two of them have to rest.
    await converged(two, 2);
    await everybodyHearsOnce(t, spots);
    await allQuiet(t, two);
    t.deepEqual(
      (await trees(two)).map(({ enabled }) => enabled),
      [true, true],
    );
  },
);
