/** Nodes in tests, run through `bin/kith` with homes of their own. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { befriend, KithNode } from '../../../integration/qemu/kith-node.ts';
import { watchProgram } from './program.ts';
import { temporaryDirectory } from './temporary.ts';

export interface TestNodeOptions {
  readonly name: string;
  /** More arguments of `kith up`; without a `--listen` among them, UDP on loopback. */
  readonly arguments?: readonly string[];
  readonly namespace?: string;
}

/** Starts a node that is ready; it is ended after the test, and its output logged if the test fails. */
export async function startNode(t: ExecutionContext, options: TestNodeOptions): Promise<KithNode> {
  const given = options.arguments ?? [];
  const listen = given.includes('--listen') ? [] : ['--listen', 'udp://127.0.0.1:0'];
  const node = await KithNode.start({
    ...options,
    home: join(temporaryDirectory(t), options.name),
    arguments: [...listen, ...given],
  });
  watchProgram(t, node.program);
  return node;
}

/**
 * Starts alice and bob, friends with a link between them.
 * @param extra more arguments of `kith up` for each
 */
export async function startFriends(
  t: ExecutionContext,
  extra: { readonly alice?: readonly string[]; readonly bob?: readonly string[] } = {},
): Promise<readonly [alice: KithNode, bob: KithNode]> {
  const alice = await startNode(t, { name: 'alice', arguments: extra.alice ?? [] });
  const bob = await startNode(t, { name: 'bob', arguments: extra.bob ?? [] });
  await befriend(alice, bob);
  return [alice, bob];
}
