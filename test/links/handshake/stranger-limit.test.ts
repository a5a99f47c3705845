/** How much of handshakes passes to the main thread, and whose. */
import test from 'ava';
import fc from 'fast-check';
import { ADDRESS_LENGTH } from '../../../src/io/contract.ts';
import {
  COOKIE_LENGTH,
  emitCookieReply,
  emitFinal,
  emitInit,
  emitRefuse,
  emitResponse,
  INIT_PAYLOAD_LENGTH,
  MAX_HANDSHAKE_LENGTH,
} from '../../../src/links/handshake/handshake-message.ts';
import {
  KNOWN_AFTER_MESSAGE,
  KNOWN_AFTER_SESSION,
  STRANGER_RATES,
  type StrangerDrops,
  StrangerLimit,
} from '../../../src/links/handshake/stranger-limit.ts';
import { LinkMessageType, linkMessage } from '../../../src/links/link-message.ts';
import { slabAddress } from '../../data-plane/node.ts';

const NOISE = new Uint8Array(32 + INIT_PAYLOAD_LENGTH);
const FIRST = emitInit(1, new Uint8Array(COOKIE_LENGTH), NOISE);
const WITH_COOKIE = emitInit(1, new Uint8Array(COOKIE_LENGTH).fill(7), NOISE);
const OTHER_VERSION = FIRST.slice().fill(2, 3, 4);
const RESPONSE = emitResponse(1, new Uint8Array(300));
const FINAL = emitFinal(1, new Uint8Array(300));
const COOKIE = emitCookieReply({
  receiver: 1,
  ephemeral: new Uint8Array(32),
  cookie: new Uint8Array(COOKIE_LENGTH),
});
const REFUSE = emitRefuse({ receiver: 1, reason: 1, lowestVersion: 1, highestVersion: 1 });
const CONFIRM = linkMessage(LinkMessageType.sealedRecord, new Uint8Array(2000));

/** A limit with its slab, at a time. */
class Rig {
  readonly limit = new StrangerLimit(12345);
  now = 1_000_000;

  #laid(host: string, message: Uint8Array): Uint8Array {
    const slab = new Uint8Array(ADDRESS_LENGTH + message.length);
    slab.set(slabAddress(host, 4000));
    slab.set(message, ADDRESS_LENGTH);
    return slab;
  }

  admit(host: string, message: Uint8Array): boolean {
    const slab = this.#laid(host, message);
    return this.limit.admit(slab, 0, ADDRESS_LENGTH, message.length, this.now);
  }

  hasSession(host: string): void {
    this.limit.hasSession(slabAddress(host), 0, this.now);
  }

  sent(host: string, message: Uint8Array): void {
    this.limit.sent(slabAddress(host), 0, message, this.now);
  }

  /** How many of so many messages pass in a second; their senders are `host(0)`, `host(1)` … */
  second(count: number, host: (index: number) => string, message: Uint8Array): number {
    let passed = 0;
    for (let i = 0; i < count; i++) {
      this.now += 1000 / count;
      if (this.admit(host(i), message)) passed++;
    }
    return passed;
  }
}

/** An address in one of `networks` IPv4 /24s. */
const spread = (networks: number) => (index: number) =>
  `10.${(index % networks) >> 8}.${(index % networks) & 0xff}.${(index / networks) & 0x7f}`;

function assertDrops(t: { deepEqual: (a: object, b: object) => boolean }, rig: Rig, of: object) {
  const none: StrangerDrops = {
    handshakeMalformed: 0,
    firstLimited: 0,
    firstWithCookieLimited: 0,
    otherVersionLimited: 0,
    handshakeLimited: 0,
    friendLimited: 0,
  };
  t.deepEqual({ ...rig.limit.drops }, { ...none, ...of });
}

test('one network has its own rate, whatever the address in it', (t) => {
  const rig = new Rig();
  const { each, eachBurst } = STRANGER_RATES.first;
  const passed = rig.second(5000, (i) => `192.0.2.${i & 0xff}`, FIRST);
  t.true(Math.abs(passed - each - eachBurst) <= 1, String(passed));
  t.true(rig.admit('192.0.3.1', FIRST), 'the next one has another');
  assertDrops(t, rig, { firstLimited: 5000 - passed });
});

test('IPv6 counts by /56', (t) => {
  const rig = new Rig();
  const { each, eachBurst } = STRANGER_RATES.first;
  const passed = rig.second(2000, (i) => `2001:db8:0:${(i & 0xff).toString(16)}::${i}`, FIRST);
  t.true(Math.abs(passed - each - eachBurst) <= 1, String(passed));
  t.true(rig.admit('2001:db8:0:100::1', FIRST));
});

test('all networks together have a rate', (t) => {
  const rig = new Rig();
  const { all, burst } = STRANGER_RATES.first;
  rig.second(20_000, spread(4096), FIRST);
  const passed = rig.second(20_000, spread(4096), FIRST);
  t.true(passed > 0.9 * all && passed <= all + burst, String(passed));
});

test('a flood without cookies takes nothing from those who hold one, nor the reverse', (t) => {
  for (const [flood, other] of [
    [FIRST, WITH_COOKIE],
    [WITH_COOKIE, FIRST],
    [FINAL, FIRST],
    [OTHER_VERSION, FIRST],
    [FIRST, RESPONSE],
  ] as const) {
    const rig = new Rig();
    for (let second = 0; second < 3; second++) rig.second(20_000, spread(4096), flood);
    for (let i = 0; i < 8; i++) t.true(rig.admit('192.0.2.1', other));
  }
});

test('a flood from some networks leaves room for the others', (t) => {
  const rig = new Rig();
  const floods = spread(64);
  for (let second = 0; second < 3; second++) rig.second(20_000, floods, FIRST);
  for (let i = 0; i < 20; i++) {
    rig.second(1000, floods, FIRST);
    t.true(rig.admit('192.0.2.1', FIRST));
  }
});

test('a friend that comes back gets through a flood from everywhere', (t) => {
  const rig = new Rig();
  rig.hasSession('192.0.2.1');
  rig.now += KNOWN_AFTER_SESSION - 10_000;
  for (const message of [FIRST, WITH_COOKIE, FINAL]) {
    for (let second = 0; second < 2; second++) rig.second(20_000, spread(4096), message);
    for (let i = 0; i < 20; i++) t.true(rig.admit('192.0.2.1', message), 'whatever its port');
  }
  rig.now += 4001;
  rig.second(20_000, spread(4096), FIRST);
  t.false(
    Array.from({ length: 20 }, () => rig.admit('192.0.2.1', FIRST)).every(Boolean),
    'an hour later it is one among others',
  );
});

test('who is dialled is known for as long as a handshake takes', (t) => {
  const rig = new Rig();
  const full = (message: Uint8Array) => {
    for (let second = 0; second < 2; second++) rig.second(20_000, spread(4096), message);
  };
  rig.sent('2001:db8::1', FIRST);
  full(RESPONSE);
  for (const message of [RESPONSE, COOKIE, REFUSE, CONFIRM]) {
    t.true(rig.admit('2001:db8::2', message), 'another address of its /64 may answer');
  }
  rig.now += KNOWN_AFTER_MESSAGE;
  full(RESPONSE);
  t.false(Array.from({ length: 9 }, () => rig.admit('2001:db8::1', RESPONSE)).every(Boolean));
});

test('whom we have answered gets on, but has no more first messages than others', (t) => {
  const rig = new Rig();
  rig.sent('192.0.2.1', RESPONSE);
  for (let second = 0; second < 2; second++) rig.second(20_000, spread(4096), FINAL);
  for (let i = 0; i < 8; i++) t.true(rig.admit('192.0.2.1', FINAL));
  const passed = rig.second(2000, () => '192.0.2.1', FIRST);
  const { each, eachBurst } = STRANGER_RATES.first;
  t.true(passed <= each + eachBurst + 1, String(passed));
});

test('cookies and refusals go to forged addresses, too, and make nobody known', (t) => {
  const rig = new Rig();
  rig.sent('192.0.2.1', COOKIE);
  rig.sent('192.0.2.1', REFUSE);
  const { each, eachBurst } = STRANGER_RATES.other;
  const passed = rig.second(2000, () => '192.0.2.1', FINAL);
  t.true(passed <= each + eachBurst + 1, String(passed));
});

test('friends have a rate as well', (t) => {
  const rig = new Rig();
  rig.hasSession('192.0.2.1');
  const { each, eachBurst } = STRANGER_RATES.friend;
  const passed = rig.second(5000, () => '192.0.2.1', FIRST);
  t.true(Math.abs(passed - each - eachBurst) <= 1, String(passed));
  assertDrops(t, rig, { friendLimited: 5000 - passed });
});

test('what has no legal length is malformed, and uses nothing up', (t) => {
  const rig = new Rig();
  const long = linkMessage(LinkMessageType.handshakeFinal, new Uint8Array(MAX_HANDSHAKE_LENGTH));
  for (let i = 0; i < 1000; i++) {
    t.false(rig.admit('192.0.2.1', FIRST.subarray(0, 1199)));
    t.false(rig.admit('192.0.2.1', long));
  }
  assertDrops(t, rig, { handshakeMalformed: 2000 });
  t.true(rig.admit('192.0.2.1', FIRST));
  t.true(rig.admit('192.0.2.1', FINAL));
});

test('each kind is counted apart', (t) => {
  const rig = new Rig();
  const flood = (message: Uint8Array): number => {
    let passed = 0;
    for (let i = 0; i < 200; i++) if (rig.admit('192.0.2.1', message)) passed++;
    return 200 - passed;
  };
  assertDrops(t, rig, {
    firstLimited: flood(FIRST),
    firstWithCookieLimited: flood(WITH_COOKIE),
    otherVersionLimited: flood(OTHER_VERSION),
    handshakeLimited: flood(FINAL) + flood(CONFIRM),
  });
});

test('whatever comes, no more passes than all rates allow together', (t) => {
  const kinds = Object.values(STRANGER_RATES);
  const most = kinds.reduce((sum, { all, burst }) => sum + all + burst, 0);
  fc.assert(
    fc.property(fc.infiniteStream(fc.tuple(fc.nat(0xffff), fc.nat(8))), (stream) => {
      const rig = new Rig();
      const messages = [
        FIRST,
        WITH_COOKIE,
        OTHER_VERSION,
        RESPONSE,
        FINAL,
        COOKIE,
        REFUSE,
        CONFIRM,
      ];
      let passed = 0;
      for (let i = 0; i < 6000; i++) {
        const [network, kind] = stream.next().value;
        const host = spread(4096)(network);
        rig.now += 1000 / 6000;
        if (kind === messages.length) rig.hasSession(host);
        else if (rig.admit(host, messages[kind])) passed++;
      }
      t.true(passed <= most);
    }),
    { numRuns: 5 },
  );
});
