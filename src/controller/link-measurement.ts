/** What the links measure of themselves, for the costs of the spanning tree. */
import type { Friend } from '../f2f/friend.ts';
import { RELAY_SCHEME } from '../links/relay/relay-provider.ts';
import type { BridgeControl } from './bridge-control.ts';
import type { PlaintextWatch } from './plaintext-watch.ts';

/** Milliseconds between looks. */
const MEASURE_INTERVAL = 5000;
/** Bits per second: the class that a link counts as until somebody measures better. */
const LINK_CLASS = 1e9;

export interface LinkMeasurementOptions {
  readonly core: { readonly friends: readonly Friend[] };
  readonly bridge: Pick<BridgeControl, 'measured'>;
  /** It looks at the reports of the sessions, too; who looks without it would miss what it counts. */
  readonly plaintext: Pick<PlaintextWatch, 'look'>;
}

export class LinkMeasurement {
  readonly #options: LinkMeasurementOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(options: LinkMeasurementOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), MEASURE_INTERVAL);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Tells the spanning tree of every link that has measured a round trip. */
  async look(): Promise<void> {
    const { core, bridge, plaintext } = this.#options;
    if (core.friends.every(({ current }) => current === undefined)) return;
    const used = new Map<number, { readonly port: number; readonly relayed: boolean }>();
    for (const { current, port } of core.friends) {
      if (current === undefined) continue;
      const relayed = current.carrier.provider === RELAY_SCHEME;
      used.set(current.session.localIndex, { port, relayed });
    }
    for (const { localIndex, rtt, loss } of await plaintext.look()) {
      const link = used.get(localIndex);
      if (link === undefined || rtt === undefined) continue;
      bridge.measured(link.port, {
        roundTripTime: rtt,
        loss,
        throughput: LINK_CLASS,
        relayed: link.relayed,
      });
    }
  }
}
