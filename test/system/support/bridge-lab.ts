/**
 * Nodes and switches that others wrote, joined by cables, with a host at each of them.
 *
 *   host a ── kith a ──link── kith b ── host b        a link: two friends
 *                │               │
 *              cable           cable                  a TAP of the node, in the switch's namespace
 *                │               │
 *        switch c (and host c)───┘                    between two such switches: veth
 *
 * Every host broadcasts lines and counts what it hears. What a switch thinks of the tree is
 * read in its own words and put into ours (`TreeView`).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { befriend, type KithNode } from '../../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../../integration/qemu/places.ts';
import type { Program } from '../../../integration/qemu/program.ts';
import type { LinkStatus } from '../../../src/controller/node-api-friends.ts';
import type { StpStatus } from '../../../src/controller/node-api-ports.ts';
import type { TapStatus } from '../../../src/controller/node-api-taps.ts';
import { startNode } from './kith.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { mustRun, startProgram, waitUntil } from './program.ts';
import { temporaryDirectory } from './temporary.ts';

/** What the tests below need besides the switch. */
export const LAB_NEEDS: readonly string[] = ['root', 'tun', 'namespaces', 'ip', 'ethtool'];

/** The shortest times that both standards allow, in seconds. */
export const LAB_TIMES = { helloTime: 1, maxAge: 6, forwardDelay: 4 } as const;

/** `listening` is of 802.1D-1998 alone. */
export type SeenState = 'discarding' | 'listening' | 'learning' | 'forwarding';

export interface SeenPort {
  /** In the words of the switch, which may have none: `root`, `designated`, `alternate` … */
  readonly role: string;
  readonly state: SeenState;
}

export interface TreeView {
  /** 16 hex digits: priority and address. */
  readonly bridgeId: string;
  readonly rootId: string;
  /** By cable; one whose far end is gone may be missing. */
  readonly ports: ReadonlyMap<string, SeenPort>;
}

export interface LabSwitch {
  readonly name: string;
  readonly host: Host;
  tree(): Promise<TreeView>;
}

/** A switch that is not ours: it takes interfaces of its own namespace as ports. */
export interface ForeignSwitch extends LabSwitch {
  readonly namespace: Namespace;
  addPort(device: string): Promise<void>;
}

export interface LabCable {
  readonly name: string;
  readonly ends: readonly [LabSwitch, LabSwitch];
}

let hosts = 0;

/** An address for the next host, and what it takes to start it there. */
export function nextHostAddress(): string {
  hosts = (hosts % 250) + 1;
  return `10.93.0.${hosts}`;
}

export class Host {
  readonly #program: Program;
  #heard: { readonly line: string; readonly at: number }[] = [];

  private constructor(program: Program) {
    this.#program = program;
    program.onLine((line, source) => {
      if (source === 'stdout') this.#heard.push({ line, at: performance.now() });
    });
  }

  /** In a namespace whose network interface has `address` already. */
  static async start(t: ExecutionContext, namespace: Namespace, address: string): Promise<Host> {
    const script = join(projectRoot, 'dist/test/system/support/broadcaster.js');
    const program = startProgram(
      t,
      namespace.prefix[0],
      [...namespace.prefix.slice(1), process.execPath, script, address, '10.93.0.255'],
      { name: `host ${address}` },
    );
    await program.waitFor(/^ready$/m, 20_000);
    return new Host(program);
  }

  say(line: string): void {
    this.#program.write(`${line}\n`);
  }

  /** How often a line has come. */
  count(line: string): number {
    return this.#heard.filter((heard) => heard.line === line).length;
  }

  /** Lines that came since `clear`, whoever said them. */
  get total(): number {
    return this.#heard.length;
  }

  /** The longest time between two lines since `start`, milliseconds. */
  longestSilence(start: number): number {
    const times = [start, ...this.#heard.map(({ at }) => at).filter((at) => at > start)];
    return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at)));
  }

  clear(): void {
    this.#heard = [];
  }
}

export class KithSwitch implements LabSwitch {
  readonly node: KithNode;
  readonly host: Host;
  /** Ports of cables by the cable's name. */
  readonly #cables = new Map<string, number>();
  /** Namespaces of cables. */
  readonly #places = new Map<string, string>();
  /** Friends by the name of the link. */
  readonly #links = new Map<string, string>();

  private constructor(node: KithNode, host: Host) {
    this.node = node;
    this.host = host;
  }

  get name(): string {
    return this.node.name;
  }

  static async start(t: ExecutionContext, name: string, priority: number): Promise<KithSwitch> {
    const config = join(temporaryDirectory(t), 'config.json');
    writeFileSync(config, JSON.stringify({ stp: { priority, ...LAB_TIMES } }));
    const node = await startNode(t, { name, arguments: ['--config', config] });
    const namespace = await createNamespace(t, `host-${name}`);
    const address = nextHostAddress();
    await node.cli('tap', '--netns', namespace.name, '--name', 'eth0', '--ip', `${address}/24`);
    // Who takes frames from a TAP through a packet socket, as Open vSwitch does, gets no checksums
    // that are left to hardware.
    await namespace.run('ethtool', '-K', 'eth0', 'tx', 'off');
    return new KithSwitch(node, await Host.start(t, namespace, address));
  }

  /** Puts an end of a cable of that name into a namespace. */
  async layCable(cable: string, to: Namespace): Promise<void> {
    const { port } = await this.node.json<TapStatus>('tap', '--netns', to.name, '--name', cable);
    this.#cables.set(cable, port);
    this.#places.set(cable, to.name);
  }

  noteLink(link: string, friend: string): void {
    this.#links.set(link, friend);
  }

  async stp(): Promise<StpStatus> {
    return await this.node.json<StpStatus>('stp');
  }

  portOf(cable: string): number | undefined {
    return this.#cables.get(cable);
  }

  /** What the node sends through a cable, as its log tells it. */
  versionAt(cable: string): 'rstp' | 'stp' {
    const changes = this.node.program.output
      .split('\n')
      .filter((line) => line.includes('"kind":"version"'))
      .map((line) => JSON.parse(line) as { port: number; version: 'rstp' | 'stp' });
    return changes.findLast(({ port }) => port === this.#cables.get(cable))?.version ?? 'rstp';
  }

  /** Takes a cable away, so that both sides see it at once. */
  async liftCable(cable: string): Promise<void> {
    await this.node.cli('tap', '--remove', '--netns', this.#places.get(cable)!, '--name', cable);
    this.#cables.delete(cable);
  }

  async tree(): Promise<TreeView> {
    const stp = await this.stp();
    const links = await this.node.json<readonly LinkStatus[]>('links');
    const numbers = new Map(this.#cables);
    for (const [link, friend] of this.#links) {
      const found = links.find(({ friendName }) => friendName === friend);
      if (found !== undefined) numbers.set(link, found.port);
    }
    const ports = new Map<string, SeenPort>();
    for (const [cable, number] of numbers) {
      const port = stp.ports.find((each) => each.port === number);
      if (port !== undefined) {
        ports.set(cable, { role: port.role, state: port.state as SeenState });
      }
    }
    return { bridgeId: plainId(stp.bridgeId), rootId: plainId(stp.rootId), ports };
  }
}

/** `8000.02:00:…` as 16 hex digits. */
export function plainId(printed: string): string {
  return printed.replaceAll(/[.:]/g, '').toLowerCase();
}

/** Joins two switches; the name is the interface's where there is one. */
export async function joinSwitches(
  name: string,
  first: LabSwitch,
  second: LabSwitch,
): Promise<LabCable> {
  const ends = [first, second] as const;
  if (first instanceof KithSwitch && second instanceof KithSwitch) {
    await befriend(first.node, second.node);
    first.noteLink(name, second.name);
    second.noteLink(name, first.name);
  } else if (first instanceof KithSwitch) {
    const foreign = second as ForeignSwitch;
    await first.layCable(name, foreign.namespace);
    await foreign.addPort(name);
  } else if (second instanceof KithSwitch) {
    return await joinSwitches(name, second, first);
  } else {
    const [a, b] = ends as readonly [ForeignSwitch, ForeignSwitch];
    await mustRun(
      ...(['ip', 'link', 'add', name, 'netns', a.namespace.name, 'type', 'veth'] as const),
      ...(['peer', 'name', name, 'netns', b.namespace.name] as const),
    );
    for (const { namespace } of [a, b]) {
      await mustRun('ip', '-n', namespace.name, 'link', 'set', name, 'up');
    }
    await a.addPort(name);
    await b.addPort(name);
  }
  return { name, ends };
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Milliseconds for a tree to stand, by the slowest of the standards. */
const SETTLE_WITHIN = (LAB_TIMES.maxAge + 2 * LAB_TIMES.forwardDelay + 10) * 1000;

/** The switches by the names of the cables between them that are to work. */
export class Lab {
  readonly switches: readonly LabSwitch[];
  cables: readonly LabCable[];

  constructor(switches: readonly LabSwitch[], cables: readonly LabCable[]) {
    this.switches = switches;
    this.cables = cables;
  }

  async views(): Promise<Map<LabSwitch, TreeView>> {
    const views = await Promise.all(this.switches.map((each) => each.tree()));
    return new Map(this.switches.map((each, index) => [each, views[index]!]));
  }

  /** Waits until there is one tree under the right root, twice in a row. */
  async settled(): Promise<Map<LabSwitch, TreeView>> {
    let fault: string | undefined = 'nothing seen';
    let good = 0;
    try {
      return await waitUntil(
        'one tree',
        async () => {
          const views = await this.views();
          fault = this.faultOf(views);
          good = fault === undefined ? good + 1 : 0;
          return good >= 2 && views;
        },
        SETTLE_WITHIN,
      );
    } catch (cause) {
      const views = await this.views();
      throw new Error(`no tree: ${fault}\n${describe(views)}`, { cause });
    }
  }

  /** Why it is not one spanning tree; undefined if it is. */
  faultOf(views: ReadonlyMap<LabSwitch, TreeView>): string | undefined {
    const best = [...views.values()].map(({ bridgeId }) => bridgeId).sort()[0]!;
    for (const [each, view] of views) {
      if (view.rootId !== best) return `${each.name} follows ${view.rootId} and not ${best}`;
      for (const [cable, { state }] of view.ports) {
        if (state === 'listening' || state === 'learning') return `${each.name}: ${cable} ${state}`;
      }
    }
    const forwards = (end: LabSwitch, { name }: LabCable): boolean =>
      views.get(end)?.ports.get(name)?.state === 'forwarding';
    const group = new Map(this.switches.map((each) => [each, each]));
    const headOf = (each: LabSwitch): LabSwitch => {
      const above = group.get(each)!;
      return above === each ? each : headOf(above);
    };
    let joined = 0;
    for (const cable of this.cables) {
      if (!cable.ends.every((end) => forwards(end, cable))) continue;
      const [a, b] = cable.ends.map(headOf) as [LabSwitch, LabSwitch];
      if (a === b) return `a loop through ${cable.name}`;
      group.set(a, b);
      joined++;
    }
    const expected = this.switches.length - 1;
    return joined === expected ? undefined : `${joined} cables of ${expected} forward`;
  }

  /**
   * Each says something to all; each other hears it, and never twice. A frame may get lost on a
   * busy machine: of three batches, one has to come whole.
   */
  async everybodyHearsOnce(t: ExecutionContext): Promise<void> {
    let lost: readonly string[] = [];
    for (let batch = 0; batch < 3; batch++) {
      const heard = await this.#batch();
      const odd = heard.filter(({ counts }) => counts.some((count) => count !== 1));
      lost = odd.map(({ to, from, counts }) => `${to} heard ${from}: ${counts.join(' ')}`);
      const twice = heard.some(({ counts }) => counts.some((count) => count > 1));
      t.false(twice, lost.join('; '));
      if (twice || lost.length === 0) return;
      t.log(`lost: ${lost.join('; ')}`);
    }
    t.fail(lost.join('; '));
  }

  async #batch(): Promise<readonly Heard[]> {
    const label = Math.random().toString(36).slice(2);
    const line = (from: LabSwitch, round: number): string => `${label} ${from.name} ${round}`;
    for (let round = 0; round < ROUNDS; round++) {
      for (const each of this.switches) each.host.say(line(each, round));
      await pause(20);
    }
    await pause(1000); // for the last, and for what must not come
    const heard = this.switches.flatMap((to) =>
      this.switches
        .filter((from) => from !== to)
        .map((from) => ({
          to: to.name,
          from: from.name,
          counts: Array.from({ length: ROUNDS }, (_, round) => to.host.count(line(from, round))),
        })),
    );
    for (const { host } of this.switches) host.clear();
    return heard;
  }
}

const ROUNDS = 20;

/** How often each line of one came to another. */
interface Heard {
  readonly to: string;
  readonly from: string;
  readonly counts: readonly number[];
}

/**
 * Cuts something while `from` says a line every few milliseconds.
 * @returns milliseconds of the longest time in which `to` heard nothing
 */
export async function healingTime(
  from: LabSwitch,
  to: LabSwitch,
  cut: () => Promise<void>,
  within = SETTLE_WITHIN,
): Promise<number> {
  const label = Math.random().toString(36).slice(2);
  let said = 0;
  const talk = setInterval(() => from.host.say(`${label} ${said++}`), 10);
  try {
    await waitUntil('the first line', () => to.host.total > 0 && said > 20);
    const start = performance.now();
    await cut();
    const after = said;
    const isBack = (): boolean => {
      for (let line = after; line < said; line++) {
        if (to.host.count(`${label} ${line}`) > 0) return true;
      }
      return false;
    };
    await waitUntil('the tree to heal', isBack, within);
    // One more moment, for a tree that moves twice.
    await pause(500);
    return to.host.longestSilence(start);
  } finally {
    clearInterval(talk);
    to.host.clear();
  }
}

/** What all of them see, for messages. */
export function describe(views: ReadonlyMap<LabSwitch, TreeView>): string {
  return [...views]
    .map(([{ name }, { bridgeId, rootId, ports }]) => {
      const list = [...ports].map(([cable, { role, state }]) => `${cable} ${role} ${state}`);
      return `${name} ${bridgeId} under ${rootId}: ${list.join(', ')}`;
    })
    .join('\n');
}

/** Who holds which cable back: `name cable`, sorted. */
export function heldBack(views: ReadonlyMap<LabSwitch, TreeView>): readonly string[] {
  return [...views]
    .flatMap(([{ name }, { ports }]) =>
      [...ports].filter(([, { state }]) => state === 'discarding').map(([c]) => `${name} ${c}`),
    )
    .sort();
}
