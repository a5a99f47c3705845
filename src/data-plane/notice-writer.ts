/**
 * Writes notices into two bounded rings: one for what anybody may cause, one for
 * what only friends and the node itself can. A flood of strangers fills only its
 * own ring. A full ring drops the notice and counts it.
 */
import { ADDRESS_LENGTH } from '../io/contract.ts';
import type { SharedRing } from '../io/ring.ts';
import { MAC_LENGTH, writeMac } from '../switch/mac-address.ts';
import {
  NOTICE_HEADER_LENGTH,
  NoticeKind,
  writeNoticeAddress,
  writeNoticeHeader,
} from './notice.ts';

/** Octets of the friends' ring that friends cannot fill: some 6,000 notices of the node's own. */
const OWN_SHARE = 256 * 1024;
/** Octets that news of addresses leave to all other notices. */
const OTHERS_SHARE = 512 * 1024;
const NOTHING = new Uint8Array(0);

export class NoticeWriter {
  readonly #slab: Uint8Array;
  readonly #strangers: SharedRing;
  readonly #friends: SharedRing;
  readonly #header = new Uint8Array(NOTICE_HEADER_LENGTH);
  readonly #mac = new Uint8Array(MAC_LENGTH);
  /** Something was written since the main thread was woken last. */
  pending = false;

  constructor(slab: Uint8Array, strangers: SharedRing, friends: SharedRing) {
    this.#slab = slab;
    this.#strangers = strangers;
    this.#friends = friends;
  }

  /** From anybody: a message outside a session, or a new connection. */
  stranger(
    kind: number,
    subject: number,
    value: number,
    address: number,
    from: number,
    length: number,
  ): boolean {
    return this.#write(this.#strangers, kind, 0, subject, value, address, from, length);
  }

  /** From a friend's session or from the node itself. */
  friend(
    kind: number,
    flag: number,
    subject: number,
    value: number,
    address: number,
    from: number,
    length: number,
  ): boolean {
    // What friends write leaves room for what the node itself must know.
    const theirs = kind === NoticeKind.packet || kind === NoticeKind.bridgeFrame;
    if (theirs && !this.#friends.hasRoom(NOTICE_HEADER_LENGTH + length, OWN_SHARE)) return false;
    return this.#write(this.#friends, kind, flag, subject, value, address, from, length);
  }

  /** An address that was learnt or forgotten. @returns false when there is no room: it is lost */
  address(learnt: boolean, high: number, low: number, vid: number, port: number): boolean {
    if (!this.#friends.hasRoom(NOTICE_HEADER_LENGTH, OTHERS_SHARE)) return false;
    const header = this.#header;
    writeNoticeHeader(header, NoticeKind.address, learnt ? 1 : 0, port, vid);
    writeMac(this.#mac, 0, high, low);
    writeNoticeAddress(header, this.#mac);
    this.pending = true;
    return this.#friends.push([header, NOTHING]);
  }

  #write(
    ring: SharedRing,
    kind: number,
    flag: number,
    subject: number,
    value: number,
    address: number,
    from: number,
    length: number,
  ): boolean {
    const header = this.#header;
    writeNoticeHeader(header, kind, flag, subject, value);
    if (address >= 0) {
      writeNoticeAddress(header, this.#slab.subarray(address, address + ADDRESS_LENGTH));
    }
    const payload = length > 0 ? this.#slab.subarray(from, from + length) : NOTHING;
    this.pending = true;
    return ring.push([header, payload]);
  }
}
