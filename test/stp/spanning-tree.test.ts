/** One tree by itself: settings, edges, guards, echoes, and what it shows. */
import test, { type ExecutionContext } from 'ava';
import { KithError } from '../../src/errors.ts';
import { parseBpdu } from '../../src/stp/bpdu.ts';
import { NO_OUTPUT } from '../../src/stp/output.ts';
import { SpanningTree, type SpanningTreeOptions } from '../../src/stp/spanning-tree.ts';
import { BEST_BRIDGE, frameOf, rst } from './frames.ts';

const ADDRESS = Uint8Array.of(2, 0, 0, 0, 0, 1);
const LINK = { pathCost: 20_000, pointToPoint: true };
/** How ports of guests are configured. */
const GUEST = { pathCost: 20_000, pointToPoint: true, adminEdge: true };

function tree(options: Partial<SpanningTreeOptions> = {}): SpanningTree {
  return new SpanningTree({ bridgeAddress: ADDRESS, ...options });
}

/** Ticks at every deadline up to `until`. */
function pass(stp: SpanningTree, until: number): void {
  while (stp.nextDeadline() <= until) stp.tick(stp.nextDeadline());
}

function configError(t: ExecutionContext, call: () => void, words: RegExp): void {
  t.like(t.throws(call, { instanceOf: KithError, message: words }), { code: 'config' });
}

test('settings outside the standard are refused with the mend', (t) => {
  configError(t, () => tree({ priority: 1 }), /multiple of 4096/);
  configError(t, () => tree({ helloTime: 3 }), /from 1 to 2/);
  configError(t, () => tree({ maxAge: 5 }), /from 6 to 40/);
  configError(t, () => tree({ forwardDelay: 31 }), /from 4 to 30/);
  configError(t, () => tree({ forwardDelay: Number.NaN }), /from 4 to 30/);
  configError(t, () => tree({ transmitHoldCount: 11 }), /from 1 to 10/);
  configError(t, () => tree({ forwardDelay: 10 }), /forward delay to 11 s/);
  configError(t, () => tree({ bridgeAddress: ADDRESS.subarray(1) }), /6 octets/);
  t.notThrows(() => tree({ helloTime: 2, maxAge: 6, forwardDelay: 4 }));

  const stp = tree();
  stp.addPort(1, LINK, 0);
  configError(t, () => stp.addPort(1, LINK, 0), /another port number/);
  configError(t, () => stp.addPort(0, LINK, 0), /from 1 to 4095/);
  configError(t, () => stp.addPort(1.5, LINK, 0), /whole number/);
  configError(t, () => stp.addPort(2, { ...LINK, priority: 8 }, 0), /multiple of 16/);
  configError(t, () => stp.setPortCost(1, 0, 0), /from 1 to 200000000/);
  configError(t, () => stp.setParameters({ maxAge: 40 }, 0), /forward delay to 21 s/);
  t.like(
    t.throws(() => stp.setPortCost(9, 1, 0), { instanceOf: KithError }),
    {
      code: 'not-found',
    },
  );
  t.is(stp.snapshot(0).ports.length, 1);
  t.is(stp.snapshot(0).times.maxAge, 20);
});

test('a guest port forwards at once, and what it says first is a BPDU', (t) => {
  const stp = tree();
  t.is(stp.nextDeadline(), Number.POSITIVE_INFINITY);
  stp.addPort(1, GUEST, 0);
  const output = stp.takeOutput();
  t.deepEqual(output.states, [{ port: 1, state: 'forwarding', role: 'designated' }]);
  t.like(parseBpdu(output.bpdus[0].frame), { kind: 'rst', role: 'designated', proposal: false });
  t.deepEqual(output.bpdus[0].frame.subarray(6, 12), ADDRESS);
  t.is(stp.takeOutput(), NO_OUTPUT);
  // Guests come and go: that is no change of the topology.
  t.is(stp.snapshot(0).topologyChangeCount, 0);
  stp.removePort(1, 10);
  t.is(stp.nextDeadline(), Number.POSITIVE_INFINITY);
});

test('a BPDU at a guest port ends its life as an edge, until its link comes anew', (t) => {
  const stp = tree();
  stp.addPort(1, GUEST, 0);
  stp.addPort(2, GUEST, 0);
  stp.takeOutput();
  stp.receive(2, rst({ rootBridge: BEST_BRIDGE, proposal: true }), 10);
  t.is(stp.snapshot(10).ports[1].role, 'root');
  t.false(stp.snapshot(10).ports[1].edge);
  t.true(stp.snapshot(10).ports[0].edge);
  t.is(stp.snapshot(10).ports[0].state, 'forwarding');
  stp.setPortEnabled(2, false, 20);
  t.is(stp.snapshot(20).ports[1].state, 'discarding');
  stp.setPortEnabled(2, true, 30);
  t.true(stp.snapshot(30).ports[1].edge);
  t.is(stp.snapshot(30).ports[1].state, 'forwarding');
});

test('a quiet link becomes an edge after Migrate Time, with autoEdge only', (t) => {
  const stp = tree();
  stp.addPort(1, LINK, 0);
  stp.addPort(2, { ...LINK, autoEdge: false }, 0);
  pass(stp, 2_500);
  t.is(stp.snapshot(0).ports[0].state, 'discarding');
  pass(stp, 3_000);
  t.is(stp.snapshot(0).ports[0].state, 'forwarding');
  t.is(stp.snapshot(0).ports[1].state, 'discarding');
  pass(stp, 25_000);
  t.is(stp.snapshot(0).ports[1].state, 'forwarding');
  t.false(stp.snapshot(0).ports[1].edge);
});

test('a proposal is answered only after other ports have stopped', (t) => {
  const stp = tree();
  stp.addPort(1, LINK, 0);
  stp.addPort(2, { ...LINK, autoEdge: false }, 0);
  pass(stp, 25_000);
  stp.receive(1, rst({ rootBridge: BEST_BRIDGE }), 25_000);
  t.is(stp.snapshot(0).ports[1].state, 'forwarding');
  const agreement = (rootPathCost: number) =>
    rst({ role: 'root', agreement: true, rootBridge: BEST_BRIDGE, rootPathCost });
  stp.receive(2, agreement(40_000), 25_010);
  pass(stp, 27_000);
  stp.takeOutput();
  // Worse than before: whoever is behind port 2 might know better.
  stp.receive(1, rst({ rootBridge: BEST_BRIDGE, rootPathCost: 9, proposal: true }), 27_010);
  const output = stp.takeOutput();
  t.deepEqual(output.states, [{ port: 2, state: 'discarding', role: 'designated' }]);
  const answer = output.bpdus.find((bpdu) => bpdu.port === 1);
  t.like(parseBpdu(answer?.frame ?? new Uint8Array()), { role: 'root', agreement: true });
  const proposal = output.bpdus.find((bpdu) => bpdu.port === 2);
  t.like(parseBpdu(proposal?.frame ?? new Uint8Array()), { role: 'designated', proposal: true });
  // An agreement opens the other port again.
  stp.receive(2, agreement(40_000), 27_020);
  t.is(stp.snapshot(0).ports[1].state, 'discarding', 'that one was about what we said before');
  t.is(stp.snapshot(0).ports[1].counters.agreementsPassedOver, 1);
  stp.receive(2, agreement(40_009), 27_020);
  t.is(stp.snapshot(0).ports[1].state, 'forwarding');
});

test('on a shared medium there are neither proposals nor agreements', (t) => {
  const stp = tree();
  stp.addPort(1, { ...LINK, pointToPoint: false, autoEdge: false }, 0);
  stp.receive(1, rst({ role: 'root', agreement: true }), 10);
  t.is(stp.snapshot(0).ports[0].state, 'discarding');
});

test('BPDU guard disables the port until it is let go', (t) => {
  const stp = tree();
  stp.addPort(1, { ...GUEST, bpduGuard: true }, 0);
  stp.takeOutput();
  stp.receive(1, rst(), 10);
  t.deepEqual(stp.takeOutput(), {
    states: [{ port: 1, state: 'discarding', role: 'disabled' }],
    flush: [1],
    bpdus: [],
    events: [{ kind: 'bpdu-guard', port: 1, active: true }],
  });
  t.is(stp.snapshot(10).ports[0].guard, 'bpdu-guard');
  stp.setPortEnabled(1, false, 20);
  stp.setPortEnabled(1, true, 30);
  t.is(stp.snapshot(30).ports[0].state, 'discarding');
  stp.recoverPort(1, 40);
  t.is(stp.snapshot(40).ports[0].state, 'forwarding');
  stp.receive(1, rst(), 50);
  t.is(stp.snapshot(50).ports[0].guard, 'bpdu-guard');
  stp.setPortOptions(1, { bpduGuard: false }, 60);
  t.is(stp.snapshot(60).ports[0].guard, 'none');
});

test('BPDU guard lets go by itself after its recovery time', (t) => {
  const stp = tree({ guardRecovery: 30 });
  stp.addPort(1, { ...GUEST, bpduGuard: true }, 0);
  stp.receive(1, rst(), 10);
  t.is(stp.nextDeadline(), 30_010);
  stp.tick(30_000);
  t.is(stp.snapshot(0).ports[0].state, 'discarding');
  stp.tick(30_010);
  t.is(stp.snapshot(0).ports[0].state, 'forwarding');
});

test('root guard keeps a better root out, and lets the port go when it is silent', (t) => {
  const stp = tree();
  stp.addPort(1, { ...LINK, rootGuard: true }, 0);
  stp.receive(1, rst({ rootBridge: BEST_BRIDGE, designatedBridge: BEST_BRIDGE }), 10);
  const output = stp.takeOutput();
  t.deepEqual(output.events, [{ kind: 'root-guard', port: 1, active: true }]);
  t.true(stp.snapshot(10).isRoot);
  t.like(stp.snapshot(10).ports[0], {
    role: 'alternate',
    state: 'discarding',
    guard: 'root-guard',
  });
  pass(stp, 20_000);
  t.like(stp.snapshot(10).ports[0], { role: 'designated', guard: 'none' });
});

test('restrictedTcn keeps a topology change where it was heard', (t) => {
  for (const restrictedTcn of [false, true]) {
    const stp = tree();
    stp.addPort(1, { ...LINK, autoEdge: false, restrictedTcn }, 0);
    stp.addPort(2, { ...LINK, autoEdge: false }, 0);
    pass(stp, 40_000);
    stp.takeOutput();
    stp.receive(1, rst({ role: 'root', topologyChange: true }), 40_010);
    t.deepEqual(stp.takeOutput().flush, restrictedTcn ? [] : [2]);
  }
});

test('a port that hears itself neither learns nor forwards', (t) => {
  const stp = tree();
  stp.addPort(1, GUEST, 0);
  const echo = (now: number) => {
    const output = stp.takeOutput();
    for (const { port, frame } of output.bpdus) stp.receive(port, frame, now);
    return output;
  };
  echo(1);
  t.is(stp.snapshot(1).ports[0].state, 'discarding');
  for (let now = 1_000; now <= 60_000; now += 1_000) {
    stp.tick(now);
    echo(now);
    t.is(stp.snapshot(now).ports[0].state, 'discarding');
  }
  t.true(stp.snapshot(0).ports[0].counters.loopbacks > 20);
  for (let now = 61_000; now <= 80_000; now += 1_000) {
    stp.tick(now);
    stp.takeOutput();
  }
  t.is(stp.snapshot(0).ports[0].state, 'forwarding');
});

test('a dispute stops a port whose neighbour learns from something worse', (t) => {
  const stp = tree();
  stp.addPort(1, { ...LINK, autoEdge: false }, 0);
  pass(stp, 40_000);
  t.is(stp.snapshot(0).ports[0].state, 'forwarding');
  stp.receive(1, rst({ learning: true, forwarding: true }), 40_010);
  t.is(stp.snapshot(0).ports[0].state, 'discarding');
});

test('an agreement to old news is passed over while new news must wait', (t) => {
  const stp = tree({ transmitHoldCount: 1 });
  stp.addPort(1, { ...LINK, autoEdge: false }, 0);
  stp.addPort(2, { ...LINK, autoEdge: false }, 0);
  stp.takeOutput();
  // A better root through port 2: port 1 has news, and its count is used up.
  stp.receive(2, rst({ rootBridge: BEST_BRIDGE, designatedBridge: BEST_BRIDGE }), 10);
  t.deepEqual(stp.takeOutput().bpdus, []);
  stp.receive(1, rst({ role: 'root', agreement: true }), 20);
  t.is(stp.snapshot(20).ports[0].state, 'discarding');
  stp.tick(1_000);
  t.deepEqual(
    stp.takeOutput().bpdus.map((bpdu) => bpdu.port),
    [1, 2],
  );
  stp.receive(1, rst({ role: 'root', agreement: true }), 1_010);
  t.is(stp.snapshot(20).ports[0].state, 'forwarding');
});

test('the hold count bounds what a port sends', (t) => {
  const stp = tree({ transmitHoldCount: 3 });
  stp.addPort(1, LINK, 0);
  let sent = 0;
  for (let now = 0; now < 10_000; now += 10) {
    stp.setPortEnabled(1, false, now);
    stp.setPortEnabled(1, true, now + 5);
    if (stp.nextDeadline() <= now) stp.tick(now);
    sent += stp.takeOutput().bpdus.length;
  }
  t.true(sent <= 3 + 10, `${sent}`);
});

test('a late tick counts as one second', (t) => {
  const stp = tree();
  stp.addPort(1, LINK, 0);
  stp.receive(1, rst({ rootBridge: BEST_BRIDGE }), 10);
  stp.tick(60_000);
  t.is(stp.nextDeadline(), 61_000);
  t.is(stp.snapshot(60_000).rootPort, 1);
  pass(stp, 66_000);
  t.is(stp.snapshot(66_000).rootPort, null);
});

test('information is forgotten after three Hello Times, or past Max Age at once', (t) => {
  const stp = tree();
  stp.addPort(1, LINK, 0);
  stp.receive(1, rst({ rootBridge: BEST_BRIDGE, messageAge: 19 }), 10);
  t.is(stp.snapshot(0).rootPort, 1);
  stp.receive(1, rst({ rootBridge: BEST_BRIDGE, messageAge: 20 }), 20);
  t.is(stp.snapshot(0).rootPort, null);
});

test('an STP bridge answers a TCN with an acknowledgment', (t) => {
  const stp = tree({ version: 'stp' });
  stp.addPort(1, { ...LINK, autoEdge: false }, 0);
  pass(stp, 60_000);
  stp.takeOutput();
  stp.receive(1, frameOf({ kind: 'tcn' }), 60_010);
  stp.receive(1, rst(), 60_020);
  pass(stp, 63_000);
  const hello = stp.takeOutput().bpdus[0].frame;
  t.like(parseBpdu(hello), { kind: 'configuration', topologyChangeAcknowledgment: true });
  t.is(stp.snapshot(0).ports[0].faults.type, 1);
});

test('ports that went are forgotten, and frames for them are ignored', (t) => {
  const stp = tree();
  stp.addPort(2, LINK, 0);
  stp.addPort(1, LINK, 0);
  t.deepEqual(
    stp.snapshot(0).ports.map((port) => port.port),
    [1, 2],
  );
  stp.receive(1, rst({ rootBridge: BEST_BRIDGE }), 10);
  t.is(stp.snapshot(0).rootPort, 1);
  stp.removePort(1, 20);
  t.true(stp.snapshot(0).isRoot);
  t.false(stp.hasPort(1));
  t.notThrows(() => {
    stp.receive(1, rst(), 30);
    stp.removePort(1, 30);
  });
  stp.addPort(1, LINK, 40);
  t.is(stp.snapshot(0).ports[0].counters.bpdusReceived, 0);
});
