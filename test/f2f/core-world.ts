/**
 * A world for F2F cores: virtual time, links that can be slow, cut or lossy, and
 * data planes that only keep account of sessions. Handshakes are real.
 */
import type { OpenSession } from '../../src/data-plane/commands.ts';
import type { DataPlane } from '../../src/data-plane/data-plane.ts';
import { F2FCore } from '../../src/f2f/core.ts';
import type { CoreEventMap } from '../../src/f2f/core-events.ts';
import type { CoreOptions } from '../../src/f2f/core-options.ts';
import { Friend } from '../../src/f2f/friend.ts';
import type { Uid } from '../../src/f2f/uid.ts';
import { CipherId } from '../../src/io/contract.ts';
import type {
  Carrier,
  CarrierEvents,
  LinkProvider,
  ProviderFactory,
} from '../../src/links/contract.ts';
import { CookieSecrets } from '../../src/links/handshake/cookie.ts';
import { PacketType } from '../../src/links/packet.ts';
import {
  seededRandom,
  type TestNode,
  testNode,
  testSuite,
} from '../links/handshake/handshake-driver.ts';
import { VirtualTime } from './virtual-time.ts';

/** As in the data plane: a ping every so often, and dead after so much silence; milliseconds. */
const PING_INTERVAL = 400;
const FAIL_AFTER = 2400;

const PREFERENCES = { udp: 10, tcp: 20 } as const;
type Scheme = keyof typeof PREFERENCES;

interface Wire {
  readonly near: { plane: FakePlane; events: CarrierEvents; carrier: Carrier };
  readonly far: { plane: FakePlane; events: CarrierEvents; carrier: Carrier };
  readonly scheme: Scheme;
}

interface Held extends Omit<OpenSession, 'op'> {
  alive: boolean;
  heard: number;
}

export class World {
  readonly time = new VirtualTime();
  /** Milliseconds from one node to another. */
  latency: (from: string, to: string, scheme: Scheme) => number = () => 5;
  /** What is lost on the way; streams lose nothing but can be cut, too. */
  isCut: (from: string, to: string, scheme: Scheme) => boolean = () => false;
  readonly places = new Map<string, { plane: FakePlane; events: CarrierEvents }>();
  readonly wires = new Set<Wire>();
  readonly planes = new Set<FakePlane>();
  readonly #restore: () => void;
  #lastDescriptor = 0;
  #nodes = 0;

  constructor() {
    this.#restore = this.time.install();
  }

  /** A node with that identity; the same number is the same identity. */
  start(name: string, number: number, changes: Partial<CoreOptions> = {}): WorldNode {
    return new WorldNode(this, name, testNode(number), this.#nodes++, changes);
  }

  async end(): Promise<void> {
    for (const plane of this.planes) await plane.node.core.close();
    this.#restore();
  }

  nextDescriptor(): number {
    return ++this.#lastDescriptor;
  }

  /** Delivers after the latency of the way, unless it is cut. */
  carry(from: FakePlane, to: FakePlane, scheme: Scheme, deliver: () => void): void {
    const [a, b] = [from.node.name, to.node.name];
    if (from.crashed || this.isCut(a, b, scheme)) return;
    setTimeout(
      () => {
        if (!to.crashed && !this.isCut(a, b, scheme)) deliver();
      },
      this.latency(a, b, scheme),
    );
  }
}

export interface Recorded {
  readonly name: keyof CoreEventMap;
  readonly at: number;
  readonly reason?: string;
}

/** One core with all it needs. */
export class WorldNode {
  readonly name: string;
  readonly uid: Uid;
  readonly core: F2FCore;
  readonly plane: FakePlane;
  /** 'connecting' and 'disconnected', as they came. */
  readonly events: Recorded[] = [];
  readonly identity: TestNode;

  constructor(
    world: World,
    name: string,
    identity: TestNode,
    serial: number,
    changes: Partial<CoreOptions>,
  ) {
    this.name = name;
    this.uid = identity.uid;
    this.identity = identity;
    const random = seededRandom(31 * serial + 7);
    this.plane = new FakePlane(world, this);
    world.planes.add(this.plane);
    this.core = new F2FCore({
      clock: world.time,
      random,
      cookies: new CookieSecrets(testSuite, random, world.time.now()),
      log: { info: () => {}, warn: () => {}, debug: () => {} },
      dataPlane: this.plane as unknown as DataPlane,
      providers: [fakeProvider(world, 'udp'), fakeProvider(world, 'tcp')],
      facts: () => ({
        suite: testSuite,
        random,
        identity: identity.identity,
        name,
        features: 0,
        largestFrame: 9216,
        ciphers: [{ cipher: CipherId.aes256gcm, speed: 1000 }],
        groups: [{ name: 'default', keys: [] }],
        floor: 'never',
        addresses: [],
      }),
      tickets: () => [],
      redeem: () => {
        throw new Error('no ticket was given');
      },
      succeeded: () => {},
      redeemed: () => {},
      ...changes,
    });
    for (const event of ['connecting', 'disconnected'] as const) {
      this.core.events.on(event, (told) => {
        const reason = 'reason' in told ? { reason: told.reason } : {};
        this.events.push({ name: event, at: world.time.now(), ...reason });
      });
    }
  }

  /** Makes a friend of another, to be dialled at `addresses`. */
  befriend(other: WorldNode, addresses: readonly string[], port = 513): Friend {
    const friend = new Friend({ uid: other.uid, source: 'config', name: '', addresses, port });
    this.core.addFriend(friend);
    return friend;
  }

  friend(other: WorldNode): Friend {
    return this.core.friend(other.uid)!;
  }

  /** Gone from one moment to the next, without a word. */
  async crash(): Promise<void> {
    this.plane.crashed = true;
    await this.core.close();
  }
}

/** As much of a data plane as a core can see. */
export class FakePlane {
  readonly node: WorldNode;
  readonly sessions = new Map<number, Held>();
  readonly used = new Map<number, number>();
  readonly bulk: number[] = [];
  readonly workers = 1;
  crashed = false;
  readonly #world: World;
  readonly #timer: NodeJS.Timeout;

  constructor(world: World, node: WorldNode) {
    this.#world = world;
    this.node = node;
    this.#timer = setInterval(() => this.#tick(), PING_INTERVAL);
  }

  send(descriptor: number, _: Uint8Array | undefined, message: Uint8Array): void {
    const found = this.#wire(descriptor);
    if (found === undefined) return;
    const { wire, other } = found;
    const copy = message.slice();
    this.#world.carry(this, other.plane, wire.scheme, () => {
      if (this.#world.wires.has(wire)) other.events.message(other.carrier, copy);
    });
  }

  isShared(): boolean {
    return false;
  }

  openSession(open: Omit<OpenSession, 'op'>): void {
    const held = { ...open, alive: false, heard: this.#world.time.now() };
    this.sessions.set(open.localIndex, held);
    this.#ping(held);
  }

  useSession(port: number, localIndex: number): void {
    this.used.set(port, localIndex);
  }

  closeSession(localIndex: number, reason?: string): void {
    const held = this.sessions.get(localIndex);
    this.sessions.delete(localIndex);
    if (held === undefined || reason === undefined) return;
    this.#toPeer(held, (peer) => {
      peer.node.core.packet(held.remoteIndex, PacketType.close, Buffer.from(reason));
    });
  }

  lastWords(): Promise<void> {
    return Promise.resolve();
  }

  sendPacket(localIndex: number, type: number, payload: Uint8Array, priority: string): void {
    const held = this.sessions.get(localIndex);
    if (held === undefined) return;
    if (priority === 'bulk') this.bulk.push(localIndex);
    this.#toPeer(held, (peer) => peer.node.core.packet(held.remoteIndex, type, payload));
  }

  /** The carrier's way from the other end breaks, and both notice. */
  hangUp(descriptor: number): void {
    const found = this.#wire(descriptor);
    if (found === undefined) return;
    this.#world.wires.delete(found.wire);
    if (found.wire.scheme !== 'tcp') return;
    this.#world.carry(this, found.other.plane, 'tcp', () => {
      found.other.events.closed(found.other.carrier, 'the other end closed the connection');
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.crashed) return;
    const now = this.#world.time.now();
    for (const held of this.sessions.values()) {
      this.#ping(held);
      const silence = now - held.heard;
      if (silence >= FAIL_AFTER) this.node.core.sessionDead(held.localIndex, silence);
    }
  }

  /** Says something, and hears the answer if the other end knows the session. */
  #ping(held: Held): void {
    this.#toPeer(held, (peer) => {
      peer.#heard(held.remoteIndex);
      const theirs = peer.sessions.get(held.remoteIndex);
      if (theirs !== undefined) peer.#toPeer(theirs, (us) => us.#heard(held.localIndex));
    });
  }

  #heard(localIndex: number): void {
    const held = this.sessions.get(localIndex);
    if (held === undefined) return;
    held.heard = this.#world.time.now();
    if (held.alive) return;
    held.alive = true;
    this.node.core.sessionAlive(localIndex);
  }

  #toPeer(held: Held, deliver: (peer: FakePlane) => void): void {
    const found = this.#wire(held.descriptor);
    if (found === undefined) return;
    this.#world.carry(this, found.other.plane, found.wire.scheme, () => deliver(found.other.plane));
  }

  #wire(descriptor: number): { wire: Wire; other: Wire['near'] } | undefined {
    for (const wire of this.#world.wires) {
      if (wire.near.carrier.descriptor === descriptor) return { wire, other: wire.far };
      if (wire.far.carrier.descriptor === descriptor) return { wire, other: wire.near };
    }
    return undefined;
  }
}

function fakeProvider(world: World, scheme: Scheme): ProviderFactory {
  return (host, events): LinkProvider => {
    const plane = host as unknown as FakePlane;
    const listening = new Set<string>();
    const carrierOf = (remote: string): Carrier => {
      const descriptor = world.nextDescriptor();
      return {
        provider: scheme,
        remote,
        reliable: scheme === 'tcp',
        descriptor,
        address: scheme === 'tcp' ? undefined : new Uint8Array(24),
        close: () => {
          if (scheme === 'tcp') plane.hangUp(descriptor);
        },
      };
    };
    return {
      scheme,
      preference: PREFERENCES[scheme],
      async listen(url) {
        world.places.set(url, { plane, events });
        listening.add(url);
        return { url, close: () => void world.places.delete(url) };
      },
      async dial(url, signal) {
        const place = world.places.get(url);
        if (place === undefined) {
          if (scheme === 'tcp') throw new Error(`${url} cannot be reached: nobody is there.`);
          return carrierOf(url);
        }
        if (scheme === 'tcp') {
          await new Promise<void>((resolve) => {
            world.carry(plane, place.plane, scheme, () =>
              world.carry(place.plane, plane, scheme, resolve),
            );
          });
          signal.throwIfAborted();
        }
        const near = { plane, events, carrier: carrierOf(url) };
        const far = {
          ...place,
          carrier: { ...carrierOf(`${scheme}://from-${plane.node.name}`) },
        };
        far.carrier.close = () => {
          if (scheme === 'tcp') place.plane.hangUp(far.carrier.descriptor);
        };
        world.wires.add({ near, far, scheme });
        if (scheme === 'tcp') place.events.accepted(far.carrier);
        return near.carrier;
      },
      close() {
        for (const url of listening) {
          if (world.places.get(url)?.plane === plane) world.places.delete(url);
        }
        for (const wire of [...world.wires]) {
          if (wire.near.plane === plane) plane.hangUp(wire.near.carrier.descriptor);
          else if (wire.far.plane === plane) plane.hangUp(wire.far.carrier.descriptor);
        }
        plane.stop();
      },
    };
  };
}
