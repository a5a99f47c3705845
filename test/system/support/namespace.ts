/** Network namespaces and the cables between them: several hosts on one machine. Needs root. */
import type { ExecutionContext } from 'ava';
import { runProgram } from '../../../integration/qemu/program.ts';
import { mustRun } from './program.ts';

let made = 0;

export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** The words to put before a command so that it runs in here. */
  get prefix(): readonly ['ip', 'netns', 'exec', string] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** Runs a program in here to its end; its failure fails the test. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    return await mustRun(...this.prefix, command, ...args);
  }

  /** Gives an interface an address and switches it on. */
  async configure(device: string, address: string): Promise<void> {
    await mustRun('ip', '-n', this.name, 'address', 'add', address, 'dev', device);
    await mustRun('ip', '-n', this.name, 'link', 'set', device, 'up');
  }
}

/** Makes a namespace with a name of its own and loopback on; it is gone after the test. */
export async function createNamespace(t: ExecutionContext, label: string): Promise<Namespace> {
  const namespace = new Namespace(`kith-${process.pid}-${made++}-${label}`);
  await mustRun('ip', 'netns', 'add', namespace.name);
  t.teardown(async () => {
    await runProgram('ip', ['netns', 'delete', namespace.name]);
  });
  // Without router advertisements and neighbour discovery of its own, a capture is quiet.
  await namespace.run('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1');
  await mustRun('ip', '-n', namespace.name, 'link', 'set', 'lo', 'up');
  return namespace;
}

export interface CableEnd {
  readonly namespace: Namespace;
  /** Address with prefix length. */
  readonly address: string;
}

/** A veth cable between two namespaces, its end called `device` in both; it goes with them. */
export async function connectNamespaces(
  first: CableEnd,
  second: CableEnd,
  device = 'eth0',
): Promise<void> {
  await mustRun(
    ...(['ip', 'link', 'add', device, 'netns', first.namespace.name, 'type', 'veth'] as const),
    ...(['peer', 'name', device, 'netns', second.namespace.name] as const),
  );
  for (const end of [first, second]) await end.namespace.configure(device, end.address);
}
