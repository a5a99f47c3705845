/**
 * A running node, as the command line has it.
 *
 *   node-preparation --> node-assembly --> node-reports
 *   read and checked     put together,     told and done
 *                        started, ended    when asked
 */
import type { Logger } from 'pino';
import type { KithConfig } from './config.ts';
import type { NodeApi } from './node-api.ts';
import { NodeAssembly } from './node-assembly.ts';
import { type NodeEnvironment, systemEnvironment } from './node-environment.ts';
import { type Prepared, prepareNode } from './node-preparation.ts';
import { NodeReports } from './node-reports.ts';

export interface NodeOptions {
  /** The home directory, absolute; it is there and ours alone. */
  readonly home: string;
  readonly config: KithConfig;
}

export interface RunningNode {
  readonly api: NodeApi;
  readonly ready: {
    readonly switchDirectory: string;
    readonly listening: readonly string[];
    readonly uid: string;
    readonly name: string;
  };
  /** Settled when the node has ended, however that came about. */
  readonly closed: Promise<void>;
  /** Ends the node; may be called twice. */
  close(): Promise<void>;
}

/** Starts a node. When it fails, nothing is left behind. @throws KithError */
export async function startNode(
  { home, config }: NodeOptions,
  log: Logger,
  environment: NodeEnvironment = systemEnvironment(),
): Promise<RunningNode> {
  const prepared = await prepareNode(home, config, log, () => node.policyChanged());
  const node: NodeAssembly = await assembled(prepared, log, environment);
  const { parts } = node;
  try {
    await node.start();
    for (const friend of prepared.friends) parts.core.addFriend(friend);
  } catch (error) {
    await node.close();
    throw error;
  }
  return {
    api: new NodeReports(parts),
    ready: {
      switchDirectory: config.switch.directory,
      listening: parts.core.listening,
      uid: prepared.identity.uid,
      name: config.name,
    },
    closed: node.closed,
    close: () => node.close(),
  };
}

/** Without a node there is nobody to hear of keys that expire. */
async function assembled(
  prepared: Prepared,
  log: Logger,
  environment: NodeEnvironment,
): Promise<NodeAssembly> {
  try {
    return new NodeAssembly(prepared, log, environment);
  } catch (error) {
    await prepared.groups.close();
    throw error;
  }
}
