/**
 * Starting the switches that are compared, each as its user would start it.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkStatus } from '../src/controller/node-api-friends.ts';
import type { StpStatus } from '../src/controller/node-api-ports.ts';
import { isInstalled } from './clients.ts';
import { eventually } from './processes.ts';
import type { Bench } from './row.ts';

export interface RunningSwitch {
  /** The VDE directory that clients attach to. */
  readonly directory: string;
  readonly pid: number;
  /** Ends the switch and removes what it left. */
  stop(): Promise<void>;
}

export interface KithOptions {
  /** The home made by `makeHome`; by default a new one. */
  readonly home?: string;
  readonly name?: string;
  /** Everything else on the command line of `kith up`; by default a listener on any port. */
  readonly args?: readonly string[];
  readonly cpu?: number | undefined;
  /** Whether `stop` leaves the home, for a node that starts again. */
  readonly keepHome?: boolean;
}

/** Milliseconds a switch has to come up, and a query has to be answered. */
const START_WITHIN = 20_000;

export function missingVdeSwitch(): string | undefined {
  return isInstalled('vde_switch') ? undefined : 'vde_switch is not here: install vde2';
}

export function missingVdePlug(): string | undefined {
  return isInstalled('vde_plug') ? undefined : 'vde_plug is not here: install vdeplug';
}

export function missingKith(bench: Bench): string | undefined {
  const built = existsSync(join(bench.root, 'dist/src/main.js'));
  return built ? undefined : 'kith is not built: run npm run build';
}

/** A directory of its own for one node or switch. */
export function makeHome(bench: Bench): string {
  return mkdtempSync(join(bench.scratch, 'h'));
}

export async function startVdeSwitch(bench: Bench, cpu?: number): Promise<RunningSwitch> {
  const home = makeHome(bench);
  const directory = join(home, 's');
  const running = await bench.processes.start('vde_switch', ['-s', directory], { cpu });
  const stop = async () => {
    await running.stop();
    rmSync(home, { recursive: true, force: true });
  };
  if (!(await eventually(() => existsSync(join(directory, 'ctl')), START_WITHIN))) {
    await stop();
    throw new Error('vde_switch made no control socket');
  }
  return { directory, pid: running.pid, stop };
}

export async function startKith(bench: Bench, options: KithOptions = {}): Promise<RunningSwitch> {
  const home = options.home ?? makeHome(bench);
  const more = options.args ?? ['--listen', 'udp://127.0.0.1:0'];
  const args = ['up', '--home', home, '--name', options.name ?? 'bench', ...more];
  const running = await bench.processes.start(kithPath(bench), args, {
    cpu: options.cpu,
    readyLine: 'ready',
    readyWithin: START_WITHIN,
  });
  const stop = async () => {
    await running.stop();
    if (options.keepHome !== true) rmSync(home, { recursive: true, force: true });
  };
  return { directory: join(home, 'switch'), pid: running.pid, stop };
}

/** The UID of the node in `home`, which gets an identity if it has none. */
export async function kithUid(bench: Bench, home: string): Promise<string> {
  const answer: unknown = JSON.parse(await kith(bench, ['id', '--home', home, '--json']));
  if (typeof answer === 'object' && answer !== null && 'uid' in answer) return String(answer.uid);
  throw new Error('kith id told no UID');
}

/** The links of the node in `home`. */
export async function kithLinks(bench: Bench, home: string): Promise<readonly LinkStatus[]> {
  const answer: unknown = JSON.parse(await kith(bench, ['links', '--home', home, '--json']));
  if (!Array.isArray(answer)) throw new Error('kith links gave no list');
  return answer as LinkStatus[];
}

/** The spanning tree as the node in `home` sees it. */
export async function kithStp(bench: Bench, home: string): Promise<StpStatus> {
  return JSON.parse(await kith(bench, ['stp', '--home', home, '--json'])) as StpStatus;
}

/** Writes a configuration for the node in `home`. @returns its path, for `--config` */
export function writeConfig(home: string, config: object): string {
  const path = join(home, 'bench.json');
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** A UDP port of the loopback that was free a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

function kith(bench: Bench, args: readonly string[]): Promise<string> {
  return bench.processes.run(kithPath(bench), args, { within: START_WITHIN });
}

function kithPath(bench: Bench): string {
  return join(bench.root, 'bin/kith');
}
