/**
 * Links through a friend: what a caller and a callee do. Wire format: relay-packet.ts.
 *
 *   caller --open--> relay --offer--> callee         `relay://UID of the relay/UID of the callee`
 *          <-opened-
 *          <=========== link messages ==========>
 *
 * The carrier is one for datagrams: what does not fit into a record of either link of the
 * relay is lost, and found out by the search for the path MTU. Who is at the other end,
 * the handshake tells; the relay only carries. It is the last resort: every other provider
 * is preferred to it.
 *
 * Only a friend whose link is not relayed itself can relay, so circuits do not nest. The
 * carrier of a callee lives until its caller closes it, or a link on the way is gone.
 */
import { KithError } from '../../errors.ts';
import type {
  Carrier,
  CarrierEvents,
  DescriptorEvents,
  LinkProvider,
  Listening,
} from '../contract.ts';
import type { CircuitNumbers } from './circuit-numbers.ts';
import { RECEIVERS, type RelayControl, RelayKind, relayControl } from './relay-packet.ts';

export const RELAY_SCHEME = 'relay';
/** Behind all others. */
const PREFERENCE = 100;
/** Circuits that a relay may offer us at a time. */
const MAX_OFFERED = 32;
const URL_SHAPE = /^relay:\/\/([0-9a-f]{40})\/([0-9a-f]{40})$/;

/** Where circuits end. Implemented by the data plane. */
export interface CircuitHost {
  /** @param end the relay's port, and the number in packets that come from there */
  addCircuit(
    end: { readonly port: number; readonly number: number },
    events: DescriptorEvents,
  ): number;
  release(descriptor: number): void;
}

/** The friends who may relay, by the port of their link. */
export interface RelayFriends {
  /** The port of a friend who can be asked to relay; undefined when there is none of that UID. */
  portOf(uid: string): number | undefined;
  uidAt(port: number): string;
  /** Sends a `relayControl` packet. */
  control(port: number, packet: Uint8Array): void;
}

interface Circuit {
  readonly port: number;
  /** In packets that come from the relay. */
  readonly number: number;
  readonly isOurs: boolean;
  /** -1 until the relay has said yes. */
  descriptor: number;
  carrier: Carrier | undefined;
  readonly opened: (carrier: Carrier) => void;
  readonly failed: (error: Error) => void;
}

/** The address of a friend behind another. */
export function relayUrl(relay: string, callee: string): string {
  return `${RELAY_SCHEME}://${relay}/${callee}`;
}

export class RelayProvider implements LinkProvider {
  readonly scheme = RELAY_SCHEME;
  readonly preference = PREFERENCE;
  readonly #host: CircuitHost;
  readonly #events: CarrierEvents;
  readonly #friends: RelayFriends;
  readonly #numbers: CircuitNumbers;
  readonly #circuits = new Map<string, Circuit>();
  #closed = false;

  constructor(
    host: CircuitHost,
    events: CarrierEvents,
    friends: RelayFriends,
    numbers: CircuitNumbers,
  ) {
    this.#host = host;
    this.#events = events;
    this.#friends = friends;
    this.#numbers = numbers;
  }

  async listen(url: string): Promise<Listening> {
    throw new KithError('address', `${url} cannot be listened on: friends who relay find us.`);
  }

  async dial(url: string, signal: AbortSignal): Promise<Carrier> {
    signal.throwIfAborted();
    const [, relay, callee] = URL_SHAPE.exec(url) ?? [];
    const port = relay === undefined ? undefined : this.#friends.portOf(relay);
    const own = port === undefined || this.#closed ? undefined : this.#numbers.take(port);
    if (port === undefined || own === undefined) {
      throw new KithError(
        'address',
        `${url} cannot be reached: that friend is not there to relay.`,
      );
    }
    return await new Promise((resolve, reject) => {
      const circuit: Circuit = {
        port,
        number: own | RECEIVERS,
        isOurs: true,
        descriptor: -1,
        carrier: undefined,
        opened: resolve,
        failed: reject,
      };
      this.#circuits.set(keyOf(port, circuit.number), circuit);
      this.#friends.control(port, relayControl(RelayKind.open, own, callee));
      const abort = (): void => {
        // Once opened, the carrier is its owner's.
        if (circuit.carrier === undefined) this.#end(circuit, signal.reason, true);
      };
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  close(): void {
    this.#closed = true;
    for (const circuit of [...this.#circuits.values()]) {
      this.#end(circuit, new Error('the node stops'), circuit.isOurs);
    }
  }

  has(port: number, number: number): boolean {
    return this.#circuits.has(keyOf(port, number));
  }

  /** What a relay says of its circuits. @returns whether it was about one of ours */
  receive(port: number, { kind, number }: RelayControl): boolean {
    if (kind === RelayKind.offer) {
      this.#offered(port, number);
      return true;
    }
    const circuit = this.#circuits.get(keyOf(port, number));
    if (circuit === undefined) return false;
    if (kind === RelayKind.opened) {
      if (circuit.descriptor < 0) circuit.opened(this.#makeCarrier(circuit));
    } else if (kind === RelayKind.refused || kind === RelayKind.closed) {
      const relay = this.#friends.uidAt(port);
      const said = kind === RelayKind.refused ? 'does not lead there' : 'has ended it';
      this.#end(circuit, new Error(`the friend ${relay.slice(0, 8)} ${said}`), false);
    }
    return true;
  }

  /** A relay is not there any more: what went through it is over. */
  linkGone(port: number): void {
    for (const circuit of [...this.#circuits.values()]) {
      if (circuit.port !== port) continue;
      this.#end(circuit, new Error('the link to the friend who relays it is gone'), false);
    }
  }

  #offered(port: number, number: number): void {
    const offered = [...this.#circuits.values()].filter(
      (each) => !each.isOurs && each.port === port,
    );
    const isTheirs = (number & RECEIVERS) === 0;
    if (!isTheirs || this.has(port, number)) return;
    if (this.#closed || offered.length >= MAX_OFFERED) {
      this.#friends.control(port, relayControl(RelayKind.closed, number ^ RECEIVERS));
      return;
    }
    const circuit: Circuit = {
      port,
      number,
      isOurs: false,
      descriptor: -1,
      carrier: undefined,
      opened: () => {},
      failed: () => {},
    };
    this.#circuits.set(keyOf(port, number), circuit);
    this.#makeCarrier(circuit);
  }

  #makeCarrier(circuit: Circuit): Carrier {
    const { port, number, isOurs } = circuit;
    circuit.descriptor = this.#host.addCircuit(
      { port, number },
      {
        message: (message) => {
          if (circuit.carrier !== undefined) this.#events.message(circuit.carrier, message);
        },
      },
    );
    const carrier: Carrier = {
      provider: RELAY_SCHEME,
      remote: `${RELAY_SCHEME}://${this.#friends.uidAt(port)}`,
      reliable: false,
      descriptor: circuit.descriptor,
      address: undefined,
      close: () => {
        // Several sessions may follow one another on a circuit: its caller knows which is the last.
        if (isOurs) this.#end(circuit, undefined, true);
      },
    };
    circuit.carrier = carrier;
    return carrier;
  }

  /** @param error what to tell whoever uses it; undefined when it is the one who ends it */
  #end(circuit: Circuit, error: Error | undefined, tell: boolean): void {
    const { port, number, carrier } = circuit;
    if (!this.#circuits.delete(keyOf(port, number))) return;
    if (circuit.isOurs) this.#numbers.give(port, number ^ RECEIVERS);
    if (tell) this.#friends.control(port, relayControl(RelayKind.closed, number ^ RECEIVERS));
    circuit.carrier = undefined;
    if (circuit.descriptor >= 0) this.#host.release(circuit.descriptor);
    if (error === undefined) return;
    if (carrier === undefined) circuit.failed(error);
    else this.#events.closed(carrier, error.message);
  }
}

function keyOf(port: number, number: number): string {
  return `${port}/${number}`;
}
