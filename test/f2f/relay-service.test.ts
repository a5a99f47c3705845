/** What a node does for others: whom it serves, how much, and that nothing is left over. */
import test from 'ava';
import fc from 'fast-check';
import type { CircuitEnd } from '../../src/data-plane/circuits.ts';
import { RelayService } from '../../src/f2f/relay-service.ts';
import { CircuitNumbers } from '../../src/links/relay/circuit-numbers.ts';
import { parseRelayControl, RECEIVERS, RelayKind } from '../../src/links/relay/relay-packet.ts';

const UIDS: Readonly<Record<string, number>> = { alice: 513, bob: 514, carol: 515 };
const [ALICE, BOB, CAROL] = [513, 514, 515];

class Rig {
  /** By end: where its packets go. */
  readonly joined = new Map<string, string>();
  readonly told: { port: number; kind: number; number: number }[] = [];
  readonly relayed = new Set<number>();
  readonly service: RelayService;

  constructor(enabled = true) {
    const name = ({ port, number }: CircuitEnd): string => `${port}/${number}`;
    this.service = new RelayService({
      enabled,
      numbers: new CircuitNumbers(),
      plane: {
        joinCircuits: (one, other) => {
          this.joined.set(name(one), name(other));
          this.joined.set(name(other), name(one));
        },
        partCircuits: (one, other) => {
          this.joined.delete(name(one));
          this.joined.delete(name(other));
        },
      },
      portOf: (uid) => (this.relayed.has(UIDS[uid]!) ? undefined : UIDS[uid]),
      isDirect: (port) => !this.relayed.has(port),
      control: (port, packet) => {
        const { kind, number } = parseRelayControl(packet)!;
        this.told.push({ port, kind, number });
      },
    });
  }

  takeTold(): { port: number; kind: number; number: number }[] {
    return this.told.splice(0);
  }
}

test('a circuit is made, and ended by either end', (t) => {
  for (const by of ['caller', 'callee'] as const) {
    const rig = new Rig();
    rig.service.open(ALICE!, 5, 'bob', 0);
    t.deepEqual(rig.takeTold(), [
      { port: BOB!, kind: RelayKind.offer, number: 0 },
      { port: ALICE!, kind: RelayKind.opened, number: 5 | RECEIVERS },
    ]);
    t.is(rig.joined.get('513/5'), `514/${RECEIVERS}`);
    t.is(rig.joined.get(`514/${RECEIVERS}`), '513/5');
    t.is(rig.service.count, 1);
    if (by === 'caller') rig.service.closed(ALICE!, 5);
    else rig.service.closed(BOB!, RECEIVERS);
    t.deepEqual(rig.takeTold(), [
      by === 'caller'
        ? { port: BOB!, kind: RelayKind.closed, number: 0 }
        : { port: ALICE!, kind: RelayKind.closed, number: 5 | RECEIVERS },
    ]);
    t.is(rig.joined.size, 0);
    t.is(rig.service.count, 0);
  }
});

test('every no is the same', (t) => {
  const rig = new Rig();
  const refused = [{ port: ALICE!, kind: RelayKind.refused, number: 5 | RECEIVERS }];
  rig.service.open(ALICE!, 5, 'nobody', 0);
  t.deepEqual(rig.takeTold(), refused);
  rig.service.open(ALICE!, 5, 'alice', 0);
  t.deepEqual(rig.takeTold(), refused, 'to oneself');
  rig.relayed.add(BOB!);
  rig.service.open(ALICE!, 5, 'bob', 0);
  t.deepEqual(rig.takeTold(), refused, 'relayed itself');
  rig.relayed.clear();
  rig.relayed.add(ALICE!);
  rig.service.open(ALICE!, 5, 'bob', 0);
  t.deepEqual(rig.takeTold(), refused, 'asked over a relay');
  const idle = new Rig(false);
  idle.service.open(ALICE!, 5, 'bob', 0);
  t.deepEqual(idle.takeTold(), refused, 'does not relay');
  t.is(idle.service.counters.relayRefused, 1);
});

test('a friend that is gone takes its circuits along, and the others hear of it', (t) => {
  const rig = new Rig();
  rig.service.open(ALICE!, 1, 'bob', 0);
  rig.service.open(CAROL!, 1, 'bob', 0);
  rig.service.open(CAROL!, 2, 'alice', 0);
  rig.takeTold();
  rig.service.linkGone(BOB!);
  t.deepEqual(rig.takeTold(), [
    { port: ALICE!, kind: RelayKind.closed, number: 1 | RECEIVERS },
    { port: CAROL!, kind: RelayKind.closed, number: 1 | RECEIVERS },
  ]);
  t.is(rig.service.count, 1);
  t.is(rig.joined.size, 2);
});

test('circuits and requests are bounded', (t) => {
  const rig = new Rig();
  for (let number = 0; number < 100; number++) rig.service.open(ALICE!, number, 'bob', 0);
  t.is(rig.service.count, 10, 'in one second');
  for (let number = 100; number < 300; number++) {
    rig.service.open(ALICE!, number, 'bob', number * 1000);
  }
  t.is(rig.service.count, 32);
  rig.service.open(CAROL!, 1, 'alice', 0);
  t.is(rig.service.count, 32, 'those of a callee count too');
});

test('whatever friends say, both ends are joined or none, and nothing is left over', (t) => {
  const port = fc.constantFrom(ALICE!, BOB!, CAROL!);
  const step = fc.oneof(
    fc.record({
      what: fc.constant('open' as const),
      port,
      number: fc.oneof(fc.nat(4), fc.nat(0xffff)),
      callee: fc.constantFrom('alice', 'bob', 'carol', 'nobody'),
    }),
    fc.record({
      what: fc.constant('closed' as const),
      port,
      number: fc.oneof(
        fc.nat(4),
        fc.nat(4).map((each) => each | RECEIVERS),
      ),
      callee: fc.constant(''),
    }),
    fc.record({
      what: fc.constant('gone' as const),
      port,
      number: fc.constant(0),
      callee: fc.constant(''),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const rig = new Rig();
      for (const [now, each] of steps.entries()) {
        if (each.what === 'open') {
          rig.service.open(each.port, each.number, each.callee, now * 1000);
        } else if (each.what === 'closed') rig.service.closed(each.port, each.number);
        else rig.service.linkGone(each.port);
        t.is(rig.joined.size, 2 * rig.service.count);
        for (const [one, other] of rig.joined) t.is(rig.joined.get(other), one);
      }
      for (const each of [ALICE!, BOB!, CAROL!]) rig.service.linkGone(each);
      t.is(rig.joined.size, 0);
    }),
  );
});
