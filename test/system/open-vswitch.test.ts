/** The spanning tree beside Open vSwitch, which speaks RSTP or STP as it is told. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import {
  type ForeignSwitch,
  Host,
  healingTime,
  heldBack,
  joinSwitches,
  KithSwitch,
  LAB_NEEDS,
  LAB_TIMES,
  Lab,
  nextHostAddress,
  plainId,
  type SeenPort,
  type SeenState,
  type TreeView,
} from './support/bridge-lab.ts';
import { createNamespace, type Namespace } from './support/namespace.ts';
import { mustRun, startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = [...LAB_NEEDS, 'ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl'];
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const ROOT = 4096;
const SECOND = 8192;
const OTHER = 32_768;

/** Milliseconds: with RSTP nothing waits for the Forward Delay, with STP all do, twice. */
const RSTP_HEALS_WITHIN = (LAB_TIMES.forwardDelay - 1) * 1000;
const STP_HEALS_WITHIN = (LAB_TIMES.maxAge + 2 * LAB_TIMES.forwardDelay + 3) * 1000;

type Version = 'rstp' | 'stp';

/** One bridge of a daemon and a database of its own, in user space (datapath_type=netdev). */
class OpenVswitch implements ForeignSwitch {
  readonly name: string;
  readonly namespace: Namespace;
  readonly host: Host;
  readonly #directory: string;
  #version: Version;

  private constructor(
    name: string,
    namespace: Namespace,
    host: Host,
    directory: string,
    version: Version,
  ) {
    this.name = name;
    this.namespace = namespace;
    this.host = host;
    this.#directory = directory;
    this.#version = version;
  }

  static async start(
    t: ExecutionContext,
    name: string,
    version: Version,
    priority: number,
  ): Promise<OpenVswitch> {
    const namespace = await createNamespace(t, name);
    const directory = temporaryDirectory(t);
    const [socket, database] = [join(directory, 'db.sock'), join(directory, 'conf.db')];
    const environment = { OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory };
    const start = (command: string, ...args: readonly string[]) =>
      startProgram(t, namespace.prefix[0], [...namespace.prefix.slice(1), command, ...args], {
        environment,
        name: `${command} of ${name}`,
      });
    await mustRun('ovsdb-tool', 'create', database, SCHEMA);
    start('ovsdb-server', database, `--remote=punix:${socket}`, `--unixctl=${directory}/db.ctl`);
    await waitUntil('the database', async () => {
      return await vsctl(directory, '--no-wait', 'init').then(
        () => true,
        () => false,
      );
    });
    start('ovs-vswitchd', `unix:${socket}`, `--unixctl=${directory}/vs.ctl`);
    const times = [`forward-delay=${LAB_TIMES.forwardDelay}`, `max-age=${LAB_TIMES.maxAge}`];
    const configured = (['rstp', 'stp'] as const).flatMap((protocol) =>
      [`priority=${priority}`, ...times].map((each) => `other_config:${protocol}-${each}`),
    );
    await vsctl(
      directory,
      ...['add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev'],
      // The Hello Time of RSTP is fixed at 2 s.
      ...[...configured, `other_config:stp-hello-time=${LAB_TIMES.helloTime}`],
      `${version}_enable=true`,
    );
    // In user space Open vSwitch only listens to its interfaces, and the kernel takes the frames
    // in besides: this makes it drop what does not come by br0.
    await namespace.run('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1');
    const address = nextHostAddress();
    await namespace.configure('br0', `${address}/24`);
    const host = await Host.start(t, namespace, address);
    return new OpenVswitch(name, namespace, host, directory, version);
  }

  /** All cables cost the same here, whatever speed the interface claims. */
  async addPort(device: string): Promise<void> {
    await vsctl(
      this.#directory,
      ...['add-port', 'br0', device, '--', 'set', 'port', device],
      ...['other_config:rstp-path-cost=20000', 'other_config:stp-path-cost=100'],
    );
  }

  async speak(version: Version): Promise<void> {
    const other = version === 'rstp' ? 'stp' : 'rstp';
    const settings = [`${other}_enable=false`, `${version}_enable=true`];
    await vsctl(this.#directory, 'set', 'bridge', 'br0', ...settings);
    this.#version = version;
  }

  async cut(device: string): Promise<void> {
    await mustRun('ip', '-n', this.namespace.name, 'link', 'set', device, 'down');
  }

  async tree(): Promise<TreeView> {
    const said = await mustRun(
      ...(['ovs-appctl', '-t', join(this.#directory, 'vs.ctl')] as const),
      ...[`${this.#version}/show`, 'br0'],
    );
    const ids = [...said.matchAll(/stp-priority +(\d+)\s+stp-system-id +(\S+)/g)].map(
      ([, priority, address]) =>
        plainId(Number(priority).toString(16).padStart(4, '0') + (address ?? '')),
    );
    const ports = new Map<string, SeenPort>();
    const rows =
      /^ +(\S+) +(\w+) +(discarding|disabled|blocking|listening|learning|forwarding) /gim;
    for (const [, device = '', role = '', printed = ''] of said.matchAll(rows)) {
      const state = printed.toLowerCase().replace(/disabled|blocking/, 'discarding') as SeenState;
      ports.set(device, { role: role.toLowerCase(), state });
    }
    return { bridgeId: ids[1] ?? '', rootId: ids[0] ?? '', ports };
  }
}

async function vsctl(directory: string, ...args: readonly string[]): Promise<string> {
  return await mustRun('ovs-vsctl', `--db=unix:${directory}/db.sock`, '--timeout=20', ...args);
}

/** A cable goes, the rest becomes one tree in time. */
async function heals(
  t: ExecutionContext,
  lab: Lab,
  healed: Promise<number>,
  cable: string,
  within: number,
): Promise<void> {
  const time = await healed;
  t.log(`without ${cable}: healed in ${Math.round(time)} ms`);
  t.true(time < within);
  lab.cables = lab.cables.filter(({ name }) => name !== cable);
  await lab.settled();
  await lab.everybodyHearsOnce(t);
}

async function twoCables(kith: KithSwitch, ovs: OpenVswitch): Promise<Lab> {
  return new Lab(
    [kith, ovs],
    [await joinSwitches('c1', kith, ovs), await joinSwitches('c2', kith, ovs)],
  );
}

async function triangle(alice: KithSwitch, bob: KithSwitch, ovs: OpenVswitch): Promise<Lab> {
  return new Lab(
    [alice, bob, ovs],
    [
      await joinSwitches('link', alice, bob),
      await joinSwitches('ca', alice, ovs),
      await joinSwitches('cb', bob, ovs),
    ],
  );
}

const options = { needs: NEEDS, timeout: 180_000 };

for (const version of ['rstp', 'stp'] as const) {
  const within = version === 'rstp' ? RSTP_HEALS_WITHIN : STP_HEALS_WITHIN;

  systemTest(
    `Open vSwitch with ${version}, two cables to a node that is root: Open vSwitch holds one back`,
    options,
    async (t) => {
      const kith = await KithSwitch.start(t, 'kith', ROOT);
      const ovs = await OpenVswitch.start(t, 'ovs', version, OTHER);
      const lab = await twoCables(kith, ovs);
      const views = await lab.settled();
      t.deepEqual(heldBack(views), ['ovs c2']);
      t.is(views.get(ovs)!.ports.get('c1')!.role, 'root');
      await lab.everybodyHearsOnce(t);
      t.is(kith.versionAt('c1'), version);
      t.is(kith.versionAt('c2'), version);
      await heals(
        t,
        lab,
        healingTime(kith, ovs, () => kith.liftCable('c1')),
        'c1',
        within,
      );
    },
  );

  systemTest(
    `Open vSwitch with ${version}, two cables to a node, Open vSwitch is root: the node holds one back`,
    options,
    async (t) => {
      const kith = await KithSwitch.start(t, 'kith', OTHER);
      const ovs = await OpenVswitch.start(t, 'ovs', version, ROOT);
      const lab = await twoCables(kith, ovs);
      const views = await lab.settled();
      // Which one is for Open vSwitch to say, which gives the numbers to its ports.
      const ports = views.get(kith)!.ports;
      const [held] = heldBack(views);
      const [root, other] = held === 'kith c1' ? ['c2', 'c1'] : ['c1', 'c2'];
      t.is(ports.get(root)!.role, 'root');
      t.deepEqual(ports.get(other), { role: 'alternate', state: 'discarding' });
      await lab.everybodyHearsOnce(t);
      t.is(kith.versionAt('c1'), version);
      const healing = healingTime(ovs, kith, () => kith.liftCable(root));
      await heals(t, lab, healing, root, within);
    },
  );

  systemTest(
    `Open vSwitch with ${version} in a triangle with two nodes: Open vSwitch is root`,
    options,
    async (t) => {
      const alice = await KithSwitch.start(t, 'alice', SECOND);
      const bob = await KithSwitch.start(t, 'bob', OTHER);
      const ovs = await OpenVswitch.start(t, 'ovs', version, ROOT);
      const lab = await triangle(alice, bob, ovs);
      t.deepEqual(heldBack(await lab.settled()), ['bob link']);
      await lab.everybodyHearsOnce(t);
      await heals(
        t,
        lab,
        healingTime(ovs, bob, () => bob.liftCable('cb')),
        'cb',
        within,
      );
    },
  );

  systemTest(
    `two Open vSwitches with ${version} and two nodes in a square: a node is root`,
    options,
    async (t) => {
      const alice = await KithSwitch.start(t, 'alice', ROOT);
      const bob = await KithSwitch.start(t, 'bob', OTHER);
      const left = await OpenVswitch.start(t, 'left', version, SECOND);
      const right = await OpenVswitch.start(t, 'right', version, OTHER);
      const lab = new Lab(
        [alice, bob, left, right],
        [
          await joinSwitches('link', alice, bob),
          await joinSwitches('ca', alice, left),
          await joinSwitches('cb', bob, right),
          await joinSwitches('veth', left, right),
        ],
      );
      const views = await lab.settled();
      // Both ends may be discarding for a while: one for good, the other until it has been agreed.
      const held = heldBack(views);
      t.is(new Set(held.map((each) => each.split(' ')[1])).size, 1);
      t.log(`held back: ${held.join()}`);
      await lab.everybodyHearsOnce(t);
      await heals(
        t,
        lab,
        healingTime(alice, left, () => alice.liftCable('ca')),
        'ca',
        within,
      );
    },
  );
}

systemTest(
  'Open vSwitch with rstp: a new cable carries frames before the Forward Delay has passed',
  options,
  async (t) => {
    const kith = await KithSwitch.start(t, 'kith', OTHER);
    const ovs = await OpenVswitch.start(t, 'ovs', 'rstp', ROOT);
    const lab = new Lab([kith, ovs], [await joinSwitches('c1', kith, ovs)]);
    const line = 'through the new cable';
    const start = performance.now();
    await waitUntil('the first line', () => {
      ovs.host.say(line);
      return kith.host.count(line) > 0;
    });
    const time = performance.now() - start;
    t.log(`from a new cable to the first frame: ${Math.round(time)} ms`);
    t.true(time < RSTP_HEALS_WITHIN, 'proposed and agreed');
    await lab.settled();
  },
);

systemTest(
  'a node speaks STP as soon as Open vSwitch does, and RSTP again when it does',
  options,
  async (t) => {
    const kith = await KithSwitch.start(t, 'kith', OTHER);
    const ovs = await OpenVswitch.start(t, 'ovs', 'rstp', ROOT);
    const lab = await twoCables(kith, ovs);
    for (const version of ['rstp', 'stp', 'rstp'] as const) {
      await ovs.speak(version);
      await waitUntil(`both cables at ${version}`, () => {
        return ['c1', 'c2'].every((cable) => kith.versionAt(cable) === version);
      });
      t.regex(heldBack(await lab.settled()).join(), /^kith c[12]$/);
      await lab.everybodyHearsOnce(t);
    }
  },
);
