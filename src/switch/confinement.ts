/**
 * Confinement: what leaves by a link in the clear, and what may come by one.
 *
 * Ours; docs/protocol/link.md, section "Claims and confinement", has the rule, and
 * port-trust.ts the words. Of what is on the path of frames only `active` is asked of each.
 */
import type { FilteringDatabase } from './filtering-database.ts';
import { readHigh32, readLow16 } from './mac-address.ts';
import { NO_PORT, PORT_TABLE_LENGTH } from './port.ts';
import { type HostClaims, PortTrust } from './port-trust.ts';

export class Confinement {
  /** PortTrust by port; `setTrust` changes it. */
  readonly trust = new Uint8Array(PORT_TABLE_LENGTH);
  readonly #claims: HostClaims;
  readonly #database: FilteringDatabase;
  /** Ports that are confined. */
  #confined = 0;

  constructor(claims: HostClaims, database: FilteringDatabase) {
    this.#claims = claims;
    this.#database = database;
  }

  setTrust(port: number, trust: PortTrust): void {
    if (this.trust[port] === PortTrust.confined) this.#confined--;
    if (trust === PortTrust.confined) this.#confined++;
    this.trust[port] = trust;
  }

  /** Whether there is anything to look at: a claim, or a port that is confined. */
  get active(): boolean {
    return this.#claims.size + this.#confined > 0;
  }

  /** Whether some port is confined. */
  get confines(): boolean {
    return this.#confined > 0;
  }

  /**
   * The port of the host of ours, or of a member of a group of ours, whose address a frame that
   * came in the clear has for its source; NO_PORT otherwise. Only a node that is in a group minds.
   * @param source where the source address is in `slab`
   */
  pretended(slab: Uint8Array, source: number, vid: number, port: number): number {
    if (this.trust[port] !== PortTrust.confined || this.#claims.size === 0) return NO_PORT;
    const high = readHigh32(slab, source);
    const low = readLow16(slab, source);
    const owner = this.#claims.lookupTrusted(high, low, vid);
    if (owner === NO_PORT || this.trust[owner] !== PortTrust.local) return owner;
    // A host of ours that has been silent for the ageing time may have moved there.
    const known = this.#database.lookup(high, low, vid);
    return known !== NO_PORT && this.trust[known] === PortTrust.local ? owner : NO_PORT;
  }
}
