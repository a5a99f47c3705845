/**
 * The host interfaces of a node: TAP devices, each on a port of its own.
 *
 *   asked for --> [up] --remove, end of the node--> gone
 *                  |
 *                  +--the device goes away under us--> gone, logged and counted
 *
 * The interface vanishes with its last descriptor. The data plane has one; the other is kept
 * here, because taking an interface apart makes whoever closes last wait. Its port is
 * reserved in the table that VDE clients get theirs from, so that nobody else joins it.
 */
import { KithError } from '../errors.ts';
import { errnoName } from '../io/errno.ts';
import type { SystemSockets } from '../io/system-contract.ts';
import { formatMac } from '../switch/mac-address.ts';
import type { PortTable } from '../switch/vde/port-table.ts';
import type { OpenTap, TapDevice } from '../tap/contract.ts';
import { formatHostAddress, parseStationMac } from '../tap/interface-options.ts';
import type { LeaseKeeper, TapLease } from './lease-keeper.ts';
import type { TapAttachment, TapHoldRequest, TapRequest, TapStatus } from './node-api-taps.ts';
import { TapAttachments } from './tap-attachments.ts';
import { TapHold } from './tap-hold.ts';
import { applyLease, type LeasedTap } from './tap-lease.ts';
import { tapName, tapSettings } from './tap-settings.ts';

/** What reading a TAP gives when its interface was deleted; Node has no name for it. */
const EBADFD = 77;

/** Milliseconds in which somebody has to hold an interface that is to be held. */
const HOLD_TIMEOUT = 10_000;

/** What of the data plane TAPs need. */
export interface TapPlane {
  addTap(port: number, systemDescriptor: number, closed: (errno: number) => void): number;
  removeEndpoint(handle: number): void;
  /** Settled when what was asked before is done. */
  ioCounters(): Promise<unknown>;
}

/** What of the spanning tree they need. */
export interface TapBridge {
  portUp(port: number, kind: 'tap'): void;
  portDown(port: number): void;
}

export interface TapLog {
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
}

export interface TapsOptions {
  readonly home: string;
  readonly uid: string;
  readonly sockets: SystemSockets;
  readonly openTap: OpenTap;
  readonly plane: TapPlane;
  readonly bridge: TapBridge;
  readonly ports: PortTable;
  readonly log: TapLog;
  /** Makes a DHCP client; without one, nobody can ask for DHCP. */
  readonly leaseKeeper?: () => LeaseKeeper;
}

interface Tap extends LeasedTap {
  readonly interface: string;
  readonly port: number;
  readonly mac: Uint8Array;
  /** What another process has is not ours to set up. */
  readonly device: TapDevice | undefined;
  readonly handle: number;
  keeper: LeaseKeeper | undefined;
  /** Of another process: who holds it, or how long it may go without. */
  hold: TapHold | undefined;
  unheld: NodeJS.Timeout | undefined;
}

/** What is known of a TAP before it has a port. */
type TapFacts = Omit<Tap, 'port' | 'handle' | 'spare' | 'keeper' | 'leased' | 'hold' | 'unheld'>;

export class Taps {
  readonly #options: TapsOptions;
  readonly #attachments: TapAttachments;
  readonly #taps = new Map<string, Tap>();
  #lost = 0;

  constructor(options: TapsOptions) {
    this.#options = options;
    this.#attachments = new TapAttachments(options.home, options.sockets);
    this.#attachments.sweep();
  }

  /** Devices that went away by themselves, since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** In order of their ports. */
  list(): TapStatus[] {
    return [...this.#taps.values()].sort((a, b) => a.port - b.port).map(statusOf);
  }

  /** Makes an interface; it is up when this returns. @throws KithError with nothing left behind */
  add(request: TapRequest): TapStatus {
    const { options, dhcp } = tapSettings(request, this.#options.uid);
    if (dhcp) this.#checkDhcp();
    const { netns } = request;
    this.#checkFree(tapName(options.name, netns));
    return this.#onPort((port) => {
      const device = this.#options.openTap(options);
      const facts = {
        name: tapName(device.name, netns),
        interface: device.name,
        mac: device.mac,
        mtu: options.mtu,
        mtuGiven: request.mtu !== undefined,
        netns,
        fixed: options.addresses,
        device,
      };
      const tap = this.#joinOrClose(port, device.descriptor, facts);
      if (dhcp) this.#keepLease(tap, (lease) => this.#applyLease(tap, device, lease));
      return tap;
    });
  }

  /** Takes an interface away; its name is free when the promise is resolved. */
  async remove(name: string): Promise<{ name: string }> {
    const tap = this.#taps.get(name);
    if (tap === undefined) {
      throw new KithError(
        'not-found',
        `this node has no interface ${name}; \`kith tap --list\` shows those it has`,
      );
    }
    await this.#leave(tap);
    return { name };
  }

  openAttachment(): { path: string } {
    return { path: this.#attachments.open() };
  }

  /** Joins a TAP that another process has opened and sent. @throws KithError */
  completeAttachment({ path, name, mac, mtu, held = false }: TapAttachment): TapStatus {
    const station = parseStationMac(mac);
    if (station === undefined) throw new KithError('usage', `mac '${mac}' is none of a station`);
    const descriptor = this.#attachments.take(path);
    try {
      this.#adopt(descriptor, path);
      return this.#onPort((port) => {
        const facts = {
          name: tapName(name, String(port)),
          interface: name,
          mac: station,
          mtu,
          mtuGiven: true,
          netns: undefined,
          fixed: [],
          device: undefined,
        };
        this.#checkFree(facts.name);
        const tap = this.#join(port, descriptor, facts);
        if (held) this.#expectHold(tap);
        return tap;
      });
    } catch (error) {
      this.#options.sockets.closeDescriptor(descriptor);
      throw error;
    }
  }

  /** As NodeApi.holdTap. @throws KithError */
  hold(name: string, { dhcp = false }: TapHoldRequest): TapHold {
    const tap = this.#taps.get(name);
    if (tap === undefined || tap.device !== undefined) {
      throw new KithError('not-found', `no process has passed an interface ${name} to this node`);
    }
    if (tap.hold !== undefined) {
      throw new KithError('usage', `the interface ${name} is held already; one holder is enough`);
    }
    if (dhcp) this.#checkDhcp();
    clearTimeout(tap.unheld);
    const hold = new TapHold(() => void this.#leave(tap));
    tap.hold = hold;
    hold.tell({ lease: null });
    if (dhcp) this.#keepLease(tap, (lease) => this.#tellLease(tap, hold, lease));
    return hold;
  }

  /** Gives leases back and closes every socket; the data plane closes the devices. */
  close(): void {
    this.#attachments.close();
    for (const tap of this.#taps.values()) {
      this.#release(tap);
      this.#options.sockets.closeDescriptor(tap.spare);
    }
    this.#taps.clear();
  }

  /** The interface is gone when the promise is resolved; it never fails. */
  async #leave(tap: Tap): Promise<void> {
    if (this.#taps.get(tap.name) !== tap) return;
    this.#options.plane.removeEndpoint(tap.handle);
    this.#forget(tap);
    const { name, port } = tap;
    this.#options.log.info({ name, port }, 'host interface removed');
    await this.#options.plane.ioCounters();
    await this.#closeSpare(tap);
  }

  async #closeSpare({ name, spare }: Tap): Promise<void> {
    try {
      await this.#options.sockets.closeSlowly(spare);
    } catch (error) {
      this.#options.log.warn({ name, err: error }, 'a host interface could not be closed');
    }
  }

  #expectHold(tap: Tap): void {
    tap.unheld = setTimeout(() => void this.#leave(tap), HOLD_TIMEOUT);
    tap.unheld.unref();
  }

  #checkDhcp(): void {
    if (this.#options.leaseKeeper !== undefined) return;
    throw new KithError('unsupported', 'this node has no DHCP client; give an address with --ip');
  }

  #checkFree(name: string): void {
    const tap = this.#taps.get(name);
    if (tap === undefined) return;
    throw new KithError(
      'usage',
      `this node has an interface ${name} already, on port ${tap.port}; choose another name with --name, or remove it with \`kith tap --remove --name ${name}\``,
    );
  }

  /** Reserves a port for what `make` makes. */
  #onPort(make: (port: number) => Tap): TapStatus {
    const { ports } = this.#options;
    const port = ports.reserve();
    try {
      if (port === undefined) {
        throw new KithError(
          'system',
          `all ${ports.portCount} ports of the switch are taken; detach something, or raise switch.ports in config.json`,
        );
      }
      return statusOf(make(port));
    } catch (error) {
      if (port !== undefined) ports.unreserve(port);
      throw error;
    }
  }

  #adopt(descriptor: number, path: string): void {
    try {
      this.#options.sockets.adoptTap(descriptor);
    } catch (cause) {
      const told = `what came to ${path} is no TAP device with virtio-net headers; send one`;
      throw new KithError('usage', told, { cause });
    }
  }

  #joinOrClose(port: number, descriptor: number, facts: TapFacts): Tap {
    try {
      return this.#join(port, descriptor, facts);
    } catch (error) {
      this.#options.sockets.closeDescriptor(descriptor);
      throw error;
    }
  }

  #join(port: number, descriptor: number, facts: TapFacts): Tap {
    const { sockets, bridge, log } = this.#options;
    const spare = sockets.duplicateDescriptor(descriptor);
    let handle: number;
    try {
      handle = this.#options.plane.addTap(port, descriptor, (errno) => this.#vanished(tap, errno));
    } catch (error) {
      sockets.closeDescriptor(spare);
      throw error;
    }
    const nothing = { keeper: undefined, leased: undefined, hold: undefined, unheld: undefined };
    const tap: Tap = { ...facts, port, handle, spare, ...nothing };
    this.#taps.set(tap.name, tap);
    bridge.portUp(port, 'tap');
    log.info({ name: tap.name, port, mac: formatMac(tap.mac) }, 'host interface up');
    return tap;
  }

  #vanished(tap: Tap, errno: number): void {
    const { name } = tap;
    if (this.#taps.get(name) !== tap) return;
    this.#lost++;
    this.#forget(tap);
    void this.#closeSpare(tap);
    const reason = errno === EBADFD ? 'the interface was deleted' : errnoName(errno);
    this.#options.log.warn({ name, port: tap.port, reason }, 'a host interface went away');
  }

  #forget(tap: Tap): void {
    this.#taps.delete(tap.name);
    this.#release(tap);
    this.#options.bridge.portDown(tap.port);
    this.#options.ports.unreserve(tap.port);
  }

  /** Lets go of what hangs on it. */
  #release(tap: Tap): void {
    clearTimeout(tap.unheld);
    tap.keeper?.stop();
    tap.hold?.end();
  }

  #keepLease(tap: Tap, apply: (lease: TapLease | undefined) => void): void {
    tap.keeper = this.#options.leaseKeeper?.();
    tap.keeper?.start(tap.port, tap.mac, apply);
  }

  #applyLease(tap: Tap, device: TapDevice, lease: TapLease | undefined): void {
    if (this.#taps.get(tap.name) === tap) applyLease(tap, device, lease, this.#options);
  }

  /** Whoever holds the interface sets it up. */
  #tellLease(tap: Tap, hold: TapHold, lease: TapLease | undefined): void {
    tap.leased = lease && { host: lease.address, prefix: lease.prefix };
    const address = tap.leased === undefined ? 'none' : formatHostAddress(tap.leased);
    this.#options.log.info({ name: tap.name, address }, 'DHCP lease');
    hold.tell({ lease: lease ?? null });
  }
}

function statusOf(tap: Tap): TapStatus {
  const addresses = tap.leased === undefined ? tap.fixed : [...tap.fixed, tap.leased];
  return {
    name: tap.name,
    interface: tap.interface,
    port: tap.port,
    mac: formatMac(tap.mac),
    mtu: tap.mtu,
    addresses: addresses.map(formatHostAddress),
    dhcp: tap.keeper !== undefined,
    ...(tap.netns === undefined ? {} : { netns: tap.netns }),
    attached: tap.device === undefined,
  };
}
