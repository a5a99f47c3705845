/** A node run as its user would: through `bin/kith`, and nothing else. */
import { join } from 'node:path';
import { KithError } from '../../src/errors.ts';
import { projectRoot } from './places.ts';
import { describeEnd, Program, runProgram } from './program.ts';

/** Milliseconds in which a node says `ready`, on a busy machine. */
const START_TIMEOUT = 30_000;

/** Milliseconds a command may take. */
const COMMAND_TIMEOUT = 30_000;

const PAIRING_TIMEOUT = 30_000;
const PAIRING_POLL = 100;

export interface KithNodeOptions {
  /** Its home; made if missing. */
  readonly home: string;
  readonly name: string;
  /** More arguments of `kith up`, such as `--listen udp://127.0.0.1:0`. */
  readonly arguments?: readonly string[];
  /** A network namespace to run in (needs root). */
  readonly namespace?: string;
}

export class KithNode {
  readonly name: string;
  readonly home: string;
  /** The VDE directory of its switch. */
  readonly switchDirectory: string;
  readonly program: Program;
  readonly #prefix: readonly string[];

  private constructor(options: KithNodeOptions) {
    this.name = options.name;
    this.home = options.home;
    this.switchDirectory = join(options.home, 'switch');
    this.#prefix =
      options.namespace === undefined ? [] : ['ip', 'netns', 'exec', options.namespace];
    const [command, ...args] = this.#command([
      ...['up', '--home', options.home, '--name', options.name],
      ...(options.arguments ?? []),
    ]);
    this.program = new Program(command!, args, { name: `node ${options.name}` });
  }

  /** Starts a node and returns when it is ready. Throws KithError 'system' when it is not. */
  static async start(options: KithNodeOptions): Promise<KithNode> {
    const node = new KithNode(options);
    try {
      await node.program.waitFor(/^ready\b/m, START_TIMEOUT);
    } catch (cause) {
      await node.stop();
      throw cause;
    }
    return node;
  }

  /** Runs `kith COMMAND … --home HOME` and returns what it printed. Throws KithError 'system' when it fails. */
  async cli(...args: readonly string[]): Promise<string> {
    const [command, ...rest] = this.#command([args[0]!, '--home', this.home, ...args.slice(1)]);
    const result = await runProgram(command!, rest, { timeout: COMMAND_TIMEOUT });
    if (result.code !== 0) {
      const said = (result.stderr.trim() || result.stdout.trim()).split('\n').at(-1);
      throw new KithError('system', `kith ${args[0]} failed (${describeEnd(result)}): ${said}`);
    }
    return result.stdout;
  }

  /** What a command tells with `--json`, in the shapes of node-api.ts. */
  async json<T>(command: string, ...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.cli(command, '--json', ...args)) as T;
  }

  /** SIGTERM, as a service manager does it. */
  async stop(): Promise<void> {
    await this.program.stop();
  }

  #command(args: readonly string[]): readonly string[] {
    return [...this.#prefix, process.execPath, join(projectRoot, 'bin/kith'), ...args];
  }
}

/** Makes friends of two running nodes with a ticket, and waits for the link between them. */
export async function befriend(host: KithNode, guest: KithNode): Promise<void> {
  const { ticket } = await host.json<{ ticket: string }>('invite');
  await guest.cli('join', ticket);
  await waitForLink(host, guest.name);
  await waitForLink(guest, host.name);
}

/** Waits until a node has a link to the friend of that name. Throws KithError 'system' when none comes. */
export async function waitForLink(node: KithNode, friendName: string): Promise<void> {
  const deadline = performance.now() + PAIRING_TIMEOUT;
  for (;;) {
    const links = await node.json<readonly { friendName: string }[]>('links');
    if (links.some((link) => link.friendName === friendName)) return;
    if (performance.now() > deadline) {
      const seconds = PAIRING_TIMEOUT / 1000;
      throw new KithError('system', `${node.name} had no link to ${friendName} in ${seconds} s.`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAIRING_POLL));
  }
}
