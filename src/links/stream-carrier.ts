/** Carriers over stream descriptors: what TCP and memory links have in common. */
import { DescriptorKind } from '../io/contract.ts';
import type { Carrier, CarrierEvents, CarrierHost } from './contract.ts';

/** How a stream carrier got to be: `connecting` waits for the system's word. */
export interface StreamCarrierOptions {
  readonly provider: string;
  readonly remote: string;
  readonly systemDescriptor: number;
  readonly describeError: (errno: number) => string;
}

/** Keeps the stream carriers of one provider, so that closing it closes them all. */
export class StreamCarriers {
  readonly #host: CarrierHost;
  readonly #events: CarrierEvents;
  readonly #open = new Set<Carrier>();

  constructor(host: CarrierHost, events: CarrierEvents) {
    this.#host = host;
    this.#events = events;
  }

  /** A carrier that we opened, over a stream that is connected already. */
  add(options: StreamCarrierOptions): Carrier {
    return this.#make(options, undefined);
  }

  /** A carrier that somebody else opened. */
  accept(options: StreamCarrierOptions): void {
    this.#events.accepted(this.#make(options, undefined));
  }

  /** A carrier over a stream on its way; resolves when it has arrived. */
  connect(options: StreamCarrierOptions, signal: AbortSignal): Promise<Carrier> {
    return new Promise((resolve, reject) => {
      // Once connected, the carrier is its owner's: the signal ends attempts only.
      const abort = (): void => {
        reject(signal.reason);
        carrier.close();
      };
      const done = (settle: () => void): void => {
        signal.removeEventListener('abort', abort);
        settle();
      };
      const carrier = this.#make(options, {
        resolve: (connected) => done(() => resolve(connected)),
        reject: (error) => done(() => reject(error)),
      });
      signal.addEventListener('abort', abort, { once: true });
      this.#host.watch(carrier.descriptor);
    });
  }

  closeAll(): void {
    for (const carrier of [...this.#open]) carrier.close();
  }

  #make(
    options: StreamCarrierOptions,
    attempt: { resolve: (carrier: Carrier) => void; reject: (error: unknown) => void } | undefined,
  ): Carrier {
    let connected = attempt === undefined;
    const descriptor = this.#host.adopt(options.systemDescriptor, DescriptorKind.stream, {
      message: (message) => {
        if (this.#open.has(carrier)) this.#events.message(carrier, message);
      },
      writable: () => {
        if (connected) return;
        connected = true;
        attempt?.resolve(carrier);
      },
      closed: (errno) => {
        if (!this.#open.delete(carrier)) return;
        const reason = options.describeError(errno);
        if (connected) this.#events.closed(carrier, reason);
        else attempt?.reject(new Error(reason));
      },
    });
    const carrier: Carrier = {
      provider: options.provider,
      remote: options.remote,
      reliable: true,
      descriptor,
      address: undefined,
      close: () => {
        if (!this.#open.delete(carrier)) return;
        this.#host.release(descriptor);
        if (!connected) attempt?.reject(new Error('the attempt was given up'));
      },
    };
    this.#open.add(carrier);
    return carrier;
  }
}
