/** Snooping in virtual time: who gets what goes to a group. */
import test from 'ava';
import fc from 'fast-check';
import { PORT_TABLE_LENGTH, PortState } from '../../../src/switch/port.ts';
import { Family } from '../../../src/switch/snooping/internet.ts';
import { MOST_MEMBERSHIPS, MOST_OF_PORT } from '../../../src/switch/snooping/member-table.ts';
import { Route, RouterPort, Snooper } from '../../../src/switch/snooping/snooper.ts';
import {
  data,
  done1,
  leave2,
  listener1,
  listener2,
  listenerQuery2,
  query2,
  query3,
  report2,
  report3,
} from './messages.ts';

const LINK = 9;
const PORTS = [1, 2, 3, LINK];
const GROUP = '239.1.2.3';
const GROUP_6 = 'ff05::1:3';
const address = Uint8Array.of(2, 0, 0, 0, 0, 9);
/** Query Response Interval and slack; how long nobody but a port just up gets everything. */
const SETTLED = 12_000;

class Bench {
  readonly snooper = new Snooper();
  readonly routerPorts = new Uint8Array(PORT_TABLE_LENGTH);
  readonly portStates = new Uint8Array(PORT_TABLE_LENGTH);
  now: number;

  constructor({ vlans = [] as number[], now = 1000 } = {}) {
    this.now = now;
    this.routerPorts[LINK] = RouterPort.always;
    for (const port of PORTS) this.portStates[port] = PortState.forwarding;
    this.apply(vlans);
  }

  apply(vlans: number[] = []): void {
    const { routerPorts, portStates } = this;
    this.snooper.apply({ routerPorts, address }, vlans, portStates, this.now);
  }

  /** A frame comes in by a port. @returns the others that get it */
  send(frame: Uint8Array, port = 1, vid = 0): number[] {
    const route = this.snooper.inspect(frame, 0, frame.length, vid, port, this.now);
    return PORTS.filter(
      (each) => each !== port && (route === Route.everywhere || this.snooper.wants(each)),
    );
  }

  pass(milliseconds: number): void {
    for (let left = milliseconds; left > 0; left -= 400) {
      this.now += Math.min(left, 400);
      this.snooper.age(this.now);
    }
  }

  /** Own queries that are due. */
  queries(): string[] {
    const texts: string[] = [];
    for (let next = this.snooper.takeQuery(this.now); next; ) {
      const family = next.family === Family.four ? 4 : 6;
      texts.push(`${family} vlan ${next.vid} port ${next.port} in ${next.response}`);
      next = this.snooper.takeQuery(this.now);
    }
    return texts;
  }
}

/** A bench where a router on port 3 asks, and everybody has answered. */
function asked(): Bench {
  const bench = new Bench();
  bench.send(query3(100, 125), 3);
  bench.send(listenerQuery2(10_000, 125), 3);
  bench.pass(SETTLED);
  return bench;
}

test('a group that is known goes to members and routers, an unknown one to all', (t) => {
  const bench = asked();
  t.deepEqual(bench.send(data(GROUP)), [2, 3, LINK]);
  t.deepEqual(bench.send(report2(GROUP), 2), [3, LINK], 'reports go to routers only');
  t.deepEqual(bench.send(data(GROUP)), [2, 3, LINK]);
  t.deepEqual(bench.send(data('239.1.2.4')), [2, 3, LINK]);
  t.deepEqual(bench.send(data(GROUP), 2), [3, LINK]);
  t.deepEqual(bench.send(data(GROUP), LINK), [2, 3]);
  bench.send(report2('239.7.7.7'), 1);
  t.deepEqual(bench.send(data('239.7.7.7'), 2), [1, 3, LINK]);
  t.deepEqual(bench.send(data('239.7.7.7'), LINK), [1, 3]);
  bench.send(listener1(GROUP_6), 2);
  t.deepEqual(bench.send(data(GROUP_6), 1), [2, 3, LINK]);
  t.deepEqual(bench.send(data(GROUP_6), 2), [3, LINK]);
});

test('what everybody needs goes everywhere, whoever reports it', (t) => {
  const bench = asked();
  for (const group of [
    '224.0.0.1',
    '224.0.0.251',
    '239.128.0.9',
    'ff02::1',
    'ff02::2',
    'ff05::1',
  ]) {
    bench.send(group.includes(':') ? listener1(group) : report2(group), 2);
    t.deepEqual(bench.send(data(group)), [2, 3, LINK], group);
  }
  const broadcast = data(GROUP).fill(0xff, 0, 6);
  t.deepEqual(bench.send(broadcast), [2, 3, LINK]);
  t.deepEqual(bench.send(query2(100), 3), [1, 2, LINK]);
});

test('without anybody who asks, and before hosts have answered, all get all', (t) => {
  const bench = new Bench();
  t.deepEqual(bench.send(report2(GROUP), 2), [1, 3, LINK], 'reports too');
  bench.pass(60_000);
  t.deepEqual(bench.send(data(GROUP)), [2, 3, LINK]);
  bench.send(query2(100), 3);
  t.deepEqual(bench.send(data(GROUP)), [2, 3, LINK]);
  bench.send(report2(GROUP), 2);
  bench.pass(SETTLED);
  t.deepEqual(bench.send(data(GROUP), LINK), [2, 3]);
  // The router falls silent: RFC 2236, 8.5 gives it 255 seconds.
  bench.send(report2(GROUP), 2);
  bench.pass(255_000 - SETTLED - 1);
  t.deepEqual(bench.send(data(GROUP), LINK), [2, 3]);
  bench.pass(1);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2, 3]);
});

test('members are forgotten when they report no more', (t) => {
  const bench = asked();
  for (const port of [1, 2]) bench.send(report2(GROUP), port);
  for (let i = 0; i < 3; i++) {
    bench.pass(100_000);
    bench.send(query2(100), 3);
    bench.send(report2(GROUP), 2);
  }
  t.deepEqual(bench.send(data(GROUP), LINK), [2, 3]);
  bench.pass(200_000);
  bench.send(query2(100), 3);
  bench.pass(62_000);
  t.is(bench.snooper.memberships, 0);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2, 3], 'unknown again');
});

test('a router that asks seldom is waited for', (t) => {
  const bench = asked();
  // Every 1,000 seconds: code 0xef stands for (0x10 | 0xf) << 9 = 15,872 s.
  bench.send(query3(100, 0xef), 3);
  bench.send(report2(GROUP), 2);
  bench.pass(1_000_000);
  t.is(bench.snooper.memberships, 1);
});

test('who leaves is asked about, and then gets nothing', (t) => {
  const bench = asked();
  for (const port of [1, 2]) bench.send(report2(GROUP), port);
  for (const port of [1, 2]) bench.send(listener1(GROUP_6), port);
  t.deepEqual(bench.send(leave2(GROUP), 2), [3, LINK]);
  t.deepEqual(bench.queries(), [], 'the router asks');
  bench.send(query2(10, GROUP), 3);
  bench.send(report2(GROUP), 1);
  bench.send(done1(GROUP_6), 2);
  bench.send(listenerQuery2(1000, 125, GROUP_6), 3);
  bench.send(listener1(GROUP_6), 1);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2, 3]);
  bench.pass(4001);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 3]);
  t.deepEqual(bench.send(data(GROUP_6), LINK), [1, 3]);
});

test('IGMPv3 and MLDv2 leave by wanting nothing from nobody', (t) => {
  const bench = asked();
  bench.send(report3([{ type: 4, group: GROUP }]), 1);
  bench.send(report3([{ type: 5, group: GROUP, sources: ['10.0.0.1'] }]), 2);
  bench.send(listener2([{ type: 4, group: GROUP_6 }]), 2);
  t.is(bench.snooper.memberships, 3);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2, 3]);
  bench.send(report3([{ type: 3, group: GROUP }]), 1);
  bench.send(query3(10, 125, GROUP), 3);
  bench.send(report3([{ type: 1, group: GROUP, sources: ['10.0.0.1'] }]), 2);
  bench.pass(4001);
  t.deepEqual(bench.send(data(GROUP), LINK), [2, 3]);
});

test('routers are who asks from an address, and stay so for a while', (t) => {
  const bench = asked();
  bench.send(report2(GROUP), 2);
  bench.send(query2(100, undefined, { from: '0.0.0.0' }), 1);
  t.deepEqual(bench.send(data(GROUP), LINK), [2, 3], 'a switch is no router');
  bench.send(query2(100), 1);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2, 3]);
  bench.routerPorts[1] = RouterPort.never;
  bench.routerPorts[LINK] = RouterPort.learn;
  bench.apply();
  t.deepEqual(bench.send(data(GROUP), 3), [2]);
  bench.send(query2(100), 1);
  t.deepEqual(bench.send(data(GROUP), 3), [2], 'told otherwise');
});

test('where nobody asks, the switch does, until somebody else does', (t) => {
  const bench = new Bench({ vlans: [0, 10] });
  const all = [4, 6].flatMap((family) => [`${family}`]);
  const ofAll = [0, 10].flatMap((vid) => all.map((f) => `${f} vlan ${vid} port 0 in 10000`));
  const first = bench.queries();
  t.deepEqual(first.slice(0, 4), ofAll);
  t.deepEqual(
    first.slice(4),
    PORTS.flatMap((port) =>
      [0, 10].flatMap((vid) => all.map((f) => `${f} vlan ${vid} port ${port} in 10000`)),
    ),
  );
  bench.pass(31_249);
  t.deepEqual(bench.queries(), []);
  bench.pass(1);
  t.deepEqual(bench.queries(), ofAll, 'the second comes early');
  bench.pass(124_999);
  t.deepEqual(bench.queries(), []);
  bench.pass(1);
  t.deepEqual(bench.queries(), ofAll);
  bench.send(query2(100), 3, 10);
  bench.pass(125_000);
  t.deepEqual(bench.queries().length, 3);
  bench.pass(131_000);
  t.deepEqual(bench.queries().length, 4, 'it is gone');
});

test('own queries make members known, and a leave is asked about on its port', (t) => {
  const bench = new Bench({ vlans: [0] });
  bench.queries();
  bench.send(report2(GROUP), 2);
  bench.send(report2(GROUP), 1);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2, 3]);
  bench.pass(SETTLED);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2]);
  bench.send(leave2(GROUP), 2);
  bench.send(leave2('239.9.9.9'), 1);
  const ask = [4, 6].map((family) => `${family} vlan 0 port 2 in 1000`);
  t.deepEqual(bench.queries(), ask);
  bench.pass(1000);
  t.deepEqual(bench.queries(), ask);
  bench.pass(1000);
  t.deepEqual(bench.queries(), []);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2]);
  bench.pass(2001);
  t.deepEqual(bench.send(data(GROUP), LINK), [1]);
  // Somebody else on the port wants it still.
  bench.send(report2(GROUP), 2);
  bench.send(leave2(GROUP), 2);
  bench.pass(500);
  bench.send(report2(GROUP), 2);
  bench.pass(10_000);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2]);
});

test('a port that comes up, or of which the tree has news, gets all until it has answered', (t) => {
  const bench = new Bench({ vlans: [0] });
  bench.queries();
  bench.send(report2(GROUP), 2);
  bench.pass(SETTLED);
  t.deepEqual(bench.send(data(GROUP), LINK), [2]);
  bench.snooper.flushPort(2, bench.now);
  t.is(bench.snooper.memberships, 0);
  bench.send(report2(GROUP), 3);
  t.deepEqual(bench.send(data(GROUP), LINK), [2, 3]);
  t.deepEqual(
    bench.queries(),
    [4, 6].map((family) => `${family} vlan 0 port 2 in 10000`),
  );
  bench.portStates[1] = PortState.discarding;
  bench.apply([0]);
  bench.portStates[1] = PortState.forwarding;
  bench.apply([0]);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2, 3]);
  bench.pass(SETTLED);
  t.deepEqual(bench.send(data(GROUP), LINK), [3]);
});

test('VLANs do not know one another', (t) => {
  const bench = new Bench();
  for (const vid of [10, 20]) bench.send(query2(100), 3, vid);
  bench.pass(SETTLED);
  bench.send(report2(GROUP), 2, 10);
  bench.send(report2(GROUP), 1, 20);
  t.deepEqual(bench.send(data(GROUP), LINK, 10), [2, 3]);
  t.deepEqual(bench.send(data(GROUP), LINK, 20), [1, 3]);
  t.deepEqual(bench.send(data(GROUP), LINK, 30), [1, 2, 3]);
});

test('a host that joins everything harms nobody but itself', (t) => {
  const bench = asked();
  bench.send(report2(GROUP), 2);
  for (let i = 0; i < 5000; i++) {
    bench.send(report2(`239.5.${i >> 8}.${i & 255}`), 1);
    bench.send(listener1(`ff05::${(i >> 8).toString(16)}:${(i + 3).toString(16)}`), 1);
    bench.send(query2(100), 1, 1 + (i % 4094));
  }
  t.is(bench.snooper.memberships, MOST_OF_PORT + 1);
  t.true(bench.snooper.memberships < MOST_MEMBERSHIPS);
  t.true(bench.snooper.counters.refused > 9000);
  t.deepEqual(bench.send(data(GROUP), LINK), [1, 2, 3], 'it gets what could not be noted');
  t.deepEqual(bench.send(data('239.5.18.0'), LINK), [1, 2, 3]);
  const group = '239.9.9.9';
  bench.send(report2(group), 2);
  t.deepEqual(bench.send(data(group), 1), [2, 3, LINK]);
  bench.pass(700_000);
  t.is(bench.snooper.memberships, 0);
});

const groups = [GROUP, '239.1.2.4', '224.0.0.9'];
const step = fc.oneof(
  fc.record({
    do: fc.constantFrom('join' as const, 'data' as const),
    group: fc.constantFrom(...groups),
    port: fc.constantFrom(...PORTS),
  }),
  fc.record({ do: fc.constant('query' as const), port: fc.constantFrom(1, 3) }),
  fc.record({ do: fc.constant('pass' as const), time: fc.constantFrom(5000, 100_000) }),
);

test('whatever happens, a member whose report was heard in time gets what it wants', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const bench = new Bench();
      const wants = new Map<string, number>();
      for (const each of steps) {
        if (each.do === 'pass') bench.pass(each.time);
        else if (each.do === 'query') bench.send(query2(100), each.port);
        else if (each.do === 'join') {
          bench.send(report2(each.group), each.port);
          wants.set(`${each.group} ${each.port}`, bench.now + 260_000);
        } else {
          const got = bench.send(data(each.group), each.port);
          for (const port of PORTS) {
            if (port === each.port) continue;
            const known = (wants.get(`${each.group} ${port}`) ?? 0) > bench.now;
            if (known || port === LINK) t.true(got.includes(port));
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});
