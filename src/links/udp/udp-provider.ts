/**
 * Links over UDP: the fast path.
 *
 * One socket (or a group of one address, where the host divides sessions) serves everybody: what is dialled leaves from the port that we
 * listen on, so that NATs and friends see one address. Sessions are told apart
 * by their index, not by address, so a friend may move (roaming).
 */
import { KithError } from '../../errors.ts';
import { addressText, emitAddress, isLoopback } from '../../io/address.ts';
import { ADDRESS_LENGTH, DescriptorKind } from '../../io/contract.ts';
import type { Carrier, CarrierEvents, CarrierHost, LinkProvider, Listening } from '../contract.ts';
import { formatLinkUrl, parseLinkUrl, resolveHost } from '../link-url.ts';

const SCHEME = 'udp';
const CLOSED = 'UDP links are closed on this node; start it again.';

class UdpProvider implements LinkProvider {
  readonly scheme = SCHEME;
  readonly preference = 10;
  readonly #host: CarrierHost;
  readonly #events: CarrierEvents;
  /** Our sockets, and the numeric host that each is bound to. */
  readonly #sockets = new Map<number, string>();
  #closed = false;

  constructor(host: CarrierHost, events: CarrierEvents) {
    this.#host = host;
    this.#events = events;
  }

  async listen(url: string): Promise<Listening> {
    this.#checkOpen();
    const { host, port } = parseLinkUrl(url, 'listen');
    const systems = this.#host.openDatagrams(host, port);
    const bound = this.#host.sockets.localAddress(systems[0]);
    const descriptor = this.#adopt(systems, bound.host);
    return {
      url: formatLinkUrl({ scheme: SCHEME, ...bound }),
      close: () => {
        if (this.#sockets.delete(descriptor)) this.#host.release(descriptor);
      },
    };
  }

  async dial(url: string, signal: AbortSignal): Promise<Carrier> {
    const { host, port } = parseLinkUrl(url, 'dial');
    const numeric = await resolveHost(host);
    signal.throwIfAborted();
    this.#checkOpen();
    const descriptor = this.#socketFor(numeric);
    const address = new Uint8Array(ADDRESS_LENGTH);
    emitAddress({ host: numeric, port }, address);
    return this.#carrier(descriptor, address);
  }

  close(): void {
    this.#closed = true;
    for (const descriptor of this.#sockets.keys()) this.#host.release(descriptor);
    this.#sockets.clear();
  }

  #checkOpen(): void {
    if (this.#closed) throw new KithError('address', CLOSED);
  }

  /** The socket that we listen on, if it reaches `numeric` from where it is bound. */
  #socketFor(numeric: string): number {
    for (const [descriptor, bound] of this.#sockets) {
      if (reaches(bound, numeric)) return descriptor;
    }
    return this.#adopt(this.#host.openDatagrams('::', 0), '::');
  }

  #adopt(systems: readonly number[], bound: string): number {
    const descriptor: number = this.#host.adopt(systems, DescriptorKind.udp, {
      message: (message, address) => {
        if (!this.#closed) this.#events.message(this.#carrier(descriptor, address), message);
      },
      closed: () => {
        this.#sockets.delete(descriptor);
      },
    });
    this.#sockets.set(descriptor, bound);
    return descriptor;
  }

  #carrier(descriptor: number, address: Uint8Array): Carrier {
    return {
      provider: SCHEME,
      // Written when it is asked for: most who send a first message in a flood never are.
      get remote() {
        return `${SCHEME}://${addressText(address)}`;
      },
      reliable: false,
      descriptor,
      address,
      close: () => {}, // the socket is everybody's
    };
  }
}

/** Whether datagrams to `remote` can leave a socket bound to `bound`; `::` is dual-stack. */
function reaches(bound: string, remote: string): boolean {
  if (bound === '::') return true;
  if (isIpv6(bound) !== isIpv6(remote)) return false;
  return bound === '0.0.0.0' || isLoopback(bound) === isLoopback(remote);
}

function isIpv6(numeric: string): boolean {
  return numeric.includes(':');
}

export const udpProvider = (host: CarrierHost, events: CarrierEvents): LinkProvider =>
  new UdpProvider(host, events);
