/**
 * Which port a name in the configuration or on the command line means.
 *
 * Friends may call themselves what they like, so the names that the configuration gives them
 * count first, and a name that two have means nobody.
 */
import { MAX_PORT } from '../switch/port.ts';
import type { PortReference } from './config-ports.ts';
import { FIRST_LINK_PORT } from './friend-book.ts';

export interface NamedPorts {
  /** Friends of the configuration, by the names it gives them. */
  readonly configured: readonly { readonly uid: string; readonly name?: string | undefined }[];
  readonly friends: readonly {
    readonly uid: string;
    readonly name: string;
    readonly port: number;
  }[];
  readonly taps: readonly { readonly name: string; readonly port: number }[];
}

/** @returns undefined when nothing of that name is there, or more than one */
export function portNamed(reference: PortReference, ports: NamedPorts): number | undefined {
  if (typeof reference === 'number') return reference;
  const { configured, friends, taps } = ports;
  const uid = configured.find(({ name }) => name === reference)?.uid ?? reference.toLowerCase();
  const known = friends.find((friend) => friend.uid === uid);
  if (known !== undefined) return known.port;
  const tap = taps.find(({ name }) => name === reference);
  if (tap !== undefined) return tap.port;
  const called = friends.filter(({ name }) => name === reference);
  return called.length === 1 ? called[0].port : undefined;
}

/**
 * What means a port also after the next start, when friends and interfaces may have others.
 * @returns undefined for the port of a friend who is none any more
 */
export function lastingPortName(
  port: number,
  friends: NamedPorts['friends'],
  taps: NamedPorts['taps'],
): PortReference | undefined {
  const friend = friends.find((each) => each.port === port);
  if (friend !== undefined) return friend.uid;
  const tap = taps.find((each) => each.port === port);
  if (tap !== undefined) return tap.name;
  return port >= FIRST_LINK_PORT && port < MAX_PORT ? undefined : port;
}

/** Who has a port now. */
export interface PresentPorts {
  friends(): NamedPorts['friends'];
  taps(): NamedPorts['taps'];
}

/** The names of the ports of a node, as friends and interfaces come and go. */
export class PortNames {
  readonly #configured: NamedPorts['configured'];
  #present: PresentPorts = { friends: () => [], taps: () => [] };

  /** @param configured friends of the configuration */
  constructor(configured: NamedPorts['configured']) {
    this.#configured = configured;
  }

  /** While a node is being put together nobody has a port; from now on these have. */
  follow(present: PresentPorts): void {
    this.#present = present;
  }

  /** As `portNamed`, of who is here now. */
  resolve(reference: PortReference): number | undefined {
    const { friends, taps } = this.#present;
    return portNamed(reference, {
      configured: this.#configured,
      friends: friends(),
      taps: taps(),
    });
  }
}
