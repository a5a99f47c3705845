/** The spanning tree beside Linux bridges, which speak STP (802.1D-1998) and nothing later. */
import type { ExecutionContext } from 'ava';
import {
  healingTime,
  heldBack,
  joinSwitches,
  KithSwitch,
  LAB_NEEDS,
  LAB_TIMES,
  Lab,
  type LabSwitch,
} from './support/bridge-lab.ts';
import { LinuxBridge } from './support/linux-bridge.ts';
import { waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';

const ROOT = 4096;
const SECOND = 8192;
const OTHER = 32_768;

/**
 * Milliseconds in which 802.1D-1998 heals: what a silent neighbour said has to become too old,
 * then a port listens and learns. And some for timers of whole seconds and a busy machine.
 */
const HEALS_WITHIN = (LAB_TIMES.maxAge + 2 * LAB_TIMES.forwardDelay + 3) * 1000;

interface Cut {
  readonly from: LabSwitch;
  readonly to: LabSwitch;
  /** Whose end of the cable goes down. */
  readonly at: LinuxBridge;
  readonly cable: string;
}

/** Cuts a cable: the rest becomes one tree in time. */
async function heals(t: ExecutionContext, lab: Lab, { from, to, at, cable }: Cut): Promise<void> {
  const healed = await healingTime(from, to, () => at.cut(cable));
  t.log(`${cable} cut at ${at.name}: healed in ${Math.round(healed)} ms`);
  t.true(healed < HEALS_WITHIN);
  lab.cables = lab.cables.filter(({ name }) => name !== cable);
  await lab.settled();
  await lab.everybodyHearsOnce(t);
}

const options = { needs: LAB_NEEDS };

systemTest(
  'Linux bridge, two cables to a node that is root: the bridge holds one back',
  options,
  async (t) => {
    const kith = await KithSwitch.start(t, 'kith', ROOT);
    const bridge = await LinuxBridge.start(t, 'bridge', OTHER);
    const lab = new Lab(
      [kith, bridge],
      [await joinSwitches('c1', kith, bridge), await joinSwitches('c2', kith, bridge)],
    );
    const views = await lab.settled();
    t.deepEqual(heldBack(views), ['bridge c2'], 'the designated port with the higher number');
    t.is(views.get(bridge)!.ports.get('c1')!.role, 'root');
    await lab.everybodyHearsOnce(t);

    await heals(t, lab, { from: kith, to: bridge, at: bridge, cable: 'c1' });
    t.is(kith.versionAt('c2'), 'stp');
  },
);

systemTest(
  'Linux bridge, two cables to a node, the bridge is root: the node holds one back',
  options,
  async (t) => {
    const kith = await KithSwitch.start(t, 'kith', OTHER);
    const bridge = await LinuxBridge.start(t, 'bridge', ROOT);
    const lab = new Lab(
      [kith, bridge],
      [await joinSwitches('c1', kith, bridge), await joinSwitches('c2', kith, bridge)],
    );
    const views = await lab.settled();
    t.deepEqual(heldBack(views), ['kith c2']);
    t.deepEqual(views.get(kith)!.ports.get('c1'), { role: 'root', state: 'forwarding' });
    t.deepEqual(views.get(kith)!.ports.get('c2'), { role: 'alternate', state: 'discarding' });
    await lab.everybodyHearsOnce(t);

    // The node does not see it: it has to miss the BPDUs.
    await heals(t, lab, { from: bridge, to: kith, at: bridge, cable: 'c1' });
  },
);

systemTest(
  'Linux bridge in a triangle with two nodes: a node is root',
  { ...options, timeout: 180_000 },
  async (t) => {
    const alice = await KithSwitch.start(t, 'alice', ROOT);
    const bob = await KithSwitch.start(t, 'bob', SECOND);
    const bridge = await LinuxBridge.start(t, 'bridge', OTHER);
    const lab = new Lab(
      [alice, bob, bridge],
      [
        await joinSwitches('link', alice, bob),
        await joinSwitches('ca', alice, bridge),
        await joinSwitches('cb', bob, bridge),
      ],
    );
    const views = await lab.settled();
    // To the kernel a TAP costs 100 (802.1D-1998) and to us 20,000: with 100 more for the way over
    // the bridge, that is better than a link that has a round trip.
    t.deepEqual(heldBack(views), ['bob link']);
    t.is(views.get(bridge)!.ports.get('ca')!.role, 'root');
    await lab.everybodyHearsOnce(t);

    // With costs of one scale the bridge has nothing to offer to bob, and steps back itself.
    await bridge.setCost('ca', 60_000);
    await bridge.setCost('cb', 60_000);
    await waitUntil(
      'the bridge to step back',
      async () => {
        const now = await lab.views();
        return lab.faultOf(now) === undefined && heldBack(now)[0] === 'bridge cb';
      },
      HEALS_WITHIN,
    );
    await lab.everybodyHearsOnce(t);

    await heals(t, lab, { from: alice, to: bridge, at: bridge, cable: 'ca' });
  },
);

systemTest(
  'Linux bridge in a triangle with two nodes: the bridge is root',
  { ...options, timeout: 180_000 },
  async (t) => {
    const alice = await KithSwitch.start(t, 'alice', SECOND);
    const bob = await KithSwitch.start(t, 'bob', OTHER);
    const bridge = await LinuxBridge.start(t, 'bridge', ROOT);
    const lab = new Lab(
      [alice, bob, bridge],
      [
        await joinSwitches('link', alice, bob),
        await joinSwitches('ca', alice, bridge),
        await joinSwitches('cb', bob, bridge),
      ],
    );
    const views = await lab.settled();
    t.deepEqual(heldBack(views), ['bob link'], 'the end with the worse bridge identifier');
    await lab.everybodyHearsOnce(t);

    await heals(t, lab, { from: bridge, to: bob, at: bridge, cable: 'cb' });
  },
);

systemTest(
  'two Linux bridges and a node in a triangle: the worse bridge holds back',
  { ...options, timeout: 180_000 },
  async (t) => {
    const kith = await KithSwitch.start(t, 'kith', ROOT);
    const left = await LinuxBridge.start(t, 'left', SECOND);
    const right = await LinuxBridge.start(t, 'right', OTHER);
    const lab = new Lab(
      [kith, left, right],
      [
        await joinSwitches('cl', kith, left),
        await joinSwitches('cr', kith, right),
        await joinSwitches('veth', left, right),
      ],
    );
    // A veth costs 2, a TAP 100: without this the bridges would use each other.
    await left.setCost('veth', 200);
    await right.setCost('veth', 200);
    const views = await lab.settled();
    t.deepEqual(heldBack(views), ['right veth']);
    await lab.everybodyHearsOnce(t);

    await heals(t, lab, { from: kith, to: right, at: right, cable: 'cr' });
  },
);

systemTest(
  'two Linux bridges and two nodes in a square: a bridge is root',
  { ...options, timeout: 180_000 },
  async (t) => {
    const alice = await KithSwitch.start(t, 'alice', SECOND);
    const bob = await KithSwitch.start(t, 'bob', OTHER);
    const left = await LinuxBridge.start(t, 'left', ROOT);
    const right = await LinuxBridge.start(t, 'right', OTHER);
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
    // bob is as far from the root as alice is, but for the veth; alice speaks for their link.
    t.deepEqual(heldBack(views), ['bob link']);
    await lab.everybodyHearsOnce(t);

    await heals(t, lab, { from: left, to: right, at: right, cable: 'veth' });
  },
);
