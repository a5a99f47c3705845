/** What the TAPs need of a DHCP client: an address for what is behind a port. */

/** What a DHCP server granted. */
export interface TapLease {
  /** Numeric IPv4. */
  readonly address: string;
  /** Bits of the network's prefix. */
  readonly prefix: number;
  /** The router of the network, if it has one. */
  readonly gateway?: string;
  /** Name servers, the preferred one first. */
  readonly dns?: readonly string[];
  /** The domain to look up short names in. */
  readonly domain?: string;
  /** Octets of the largest IP packet that the server wants us to send. */
  readonly mtu?: number;
}

/** Keeps one lease: asks, renews, gives back. */
export interface LeaseKeeper {
  /**
   * Asks for an address for the station behind a port, and keeps it.
   * @param mac six octets
   * @param apply called with each lease that differs from the one before, and with
   *   undefined when it is lost; not called any more after `stop`
   */
  start(port: number, mac: Uint8Array, apply: (lease: TapLease | undefined) => void): void;
  /** Gives the lease back and forgets it. */
  stop(): void;
}
