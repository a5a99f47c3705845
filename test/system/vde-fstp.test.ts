/**
 * vde_switch in a loop, with its Fast Spanning Tree off and on.
 *
 * Off, it passes BPDUs on like any frame: all cables to it are one LAN, and a node that hears itself
 * there holds all but one of its own back. On, it sends BPDUs of its own; whatever they say,
 * there must be no storm, and both switches must carry frames afterwards.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { befriend, type KithNode } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import type { StpStatus } from '../../src/controller/node-api-ports.ts';
import { type Cable, openCable, testFrame } from './support/cable.ts';
import { startNode } from './support/kith.ts';
import { startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['vde_switch', 'vde_plug', 'dpipe', 'libvdeplug'];

/** Milliseconds for any tree to stand, by the default times. */
const SETTLE_WITHIN = 60_000;
/** Copies of one frame while a second cable is new: it loops until the first BPDU has gone across. */
const COPIES = 200;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

interface Station {
  readonly name: string;
  readonly mac: string;
  readonly cable: Cable;
}

interface VdeSwitch {
  readonly directory: string;
  /** Says a command of its console. */
  tell(command: string): void;
}

async function startVdeSwitch(t: ExecutionContext, fstp: boolean): Promise<VdeSwitch> {
  const directory = join(temporaryDirectory(t), 'vde');
  const program = startProgram(t, 'vde_switch', ['-s', directory, ...(fstp ? ['-F'] : [])]);
  await waitUntil('vde_switch', () => existsSync(join(directory, 'ctl')));
  return { directory, tell: (command) => program.write(`${command}\n`) };
}

/** A node with a bridge priority. */
async function startBridge(t: ExecutionContext, name: string, priority: number): Promise<KithNode> {
  const config = join(temporaryDirectory(t), 'config.json');
  writeFileSync(config, JSON.stringify({ stp: { priority } }));
  return await startNode(t, { name, arguments: ['--config', config] });
}

async function stations(
  t: ExecutionContext,
  at: Readonly<Record<string, string>>,
): Promise<readonly Station[]> {
  const list: Station[] = [];
  for (const [name, directory] of Object.entries(at)) {
    const mac = `02:00:00:00:20:0${list.length + 1}`;
    list.push({ name, mac, cable: await openCable(t, directory) });
  }
  return list;
}

/** `dpipe vde_plug = vde_plug`, or with `kith plug` at the node's end. */
function layCable(t: ExecutionContext, vde: VdeSwitch, node: KithNode, own: boolean): void {
  const plug = own
    ? [process.execPath, join(projectRoot, 'bin/kith'), 'plug', node.switchDirectory]
    : ['vde_plug', node.switchDirectory];
  startProgram(t, 'dpipe', ['vde_plug', vde.directory, '=', ...plug], { ownSession: false });
}

function copies(station: Station, label: string): number {
  return station.cable.received.filter((frame) => frame.includes(label)).length;
}

/** Each says something to all until all the others have heard it. */
async function allReach(list: readonly Station[]): Promise<void> {
  for (const from of list) {
    const label = `reach ${Math.random()} `;
    await waitUntil(
      `${from.name} to reach all`,
      async () => {
        from.cable.send(testFrame({ from: from.mac, payload: label }));
        await pause(200);
        return list.every((to) => to === from || copies(to, label) > 0);
      },
      SETTLE_WITHIN,
    );
  }
}

/** How often each round of each was heard by each other: all ones, unless there is a loop. */
async function counted(list: readonly Station[]): Promise<readonly number[]> {
  const rounds = 20;
  const label = `round of ${Math.random().toString(36).slice(2)} `;
  for (let round = 0; round < rounds; round++) {
    for (const { cable, mac } of list) {
      cable.send(testFrame({ from: mac, payload: `${label}${mac} ${round}.` }));
    }
    await pause(20);
  }
  await pause(1000);
  return list.flatMap((to) =>
    list
      .filter((from) => from !== to)
      .flatMap((from) =>
        Array.from({ length: rounds }, (_, round) => copies(to, `${label}${from.mac} ${round}.`)),
      ),
  );
}

/** Waits until every broadcast arrives once, and again five seconds later. */
async function arrivesOnce(t: ExecutionContext, list: readonly Station[]): Promise<void> {
  let last: readonly number[] = [];
  for (let quiet = 0; quiet < 2; quiet++) {
    await waitUntil(
      'broadcasts that arrive once',
      async () => {
        last = await counted(list);
        return last.every((count) => count === 1);
      },
      SETTLE_WITHIN,
    ).catch(() => t.fail(`copies: ${last.join(' ')}`));
    await pause(5000);
  }
}

async function ports(node: KithNode): Promise<string> {
  const stp = await node.json<StpStatus>('stp');
  const list = stp.ports.map(({ port, role, state }) => `${port} ${role} ${state}`);
  return `${node.name} ${stp.isRoot ? 'root' : `under ${stp.rootId}`}: ${list.join(', ')}`;
}

/** Broadcasts while `change` happens. @returns the most copies of one frame that anybody heard */
async function worstWhile(list: readonly Station[], change: () => Promise<void>): Promise<number> {
  const label = `while ${Math.random().toString(36).slice(2)} `;
  let round = 0;
  const talk = setInterval(() => {
    for (const { cable, mac } of list) {
      cable.send(testFrame({ from: mac, payload: `${label}${mac} ${round}.` }));
    }
    round++;
  }, 50);
  try {
    await change();
    await pause(5000);
  } finally {
    clearInterval(talk);
  }
  await pause(500);
  const heard = new Map<string, number>();
  for (const [index, { cable }] of list.entries()) {
    for (const frame of cable.received) {
      const at = frame.indexOf(label);
      if (at < 0) continue;
      const key = `${index} ${frame.subarray(at, frame.indexOf('.', at)).toString()}`;
      heard.set(key, (heard.get(key) ?? 0) + 1);
    }
  }
  return Math.max(0, ...heard.values());
}

for (const fstp of [false, true]) {
  const how = fstp ? 'with FSTP under a node that is root' : 'without FSTP';
  const priority = fstp ? 4096 : 32_768;

  systemTest(
    `vde_switch ${how}, two cables to a node: no storm, and both forward`,
    { needs: NEEDS, timeout: 240_000 },
    async (t) => {
      const node = await startBridge(t, 'node', priority);
      const vde = await startVdeSwitch(t, fstp);
      const list = await stations(t, { node: node.switchDirectory, vde: vde.directory });
      layCable(t, vde, node, false);
      await allReach(list);
      const worst = await worstWhile(list, async () => layCable(t, vde, node, true));
      t.log(`while the second cable was new: at most ${worst} copies of a frame`);
      t.true(worst <= COPIES);
      await arrivesOnce(t, list);
      t.log(await ports(node));
    },
  );

  systemTest(
    `vde_switch ${how}, two cables to each of two friends: no storm, and all forward`,
    { needs: NEEDS, timeout: 240_000 },
    async (t) => {
      const alice = await startBridge(t, 'alice', priority);
      const bob = await startBridge(t, 'bob', 32_768);
      await befriend(alice, bob);
      const vde = await startVdeSwitch(t, fstp);
      const list = await stations(t, {
        alice: alice.switchDirectory,
        bob: bob.switchDirectory,
        vde: vde.directory,
      });
      const worst = await worstWhile(list, async () => {
        for (const own of [false, true]) {
          for (const node of [alice, bob]) {
            layCable(t, vde, node, own);
            await pause(2000);
          }
        }
      });
      t.log(`while the cables were new: at most ${worst} copies of a frame`);
      t.true(worst <= COPIES);
      await allReach(list);
      await arrivesOnce(t, list);
      for (const node of [alice, bob]) t.log(await ports(node));
    },
  );
}

systemTest(
  'vde_switch with FSTP that takes itself for the root: no storm, and its cables work when FSTP goes',
  { needs: NEEDS, timeout: 240_000 },
  async (t) => {
    const node = await startBridge(t, 'node', 61_440);
    const vde = await startVdeSwitch(t, true);
    const ours = await stations(t, { a: node.switchDirectory, b: node.switchDirectory });
    const theirs = await stations(t, { c: vde.directory, d: vde.directory });
    const all = [...ours, ...theirs.map((each, i) => ({ ...each, mac: `02:00:00:00:21:0${i}` }))];
    const worst = await worstWhile(all, async () => {
      for (const own of [false, true]) {
        layCable(t, vde, node, own);
        await pause(2000);
      }
    });
    t.log(`while the cables were new: at most ${worst} copies of a frame`);
    t.true(worst <= COPIES);
    // A BPDU from a Root Port, as every agreement is, makes it hold its own end back: it keeps the
    // cables shut. Each switch goes on with those who are on it.
    await allReach(ours);
    await allReach(all.slice(ours.length));
    t.log(await ports(node));
    vde.tell('fstp/setfstp 0');
    await allReach(all);
    await arrivesOnce(t, all);
    t.log(await ports(node));
  },
);
