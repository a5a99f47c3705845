/** Nodes within the process of a test, over real sockets of the loopback. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { type ConfigInput, makeConfig } from '../../src/controller/config.ts';
import { type RunningNode, startNode } from '../../src/controller/node.ts';
import type { NodeApi } from '../../src/controller/node-api.ts';
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import { systemEnvironment } from '../../src/controller/node-environment.ts';
import { loadOrCreateIdentity } from '../../src/f2f/identity.ts';

const SILENT = pino({ level: 'silent' });

/** Somebody with a home and an identity, whose node may run or not. */
export interface Person {
  readonly name: string;
  readonly home: string;
  readonly uid: string;
  readonly publicKey: string;
  readonly node: RunningNode;
  readonly api: NodeApi;
  /** Where the node listens, by scheme. */
  url(scheme: string): string;
  start(config?: ConfigInput): Promise<void>;
  stop(): Promise<void>;
}

/** A directory that is gone after the test; short, for the sake of Unix sockets. */
export function scratch(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kith-n-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/**
 * Somebody new; a node that still runs is ended after the test.
 * @param options.asShipped all that `kith up` does, the rehearsal of the data path too
 */
export async function person(
  t: ExecutionContext,
  name: string,
  { asShipped = false } = {},
): Promise<Person> {
  const home = scratch(t);
  const { uid, publicKey } = await loadOrCreateIdentity(home);
  let running: RunningNode | undefined;
  const get = (): RunningNode => {
    if (running === undefined) throw new Error(`the node of ${name} does not run`);
    return running;
  };
  const stop = async (): Promise<void> => {
    await running?.close();
    running = undefined;
  };
  t.teardown(stop);
  return {
    name,
    home,
    uid,
    publicKey: Buffer.from(publicKey).toString('hex'),
    get node() {
      return get();
    },
    get api() {
      return get().api;
    },
    url: (scheme) => {
      const url = get().ready.listening.find((each) => each.startsWith(`${scheme}:`));
      if (url === undefined) throw new Error(`${name} does not listen on ${scheme}`);
      return url;
    },
    async start(config = {}) {
      const input = { name, listen: LOOPBACK, ...config };
      const options = { home, config: makeConfig(home, input) };
      // The rehearsal takes nearly half a second of processor, and here nobody waits for a frame.
      running = await startNode(options, SILENT, systemEnvironment({ rehearse: asShipped }));
    },
    stop,
  };
}

/** Any free ports of the loopback interface. */
export const LOOPBACK = ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'];

/** An entry for `friends` of a configuration. */
export function friendEntry(friend: Person, ...addresses: string[]) {
  return { uid: friend.uid, name: friend.name, addresses };
}

/** The link to a friend, once there is one. */
export async function linkTo(from: Person, to: Person, timeout = 5000): Promise<LinkStatus> {
  return await eventually(
    `a link from ${from.name} to ${to.name}`,
    async () => (await from.api.links()).find(({ friend }) => friend === to.uid),
    timeout,
  );
}

/** How much longer things take here and now than with a processor of their own: 1 … 10. */
function slowness(): number {
  return Math.min(10, Math.max(1, loadavg()[0]! / availableParallelism()));
}

/**
 * What `check` gives as soon as it gives something.
 * @param timeout milliseconds on a machine that has nothing else to do
 */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeout = 10_000,
): Promise<T> {
  const start = performance.now();
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    const waited = performance.now() - start;
    if (waited > timeout * slowness()) {
      throw new Error(`waited ${Math.round(waited)} ms for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What the descriptors of this process are open on, sorted; sockets without their numbers. */
export function openDescriptors(): string[] {
  const found: string[] = [];
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      found.push(readlinkSync(`/proc/self/fd/${name}`).replace(/\[\d+\]/, ''));
    } catch {
      // It was the one that listed the directory.
    }
  }
  return found.sort();
}
