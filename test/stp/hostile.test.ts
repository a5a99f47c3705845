/** BPDUs of a peer that means harm, or is broken. */
import test from 'ava';
import fc from 'fast-check';
import type { RstBpdu } from '../../src/stp/bpdu.ts';
import type { PortOptions } from '../../src/stp/port.ts';
import { SpanningTree } from '../../src/stp/spanning-tree.ts';
import { BEST_BRIDGE, frameOf, rst } from './frames.ts';
import { Network } from './simulator.ts';

const ADDRESS = Uint8Array.of(2, 0, 0, 0, 0, 1);
const LINK = { pathCost: 20_000, pointToPoint: true };

test('a flood is dropped before it is read', (t) => {
  const stp = new SpanningTree({ bridgeAddress: ADDRESS });
  stp.addPort(1, LINK, 0);
  stp.addPort(2, LINK, 0);
  const frames = [rst({ rootBridge: BEST_BRIDGE, topologyChange: true }), rst({ messageAge: 9 })];
  for (let i = 0; i < 100_000; i++) stp.receive(1, frames[i % 2], i / 10);
  const { counters } = stp.snapshot(0).ports[0];
  t.is(counters.bpdusReceived + counters.bpdusDropped, 100_000);
  t.true(counters.bpdusReceived <= 100 + 10 * 50);
  // The other port is not held up.
  stp.receive(2, rst(), 10_000);
  t.is(stp.snapshot(0).ports[1].counters.bpdusReceived, 1);
  // And nobody is told more than the hold count allows.
  const told = stp.takeOutput().bpdus.filter((bpdu) => bpdu.port === 2);
  t.true(told.length <= 6);
});

test('faulty frames are counted by kind and change nothing', (t) => {
  const stp = new SpanningTree({ bridgeAddress: ADDRESS });
  stp.addPort(1, LINK, 0);
  stp.takeOutput();
  const before = stp.snapshot(0);
  stp.receive(1, new Uint8Array(0), 1);
  stp.receive(1, rst().subarray(0, 30), 1);
  stp.receive(1, new Uint8Array(60), 1);
  const after = stp.snapshot(0);
  t.deepEqual(after.ports[0].faults, { truncated: 2, 'not-a-bpdu': 1 });
  t.is(after.ports[0].counters.bpdusBad, 3);
  t.is(after.rootIdentifier, before.rootIdentifier);
});

test('times out of range are pulled into it', (t) => {
  const stp = new SpanningTree({ bridgeAddress: ADDRESS });
  stp.addPort(1, LINK, 0);
  stp.receive(1, rst({ rootBridge: BEST_BRIDGE, maxAge: 255, helloTime: 0, forwardDelay: 0 }), 1);
  t.deepEqual(stp.snapshot(0).times, { maxAge: 40, helloTime: 1, forwardDelay: 4 });
});

const anyTime = fc.constantFrom(0, 1 / 256, 1, 2, 15, 19.5, 20, 100, 255);
const anyIdentifier = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
  fc.constantFrom(BEST_BRIDGE, 0x8000020000000001n, 0x0000020000000001n),
);
const anyFrame = fc.oneof(
  fc.constant(frameOf({ kind: 'tcn' })),
  fc.uint8Array({ maxLength: 64 }),
  fc
    .record({
      role: fc.constantFrom(
        'unknown' as const,
        'alternate' as const,
        'root' as const,
        'designated' as const,
      ),
      topologyChange: fc.boolean(),
      proposal: fc.boolean(),
      learning: fc.boolean(),
      agreement: fc.boolean(),
      rootBridge: anyIdentifier,
      rootPathCost: fc.constantFrom(0, 1, 20_000, 0xffffffff),
      designatedBridge: anyIdentifier,
      designatedPort: fc.integer({ min: 0x8000, max: 0x8004 }),
      messageAge: anyTime,
      maxAge: anyTime,
      helloTime: anyTime,
      forwardDelay: anyTime,
    })
    .chain((changes) => fc.constantFrom(rst(changes), asConfiguration(rst(changes)))),
);

/** The same as a Configuration BPDU: other length, version and type. */
function asConfiguration(frame: Uint8Array): Uint8Array {
  const copy = frame.slice();
  copy[13] = 0x26;
  copy[19] = 0;
  copy[20] = 0;
  return copy;
}

const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ port: fc.integer({ min: 1, max: 4 }), frame: anyFrame }) },
  { weight: 3, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 4000 }) }) },
  { weight: 1, arbitrary: fc.record({ port: fc.integer({ min: 1, max: 4 }), up: fc.boolean() }) },
);

test('whatever comes in, the machines come to rest and keep to their invariants', (t) => {
  const options = fc.record({
    adminEdge: fc.boolean(),
    autoEdge: fc.boolean(),
    pointToPoint: fc.boolean(),
    bpduGuard: fc.boolean(),
    rootGuard: fc.boolean(),
    restrictedTcn: fc.boolean(),
  });
  const ports = fc.tuple(options, options, options, options);
  const version = fc.constantFrom('rstp' as const, 'stp' as const);
  fc.assert(
    fc.property(version, ports, fc.array(anyStep, { maxLength: 60 }), (kind, four, steps) => {
      const stp = new SpanningTree({ bridgeAddress: ADDRESS, version: kind });
      let now = 0;
      four.forEach((port, i) => {
        stp.addPort(i + 1, { pathCost: 20_000, ...port }, now);
      });
      for (const step of steps) {
        if ('wait' in step) {
          const until = now + step.wait;
          for (; stp.nextDeadline() <= until; now = stp.nextDeadline())
            stp.tick(stp.nextDeadline());
          now = until;
        } else if ('up' in step) stp.setPortEnabled(step.port, step.up, now);
        else stp.receive(step.port, step.frame, now);
        stp.takeOutput();
        const snapshot = stp.snapshot(now);
        t.true(snapshot.ports.filter((port) => port.role === 'root').length <= 1);
        t.is(snapshot.isRoot, snapshot.rootPort === null);
        for (const port of snapshot.ports) {
          t.true(port.state === 'discarding' || port.role === 'root' || port.role === 'designated');
          t.false(port.role === 'root' && port.rootGuard);
          t.true(port.enabled || port.role === 'disabled');
        }
        stp.setParameters({}, now);
        t.deepEqual(stp.takeOutput().states, []);
      }
    }),
    { numRuns: 300 },
  );
});

test('a bridge that claims to be the best root takes the tree, and gives it back', (t) => {
  const network = new Network(5);
  const nodes = network.addNodes(4);
  for (const [i, node] of nodes.entries()) network.connect(node, nodes[(i + 1) % 4]);
  const victim = nodes[2];
  network.act(victim, () => victim.tree.addPort(9, { ...LINK, adminEdge: true }, network.now));
  network.run(10_000);
  t.is(network.fault(), null);
  const claim = rst({ rootBridge: BEST_BRIDGE, designatedBridge: BEST_BRIDGE, proposal: true });
  for (let i = 0; i < 20; i++) {
    network.act(victim, () => victim.tree.receive(9, claim, network.now));
    network.run(1_000);
  }
  t.is(nodes[0].tree.snapshot(network.now).rootIdentifier, '0000.02:00:00:00:ff:02');
  network.run(60_000);
  t.is(network.fault(), null);

  network.act(victim, () => victim.tree.setPortOptions(9, { rootGuard: true }, network.now));
  network.act(victim, () => victim.tree.receive(9, claim, network.now));
  network.run(1_000);
  t.is(network.fault(), null);
});

/** A switch with a friend at port 1, a friend who means harm at 2, and a guest at 3. */
function attacked(guards: Partial<PortOptions> = {}): SpanningTree {
  const stp = new SpanningTree({ bridgeAddress: ADDRESS });
  stp.addPort(1, LINK, 0);
  stp.addPort(2, { ...LINK, ...guards }, 0);
  stp.addPort(3, { ...LINK, adminEdge: true }, 0);
  // The friend at port 1 is the root, and stays it.
  stp.receive(1, root(0), 10);
  stp.receive(2, agreement(), 20);
  stp.takeOutput();
  return stp;
}

const ROOT = 0x1000_0200_0000_0077n;
const root = (messageAge: number) =>
  rst({ rootBridge: ROOT, designatedBridge: ROOT, messageAge, forwarding: true, learning: true });

const agreement = (changes: Partial<RstBpdu> = {}) =>
  rst({ role: 'root', agreement: true, rootBridge: ROOT, rootPathCost: 40_000, ...changes });

/** The root says its word every 2 s, and time passes; `attack` is called every `interval` ms. */
function passUnder(
  stp: SpanningTree,
  until: number,
  interval: number,
  attack: (now: number) => void,
) {
  for (let now = 1000; now <= until; now += interval) {
    for (; stp.nextDeadline() <= now; ) {
      const second = stp.nextDeadline();
      stp.tick(second);
      if (Math.round(second / 1000) % 2 === 0) stp.receive(1, root(0), second);
    }
    attack(now);
  }
}

test('a storm of topology changes flushes now and then, and a true one is still heard', (t) => {
  const stp = attacked();
  let flushes = 0;
  passUnder(stp, 100_000, 100, (now) => {
    stp.receive(2, agreement({ topologyChange: true }), now);
    flushes += stp.takeOutput().flush.includes(1) ? 1 : 0;
  });
  const { counters } = stp.snapshot(0).ports[1];
  t.true(counters.topologyChangesReceived > 900);
  t.true(counters.topologyChangesHeldBack > 800);
  t.true(flushes >= 100 && flushes <= 122, `${flushes} flushes in 100 s`);
  // The friend at port 1 has a limit of its own.
  stp.receive(1, rst({ rootBridge: ROOT, designatedBridge: ROOT, topologyChange: true }), 100_001);
  t.true(stp.takeOutput().flush.includes(2));
});

test('restrictedTcn ends a storm where it comes in', (t) => {
  const stp = attacked({ restrictedTcn: true });
  let flushes = 0;
  passUnder(stp, 20_000, 100, (now) => {
    stp.receive(2, agreement({ topologyChange: true }), now);
    flushes += stp.takeOutput().flush.length;
  });
  t.is(flushes, 0);
});

/** Whatever an attacker may say that is a BPDU, or nearly. */
const anyClaim = fc.constantFrom(
  rst({ rootBridge: BEST_BRIDGE, designatedBridge: BEST_BRIDGE, proposal: true }),
  rst({ rootBridge: 0n, rootPathCost: 0, designatedBridge: 0n, designatedPort: 0 }),
  rst({ rootBridge: BEST_BRIDGE, designatedBridge: BEST_BRIDGE, messageAge: 255, maxAge: 1 }),
  rst({ rootBridge: BEST_BRIDGE, maxAge: 255, helloTime: 255, forwardDelay: 255 }),
  rst({ rootBridge: BEST_BRIDGE, role: 'unknown', topologyChange: true }),
  asConfiguration(rst({ rootBridge: BEST_BRIDGE, designatedBridge: BEST_BRIDGE })),
  frameOf({ kind: 'tcn' }),
  rst({ rootBridge: BEST_BRIDGE }).subarray(0, 40),
);

for (const guard of ['rootGuard', 'bpduGuard'] as const) {
  test(`where ${guard} stands, no claim moves the tree`, (t) => {
    fc.assert(
      fc.property(fc.array(anyClaim, { minLength: 1, maxLength: 40 }), (claims) => {
        const stp = attacked({ [guard]: true });
        const before = stp.snapshot(0);
        let next = 0;
        passUnder(stp, 20_000, 500, (now) => {
          stp.receive(2, claims[next++ % claims.length], now);
          const { rootIdentifier, rootPort, times, ports } = stp.snapshot(now);
          t.is(rootIdentifier, before.rootIdentifier);
          t.is(rootPort, 1);
          t.deepEqual(times, before.times);
          t.is(ports[0].state, 'forwarding');
          t.is(ports[2].state, 'forwarding');
        });
        const { counters } = stp.snapshot(0).ports[1];
        t.true(counters.bpdusReceived + counters.bpdusBad > 0, 'each is counted');
      }),
      { numRuns: 50 },
    );
  });
}

test('a claim that has come too far is void at once', (t) => {
  const stp = attacked();
  const far = { rootBridge: BEST_BRIDGE, designatedBridge: BEST_BRIDGE };
  stp.receive(2, asConfiguration(rst({ ...far, messageAge: 20, maxAge: 20 })), 1000);
  t.is(stp.snapshot(0).ports[1].faults['message-age'], 1);
  stp.receive(2, rst({ ...far, messageAge: 20, maxAge: 20 }), 1001);
  t.is(stp.snapshot(0).ports[1].faults['message-age'], 2);
  t.is(stp.snapshot(0).rootPort, 1);
  t.deepEqual(stp.takeOutput().states, [], 'not even for a moment');
});

test('whoever has nothing to say any more is not believed any longer', (t) => {
  // Port 2 led to a better way; its bridge then says that it is no Designated Port.
  const stp = attacked();
  const friend = 0x8000_0200_0000_0099n;
  const way = { rootBridge: ROOT, rootPathCost: 1, designatedBridge: friend };
  stp.receive(2, rst({ ...way, proposal: true }), 1000);
  t.is(stp.snapshot(0).ports[1].role, 'alternate');
  stp.receive(2, rst({ ...way, role: 'alternate', agreement: true }), 1010);
  t.is(stp.snapshot(0).ports[1].role, 'designated');
});
