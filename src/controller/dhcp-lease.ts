/**
 * DHCP for interfaces on the switch: drives one DhcpClient for each, on the node's side.
 *
 *    DhcpClient -- frames --> injectFrame(port) --> the switch, as if the interface had sent them
 *        ^  ^                                            |
 *        |  +------------- dhcpReply(port) <-------------+   (and ARP about a new address)
 *        +-- one timer, at its deadline
 *
 * So neither a raw socket nor a program on the interface's side is needed; the interface
 * sees the replies too and passes them over.
 */
import type { Clock } from '../clock.ts';
import { DhcpClient } from '../tap/dhcp/dhcp-client.ts';
import type { Lease } from '../tap/dhcp/lease.ts';
import type { LeaseKeeper, TapLease } from './lease-keeper.ts';

/** What of the data plane is needed. */
export interface DhcpPlane {
  injectFrame(port: number, frame: Uint8Array): void;
  listenDhcp(port: number, on: boolean, address: number): void;
}

export interface DhcpLeasesOptions {
  readonly plane: DhcpPlane;
  readonly clock: Clock;
  /** A number in [0, 1), unpredictable. */
  readonly random: () => number;
}

/** The longest time that a timer of Node can wait, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The keepers of a node, by port. */
export class DhcpLeases {
  readonly #options: DhcpLeasesOptions;
  readonly #keepers = new Map<number, DhcpLeaseKeeper>();

  constructor(options: DhcpLeasesOptions) {
    this.#options = options;
  }

  /** A keeper for one interface. */
  keeper(): LeaseKeeper {
    return new DhcpLeaseKeeper(this.#options, this.#keepers);
  }

  /** A reply came for a port (the event `dhcpReply` of the data plane). */
  reply(port: number, frame: Uint8Array): void {
    this.#keepers.get(port)?.receive(frame);
  }
}

type Apply = (lease: TapLease | undefined) => void;

/** What is kept while it runs. */
interface Run {
  readonly port: number;
  readonly client: DhcpClient;
  readonly apply: Apply;
}

class DhcpLeaseKeeper implements LeaseKeeper {
  readonly #options: DhcpLeasesOptions;
  readonly #keepers: Map<number, DhcpLeaseKeeper>;
  #run: Run | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What was told last. */
  #told: TapLease | undefined;
  /** The address of which ARP packets come, too; 0 for none. */
  #checked = 0;

  constructor(options: DhcpLeasesOptions, keepers: Map<number, DhcpLeaseKeeper>) {
    this.#options = options;
    this.#keepers = keepers;
  }

  start(port: number, mac: Uint8Array, apply: Apply): void {
    const { plane, clock, random } = this.#options;
    this.stop();
    const client = new DhcpClient({ hardwareAddress: mac, random });
    this.#run = { port, client, apply };
    this.#keepers.set(port, this);
    plane.listenDhcp(port, true, 0);
    this.#took(client.start(clock.now()));
  }

  receive(frame: Uint8Array): void {
    const client = this.#run?.client;
    if (client !== undefined) this.#took(client.receive(frame, this.#options.clock.now()));
  }

  stop(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    this.#told = undefined;
    this.#checked = 0;
    clearTimeout(this.#timer);
    const { plane, clock } = this.#options;
    for (const frame of run.client.release(clock.now())) plane.injectFrame(run.port, frame);
    // A port may have got another keeper in the meantime.
    if (this.#keepers.get(run.port) !== this) return;
    this.#keepers.delete(run.port);
    plane.listenDhcp(run.port, false, 0);
  }

  /** Sends what a step of the client gave, tells what it changed and sets the timer. */
  #took(frames: readonly Uint8Array[]): void {
    const run = this.#run;
    if (run === undefined) return;
    const { checked = 0 } = run.client;
    if (checked !== this.#checked) {
      this.#checked = checked;
      this.#options.plane.listenDhcp(run.port, true, checked);
    }
    for (const frame of frames) this.#options.plane.injectFrame(run.port, frame);
    this.#arm(run.client);
    const lease = run.client.lease && tapLease(run.client.lease);
    if (JSON.stringify(lease) === JSON.stringify(this.#told)) return;
    this.#told = lease;
    run.apply(lease);
  }

  #arm(client: DhcpClient): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (client.deadline === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#options;
    const wait = Math.min(LONGEST_TIMER, Math.max(0, client.deadline - clock.now()));
    this.#timer = setTimeout(() => this.#took(client.tick(clock.now())), Math.ceil(wait));
    this.#timer.unref();
  }
}

function tapLease({ address, prefix, router, dns, domain, mtu }: Lease): TapLease {
  return {
    address,
    prefix,
    ...(router === undefined ? {} : { gateway: router }),
    dns,
    ...(domain === undefined ? {} : { domain }),
    ...(mtu === undefined ? {} : { mtu }),
  };
}
