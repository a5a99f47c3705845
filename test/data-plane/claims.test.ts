/** The machine of claims against a naive twin, and its bounds. */
import test from 'ava';
import fc from 'fast-check';
import { Claims } from '../../src/data-plane/claims.ts';
import { LIFETIME } from '../../src/data-plane/own-hosts.ts';
import { ClaimKind, MAX_CLAIMS, writeClaimEntry, writeClaimHeader } from '../../src/links/claim.ts';
import { FilteringDatabase } from '../../src/switch/filtering-database.ts';
import { PORT_TABLE_LENGTH } from '../../src/switch/port.ts';
import { PortTrust } from '../../src/switch/port-trust.ts';

const LOCAL = 1;
const MEMBERS = [10, 11];
const STRANGERS = [20, 21];

class Rig {
  readonly database = new FilteringDatabase();
  readonly claims = new Claims(this.database);
  readonly trust = new Uint8Array(PORT_TABLE_LENGTH);
  now = 1000;

  constructor() {
    for (const port of MEMBERS) this.trust[port] = PortTrust.sealed;
    for (const port of STRANGERS) this.trust[port] = PortTrust.confined;
    this.claims.watch(this.trust);
    this.at(0);
  }

  at(later: number): void {
    this.now += later;
    this.claims.now = this.now;
  }

  learn(host: number, port: number): void {
    this.database.learn(2, host, 0, port, this.now);
    this.claims.learned(2, host, 0, port);
  }

  hear(
    port: number,
    kind: ClaimKind,
    hosts: readonly number[],
    list: readonly [number, number, number] = [0, 0, kind === ClaimKind.list ? 1 : 0],
  ): void {
    const bytes = new Uint8Array(4 + 8 * hosts.length);
    writeClaimHeader(bytes, kind, ...list);
    for (const [i, host] of hosts.entries()) writeClaimEntry(bytes, i, 2, host, 0);
    this.claims.receive(bytes, 0, bytes.length, port, MEMBERS.includes(port));
  }

  owner(host: number): number {
    return this.claims.lookup(2, host, 0);
  }

  /** Octet 0 of each packet that tells of our hosts, and the hosts in it. */
  news(): [number, number[]][] {
    const told: [number, number[]][] = [];
    this.claims.own.tellNews((packet) => told.push(describe(packet)));
    this.claims.own.forgetNews();
    return told;
  }
}

function describe(packet: Uint8Array): [number, number[]] {
  const hosts: number[] = [];
  for (let at = 4; at < packet.length; at += 8) {
    hosts.push((packet[at + 6]! << 8) | packet[at + 7]!);
  }
  return [packet[0]!, hosts];
}

test('members come before others, and our own hosts before both', (t) => {
  const rig = new Rig();
  const [member, other] = MEMBERS;
  const [stranger, second] = STRANGERS;
  rig.hear(stranger!, ClaimKind.added, [5]);
  t.is(rig.owner(5), stranger);
  rig.hear(second!, ClaimKind.added, [5]);
  t.is(rig.owner(5), stranger, 'of strangers, the first');
  rig.hear(member!, ClaimKind.added, [5]);
  t.is(rig.owner(5), member);
  rig.hear(stranger!, ClaimKind.added, [5]);
  t.is(rig.owner(5), member);
  rig.hear(other!, ClaimKind.added, [5]);
  t.is(rig.owner(5), other, 'of members, the latest');
  rig.hear(member!, ClaimKind.removed, [5]);
  t.is(rig.owner(5), other, 'only an owner withdraws');
  rig.hear(other!, ClaimKind.removed, [5]);
  t.is(rig.owner(5), stranger);
  rig.learn(5, LOCAL);
  t.is(rig.owner(5), LOCAL);
  t.is(rig.claims.lookupTrusted(2, 5, 0), LOCAL);
});

test('a whole list withdraws what is not in it, a part of one does not', (t) => {
  const rig = new Rig();
  const [port] = MEMBERS;
  rig.hear(port!, ClaimKind.list, [1, 2], [1, 0, 2]);
  rig.hear(port!, ClaimKind.list, [3], [1, 1, 2]);
  t.deepEqual(
    [1, 2, 3].map((host) => rig.owner(host)),
    [port, port, port],
  );
  rig.at(1000);
  rig.hear(port!, ClaimKind.list, [1], [2, 0, 2]);
  t.is(rig.owner(2), port);
  rig.hear(port!, ClaimKind.added, [4]);
  rig.hear(port!, ClaimKind.list, [], [2, 1, 2]);
  t.deepEqual(
    [1, 2, 3, 4].map((host) => rig.owner(host)),
    [port, 0, 0, port],
  );
  rig.at(1000);
  rig.hear(port!, ClaimKind.list, [], [3, 0, 1]);
  t.is(rig.claims.size, 0);
});

test('our hosts are told of when they come, move away and have been silent for long', (t) => {
  const rig = new Rig();
  rig.learn(1, LOCAL);
  rig.learn(2, LOCAL);
  t.deepEqual(rig.news(), [[ClaimKind.added, [1, 2]]]);
  rig.at(4000);
  rig.claims.tick();
  t.false(rig.claims.own.hasNews);
  rig.learn(2, MEMBERS[0]!);
  t.deepEqual(rig.news(), [[ClaimKind.removed, [2]]]);
  t.is(rig.owner(2), 0);
  rig.database.flushAll();
  rig.at(LIFETIME - 1);
  rig.claims.tick();
  t.is(rig.owner(1), LOCAL, 'quiet is not gone');
  rig.at(1);
  rig.claims.tick();
  t.deepEqual(rig.news(), [[ClaimKind.removed, [1]]]);
  t.is(rig.claims.size, 0);
});

test('a host of ours that a member claims has moved, until it speaks here again', (t) => {
  const rig = new Rig();
  const [member] = MEMBERS;
  rig.learn(1, LOCAL);
  rig.news();
  rig.hear(STRANGERS[0]!, ClaimKind.added, [1]);
  t.is(rig.owner(1), LOCAL, 'a stranger cannot take it');
  rig.hear(member!, ClaimKind.added, [1]);
  t.is(rig.owner(1), member);
  t.is(rig.database.lookup(2, 1, 0), 0);
  t.deepEqual(rig.news(), [[ClaimKind.removed, [1]]]);
  rig.learn(1, LOCAL);
  t.is(rig.owner(1), LOCAL);
  t.deepEqual(rig.news(), [[ClaimKind.added, [1]]]);
});

test('a port that nobody hangs on any more has no hosts', (t) => {
  const rig = new Rig();
  for (let host = 0; host < 200; host++) rig.learn(host, LOCAL);
  rig.claims.portGone(LOCAL);
  t.is(rig.claims.own.count, 0);
  t.is(rig.claims.size, 0);
  t.true(rig.claims.own.overflowed, 'more than a packet holds: a list tells');
  const lists: number[] = [];
  rig.claims.own.tellAll((packet) => lists.push(packet.length));
  t.deepEqual(lists, [4]);
});

test('a friend fills its share and no more', (t) => {
  const rig = new Rig();
  const hosts = Array.from({ length: MAX_CLAIMS + 100 }, (_, i) => i);
  rig.hear(MEMBERS[0]!, ClaimKind.added, hosts);
  t.is(rig.claims.claimedBy(MEMBERS[0]!), MAX_CLAIMS);
  t.is(rig.claims.counters.claimsRefused, 100);
  rig.hear(MEMBERS[1]!, ClaimKind.added, [5000]);
  t.is(rig.owner(5000), MEMBERS[1]);
  for (let port = 100; port < 500; port++) {
    rig.hear(port, ClaimKind.added, hosts.map((host) => (port << 7) ^ host).slice(0, MAX_CLAIMS));
  }
  t.true(rig.claims.size < 2 * 65_536);
  t.is(rig.owner(5000), MEMBERS[1], 'strangers take no room of members');
});

test('our own hosts are bounded, and quiet ones make room', (t) => {
  const rig = new Rig();
  for (let host = 0; host < MAX_CLAIMS; host++) rig.learn(host, LOCAL);
  rig.learn(2000, 2);
  t.is(rig.owner(2000), 0);
  t.is(rig.claims.own.refused, 1);
  rig.database.flushAll();
  rig.at(5000);
  rig.learn(2000, 2);
  t.is(rig.owner(2000), 2);
  t.is(rig.claims.own.count, MAX_CLAIMS);
});

test('claims are trusted as far as the session in use is', (t) => {
  const rig = new Rig();
  const [port] = MEMBERS;
  rig.hear(port!, ClaimKind.added, [1]);
  rig.claims.sessionUsed(port!, true);
  t.is(rig.owner(1), port);
  t.is(rig.claims.lookupTrusted(2, 1, 0), 0);
  rig.hear(MEMBERS[1]!, ClaimKind.added, [1]);
  t.is(rig.owner(1), MEMBERS[1]);
  rig.claims.sessionUsed(port!, false);
  t.is(rig.claims.lookupTrusted(2, 1, 0), port);
  t.true(rig.claims.takeList(port!));
  t.false(rig.claims.takeList(port!));
  rig.at(1000);
  t.true(rig.claims.takeList(port!), 'again soon, in case it was lost');
  rig.at(29_999);
  t.false(rig.claims.takeList(port!));
  rig.at(1);
  t.true(rig.claims.takeList(port!));
});

test('malformed claims change nothing', (t) => {
  const rig = new Rig();
  rig.claims.receive(Uint8Array.of(2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1), 0, 12, 10, true);
  t.is(rig.claims.size, 0);
  t.is(rig.claims.counters.claimsMalformed, 1);
});

/** Who owns an address: the same rules, written down plainly. */
class Naive {
  readonly trusted = new Map<number, number>();
  readonly others = new Map<number, number>();

  hear(port: number, kind: ClaimKind, hosts: readonly number[]): void {
    const table = MEMBERS.includes(port) ? this.trusted : this.others;
    if (kind === ClaimKind.list) {
      for (const [host, owner] of [...table]) {
        if (owner === port && !hosts.includes(host)) table.delete(host);
      }
    }
    for (const host of hosts) {
      if (kind === ClaimKind.removed) {
        if (table.get(host) === port) table.delete(host);
      } else if (table === this.trusted || !table.has(host)) table.set(host, port);
    }
  }

  owner(host: number): number {
    return this.trusted.get(host) ?? this.others.get(host) ?? 0;
  }
}

test('the tables agree with a naive twin', (t) => {
  const step = fc.record({
    port: fc.constantFrom(...MEMBERS, ...STRANGERS),
    kind: fc.constantFrom(ClaimKind.list, ClaimKind.added, ClaimKind.removed),
    hosts: fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { maxLength: 6 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rig = new Rig();
      const naive = new Naive();
      for (const { port, kind, hosts } of steps) {
        rig.at(600);
        rig.hear(port, kind, hosts);
        naive.hear(port, kind, hosts);
        for (let host = 0; host < 12; host++) t.is(rig.owner(host), naive.owner(host));
      }
    }),
  );
});
