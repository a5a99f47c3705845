/** The client machine: figure 5 of RFC 2131, the clock in hand. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { PROBE_COUNT } from '../../../src/tap/dhcp/address-check.ts';
import { isArp, parseArp } from '../../../src/tap/dhcp/arp.ts';
import {
  CONFLICT_WAIT,
  DECLINE_WAIT,
  DhcpClient,
  FIRST_WAIT,
  LONGEST_WAIT,
  MOST_CONFLICTS,
  MOST_REQUESTS,
  WAIT_JITTER,
} from '../../../src/tap/dhcp/dhcp-client.ts';
import { MessageType } from '../../../src/tap/dhcp/message.ts';
import { Option } from '../../../src/tap/dhcp/options.ts';
import {
  ACK,
  ANNOUNCEMENT,
  ARP_REPLY,
  DECLINE,
  DISCOVER,
  NAK,
  PROBE,
  RELEASE,
  RENEW,
  SELECT,
} from './literal-frames.ts';
import { arp, hear, OFFERED_ADDRESS, reply, SERVER_ADDRESS, SERVER_MAC, word } from './server.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x2a);
const HOUR = 3_600_000;

/** Half of everything: xid 0x80000000, no jitter. */
const half = () => 0.5;

function client(random: () => number = half): DhcpClient {
  return new DhcpClient({ hardwareAddress: MAC, random });
}

/** The one frame of a step. */
function only(t: ExecutionContext, frames: readonly Uint8Array[]): Uint8Array {
  t.is(frames.length, 1);
  return frames[0];
}

/** Lets a client find out that nobody has its address. @returns the time then */
function settled(t: ExecutionContext, machine: DhcpClient): number {
  let now = 0;
  for (let probes = 1; machine.state === 'checking'; probes++) {
    now = machine.deadline;
    const [frame] = machine.tick(now);
    const packet = parseArp(frame);
    t.is(packet?.sender, probes < PROBE_COUNT ? 0 : packet?.target);
  }
  return now;
}

/** A client that got a lease of `lease` seconds at `now`. */
function bound(t: ExecutionContext, now = 0, lease = 3600): DhcpClient {
  const machine = client();
  const request = machine.receive(
    reply(only(t, machine.start(now)), MessageType.offer, { lease }),
    now,
  );
  only(t, machine.receive(reply(only(t, request), MessageType.ack, { lease }), now));
  settled(t, machine);
  t.is(machine.state, 'bound');
  return machine;
}

test('a whole exchange, octet by octet', (t) => {
  const xid = 0x12345678 / 2 ** 32;
  const machine = new DhcpClient({ hardwareAddress: MAC, hostName: 'attic', random: () => xid });
  t.deepEqual(machine.start(1000), [DISCOVER]);
  t.is(machine.state, 'selecting');
  const offer = reply(DISCOVER, MessageType.offer);
  t.deepEqual(machine.receive(offer, 1500), [SELECT]);
  t.is(machine.state, 'requesting');
  t.is(machine.lease, undefined);
  t.deepEqual(machine.receive(ACK, 1600), [PROBE]);
  t.is(machine.state, 'checking');
  t.is(machine.checked, OFFERED_ADDRESS);
  t.is(machine.lease, undefined);
  t.deepEqual(machine.tick(machine.deadline - 1), []);
  t.deepEqual(machine.tick(machine.deadline), [PROBE]);
  t.deepEqual(machine.tick(machine.deadline), [PROBE]);
  t.is(machine.state, 'checking');
  t.deepEqual(machine.tick(machine.deadline), [ANNOUNCEMENT]);
  t.is(machine.state, 'bound');
  t.is(machine.checked, undefined);
  t.deepEqual(machine.lease, {
    address: '192.0.2.10',
    prefix: 24,
    router: '192.0.2.1',
    dns: ['192.0.2.1', '192.0.2.2'],
    domain: 'example.org',
    mtu: 1400,
    server: '192.0.2.1',
    duration: HOUR,
  });
  // Counted from the request on, not from the answer.
  t.is(machine.expiresAt, 1500 + HOUR);
  t.deepEqual(machine.release(2000), [RELEASE]);
  t.is(machine.state, 'stopped');
  t.is(machine.lease, undefined);
  t.is(machine.deadline, Number.POSITIVE_INFINITY);
  t.deepEqual(machine.release(2000), []);
});

test('a refusal voids the lease and is followed by a pause and another search', (t) => {
  const xid = 0x12345678 / 2 ** 32;
  const machine = new DhcpClient({ hardwareAddress: MAC, hostName: 'attic', random: () => xid });
  machine.start(0);
  machine.receive(reply(DISCOVER, MessageType.offer), 0);
  t.deepEqual(machine.receive(NAK, 100), []);
  t.is(machine.state, 'init');
  t.true(machine.deadline >= 100 + FIRST_WAIT - WAIT_JITTER);
  t.deepEqual(machine.tick(machine.deadline), [DISCOVER]);
});

test('refusals one after the other make the pauses longer', (t) => {
  const machine = client();
  let frame = only(t, machine.start(0));
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    const now = i;
    const request = only(t, machine.receive(reply(frame, MessageType.offer), now));
    machine.receive(reply(request, MessageType.nak), now);
    pauses.push(machine.deadline - now);
    frame = only(t, machine.tick(machine.deadline));
  }
  t.deepEqual(pauses, [4000, 8000, 16_000, 32_000, 64_000, 64_000, 64_000, 64_000]);
});

test('a search goes on for ever, ever slower, with the time since its beginning', (t) => {
  const machine = client();
  let now = 5000;
  let frame = only(t, machine.start(now));
  const waits: number[] = [];
  const seconds: number[] = [];
  for (let i = 0; i < 8; i++) {
    t.is(hear(frame).type, MessageType.discover);
    seconds.push(hear(frame).message.seconds);
    waits.push(machine.deadline - now);
    t.deepEqual(machine.tick(machine.deadline - 1), []);
    now = machine.deadline;
    frame = only(t, machine.tick(now));
  }
  t.deepEqual(waits, [4000, 8000, 16_000, 32_000, 64_000, 64_000, LONGEST_WAIT, LONGEST_WAIT]);
  t.deepEqual(seconds, [0, 4, 12, 28, 60, 124, 188, 252]);
});

test('an offer nobody confirms is forgotten after some requests', (t) => {
  const machine = client();
  const discover = only(t, machine.start(0));
  let frame = only(t, machine.receive(reply(discover, MessageType.offer), 0));
  for (let i = 1; i < MOST_REQUESTS; i++) {
    t.is(hear(frame).type, MessageType.request);
    frame = only(t, machine.tick(machine.deadline));
    t.is(machine.state, 'requesting');
  }
  frame = only(t, machine.tick(machine.deadline));
  t.is(machine.state, 'selecting');
  t.is(hear(frame).type, MessageType.discover);
});

test('T1, T2 and the end of a lease that nobody prolongs', (t) => {
  const machine = bound(t);
  const t1 = machine.deadline;
  t.true(t1 <= HOUR / 2 && t1 > 0.95 * (HOUR / 2) - 1);
  t.deepEqual(machine.tick(t1 - 1), []);
  const renew = hear(only(t, machine.tick(t1)));
  t.is(machine.state, 'renewing');
  t.true(renew.unicast);
  t.is(renew.source, OFFERED_ADDRESS);
  t.is(renew.destination, SERVER_ADDRESS);
  t.is(renew.message.clientAddress, OFFERED_ADDRESS);
  t.false(renew.message.broadcast);
  t.false(renew.message.options.has(Option.requestedAddress));
  t.false(renew.message.options.has(Option.serverIdentifier));

  const kinds: string[] = [];
  while (machine.lease !== undefined) {
    const now = machine.deadline;
    t.true(now <= HOUR);
    const heard = hear(only(t, machine.tick(now)));
    kinds.push(`${machine.state} ${heard.unicast ? 'unicast' : 'broadcast'}`);
    if (machine.state === 'selecting') {
      t.is(now, HOUR);
      t.is(heard.type, MessageType.discover);
    }
  }
  const steps = kinds.filter((kind, i) => kind !== kinds[i - 1]);
  t.deepEqual(steps, ['renewing unicast', 'rebinding broadcast', 'selecting broadcast']);
});

test('a renewal keeps the address and starts the clock anew', (t) => {
  const machine = bound(t);
  const before = machine.lease;
  const t1 = machine.deadline;
  const request = only(t, machine.tick(t1));
  machine.receive(reply(request, MessageType.ack), t1 + 50);
  t.is(machine.state, 'bound');
  t.deepEqual(machine.lease, before);
  t.not(machine.lease, before);
  t.is(machine.expiresAt, t1 + HOUR);
});

test('any server may prolong a lease by rebinding, and may give another address', (t) => {
  const machine = bound(t);
  const tick = () => only(t, machine.tick(machine.deadline));
  let request = tick();
  while (hear(request).unicast) request = tick();
  const answer = { server: 0xc0000202, address: 0xc000020b };
  // Another address is looked at before it is used, and the one before is used no more.
  only(t, machine.receive(reply(request, MessageType.ack, answer), 0.9 * HOUR));
  t.is(machine.state, 'checking');
  t.is(machine.checked, answer.address);
  t.is(machine.lease, undefined);
  settled(t, machine);
  t.is(machine.state, 'bound');
  t.is(machine.lease?.address, '192.0.2.11');
  t.is(machine.lease?.server, '192.0.2.2');
});

test('a refused renewal takes the address away at once', (t) => {
  const machine = bound(t);
  const t1 = machine.deadline;
  const request = only(t, machine.tick(t1));
  machine.receive(reply(request, MessageType.nak), t1);
  t.is(machine.lease, undefined);
  t.is(machine.state, 'init');
});

test('a sleeper who wakes after the end searches, and does not prolong', (t) => {
  const machine = bound(t);
  t.is(hear(only(t, machine.tick(2 * HOUR))).type, MessageType.discover);
  t.is(machine.lease, undefined);
});

test('T1 and T2 of the server count if they make sense', (t) => {
  const times = (t1: number, t2: number, lease = 3600) => {
    const machine = client(() => 0);
    const options = [
      [Option.renewalTime, word(t1)],
      [Option.rebindingTime, word(t2)],
    ] as const;
    const request = only(
      t,
      machine.receive(reply(only(t, machine.start(0)), MessageType.offer), 0),
    );
    machine.receive(reply(request, MessageType.ack, { lease, options }), 0);
    settled(t, machine);
    return machine.deadline / 1000;
  };
  t.is(times(60, 120), 60);
  t.is(times(0, 0), 1800);
  t.is(times(200, 100), 50);
  t.is(times(4000, 5000), 1800);
});

test('a lease without an end needs no renewal', (t) => {
  const machine = bound(t, 0, 0xffffffff);
  t.is(machine.lease?.duration, Number.POSITIVE_INFINITY);
  t.is(machine.deadline, Number.POSITIVE_INFINITY);
  t.is(hear(only(t, machine.release(1))).type, MessageType.release);
});

test('a release goes to the server that the lease is from', (t) => {
  const released = hear(only(t, bound(t).release(5)));
  t.is(released.type, MessageType.release);
  t.true(released.unicast);
  t.deepEqual(released.message.options.get(Option.serverIdentifier), word(SERVER_ADDRESS));
});

test('what is not for us, not true or not in turn is counted and changes nothing', (t) => {
  const machine = client();
  const discover = only(t, machine.start(0));
  const offer = (said: Parameters<typeof reply>[2] = {}) =>
    reply(discover, MessageType.offer, said);
  const drops: [Uint8Array, keyof typeof machine.drops][] = [
    [offer({ changes: { xid: 1 } }), 'foreign'],
    [offer({ changes: { hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 0x2b) } }), 'foreign'],
    [offer({ changes: { op: 1 } }), 'not-dhcp'],
    [discover, 'not-dhcp'],
    [offer({ address: 0 }), 'malformed'],
    [offer({ address: 0xe0000001 }), 'malformed'],
    [offer({ address: 0x7f000001 }), 'malformed'],
    [offer({ server: 0xffffffff }), 'malformed'],
    [offer({ lease: 0 }), 'malformed'],
    [offer({ options: [[Option.serverIdentifier, new Uint8Array()]] }), 'malformed'],
    [offer({ options: [[Option.leaseTime, new Uint8Array()]] }), 'malformed'],
    [offer({ options: [[Option.subnetMask, word(0xff00ff00)]] }), 'malformed'],
    [offer({ options: [[Option.subnetMask, word(0)]] }), 'malformed'],
    [offer({ options: [[Option.subnetMask, Uint8Array.of(255)]] }), 'malformed'],
    [offer({ options: [[Option.messageType, Uint8Array.of(9)]] }), 'unexpected'],
    [offer({ options: [[Option.messageType, Uint8Array.of(2, 2)]] }), 'malformed'],
    [reply(discover, MessageType.ack), 'unexpected'],
    [reply(discover, MessageType.nak), 'unexpected'],
    [offer().subarray(0, 200), 'truncated'],
    [offer().fill(1, 300, 301), 'checksum'],
    [new Uint8Array(60), 'not-dhcp'],
  ];
  for (const [frame, fault] of drops) {
    const before = machine.drops[fault];
    t.deepEqual(machine.receive(frame, 100), [], fault);
    t.is(machine.drops[fault], before + 1, fault);
    t.is(machine.state, 'selecting');
  }
  t.is(machine.receive(offer(), 200).length, 1);
  // While we take an offer, another server has nothing to say.
  t.deepEqual(machine.receive(reply(discover, MessageType.nak, { server: 0xc0000203 }), 300), []);
  t.deepEqual(machine.receive(reply(discover, MessageType.ack, { server: 0xc0000203 }), 300), []);
  t.deepEqual(machine.receive(offer(), 300), []);
  t.is(machine.state, 'requesting');
});

test('odd options are passed over, and a mask that is missing follows the class', (t) => {
  const take = (options: readonly (readonly [number, Uint8Array])[], address = OFFERED_ADDRESS) => {
    const machine = client();
    const request = only(
      t,
      machine.receive(reply(only(t, machine.start(0)), MessageType.offer), 0),
    );
    machine.receive(reply(request, MessageType.ack, { options, address }), 0);
    settled(t, machine);
    return machine.lease;
  };
  const none = new Uint8Array();
  t.is(take([[Option.interfaceMtu, Uint8Array.of(0, 68)]])?.mtu, undefined);
  t.is(take([[Option.interfaceMtu, Uint8Array.of(35, 40)]])?.mtu, 9000);
  t.deepEqual(take([[Option.domainNameServer, Uint8Array.of(1, 2, 3)]])?.dns, []);
  t.is(take([[Option.router, word(0xffffffff)]])?.router, undefined);
  t.is(take([[Option.subnetMask, word(0xffffffff)]])?.prefix, 32);
  t.is(take([[Option.subnetMask, none]])?.prefix, 24);
  t.is(take([[Option.subnetMask, none]], 0x0a000001)?.prefix, 8);
  t.is(take([[Option.subnetMask, none]], 0xac100001)?.prefix, 16);
});

test('whatever comes and whenever: it lives, keeps its word and can be stopped', (t) => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('wait' as const), for: fc.integer({ min: 0, max: 4_000_000 }) }),
    fc.record({ do: fc.constant('due' as const) }),
    fc.record({
      do: fc.constant('answer' as const),
      type: fc.constantFrom(MessageType.offer, MessageType.ack, MessageType.nak, 9),
      lease: fc.constantFrom(1, 30, 3600, 0xffffffff),
      server: fc.constantFrom(SERVER_ADDRESS, 0xc0000202),
    }),
    fc.record({
      do: fc.constant('arp' as const),
      sender: fc.constantFrom(0, OFFERED_ADDRESS, SERVER_ADDRESS),
      target: fc.constantFrom(OFFERED_ADDRESS, SERVER_ADDRESS),
      mac: fc.constantFrom(SERVER_MAC, MAC),
    }),
    fc.record({ do: fc.constant('noise' as const), octets: fc.uint8Array({ maxLength: 400 }) }),
    fc.record({ do: fc.constant('release' as const) }),
    fc.record({ do: fc.constant('start' as const) }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (steps, chance) => {
        const machine = client(() => chance.next().value ?? 0);
        let now = 0;
        let last: Uint8Array | undefined;
        const sent = (frames: readonly Uint8Array[]) => {
          for (const frame of frames) {
            if (isArp(frame)) continue;
            hear(frame);
            last = frame;
          }
        };
        for (const each of steps) {
          if (each.do === 'wait') now += each.for;
          if (each.do === 'due' && machine.deadline !== Infinity)
            now = Math.max(now, machine.deadline);
          if (each.do === 'wait' || each.do === 'due') sent(machine.tick(now));
          if (each.do === 'answer' && last !== undefined) {
            sent(machine.receive(reply(last, each.type, each), now));
          }
          if (each.do === 'arp') sent(machine.receive(arp(each), now));
          if (each.do === 'noise') sent(machine.receive(each.octets, now));
          if (each.do === 'release') sent(machine.release(now));
          if (each.do === 'start') sent(machine.start(now));

          const holds = ['bound', 'renewing', 'rebinding'].includes(machine.state);
          if (holds !== (machine.lease !== undefined)) return false;
          // After its turn it always waits for something later.
          const isHearing = each.do === 'answer' || each.do === 'noise' || each.do === 'arp';
          if (machine.deadline <= now && !isHearing) return false;
          if ((machine.state === 'checking') !== (machine.checked !== undefined)) return false;
          if (machine.state === 'stopped' && machine.deadline !== Infinity) return false;
          if (machine.lease !== undefined && machine.expiresAt < machine.deadline) return false;
        }
        const released = machine.release(now);
        return released.length <= 1 && machine.state === 'stopped';
      },
    ),
  );
  t.pass();
});

/** A client that asks whether somebody has the address that it got, since `now`. */
function checking(t: ExecutionContext, now = 0): DhcpClient {
  const machine = client();
  const request = machine.receive(reply(only(t, machine.start(now)), MessageType.offer), now);
  only(t, machine.receive(reply(only(t, request), MessageType.ack), now));
  t.is(machine.state, 'checking');
  return machine;
}

test('an address that somebody has is declined, and after ten seconds all begins anew', (t) => {
  const xid = 0x12345678 / 2 ** 32;
  const machine = new DhcpClient({ hardwareAddress: MAC, hostName: 'attic', random: () => xid });
  machine.start(1000);
  machine.receive(reply(DISCOVER, MessageType.offer), 1500);
  machine.receive(ACK, 1600);
  t.deepEqual(machine.receive(ARP_REPLY, 1650), [DECLINE]);
  t.is(machine.state, 'init');
  t.is(machine.lease, undefined);
  t.is(machine.checked, undefined);
  t.is(machine.deadline, 1650 + DECLINE_WAIT);
  t.deepEqual(machine.receive(ARP_REPLY, 1651), []);
  t.deepEqual(machine.tick(machine.deadline - 1), []);
  t.deepEqual(machine.tick(machine.deadline), [DISCOVER]);
});

test('whoever speaks with the address, or asks for it as we do, has it', (t) => {
  const other = Uint8Array.of(2, 0, 0, 0, 0, 0x99);
  const address = OFFERED_ADDRESS;
  const [reply, request] = [2, 1];
  for (const [operation, sender, target] of [
    [reply, address, 0],
    [reply, address, SERVER_ADDRESS],
    [request, address, SERVER_ADDRESS],
    [request, address, address],
    [request, 0, address],
  ] as const) {
    for (let probes = 1; probes <= PROBE_COUNT; probes++) {
      const machine = checking(t);
      for (let i = 1; i < probes; i++) machine.tick(machine.deadline);
      const heard = machine.receive(arp({ operation, sender, target, mac: other }), 1399);
      const declined = hear(only(t, heard));
      t.is(declined.type, MessageType.decline);
      t.deepEqual(declined.message.options.get(Option.requestedAddress), word(address));
      t.is(machine.state, 'init');
    }
  }
});

test('what else ARP says changes nothing', (t) => {
  const machine = checking(t);
  const { deadline } = machine;
  const other = { sender: SERVER_ADDRESS, target: OFFERED_ADDRESS, mac: SERVER_MAC };
  const frames: [Uint8Array, keyof typeof machine.drops][] = [
    [PROBE, 'foreign'],
    [ANNOUNCEMENT, 'foreign'],
    [arp(other), 'foreign'],
    [arp({ ...other, sender: 0, target: SERVER_ADDRESS }), 'foreign'],
    [ARP_REPLY.subarray(0, 41), 'malformed'],
    [ARP_REPLY.with(14, 1), 'malformed'],
    [ARP_REPLY.with(17, 0x06), 'malformed'],
    [ARP_REPLY.with(18, 8), 'malformed'],
    [ARP_REPLY.with(19, 16), 'malformed'],
  ];
  for (const [frame, fault] of frames) {
    const before = machine.drops[fault];
    t.deepEqual(machine.receive(frame, 10), [], fault);
    t.is(machine.drops[fault], before + 1);
  }
  t.is(machine.state, 'checking');
  t.is(machine.deadline, deadline);
  settled(t, machine);
  // In use, it is defended by whoever has the interface, not here.
  t.deepEqual(machine.receive(ARP_REPLY, 5000), []);
  t.is(machine.drops['not-dhcp'], 1);
  t.is(machine.state, 'bound');
});

test('many conflicts in a row make the pauses longer, until an address is free', (t) => {
  const machine = client();
  let frame = only(t, machine.start(0));
  let now = 0;
  const pauses: number[] = [];
  const grant = (): void => {
    const request = only(t, machine.receive(reply(frame, MessageType.offer), now));
    machine.receive(reply(request, MessageType.ack), now);
  };
  for (let i = 0; i <= MOST_CONFLICTS; i++) {
    grant();
    machine.receive(ARP_REPLY, now);
    pauses.push(machine.deadline - now);
    now = machine.deadline;
    frame = only(t, machine.tick(now));
  }
  const few = new Array<number>(MOST_CONFLICTS - 1).fill(DECLINE_WAIT);
  t.deepEqual(pauses, [...few, CONFLICT_WAIT, CONFLICT_WAIT]);
  grant();
  now = settled(t, machine);
  const { lease } = machine;
  t.truthy(lease);
  machine.release(now);
  frame = only(t, machine.start(now));
  grant();
  machine.receive(ARP_REPLY, now);
  t.is(machine.deadline - now, DECLINE_WAIT);
});

test('who stops before the address is used gives it back', (t) => {
  const machine = checking(t);
  t.is(hear(only(t, machine.release(5))).type, MessageType.release);
  t.is(machine.state, 'stopped');
  t.deepEqual(machine.receive(ARP_REPLY, 6), []);
});

test('a renewal of the same address asks nobody', (t) => {
  const machine = bound(t);
  const t1 = machine.deadline;
  const request = only(t, machine.tick(t1));
  t.deepEqual(machine.receive(reply(request, MessageType.ack), t1), []);
  t.is(machine.state, 'bound');
});

test('waits differ by the jitter that is drawn', (t) => {
  const first = (random: number) => {
    const machine = client(() => random);
    machine.start(0);
    return machine.deadline;
  };
  t.is(first(0), FIRST_WAIT - WAIT_JITTER);
  t.is(first(0.75), FIRST_WAIT + WAIT_JITTER / 2);
});

test('renewals speak to the link-layer address the lease came from', (t) => {
  const machine = bound(t);
  const frame = only(t, machine.tick(machine.deadline));
  t.deepEqual([...frame.subarray(0, 6)], [...SERVER_MAC]);
  t.deepEqual([...RENEW.subarray(0, 6)], [...SERVER_MAC]);
});
