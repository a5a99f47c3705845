/**
 * Links inside one process: for tests, and for nodes that share a process.
 *
 * `memory://name` is a place in this process where one provider listens; who
 * dials it gets one end of a pair of streams, the listener the other.
 */
import { KithError } from '../../errors.ts';
import type { Carrier, CarrierEvents, CarrierHost, LinkProvider, Listening } from '../contract.ts';
import { type StreamCarrierOptions, StreamCarriers } from '../stream-carrier.ts';

const SCHEME = 'memory';
const CLOSED = 'memory links are closed on this node; start it again.';

type Acceptor = (systemDescriptor: number) => void;

/** Who listens where; one per process unless a test brings its own. */
export class MemoryPlaces {
  readonly acceptors = new Map<string, Acceptor>();
}

const processPlaces = new MemoryPlaces();

class MemoryProvider implements LinkProvider {
  readonly scheme = SCHEME;
  readonly preference = 0;
  readonly #host: CarrierHost;
  readonly #places: MemoryPlaces;
  readonly #carriers: StreamCarriers;
  readonly #names = new Set<string>();
  #closed = false;

  constructor(host: CarrierHost, events: CarrierEvents, places: MemoryPlaces) {
    this.#host = host;
    this.#places = places;
    this.#carriers = new StreamCarriers(host, events);
  }

  async listen(url: string): Promise<Listening> {
    this.#checkOpen();
    const name = parseName(url);
    if (this.#places.acceptors.has(name)) {
      throw new KithError('address', `${url} is taken; choose another name.`);
    }
    this.#places.acceptors.set(name, (systemDescriptor) => {
      this.#carriers.accept(streamOptions(systemDescriptor, `${SCHEME}://${name}/accepted`));
    });
    this.#names.add(name);
    return { url, close: () => this.#forget(name) };
  }

  async dial(url: string, signal: AbortSignal): Promise<Carrier> {
    signal.throwIfAborted();
    this.#checkOpen();
    const accept = this.#places.acceptors.get(parseName(url));
    if (accept === undefined) {
      throw new KithError('address', `${url} cannot be reached: nobody listens there.`);
    }
    const [ours, theirs] = this.#host.sockets.openStreamPair();
    accept(theirs);
    return this.#carriers.add(streamOptions(ours, url));
  }

  close(): void {
    this.#closed = true;
    for (const name of [...this.#names]) this.#forget(name);
    this.#carriers.closeAll();
  }

  #checkOpen(): void {
    if (this.#closed) throw new KithError('address', CLOSED);
  }

  #forget(name: string): void {
    if (this.#names.delete(name)) this.#places.acceptors.delete(name);
  }
}

function streamOptions(systemDescriptor: number, remote: string): StreamCarrierOptions {
  return {
    provider: SCHEME,
    remote,
    systemDescriptor,
    describeError: () => 'the other end closed the link',
  };
}

function parseName(url: string): string {
  const match = /^memory:\/\/([\w.-]+)$/.exec(url);
  if (match === null) {
    throw new KithError('address', `"${url}" is not an address; write it as memory://name.`);
  }
  return match[1];
}

export const memoryProvider = (
  host: CarrierHost,
  events: CarrierEvents,
  places: MemoryPlaces = processPlaces,
): LinkProvider => new MemoryProvider(host, events, places);
