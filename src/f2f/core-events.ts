/**
 * Core events: what a component of the node hears of its friends.
 *
 * Read first: the F2F thesis, section 3.5. The names are the thesis's, in our
 * spelling: PEER_IO_CONNECTING, PEER_IO_RW, PEER_IO_DISCONNECTED.
 *
 *   offline --connecting--> connected --read-write …--> connected --disconnected--> offline
 *
 * Listeners are called in the order in which they registered, so that those of
 * higher priority come first. A packet that no listener claims is dropped and
 * counted (section 3.5): nobody else's packets wait behind it.
 */
import type { Uid } from './uid.ts';

export interface CoreEventMap {
  /** A link to a friend has come up, on this switch port. */
  connecting: { readonly uid: Uid; readonly port: number };
  /** The link can take a packet, or one has come in: then `packet` is set until it is claimed. */
  'read-write': { readonly uid: Uid; readonly packet?: IncomingPacket };
  /** The link is gone; `reason` is a sentence. */
  disconnected: { readonly uid: Uid; readonly port: number; readonly reason: string };
}

export interface IncomingPacket {
  readonly type: number;
  readonly payload: Uint8Array;
  claimed: boolean;
}

export type CoreListener<Name extends keyof CoreEventMap> = (event: CoreEventMap[Name]) => void;

/** One registration: the same listener may have several. */
interface Registration<Name extends keyof CoreEventMap> {
  readonly listener: CoreListener<Name>;
}

export class CoreEvents {
  readonly #registrations: { [Name in keyof CoreEventMap]: Registration<Name>[] } = {
    connecting: [],
    'read-write': [],
    disconnected: [],
  };

  /** @returns a function that takes this registration away again; calling it twice does no harm */
  on<Name extends keyof CoreEventMap>(name: Name, listener: CoreListener<Name>): () => void {
    const list: Registration<Name>[] = this.#registrations[name];
    const registration = { listener };
    list.push(registration);
    return () => {
      const index = list.indexOf(registration);
      if (index >= 0) list.splice(index, 1);
    };
  }

  emit<Name extends keyof CoreEventMap>(name: Name, event: CoreEventMap[Name]): void {
    const list: readonly Registration<Name>[] = [...this.#registrations[name]];
    for (const { listener } of list) listener(event);
  }
}
