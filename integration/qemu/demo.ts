/**
 * `npm run demo`: two nodes on this machine become friends, a guest sits on the
 * switch of each, and the guests talk. It runs until Ctrl-C; with `--once` it
 * measures, prints a summary and ends.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LinkStatus, WhyReport } from '../../src/controller/node-api-friends.ts';
import { KithError } from '../../src/errors.ts';
import { attachLines } from './attach.ts';
import { createDisplay } from './demo-display.ts';
import { type DemoFacts, emptyFacts, remember } from './demo-panel.ts';
import { describeSummary, measure } from './demo-summary.ts';
import { Guest, type GuestSystem } from './guest.ts';
import { prepareGuestSystem } from './guest-system.ts';
import { befriend, KithNode } from './kith-node.ts';
import { parseFlow, parseReply } from './measurements.ts';
import { projectRoot } from './places.ts';

/** The two sides: a node, and the guest on its switch. */
const SIDES = [
  { node: 'alice', guest: 'tux', address: '10.77.0.1', mac: '02:6b:69:74:68:01' },
  { node: 'bob', guest: 'gnu', address: '10.77.0.2', mac: '02:6b:69:74:68:02' },
] as const;
const PREFIX_LENGTH = 24;

/** Milliseconds between looks at the link. */
const LINK_POLL = 3000;

/** Milliseconds in which the guests hear of each other, spanning tree and all. */
const REACH_TIMEOUT = 60_000;

/** Seconds of a flow, and milliseconds of rest before the next. */
const FLOW_LENGTH = 10;
const FLOW_REST = 20_000;

/** What has to be undone, last first. */
const undo: (() => Promise<void> | void)[] = [];

async function cleanUp(): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
}

/** Settles when the person has had enough. */
const interrupted = new Promise<'interrupted'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => resolve('interrupted'));
  }
});

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { once: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(
      'npm run demo [-- --once]   two friends, two switches, two guests; see docs/demo.md',
    );
    return 0;
  }
  ensureSystemPackages();
  const facts = emptyFacts();
  const display = createDisplay(process.stdout);
  undo.push(() => display.end());
  const show = (phase?: string): void => {
    if (phase !== undefined) facts.phase = phase;
    display.show(facts);
  };

  const story = async (): Promise<string | undefined> => {
    const demo = await setUp(facts, show);
    if (!values.once) return await live(demo, facts, show);
    show('measuring');
    const summary = await measure(demo);
    facts.link = summary.link;
    show('done');
    return describeSummary(summary);
  };
  const running = story();
  running.catch(() => {}); // it may fail for being torn down
  const result = await Promise.race([running, interrupted]);
  if (result === 'interrupted') show('ending');
  await cleanUp();
  if (result === 'interrupted') return values.once ? 130 : 0;
  if (result !== undefined) console.log(result);
  return 0;
}

/** The two nodes and their guests, up and talking. */
export interface Demo {
  readonly nodes: readonly [KithNode, KithNode];
  readonly guests: readonly [Guest, Guest];
  /** Address of the second guest, which the first one calls. */
  readonly target: string;
  /** Milliseconds from the start of the nodes until their link was up. */
  readonly linkTime: number;
  readonly acceleration: string;
  readonly system: GuestSystem;
}

async function setUp(facts: DemoFacts, show: (phase?: string) => void): Promise<Demo> {
  const directory = mkdtempSync(join(tmpdir(), 'kith-demo-'));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const system = await prepareGuestSystem(join(directory, 'guest'), show);
  const acceleration = `guests run with ${system.accelerator.toUpperCase()}: ${system.choice.reason}`;
  facts.acceleration = acceleration;

  show('starting two nodes');
  const start = performance.now();
  const nodes = await both(async (side) => {
    const node = await KithNode.start({
      home: join(directory, side.node),
      name: side.node,
      arguments: ['--listen', 'udp://127.0.0.1:0'],
    });
    undo.push(() => node.stop());
    return node;
  });
  for (const node of nodes) {
    const { uid } = await node.json<{ uid: string }>('id');
    facts.nodes.push({ name: node.name, uid, switchDirectory: node.switchDirectory });
  }
  show(`${nodes[1].name} takes a ticket from ${nodes[0].name}`);
  await befriend(nodes[0], nodes[1]);
  const linkTime = performance.now() - start;
  await lookAtLink(nodes, facts);
  facts.guests = SIDES.map((side) => ({
    name: side.guest,
    address: `${side.address}/${PREFIX_LENGTH}`,
    node: side.node,
  }));
  show('booting two guests');

  const guests = await both(async (side, index) => {
    const card = {
      switchDirectory: nodes[index].switchDirectory,
      mac: side.mac,
      address: `${side.address}/${PREFIX_LENGTH}`,
    };
    const guest = await Guest.boot({ name: side.guest, system, card });
    undo.push(() => guest.stop());
    facts.guests[index] = { ...facts.guests[index]!, bootTime: guest.bootTime };
    show();
    return guest;
  });
  const target = SIDES[1].address;
  show('waiting for the guests to hear of each other');
  await reach(guests[0], target);
  return { nodes, guests, target, linkTime, acceleration, system };
}

/** Ping all the time, and a flow now and then, until a guest or a node is gone. */
async function live(
  demo: Demo,
  facts: DemoFacts,
  show: (phase?: string) => void,
): Promise<undefined> {
  const [caller, server] = demo.guests;
  facts.attach = attachLines(demo.system, ...demo.nodes);
  const ping = caller.start(`ping ${demo.target}`, (line) => {
    const time = parseReply(line);
    if (time === undefined) return;
    remember(facts.roundTrips, time);
    show();
  });
  const serving = server.start('iperf3 -s');
  const flows = async (): Promise<never> => {
    for (;;) {
      show('the guests push an iperf3 flow');
      await caller.run(`iperf3 -c ${demo.target} -t ${FLOW_LENGTH} -i 1 -f m --forceflush`, {
        onLine: (line) => {
          const flow = parseFlow(line);
          if (flow?.of !== 'interval') return;
          remember(facts.rates, flow.rate);
          show();
        },
      });
      show(`the guests ping; the next flow begins in ${FLOW_REST / 1000} s`);
      await pause(FLOW_REST);
    }
  };
  const looks = async (): Promise<never> => {
    for (;;) {
      await lookAtLink(demo.nodes, facts);
      show();
      await pause(LINK_POLL);
    }
  };
  const losses = demo.nodes.map(async (node) => {
    await node.program.ended;
    throw new KithError('system', `Node ${node.name} ended: ${node.program.lastWords()}`);
  });
  await Promise.race([ping.done, serving.done, flows(), looks(), ...losses]);
  throw new KithError('system', 'A program in a guest ended that should have gone on.');
}

async function lookAtLink(nodes: readonly [KithNode, KithNode], facts: DemoFacts): Promise<void> {
  const [alice, bob] = nodes;
  const links = await alice.json<readonly LinkStatus[]>('links');
  const before = facts.link?.security;
  facts.link = links.find((link) => link.friendName === bob.name);
  // The reason changes only with the mode, and a look costs a process.
  if (facts.link === undefined) facts.why = undefined;
  else if (facts.link.security !== before) {
    facts.why = (await alice.json<WhyReport>('why', bob.name)).answer;
  }
}

async function reach(guest: Guest, target: string): Promise<void> {
  const deadline = performance.now() + REACH_TIMEOUT;
  while ((await guest.run(`ping -c 1 -W 1 ${target}`)).status !== 0) {
    if (performance.now() > deadline) {
      const seconds = REACH_TIMEOUT / 1000;
      throw new KithError(
        'system',
        `Guest ${guest.name} could not ping ${target} for ${seconds} s: see kith links and kith stp.`,
      );
    }
  }
}

function ensureSystemPackages(): void {
  const script = join(projectRoot, 'scripts/system-packages.mjs');
  const result = spawnSync(process.execPath, [script, 'demo'], { stdio: 'inherit' });
  if (result.status !== 0) process.exit(1); // it has said what to install
}

type Side = (typeof SIDES)[number];

/** Does the same on both sides at once; when one fails, the other is waited for all the same. */
async function both<T>(act: (side: Side, index: 0 | 1) => Promise<T>): Promise<readonly [T, T]> {
  const done = await Promise.allSettled([act(SIDES[0], 0), act(SIDES[1], 1)]);
  const failed = done.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const [first, second] = done as [PromiseFulfilledResult<T>, PromiseFulfilledResult<T>];
  return [first.value, second.value];
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

main()
  .catch(async (error: unknown) => {
    await cleanUp();
    console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  })
  .then((code) => process.exit(code));
