/**
 * Links over UDP: the fast path.
 *
 * One socket serves everybody: what is dialled leaves from the port that we
 * listen on, so that NATs and friends see one address. Sessions are told apart
 * by their index, not by address, so a friend may move (roaming).
 */
import { addressText, emitAddress } from '../../io/address.ts';
import { ADDRESS_LENGTH, DescriptorKind } from '../../io/contract.ts';
import type { Carrier, CarrierEvents, CarrierHost, LinkProvider, Listening } from '../contract.ts';
import { formatLinkUrl, parseLinkUrl, resolveHost } from '../link-url.ts';

const SCHEME = 'udp';

class UdpProvider implements LinkProvider {
  readonly scheme = SCHEME;
  readonly preference = 10;
  readonly #host: CarrierHost;
  readonly #events: CarrierEvents;
  readonly #sockets = new Set<number>();
  #closed = false;

  constructor(host: CarrierHost, events: CarrierEvents) {
    this.#host = host;
    this.#events = events;
  }

  async listen(url: string): Promise<Listening> {
    const { host, port } = parseLinkUrl(url, 'listen');
    const system = this.#host.sockets.openUdp(host, port);
    const bound = this.#host.sockets.localAddress(system);
    const descriptor = this.#adopt(system);
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
    const [socket] = this.#sockets;
    const descriptor = socket ?? this.#adopt(this.#host.sockets.openUdp('::', 0));
    const address = new Uint8Array(ADDRESS_LENGTH);
    emitAddress({ host: numeric, port }, address);
    return this.#carrier(descriptor, address);
  }

  close(): void {
    this.#closed = true;
    for (const descriptor of this.#sockets) this.#host.release(descriptor);
    this.#sockets.clear();
  }

  #adopt(system: number): number {
    const descriptor: number = this.#host.adopt(system, DescriptorKind.udp, {
      message: (message, address) => {
        if (!this.#closed) this.#events.message(this.#carrier(descriptor, address), message);
      },
    });
    this.#sockets.add(descriptor);
    return descriptor;
  }

  #carrier(descriptor: number, address: Uint8Array): Carrier {
    return {
      provider: SCHEME,
      remote: `${SCHEME}://${addressText(address)}`,
      reliable: false,
      descriptor,
      address,
      close: () => {}, // the socket is everybody's
    };
  }
}

export const udpProvider = (host: CarrierHost, events: CarrierEvents): LinkProvider =>
  new UdpProvider(host, events);
