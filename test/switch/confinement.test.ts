import test from 'ava';
import { Confinement } from '../../src/switch/confinement.ts';
import { FilteringDatabase } from '../../src/switch/filtering-database.ts';
import { parseMac, readHigh32, readLow16 } from '../../src/switch/mac-address.ts';
import { NO_PORT } from '../../src/switch/port.ts';
import { type HostClaims, PortTrust } from '../../src/switch/port-trust.ts';

const HOST = '02:00:00:00:00:01';
const OFFSET = 6;
const OURS = 1;
const MEMBER = 2;
const CLEAR = 3;

/** Claims of one address, in VLAN 0. */
class OneClaim implements HostClaims {
  size = 0;
  owner = NO_PORT;
  readonly #high: number;
  readonly #low: number;

  constructor(address: Uint8Array) {
    this.#high = readHigh32(address, 0);
    this.#low = readLow16(address, 0);
  }

  claim(port: number): void {
    this.owner = port;
    this.size = 1;
  }

  lookup(high: number, low: number, vid: number): number {
    return high === this.#high && low === this.#low && vid === 0 ? this.owner : NO_PORT;
  }

  lookupTrusted(high: number, low: number, vid: number): number {
    return this.lookup(high, low, vid);
  }

  learned(): void {}
}

function bench() {
  const address = parseMac(HOST) ?? new Uint8Array(6);
  const claims = new OneClaim(address);
  const database = new FilteringDatabase({ minPersistence: 0 });
  const confinement = new Confinement(claims, database);
  const slab = new Uint8Array(OFFSET + 6);
  slab.set(address, OFFSET);
  const learn = (port: number) =>
    database.learn(readHigh32(address, 0), readLow16(address, 0), 0, port, 0);
  const pretended = (port: number, vid = 0) => confinement.pretended(slab, OFFSET, vid, port);
  return { claims, confinement, learn, pretended };
}

test('there is nothing to look at without a claim and without a confined port', (t) => {
  const { claims, confinement } = bench();
  t.false(confinement.active);
  confinement.setTrust(CLEAR, PortTrust.clear);
  t.false(confinement.active);
  claims.claim(MEMBER);
  t.true(confinement.active);
  t.false(confinement.confines);
});

test('confined ports are counted once each, and no more when they are something else', (t) => {
  const { confinement } = bench();
  const { confined, absent } = PortTrust;
  confinement.setTrust(3, confined);
  confinement.setTrust(3, confined);
  confinement.setTrust(4, confined);
  t.true(confinement.confines);
  t.true(confinement.active);
  confinement.setTrust(3, absent);
  t.true(confinement.confines);
  confinement.setTrust(4, absent);
  t.false(confinement.confines);
  t.false(confinement.active);
  t.deepEqual([confinement.trust[3], confinement.trust[4]], [absent, absent]);
});

test('only what comes by a confined port can pretend', (t) => {
  const { claims, confinement, pretended } = bench();
  confinement.setTrust(MEMBER, PortTrust.sealed);
  claims.claim(MEMBER);
  for (const trust of [PortTrust.local, PortTrust.absent, PortTrust.sealed, PortTrust.clear]) {
    confinement.setTrust(CLEAR, trust);
    t.is(pretended(CLEAR), NO_PORT);
  }
  confinement.setTrust(CLEAR, PortTrust.confined);
  t.is(pretended(CLEAR), MEMBER);
  t.is(pretended(CLEAR, 7), NO_PORT, 'another VLAN, another host');
});

test('nobody pretends an address that nobody has claimed', (t) => {
  const { claims, confinement, pretended } = bench();
  confinement.setTrust(CLEAR, PortTrust.confined);
  t.is(pretended(CLEAR), NO_PORT);
  claims.claim(NO_PORT);
  t.is(pretended(CLEAR), NO_PORT);
});

test('a host of ours that is not heard of any more may have moved; one that is has not', (t) => {
  const { claims, confinement, learn, pretended } = bench();
  confinement.setTrust(OURS, PortTrust.local);
  confinement.setTrust(CLEAR, PortTrust.confined);
  claims.claim(OURS);
  t.is(pretended(CLEAR), NO_PORT, 'the database has forgotten it');
  learn(OURS);
  t.is(pretended(CLEAR), OURS);
  learn(CLEAR);
  t.is(pretended(CLEAR), NO_PORT, 'it is known to be behind the link');
});
