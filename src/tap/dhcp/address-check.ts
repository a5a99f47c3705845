/**
 * Looks whether somebody has an address already, before it is used. Pure.
 *
 * Read first: RFC 5227 section 2.1 (probing) and 2.1.1; RFC 2131 section 4.4.1.
 *
 *    start: probe -- 300 … 500 ms --> probe -- 300 … 500 ms --> probe -- 600 ms --> free
 *              \________________________ taken, by any sign of it ________________/
 *
 * RFC 5227 has the same three probes over 4 to 7 seconds, for Ethernets of which nothing
 * is known. Who asks for an interface waits for this, so ours are closer together; the 1.2
 * seconds and more are several times the round trip of any link that the tree would use.
 *
 * Error contract: a packet about something else leaves it untouched.
 */

import { type ArpPacket, probeFrame } from './arp.ts';
import { ANY_ADDRESS } from './ipv4.ts';

/** RFC 5227 section 1.1: PROBE_NUM. */
export const PROBE_COUNT = 3;
/** Milliseconds between probes, drawn between the two (ours; PROBE_MIN and PROBE_MAX). */
export const PROBE_MIN = 300;
export const PROBE_MAX = 500;
/** Milliseconds after the last probe (ours; ANNOUNCE_WAIT). */
export const LAST_WAIT = 600;

export class AddressCheck {
  readonly address: number;
  readonly #mac: Uint8Array;
  readonly #random: () => number;
  #sent = 0;
  #deadline: number;

  /** @param mac six octets, of the interface that is to have the address */
  constructor(mac: Uint8Array, address: number, random: () => number, now: number) {
    this.#mac = mac;
    this.address = address;
    this.#random = random;
    this.#deadline = now;
  }

  /** When to call `tick` next. */
  get deadline(): number {
    return this.#deadline;
  }

  /** @returns a probe to send; undefined: nobody has spoken up, or it is too early to tell */
  tick(now: number): Uint8Array | undefined {
    if (now < this.#deadline || this.#sent === PROBE_COUNT) return undefined;
    this.#sent++;
    const wait =
      this.#sent === PROBE_COUNT ? LAST_WAIT : PROBE_MIN + (PROBE_MAX - PROBE_MIN) * this.#random();
    this.#deadline = now + wait;
    return probeFrame(this.#mac, this.address);
  }

  /** Whether all has been asked and waited for. */
  isFree(now: number): boolean {
    return this.#sent === PROBE_COUNT && now >= this.#deadline;
  }

  /** Whether this says that another has the address, or is about to take it as we are. */
  isTakenBy({ senderMac, sender, target }: ArpPacket): boolean {
    if (this.#mac.every((octet, i) => octet === senderMac[i])) return false;
    return sender === this.address || (sender === ANY_ADDRESS && target === this.address);
  }
}
