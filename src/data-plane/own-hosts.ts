/**
 * The hosts behind our own ports, as we tell friends of them (links/claim.ts). Pure.
 *
 *            learnt on a local port
 *   [unknown] ---------------------> [claimed] --- learnt on a link, port gone,
 *       ^                                |         or not heard of for LIFETIME
 *       +--------------------------------+
 *
 * A host is claimed for longer than the switch remembers it: nobody else shall get its
 * frames only because it is quiet. When there are too many, those that the switch has
 * forgotten make room first; then new ones are refused and counted.
 *
 * News gather in two packets until they are told. What does not fit is told by a list.
 */
import {
  CLAIM_ENTRY_LENGTH,
  CLAIM_HEADER_LENGTH,
  ClaimKind,
  ENTRIES_PER_CLAIM,
  MAX_CLAIMS,
  writeClaimEntry,
  writeClaimHeader,
} from '../links/claim.ts';

/** Milliseconds that a host is claimed after it was last heard of. */
export const LIFETIME = 3_600_000;

/** One kind of news, as the packet that tells it. */
class News {
  readonly #bytes = new Uint8Array(CLAIM_HEADER_LENGTH + ENTRIES_PER_CLAIM * CLAIM_ENTRY_LENGTH);
  count = 0;

  constructor(kind: ClaimKind) {
    writeClaimHeader(this.#bytes, kind, 0, 0, 0);
  }

  /** @returns false when there is no room */
  add(high: number, low: number, vid: number): boolean {
    if (this.count === ENTRIES_PER_CLAIM) return false;
    writeClaimEntry(this.#bytes, this.count++, high, low, vid);
    return true;
  }

  get packet(): Uint8Array {
    return this.#bytes.subarray(0, CLAIM_HEADER_LENGTH + this.count * CLAIM_ENTRY_LENGTH);
  }
}

export class OwnHosts {
  readonly #high = new Int32Array(MAX_CLAIMS);
  readonly #low = new Uint16Array(MAX_CLAIMS);
  readonly #vid = new Uint16Array(MAX_CLAIMS);
  readonly #port = new Uint16Array(MAX_CLAIMS);
  readonly #heardAt = new Float64Array(MAX_CLAIMS);
  readonly #removed = new News(ClaimKind.removed);
  readonly #added = new News(ClaimKind.added);
  readonly #part = new Uint8Array(CLAIM_HEADER_LENGTH + ENTRIES_PER_CLAIM * CLAIM_ENTRY_LENGTH);
  #list = 0;
  /** Hosts that are claimed. */
  count = 0;
  /** Hosts that were too many. */
  refused = 0;
  /** There is something to tell, as packets. */
  hasNews = false;
  /** More has changed than the packets hold. */
  overflowed = false;

  /** The host of a place, 0 … count-1. Places change when hosts are removed. */
  highAt(place: number): number {
    return this.#high[place];
  }
  lowAt(place: number): number {
    return this.#low[place];
  }
  vidAt(place: number): number {
    return this.#vid[place];
  }
  portAt(place: number): number {
    return this.#port[place];
  }
  heardAt(place: number): number {
    return this.#heardAt[place];
  }

  /**
   * A host that is not claimed yet.
   * @param quiet milliseconds not heard of, after which one makes room for it
   * @returns the place that it took, of one that had to go or a new one; -1 when refused
   */
  placeFor(now: number, quiet: number): number {
    if (this.count < MAX_CLAIMS) return this.count;
    let oldest = 0;
    for (let place = 1; place < this.count; place++) {
      if (this.#heardAt[place] < this.#heardAt[oldest]) oldest = place;
    }
    if (now - this.#heardAt[oldest] >= quiet) return oldest;
    this.refused++;
    return -1;
  }

  /** Puts a host at `count`, behind the others. */
  add(high: number, low: number, vid: number, port: number, now: number): void {
    const place = this.count++;
    this.#high[place] = high;
    this.#low[place] = low;
    this.#vid[place] = vid;
    this.heard(place, port, now);
    this.hasNews = true;
    if (!this.#added.add(high, low, vid)) this.overflowed = true;
  }

  heard(place: number, port: number, now: number): void {
    this.#port[place] = port;
    this.#heardAt[place] = now;
  }

  /** Takes a host away; the last one moves to its place. */
  removeAt(place: number): void {
    this.hasNews = true;
    if (!this.#removed.add(this.#high[place], this.#low[place], this.#vid[place])) {
      this.overflowed = true;
    }
    const last = --this.count;
    this.#high[place] = this.#high[last];
    this.#low[place] = this.#low[last];
    this.#vid[place] = this.#vid[last];
    this.#port[place] = this.#port[last];
    this.#heardAt[place] = this.#heardAt[last];
  }

  /** @returns its place, or -1 */
  find(high: number, low: number, vid: number): number {
    for (let place = 0; place < this.count; place++) {
      const same = this.#high[place] === high && this.#low[place] === low;
      if (same && this.#vid[place] === vid) return place;
    }
    return -1;
  }

  /** Gives away the packets with what is new; each is good until `forgetNews`. */
  tellNews(send: (packet: Uint8Array) => void): void {
    if (this.#removed.count > 0) send(this.#removed.packet);
    if (this.#added.count > 0) send(this.#added.packet);
  }

  forgetNews(): void {
    this.#removed.count = this.#added.count = 0;
    this.hasNews = this.overflowed = false;
  }

  /** Gives away the packets of a whole list; each is good until the next. */
  tellAll(send: (packet: Uint8Array) => void): void {
    this.#list = (this.#list + 1) & 0xff;
    const parts = Math.max(1, Math.ceil(this.count / ENTRIES_PER_CLAIM));
    for (let part = 0; part < parts; part++) {
      const first = part * ENTRIES_PER_CLAIM;
      const entries = Math.min(ENTRIES_PER_CLAIM, this.count - first);
      writeClaimHeader(this.#part, ClaimKind.list, this.#list, part, parts);
      for (let i = 0; i < entries; i++) {
        const place = first + i;
        writeClaimEntry(this.#part, i, this.#high[place], this.#low[place], this.#vid[place]);
      }
      send(this.#part.subarray(0, CLAIM_HEADER_LENGTH + entries * CLAIM_ENTRY_LENGTH));
    }
  }
}
