/**
 * Two hosts and the cable between them: two network namespaces joined by a veth
 * pair with an MTU of 1500. Needs root.
 *
 *   namespace a                              namespace b
 *   10.78.0.1  overlay ═══ contestant ═══ overlay  10.78.0.2
 *   10.77.0.1  wire ──────── veth ───────── wire   10.77.0.2
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type Running, type StartOptions } from '../processes.ts';
import type { Bench } from '../row.ts';
import { type CommandLine, missingTools } from './tools.ts';

export type Side = 'a' | 'b';
export const SIDES = ['a', 'b'] as const;

export function otherSide(side: Side): Side {
  return side === 'a' ? 'b' : 'a';
}

/** The veth's name in both namespaces. */
export const WIRE_DEVICE = 'wire';
const WIRE_MTU = 1500;
export const PREFIX_LENGTH = 24;

/** Addresses on the cable, and those that a contestant makes reachable. */
export const WIRE: Readonly<Record<Side, string>> = { a: '10.77.0.1', b: '10.77.0.2' };
export const OVERLAY: Readonly<Record<Side, string>> = { a: '10.78.0.1', b: '10.78.0.2' };

/**
 * What the cable is like.
 *
 * plain: as the kernel makes it; it carries super-packets whole, as no cable does.
 * no-udp-segmentation: UDP super-packets are cut up before it, and not put together behind it.
 * no-offloads: neither are TCP's.
 * shaped: a gigabit a second in each direction.
 */
export type WireKind = 'plain' | 'no-udp-segmentation' | 'no-offloads' | 'shaped';

const FEATURES_OFF: Readonly<Record<WireKind, readonly string[]>> = {
  plain: [],
  shaped: [],
  'no-udp-segmentation': ['tx-udp-segmentation', 'gro'],
  'no-offloads': ['tx-udp-segmentation', 'tso', 'gso', 'gro'],
};

/** tc-tbf(8): bits a second, the octets that may go at once, how long a packet may wait. */
const SHAPED = ['rate', '1gbit', 'burst', '128kb', 'latency', '10ms'];

/** Milliseconds: a device to appear, and a small program to end. */
const DEVICE_WITHIN = 15_000;
const RUN_WITHIN = 20_000;

const NAME_START = 'kith-bench-';

let made = 0;

/** A sentence when there can be no stage here. */
export function missingStage(kind: WireKind = 'plain'): string | undefined {
  if (process.getuid?.() !== 0) return 'it makes network namespaces, which needs root';
  const needs = ['ip', 'ping', 'iperf3'];
  if (FEATURES_OFF[kind].length > 0) needs.push('ethtool');
  if (kind === 'shaped') needs.push('tc');
  return missingTools(...needs);
}

export class Stage {
  /** An empty directory for keys and configurations; it goes with the stage. */
  readonly directory: string;
  readonly bench: Bench;
  readonly #names: Readonly<Record<Side, string>>;
  readonly #contestant: Running[] = [];
  #remove: () => Promise<void> = async () => {};

  private constructor(bench: Bench) {
    this.bench = bench;
    const start = `${NAME_START}${process.pid}-${made++}`;
    this.#names = { a: `${start}a`, b: `${start}b` };
    this.directory = mkdtempSync(join(bench.scratch, 's'));
  }

  /** Makes one; what cannot be made is an error, and nothing is left. */
  static async open(bench: Bench, kind: WireKind = 'plain'): Promise<Stage> {
    removeOrphans();
    const stage = new Stage(bench);
    const names = SIDES.map((side) => stage.#names[side]);
    stage.#remove = bench.leavings.add(() => {
      for (const name of names) removeNamespace(name);
    });
    try {
      await stage.#build(kind);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /** Process ids of the contestant. */
  get pids(): readonly number[] {
    return this.#contestant.map(({ pid }) => pid);
  }

  /** What the contestant's processes said last. */
  lastWords(): string {
    return this.#contestant.map((running) => running.lastWords()).join('; ');
  }

  /** Starts one of the contestant's own processes: it is measured, and ends with the stage. */
  async start(side: Side, line: CommandLine, options: StartOptions = {}): Promise<Running> {
    const running = await this.startTool(side, line, options);
    this.#contestant.push(running);
    return running;
  }

  /** Starts a process that is none of the contestant's. */
  async startTool(side: Side, line: CommandLine, options: StartOptions = {}): Promise<Running> {
    const [command, ...args] = this.#inside(side, line);
    return await this.bench.processes.start(command, args, { title: titleOf(line), ...options });
  }

  /** Runs a process to its end. @returns its standard output */
  async run(side: Side, line: CommandLine, within = RUN_WITHIN): Promise<string> {
    const [command, ...args] = this.#inside(side, line);
    return await this.bench.processes.run(command, args, { within, title: titleOf(line) });
  }

  /** `ip -n NAMESPACE …` */
  async ip(side: Side, ...args: readonly string[]): Promise<void> {
    await this.#ip('-n', this.#names[side], ...args);
  }

  /** Gives a device of the contestant its address, as soon as it is there, and switches it on. */
  async configure(side: Side, device: string): Promise<void> {
    await this.waitForDevice(side, device);
    const address = `${OVERLAY[side]}/${PREFIX_LENGTH}`;
    await this.ip(side, 'address', 'add', address, 'dev', device);
    await this.ip(side, 'link', 'set', device, 'up');
  }

  async waitForDevice(side: Side, device: string): Promise<void> {
    const isThere = () =>
      spawnSync('ip', ['-n', this.#names[side], 'link', 'show', device], { stdio: 'ignore' })
        .status === 0;
    if (!(await eventually(isThere, DEVICE_WITHIN))) throw new Error(`${device} did not appear`);
  }

  /** The namespace's name, for programs that enter it themselves. */
  namespace(side: Side): string {
    return this.#names[side];
  }

  /** Ends the contestant and removes the namespaces. */
  async close(): Promise<void> {
    await Promise.all(this.#contestant.map((running) => running.stop()));
    await this.#remove();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #build(kind: WireKind): Promise<void> {
    const { a, b } = this.#names;
    for (const name of [a, b]) await this.#ip('netns', 'add', name);
    for (const side of SIDES) {
      // Without neighbour discovery and router advertisements nothing disturbs the counting.
      const off = 'for f in all default; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done';
      if (existsSync('/proc/sys/net/ipv6')) await this.run(side, ['sh', '-c', off]);
      await this.ip(side, 'link', 'set', 'lo', 'up');
    }
    const end = (name: string) => ['name', WIRE_DEVICE, 'netns', name, 'mtu', String(WIRE_MTU)];
    await this.#ip('link', 'add', ...end(a), 'type', 'veth', 'peer', ...end(b));
    for (const side of SIDES) {
      const address = `${WIRE[side]}/${PREFIX_LENGTH}`;
      await this.ip(side, 'address', 'add', address, 'dev', WIRE_DEVICE);
      await this.ip(side, 'link', 'set', WIRE_DEVICE, 'up');
      const features = FEATURES_OFF[kind].flatMap((feature) => [feature, 'off']);
      if (features.length > 0) await this.run(side, ['ethtool', '-K', WIRE_DEVICE, ...features]);
      if (kind === 'shaped') {
        const qdisc = ['qdisc', 'add', 'dev', WIRE_DEVICE, 'root', 'tbf', ...SHAPED];
        await this.run(side, ['tc', ...qdisc]);
      }
    }
  }

  async #ip(...args: readonly string[]): Promise<void> {
    await this.bench.processes.run('ip', args, {
      within: RUN_WITHIN,
      title: `ip ${args.join(' ')}`,
    });
  }

  #inside(side: Side, line: CommandLine): CommandLine {
    return ['ip', 'netns', 'exec', this.#names[side], ...line];
  }
}

function titleOf([command, ...args]: CommandLine): string {
  // A program that runs after a loader is the last path of the line's start.
  const program = args[0] === '--library-path' ? args[2] : command;
  return program.split('/').at(-1) ?? program;
}

/** Namespaces of a bench that was killed before it could remove them. */
function removeOrphans(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const match of (stdout ?? '').matchAll(/^kith-bench-(\d+)-\d+[ab]\b/gm)) {
    if (existsSync(`/proc/${match[1]}`)) continue;
    removeNamespace(match[0]);
  }
}

/** With whatever still runs in it, or it would live on without a name. */
function removeNamespace(name: string): void {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  for (const pid of (stdout ?? '').split('\n').filter((line) => /^\d+$/.test(line))) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
}
