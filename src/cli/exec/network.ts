/**
 * The network of one `kith exec`, seen from inside its namespace: loopback, an interface
 * whose device the node reads and writes, addresses, and names.
 *
 *    lo up --> TAP opened --> descriptor sent to the node --> held --> addresses --> in use
 *                                                              |
 *                    the node's events: leases, the end  <-----+
 *
 * The node holds the device. It lets go when we stop listening, so that a killed process
 * leaves no port behind; a TAP keeps its namespace alive as long as somebody has it open.
 */
import type { ControlClient } from '../../controller/control-client.ts';
import type { TapLease } from '../../controller/lease-keeper.ts';
import type { TapEvent, TapStatus } from '../../controller/node-api-taps.ts';
import { tapSettings } from '../../controller/tap-settings.ts';
import { KithError } from '../../errors.ts';
import { Errno, SystemError } from '../../io/errno.ts';
import type {
  InterfaceAddress,
  InterfaceSettings,
  SystemSockets,
} from '../../io/system-contract.ts';
import { formatMac } from '../../switch/mac-address.ts';
import { DHCP, leasedMtu } from '../../tap/interface-options.ts';
import { tapOpener } from '../../tap/tap-device.ts';
import type { ExecPlan } from './plan.ts';
import type { NameService } from './resolver.ts';

/** What of the node is needed. */
export type ExecNode = Pick<
  ControlClient,
  'openTapAttachment' | 'completeTapAttachment' | 'holdTap' | 'removeTap'
>;

export interface ExecSystem {
  readonly sockets: SystemSockets;
  readonly node: ExecNode;
  /** Six octets, unpredictable. */
  randomMac(): Uint8Array;
  useNames(service: NameService): void;
  /** Tells the user something, while the command may be running. */
  note(text: string): void;
  /** Milliseconds to wait for a DHCP server. */
  readonly patience: number;
  /** Ends the wait; its reason is what `join` fails with. */
  readonly interruption: AbortSignal;
}

/** Milliseconds to wait for a DHCP server, unless told otherwise. */
export const PATIENCE = 10_000;

/** What a descriptor is sent with: sending needs an octet. */
const PAYLOAD = Uint8Array.of(0);

/** What the kernel says of a gateway that is in no network of the interface. */
const FAR_GATEWAY: readonly number[] = [Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EINVAL];

/** Sysctls of the namespace's own network, whose owner may use it as he likes. */
export const NETWORK_SYSCTLS: readonly (readonly [path: string, value: string])[] = [
  // ping without root: our group is the only one there is (icmp(7)).
  ['/proc/sys/net/ipv4/ping_group_range', '0 0'],
  // Servers on any port.
  ['/proc/sys/net/ipv4/ip_unprivileged_port_start', '0'],
];

export class ExecNetwork {
  readonly #plan: ExecPlan;
  readonly #system: ExecSystem;
  readonly #fixed: readonly InterfaceAddress[];
  #tap: TapStatus | undefined;
  /** The interface's real name. */
  #name: string;
  #leased: InterfaceAddress | undefined;
  #namesFailed = false;
  #leaving = false;

  private constructor(plan: ExecPlan, system: ExecSystem) {
    this.#plan = plan;
    this.#system = system;
    this.#name = plan.name;
    this.#fixed = tapSettings(requestOf(plan), '').options.addresses;
  }

  /** @throws KithError with nothing left behind */
  static async join(plan: ExecPlan, system: ExecSystem): Promise<ExecNetwork> {
    const network = new ExecNetwork(plan, system);
    try {
      await network.#join();
    } catch (error) {
      await network.leave();
      throw error;
    }
    return network;
  }

  get interface(): string {
    return this.#name;
  }

  /** The first address, without its prefix. */
  get address(): string {
    return (this.#fixed[0] ?? this.#leased)?.host ?? '';
  }

  /** Gives the interface up. May be called twice. */
  async leave(): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = true;
    // A node that has ended, or has let go already, has nothing to do.
    if (this.#tap !== undefined) await this.#system.node.removeTap(this.#tap.name).catch(() => {});
  }

  async #join(): Promise<void> {
    const { sockets, node } = this.#system;
    const { dns, gateway, ip } = this.#plan;
    sockets.configureInterface('lo', '', { up: true });
    this.#tap = await this.#attach();
    const events = await node.holdTap(this.#tap.name, { dhcp: ip.includes(DHCP) });
    const firstLease = this.#follow(events);
    // Without DHCP nobody waits for it.
    firstLease.catch(() => {});
    if (dns.length > 0) this.#useNames({ dns });
    if (ip.includes(DHCP)) await this.#waitFor(firstLease);
    if (gateway !== undefined) this.#route(gateway);
    this.#system.interruption.throwIfAborted();
  }

  /** Opens the device and hands it to the node, which alone has it open then. */
  async #attach(): Promise<TapStatus> {
    const { sockets, node, randomMac } = this.#system;
    const { options } = tapSettings(requestOf(this.#plan), '');
    const mac = this.#plan.mac === undefined ? randomMac() : options.macFor(options.name);
    const device = tapOpener(sockets)({ ...options, macFor: () => mac });
    try {
      const { path } = await node.openTapAttachment();
      sockets.sendDescriptor(path, device.descriptor, PAYLOAD);
      const { name } = device;
      this.#name = name;
      const facts = { path, name, mac: formatMac(mac), mtu: options.mtu, held: true };
      return await node.completeTapAttachment(facts);
    } finally {
      sockets.closeDescriptor(device.descriptor);
    }
  }

  /** Listens as long as the node tells something. @returns settles with the first lease */
  #follow(events: AsyncIterable<TapEvent>): Promise<void> {
    return new Promise((resolve, reject) => {
      const listen = async (): Promise<void> => {
        for await (const { lease } of events) {
          this.#apply(lease ?? undefined);
          if (lease !== null) resolve();
        }
      };
      listen().then(
        () => this.#lost(reject),
        () => this.#lost(reject),
      );
    });
  }

  #lost(reject: (error: Error) => void): void {
    const error = new KithError(
      'not-running',
      `the node let go of ${this.#name}, and the command has no network any more; run it again`,
    );
    reject(error);
    if (!this.#leaving) this.#system.note(error.message);
  }

  async #waitFor(firstLease: Promise<void>): Promise<void> {
    const { patience, interruption } = this.#system;
    let timer: NodeJS.Timeout | undefined;
    const end = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(noServer(patience)), patience);
      interruption.addEventListener('abort', () => reject(interruption.reason));
    });
    try {
      await Promise.race([firstLease, end]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What follows from a lease; what cannot be done is told, and the command goes on. */
  #apply(lease: TapLease | undefined): void {
    const last = this.#leased;
    const next = lease && { host: lease.address, prefix: lease.prefix };
    const moved = last !== undefined && (next?.host !== last.host || next.prefix !== last.prefix);
    const mtu = this.#plan.mtu === undefined ? lease?.mtu : undefined;
    this.#try(`the lease of ${lease?.address ?? 'no address'} cannot be applied`, {
      ...(mtu === undefined ? {} : { mtu: leasedMtu(mtu, this.#fixed) }),
      ...(moved ? { removeAddresses: [last] } : {}),
      ...(next === undefined ? {} : { addresses: [next] }),
    });
    this.#leased = next;
    const gateway = this.#plan.gateway ?? lease?.gateway;
    if (next !== undefined && gateway !== undefined) {
      this.#try(`${gateway} cannot be the way to other networks`, { gateway });
    }
    const { dns = [], domain } = lease ?? {};
    const servers = this.#plan.dns.length > 0 ? this.#plan.dns : dns;
    if (servers.length > 0) {
      this.#useNames({ dns: servers, ...(domain === undefined ? {} : { domain }) });
    }
  }

  #try(trouble: string, settings: InterfaceSettings): void {
    if (Object.keys(settings).length === 0) return;
    try {
      this.#system.sockets.configureInterface(this.#name, '', settings);
    } catch (error) {
      this.#system.note(`${trouble} (${reasonOf(error)}); look at \`ip address\` there`);
    }
  }

  /** The gateway that the user names has to work. */
  #route(gateway: string): void {
    try {
      this.#system.sockets.configureInterface(this.#name, '', { gateway });
    } catch (cause) {
      const isFar = cause instanceof SystemError && FAR_GATEWAY.includes(cause.errno);
      if (!isFar) throw cause;
      throw new KithError(
        'usage',
        `--gateway '${gateway}' must be in the network of an address; give that one with --ip`,
        { cause },
      );
    }
  }

  /** Told once: a command without names is better than none. */
  #useNames(service: NameService): void {
    try {
      this.#system.useNames(service);
    } catch (error) {
      if (!this.#namesFailed) this.#system.note(reasonOf(error));
      this.#namesFailed = true;
    }
  }
}

function noServer(patience: number): KithError {
  return new KithError(
    'not-found',
    `no DHCP server answered on the switch within ${patience / 1000} s; give an address yourself with --ip, such as --ip 10.0.0.2/24`,
  );
}

function requestOf({ name, ip, mac, mtu }: ExecPlan) {
  return {
    name,
    ip,
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
