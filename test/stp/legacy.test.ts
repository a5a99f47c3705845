/** Bridges that know only STP among bridges that know RSTP. */
import test from 'ava';
import { Network } from './simulator.ts';

const FORWARD_DELAYS = 60_000;

test('an STP root among RSTP bridges: the ports at it fall back, the rest stays', (t) => {
  const network = new Network(1);
  const old = network.addNode({ version: 'stp' });
  const [b, c] = network.addNodes(2);
  network.connect(old, b);
  network.connect(b, c);
  const third = network.connect(c, old);
  network.run(FORWARD_DELAYS);
  t.is(network.fault(), null);
  t.true(old.tree.snapshot(network.now).isRoot);
  t.deepEqual(
    b.tree.snapshot(network.now).ports.map((port) => port.version),
    ['stp', 'rstp'],
  );
  t.true(b.events.some((event) => event.kind === 'version' && event.version === 'stp'));

  network.cut(third);
  network.run(FORWARD_DELAYS);
  t.is(network.fault(), null);
  // What the old bridge understood was a Topology Change Notification.
  t.true(old.tree.snapshot(network.now).ports[0].counters.topologyChangesReceived > 0);
});

test('an STP bridge in the middle passes topology changes on', (t) => {
  const network = new Network(2);
  const root = network.addNode();
  const old = network.addNode({ version: 'stp' });
  const leaf = network.addNode();
  network.connect(root, old);
  network.connect(old, leaf);
  network.run(2 * FORWARD_DELAYS);
  t.is(network.fault(), null);
  const before = root.tree.snapshot(network.now);
  network.connect(leaf, network.addNode());
  network.run(10_000);
  const after = root.tree.snapshot(network.now);
  t.is(after.topologyChangeCount, before.topologyChangeCount + 1);
  t.true(
    after.ports[0].counters.topologyChangesReceived >
      before.ports[0].counters.topologyChangesReceived,
  );
  t.is(network.fault(), null);
});

test('only STP bridges: a ring has one tree, by timers', (t) => {
  const network = new Network(3);
  const nodes = network.addNodes(4, { version: 'stp' });
  const links = nodes.map((node, i) => network.connect(node, nodes[(i + 1) % 4]));
  network.run(FORWARD_DELAYS);
  t.is(network.fault(), null);
  network.cut(links[0]);
  network.run(FORWARD_DELAYS);
  t.is(network.fault(), null);
  t.true(nodes.every((node) => node.tree.snapshot(network.now).version === 'stp'));
});

test('mcheck offers RSTP again once the old neighbour has been replaced', (t) => {
  const network = new Network(4);
  const a = network.addNode();
  const old = network.addNode({ version: 'stp' });
  const link = network.connect(a, old);
  network.run(FORWARD_DELAYS);
  t.is(a.tree.snapshot(network.now).ports[0].version, 'stp');
  network.act(a, () => a.tree.checkMigration(1, network.now));
  network.run(500);
  t.is(a.tree.snapshot(network.now).ports[0].version, 'rstp');
  network.run(20_000);
  network.cut(link);
  t.is(a.tree.snapshot(network.now).ports[0].version, 'rstp');
});
