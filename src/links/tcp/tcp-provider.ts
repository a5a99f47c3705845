/**
 * Links over TCP: the thesis's reference provider (F2F thesis, section 3.3.6),
 * with Nagle's algorithm off (section 4.5.2: it costs 40 ms on small packets).
 *
 * For networks where UDP does not pass. TCP inside TCP suffers when segments
 * are lost, so UDP is preferred where both work.
 */
import { KithError } from '../../errors.ts';
import { addressText } from '../../io/address.ts';
import { DescriptorKind } from '../../io/contract.ts';
import { errnoName } from '../../io/errno.ts';
import type { Carrier, CarrierEvents, CarrierHost, LinkProvider, Listening } from '../contract.ts';
import { formatLinkUrl, parseLinkUrl, resolveHost } from '../link-url.ts';
import { StreamCarriers } from '../stream-carrier.ts';

const SCHEME = 'tcp';
const CLOSED = 'TCP links are closed on this node; start it again.';

class TcpProvider implements LinkProvider {
  readonly scheme = SCHEME;
  readonly preference = 20;
  readonly #host: CarrierHost;
  readonly #carriers: StreamCarriers;
  readonly #listeners = new Set<number>();
  #closed = false;

  constructor(host: CarrierHost, events: CarrierEvents) {
    this.#host = host;
    this.#carriers = new StreamCarriers(host, events);
  }

  async listen(url: string): Promise<Listening> {
    this.#checkOpen();
    const { host, port } = parseLinkUrl(url, 'listen');
    const { sockets } = this.#host;
    const system = sockets.openTcpListener(host, port);
    const bound = sockets.localAddress(system);
    const descriptor = this.#host.adopt(system, DescriptorKind.listener, {
      accepted: (connection, address) => {
        this.#carriers.accept({
          provider: SCHEME,
          remote: `${SCHEME}://${addressText(address)}`,
          systemDescriptor: connection,
          describeError,
        });
      },
    });
    this.#listeners.add(descriptor);
    return {
      url: formatLinkUrl({ scheme: SCHEME, ...bound }),
      close: () => {
        if (this.#listeners.delete(descriptor)) this.#host.release(descriptor);
      },
    };
  }

  async dial(url: string, signal: AbortSignal): Promise<Carrier> {
    const { host, port } = parseLinkUrl(url, 'dial');
    const numeric = await resolveHost(host);
    signal.throwIfAborted();
    this.#checkOpen();
    try {
      const systemDescriptor = this.#host.sockets.openTcpConnection(numeric, port);
      return await this.#carriers.connect(
        { provider: SCHEME, remote: url, systemDescriptor, describeError },
        signal,
      );
    } catch (cause) {
      if (signal.aborted) throw cause;
      // Refused at once: the sentence says all.
      if (cause instanceof KithError) throw new KithError('address', cause.message, { cause });
      const why = cause instanceof Error ? cause.message : 'no answer';
      throw new KithError('address', `${url} cannot be reached: ${why}.`, { cause });
    }
  }

  close(): void {
    this.#closed = true;
    for (const descriptor of this.#listeners) this.#host.release(descriptor);
    this.#listeners.clear();
    this.#carriers.closeAll();
  }

  #checkOpen(): void {
    if (this.#closed) throw new KithError('address', CLOSED);
  }
}

function describeError(errno: number): string {
  return errno === 0
    ? 'the other end closed the connection'
    : `the system says ${errnoName(errno)}`;
}

export const tcpProvider = (host: CarrierHost, events: CarrierEvents): LinkProvider =>
  new TcpProvider(host, events);
