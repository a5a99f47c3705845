/** The bridge of the Linux kernel with its own spanning tree, in a namespace of its own. */
import type { ExecutionContext } from 'ava';
import {
  type ForeignSwitch,
  Host,
  LAB_TIMES,
  nextHostAddress,
  plainId,
  type SeenPort,
  type SeenState,
  type TreeView,
} from './bridge-lab.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { mustRun } from './program.ts';

/** br_stp.c: the states by number. */
const STATES: readonly SeenState[] = [
  'discarding', // disabled
  'listening',
  'learning',
  'forwarding',
  'discarding', // blocking
];

export class LinuxBridge implements ForeignSwitch {
  readonly name: string;
  readonly namespace: Namespace;
  readonly host: Host;

  private constructor(name: string, namespace: Namespace, host: Host) {
    this.name = name;
    this.namespace = namespace;
    this.host = host;
  }

  static async start(t: ExecutionContext, name: string, priority: number): Promise<LinuxBridge> {
    const namespace = await createNamespace(t, name);
    const { helloTime, maxAge, forwardDelay } = LAB_TIMES;
    // The kernel counts in hundredths of a second.
    const times = { hello_time: helloTime, max_age: maxAge, forward_delay: forwardDelay };
    await mustRun(
      ...(['ip', '-n', namespace.name, 'link', 'add', 'br0', 'type', 'bridge'] as const),
      ...['stp_state', '1', 'priority', `${priority}`, 'mcast_snooping', '0'],
      ...Object.entries(times).flatMap(([name, seconds]) => [name, `${100 * seconds}`]),
    );
    const address = nextHostAddress();
    await namespace.configure('br0', `${address}/24`);
    return new LinuxBridge(name, namespace, await Host.start(t, namespace, address));
  }

  async addPort(device: string): Promise<void> {
    await mustRun('ip', '-n', this.namespace.name, 'link', 'set', device, 'master', 'br0');
  }

  async setPriority(priority: number): Promise<void> {
    await mustRun(
      ...(['ip', '-n', this.namespace.name, 'link', 'set', 'br0'] as const),
      ...['type', 'bridge', 'priority', `${priority}`],
    );
  }

  async cut(device: string): Promise<void> {
    await mustRun('ip', '-n', this.namespace.name, 'link', 'set', device, 'down');
  }

  async setCost(device: string, cost: number): Promise<void> {
    await mustRun(
      ...(['ip', '-n', this.namespace.name, 'link', 'set', device] as const),
      ...['type', 'bridge_slave', 'cost', `${cost}`],
    );
  }

  async tree(): Promise<TreeView> {
    const said = await this.namespace.run(
      'sh',
      '-c',
      'cd /sys/class/net/br0; cat bridge/bridge_id bridge/root_id bridge/root_port; cd brif;' +
        ' for p in *; do echo "$p $(cat $p/port_no $p/state | tr "\\n" " ")"; done',
    );
    const [bridgeId = '', rootId = '', rootPort = '', ...lines] = said.trim().split('\n');
    const ports = new Map<string, SeenPort>();
    for (const line of lines) {
      const [device, number, state] = line.split(' ');
      if (device === undefined || state === undefined) continue;
      const isRoot = Number(number) === Number(rootPort);
      ports.set(device, { role: isRoot ? 'root' : '', state: STATES[Number(state)]! });
    }
    return { bridgeId: plainId(bridgeId), rootId: plainId(rootId), ports };
  }
}
