import test, { type ExecutionContext } from 'ava';
import {
  BridgeControl,
  type BridgeControlOptions,
  type BridgePortEvent,
} from '../../src/controller/bridge-control.ts';
import type { PortKind, TreePortSettings } from '../../src/controller/tree-ports.ts';
import type { SpanningTreeEvent } from '../../src/stp/output.ts';
import type { ForwarderSettings } from '../../src/switch/forwarder-settings.ts';
import { PortState } from '../../src/switch/port.ts';
import { VirtualTime } from '../f2f/virtual-time.ts';

const STP: BridgeControlOptions['stp'] = {
  enabled: true,
  priority: 32_768,
  helloTime: 2,
  maxAge: 20,
  forwardDelay: 15,
};

type Call =
  | { readonly do: 'configure'; readonly settings: ForwarderSettings }
  | { readonly do: 'flush'; readonly port: number }
  | { readonly do: 'frame'; readonly port: number; readonly frame: Uint8Array };

interface Bench {
  readonly bridge: BridgeControl;
  readonly portEvents: BridgePortEvent[];
  readonly calls: Call[];
  readonly events: SpanningTreeEvent[];
  readonly time: VirtualTime;
  /** What the data plane was told last. */
  stateOf(port: number): number;
  rateOf(port: number): number;
}

/** Bridges with the same clock; what one sends into `cable` the other hears. */
class Shop {
  readonly time = new VirtualTime();
  /** States that a bridge had when it sent a BPDU, and had not published. */
  readonly broken: string[] = [];
  readonly #cables: { bridge: BridgeControl; port: number }[][] = [];

  constructor(t: ExecutionContext) {
    t.teardown(this.time.install());
  }

  bench(
    number: number,
    stp = STP,
    settingsOf: (port: number, kind: PortKind) => TreePortSettings = () => ({}),
  ): Bench {
    const calls: Call[] = [];
    const events: SpanningTreeEvent[] = [];
    const portEvents: BridgePortEvent[] = [];
    const last = () => {
      const configured = calls.filter((call) => call.do === 'configure').at(-1);
      if (configured?.do !== 'configure') throw new Error('nothing was configured');
      return configured.settings;
    };
    const bridge = new BridgeControl({
      clock: this.time,
      bridgeAddress: Uint8Array.of(2, 0, 0, 0, 0, number),
      stp,
      settingsOf,
      onEvent: (event) => void events.push(event),
      onPortEvent: (event) => void portEvents.push(event),
      plane: {
        configure: (settings) => void calls.push({ do: 'configure', settings }),
        flushPort: (port) => void calls.push({ do: 'flush', port }),
        sendFrame: (port, frame) => {
          calls.push({ do: 'frame', port, frame });
          for (const { port: number, state } of bridge.ports().values()) {
            if (PortState[state] === last().portStates[number]) continue;
            this.broken.push(`bridge ${number}: ${state} was not published`);
          }
          this.#carry(bridge, port, frame);
        },
      },
    });
    return {
      bridge,
      calls,
      events,
      portEvents,
      time: this.time,
      stateOf: (port) => last().portStates[port]!,
      rateOf: (port) => last().stormRates![port]!,
    };
  }

  /** A link between two bridges. */
  connect(a: Bench, portA: number, b: Bench, portB: number): void {
    this.#cables.push([
      { bridge: a.bridge, port: portA },
      { bridge: b.bridge, port: portB },
    ]);
    a.bridge.portUp(portA, 'link');
    b.bridge.portUp(portB, 'link');
  }

  disconnect(a: Bench, portA: number): void {
    const at = this.#cables.findIndex((ends) =>
      ends.some(({ bridge, port }) => bridge === a.bridge && port === portA),
    );
    const [ends] = this.#cables.splice(at, 1);
    for (const { bridge, port } of ends!) bridge.portDown(port);
  }

  #carry(from: BridgeControl, port: number, frame: Uint8Array): void {
    for (const ends of this.#cables) {
      const mine = ends.findIndex((end) => end.bridge === from && end.port === port);
      if (mine < 0) continue;
      const other = ends[1 - mine]!;
      setTimeout(() => other.bridge.receive(other.port, frame), 1);
    }
  }
}

test.serial("a guest's port forwards at once", (t) => {
  const { bridge, stateOf, calls } = new Shop(t).bench(1);
  bridge.portUp(3, 'vde');
  t.is(stateOf(3), PortState.forwarding);
  t.is(bridge.stateOf(3), 'forwarding');
  t.is(bridge.ports().get(3)?.edge, true);
  t.is(stateOf(4), PortState.disabled);
  t.true(
    calls.some((call) => call.do === 'frame' && call.port === 3),
    'and hears of the bridge',
  );
});

test.serial('a link begins in discarding and forwards when the other end agrees', async (t) => {
  const shop = new Shop(t);
  const [a, b] = [shop.bench(1), shop.bench(2)];
  shop.connect(a, 513, b, 514);
  t.is(a.stateOf(513), PortState.discarding);
  t.is(a.bridge.stateOf(513), 'discarding');
  await shop.time.advance(100);
  t.is(a.stateOf(513), PortState.forwarding, 'within a few round trips');
  t.is(b.stateOf(514), PortState.forwarding);
  t.is(b.bridge.snapshot()?.rootPort, 514);
  t.true(b.events.some((event) => event.kind === 'root-changed'));
});

test.serial('a link whose other end says nothing forwards in the end', async (t) => {
  const { bridge, stateOf, time } = new Shop(t).bench(1);
  bridge.portUp(513, 'link');
  // 802.1D-2004, 17.29.1: Max Age when it comes up; 17.20.5: then the Hello Time, as we speak RSTP.
  await time.advance(19_000);
  t.is(stateOf(513), PortState.discarding);
  await time.advance(2000);
  t.is(bridge.stateOf(513), 'learning');
  t.is(stateOf(513), PortState.learning);
  await time.advance(2000);
  t.is(stateOf(513), PortState.forwarding);
});

test.serial('states go out before the BPDUs that promise them', async (t) => {
  const shop = new Shop(t);
  const benches = [shop.bench(1), shop.bench(2), shop.bench(3)] as const;
  const [a, b, c] = benches;
  shop.connect(a, 513, b, 513);
  shop.connect(b, 514, c, 514);
  shop.connect(c, 515, a, 515);
  await shop.time.advance(8000);
  const states = benches.flatMap(({ bridge }) => [...bridge.ports().values()]);
  t.is(states.filter(({ state }) => state === 'discarding').length, 1, 'a triangle has one break');
  t.is(states.filter(({ state }) => state === 'forwarding').length, 5);
  t.deepEqual(shop.broken, [], 'no BPDU left before the data plane knew the states');
});

test.serial('a cut in a ring is healed over the port that was blocked', async (t) => {
  const shop = new Shop(t);
  const [a, b, c] = [shop.bench(1), shop.bench(2), shop.bench(3)] as const;
  shop.connect(a, 513, b, 513);
  shop.connect(b, 514, c, 514);
  shop.connect(c, 515, a, 515);
  await shop.time.advance(5000);
  shop.disconnect(a, 513);
  await shop.time.advance(500);
  t.is(b.stateOf(514), PortState.forwarding);
  t.is(c.stateOf(514), PortState.forwarding);
  t.is(b.stateOf(513), PortState.disabled);
});

test.serial('a port that goes is disabled, then flushed, and comes back clean', async (t) => {
  const shop = new Shop(t);
  const a = shop.bench(1);
  a.bridge.portUp(3, 'vde');
  a.calls.length = 0;
  a.bridge.portDown(3);
  const done = a.calls.map((call) => (call.do === 'configure' ? 'configure' : call.do));
  t.true(done.indexOf('configure') < done.indexOf('flush'));
  t.deepEqual(
    a.calls.filter((call) => call.do === 'flush').map((call) => call.do === 'flush' && call.port),
    [3],
  );
  t.is(a.stateOf(3), PortState.disabled);
  t.false(a.bridge.ports().has(3));
  a.bridge.portUp(3, 'link');
  t.is(a.stateOf(3), PortState.discarding, 'what was a guest may come back as a link');
});

test.serial(
  'a port that is up already, or BPDUs for one that is not there, change nothing',
  async (t) => {
    const a = new Shop(t).bench(1);
    a.bridge.portUp(3, 'vde');
    const before = a.calls.length;
    a.bridge.portUp(3, 'vde');
    a.bridge.receive(77, new Uint8Array(60));
    a.bridge.receive(3, new Uint8Array(5));
    a.bridge.portDown(99);
    t.is(a.stateOf(3), PortState.forwarding);
    t.true(a.calls.slice(before).every((call) => call.do !== 'frame'));
  },
);

test.serial("a guest's port that hears a BPDU stops being an edge", async (t) => {
  const shop = new Shop(t);
  const [a, b] = [shop.bench(1), shop.bench(2)];
  b.bridge.portUp(513, 'link');
  const bpdu = b.calls.find((call) => call.do === 'frame');
  a.bridge.portUp(3, 'vde');
  if (bpdu?.do === 'frame') a.bridge.receive(3, bpdu.frame);
  t.false(a.bridge.ports().get(3)?.edge);
});

test.serial('measurements move the cost of a link, and of a link only', async (t) => {
  const shop = new Shop(t);
  const a = shop.bench(1);
  a.bridge.portUp(513, 'link');
  a.bridge.portUp(3, 'vde');
  const before = a.bridge.ports().get(513)!.pathCost;
  const slow = { roundTripTime: 400, loss: 0.2, throughput: 1e9, relayed: false };
  for (let i = 0; i < 30; i++) {
    await shop.time.advance(5000);
    a.bridge.measured(513, slow);
    a.bridge.measured(3, slow);
    a.bridge.measured(600, slow);
  }
  t.true(a.bridge.ports().get(513)!.pathCost > before);
  t.is(a.bridge.ports().get(3)!.pathCost, 20_000);
});

test.serial('without a spanning tree all forwards, and floods of links are limited', async (t) => {
  const a = new Shop(t).bench(1, { ...STP, enabled: false });
  a.bridge.portUp(3, 'vde');
  a.bridge.portUp(513, 'link');
  t.is(a.stateOf(3), PortState.forwarding);
  t.is(a.stateOf(513), PortState.forwarding);
  t.is(a.rateOf(3), 0);
  t.is(a.rateOf(513), 500);
  a.bridge.receive(513, new Uint8Array(60));
  a.bridge.measured(513, { roundTripTime: 1, loss: 0, throughput: 1e9, relayed: false });
  t.is(a.bridge.snapshot(), undefined);
  t.is(a.bridge.ports().size, 0);
  a.bridge.portDown(513);
  t.is(a.stateOf(513), PortState.disabled);
  t.is(a.rateOf(513), 0);
  t.is(a.time.armed, 0);
  t.false(a.calls.some((call) => call.do === 'frame'));
});

test.serial('a closed bridge has no timer and says nothing more', async (t) => {
  const a = new Shop(t).bench(1);
  a.bridge.portUp(513, 'link');
  a.bridge.close();
  t.is(a.time.armed, 0);
  const before = a.calls.length;
  await a.time.advance(10_000);
  a.bridge.portUp(514, 'link');
  t.false(a.calls.slice(before).some((call) => call.do === 'frame'));
  t.is(a.time.armed, 0);
});

test.serial('what is published is a copy', (t) => {
  const a = new Shop(t).bench(1);
  const [first] = a.calls;
  a.bridge.portUp(3, 'vde');
  if (first?.do !== 'configure') throw new Error('the first call configures');
  t.is(first.settings.portStates[3], PortState.disabled);
});

test.serial('the tree can be switched off and on while ports are up', async (t) => {
  const shop = new Shop(t);
  const [a, b] = [shop.bench(1), shop.bench(2)];
  shop.connect(a, 513, b, 513);
  shop.connect(a, 514, b, 514);
  a.bridge.portUp(3, 'vde');
  await shop.time.advance(5000);
  t.is([b.stateOf(513), b.stateOf(514)].filter((each) => each === PortState.forwarding).length, 1);
  b.bridge.setEnabled(false);
  t.false(b.bridge.enabled);
  t.is(b.bridge.snapshot(), undefined);
  t.deepEqual([b.stateOf(513), b.stateOf(514)], [PortState.forwarding, PortState.forwarding]);
  t.deepEqual([b.rateOf(513), b.rateOf(514)], [500, 500]);
  t.true(b.calls.some((call) => call.do === 'flush' && call.port === 513));
  b.bridge.setEnabled(true);
  b.bridge.setEnabled(true);
  t.deepEqual([b.stateOf(513), b.stateOf(514)], [PortState.discarding, PortState.discarding]);
  t.deepEqual([b.rateOf(513), b.rateOf(514)], [0, 0]);
  await shop.time.advance(10_000);
  t.is([b.stateOf(513), b.stateOf(514)].filter((each) => each === PortState.forwarding).length, 1);
  t.is(a.stateOf(3), PortState.forwarding);
  a.bridge.setEnabled(false);
  t.is(a.stateOf(3), PortState.forwarding);
  t.is(a.rateOf(3), 0);
});

test.serial('an edge by order forwards at once; one that is none must wait', async (t) => {
  const { bridge, stateOf, time } = new Shop(t).bench(1);
  bridge.portUp(513, 'link');
  bridge.portUp(3, 'vde');
  t.is(stateOf(513), PortState.discarding);
  t.is(bridge.settingsOf(513).edge, undefined);
  bridge.setPort(513, { edge: true });
  t.is(stateOf(513), PortState.forwarding);
  t.true(bridge.ports().get(513)?.edge);
  bridge.setPort(3, { edge: false });
  t.is(stateOf(3), PortState.discarding);
  await time.advance(10_000);
  t.is(stateOf(3), PortState.discarding, 'silence does not make it an edge');
  await time.advance(30_000);
  t.is(stateOf(3), PortState.forwarding, 'time does make it forward');
  t.false(bridge.ports().get(3)?.edge);
  t.throws(() => bridge.setPort(99, { edge: true }), { code: 'not-found' });
  bridge.portDown(3);
  bridge.portUp(3, 'vde');
  t.is(stateOf(3), PortState.forwarding, 'forgotten when the port goes');
});

test.serial('a bonus moves the tree from one link to another, and back', async (t) => {
  const shop = new Shop(t);
  const [a, b] = [shop.bench(1), shop.bench(2)];
  shop.connect(a, 513, b, 513);
  shop.connect(a, 514, b, 514);
  await shop.time.advance(5000);
  t.is(b.bridge.snapshot()?.rootPort, 513);
  const plain = b.bridge.pathCost(514);
  b.bridge.setBonus({ port: 514, cost: 100 });
  t.is(b.bridge.pathCost(514), plain - 100);
  t.is(b.bridge.ports().get(514)?.pathCost, plain - 100);
  await shop.time.advance(5000);
  t.is(b.bridge.snapshot()?.rootPort, 514);
  b.bridge.setBonus({ port: 513, cost: 1e9 });
  t.is(b.bridge.ports().get(513)?.pathCost, 1);
  t.is(b.bridge.ports().get(514)?.pathCost, plain);
  await shop.time.advance(5000);
  t.is(b.bridge.snapshot()?.rootPort, 513);
  b.bridge.setBonus({ port: 0, cost: 0 });
  t.is(b.bridge.ports().get(513)?.pathCost, plain);
});

test.serial('ports tell of their states, and of the first BPDU', async (t) => {
  const shop = new Shop(t);
  const [a, b] = [shop.bench(1), shop.bench(2)];
  shop.connect(a, 513, b, 513);
  await shop.time.advance(5000);
  t.is(b.portEvents.filter(({ kind }) => kind === 'heard').length, 1);
  t.deepEqual(
    b.portEvents.findLast(({ kind }) => kind === 'state'),
    { kind: 'state', port: 513, state: 'forwarding' },
  );
  t.true(b.bridge.rootAge <= 2001, 'the root says hello');
  await shop.time.advance(1000);
  t.true(a.bridge.rootAge >= 6000, 'it is the root itself');
  shop.disconnect(a, 513);
  t.deepEqual(b.portEvents.at(-1), { kind: 'silent', port: 513 });
  const lldp = Uint8Array.of(1, 0x80, 0xc2, 0, 0, 0x0e, ...new Uint8Array(54));
  b.bridge.portUp(3, 'vde');
  b.bridge.receive(3, lldp);
  t.not(b.portEvents.at(-1)?.kind, 'heard');
});

test.serial('a guard of the configuration stands from the start', async (t) => {
  const shop = new Shop(t);
  const guarded = (_port: number, kind: PortKind) => (kind === 'vde' ? { bpduGuard: true } : {});
  const [a, b] = [shop.bench(1, { ...STP, guardRecovery: 5 }, guarded), shop.bench(2)];
  b.bridge.portUp(513, 'link');
  const bpdu = b.calls.find((call) => call.do === 'frame');
  if (bpdu?.do !== 'frame') throw new Error('a bridge speaks');
  a.bridge.portUp(3, 'vde');
  a.bridge.portUp(513, 'link');
  a.bridge.receive(3, bpdu.frame);
  a.bridge.receive(513, bpdu.frame);
  t.is(a.bridge.ports().get(3)?.guard, 'bpdu-guard');
  t.is(a.stateOf(3), PortState.discarding);
  t.is(a.bridge.ports().get(513)?.guard, 'none');
  a.bridge.recover(3);
  t.is(a.stateOf(3), PortState.forwarding, 'let go by hand');
  a.bridge.receive(3, bpdu.frame);
  await shop.time.advance(6000);
  t.is(a.stateOf(3), PortState.forwarding, 'let go by time');
});

test.serial('what is said of a port wins, and stays with a friend but not with a guest', (t) => {
  const shop = new Shop(t);
  const a = shop.bench(1, STP, () => ({ rootGuard: true, cost: 7 }));
  a.bridge.portUp(513, 'link');
  a.bridge.portUp(3, 'vde');
  t.like(a.bridge.ports().get(3), { rootGuard: true, pathCost: 7 });
  for (const port of [513, 3]) {
    a.bridge.setPort(port, { rootGuard: false, changeGuard: true });
    a.bridge.setPort(port, { cost: 9 });
    t.like(a.bridge.ports().get(port), { rootGuard: false, restrictedTcn: true, pathCost: 9 });
  }
  a.bridge.portDown(513);
  a.bridge.portUp(513, 'link');
  a.bridge.portDown(3);
  a.bridge.portUp(3, 'vde');
  t.like(a.bridge.ports().get(513), { rootGuard: false, restrictedTcn: true, pathCost: 9 });
  t.like(a.bridge.ports().get(3), { rootGuard: true, restrictedTcn: false, pathCost: 7 });
  t.throws(() => a.bridge.setPort(3, { cost: 0 }), { code: 'config' });
  a.bridge.setPort(513, { cost: null });
  t.is(a.bridge.pathCost(513), 200_000, 'as a link that was not measured yet');
  a.bridge.portDown(513);
  a.bridge.forget(513);
  a.bridge.portUp(513, 'link');
  t.like(a.bridge.ports().get(513), { rootGuard: true, pathCost: 7 }, 'another friend');
});

test.serial("an administrator's cost and class of a link", (t) => {
  const a = new Shop(t).bench(1);
  a.bridge.portUp(513, 'link');
  a.bridge.portUp(514, 'link');
  a.bridge.setPort(513, { cost: 5 });
  a.bridge.setPort(514, { throughput: 1e8 });
  const seen = { roundTripTime: 10, loss: 0, throughput: 1e9, relayed: false };
  a.bridge.measured(513, seen);
  a.bridge.measured(514, seen);
  t.is(a.bridge.pathCost(513), 5);
  t.is(a.bridge.measuredCost(513), 40_000);
  t.is(a.bridge.pathCost(514), 220_000);
  a.bridge.setPort(513, { cost: null });
  t.is(a.bridge.pathCost(513), 40_000);
});
