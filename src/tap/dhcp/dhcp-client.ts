/**
 * The client: gets an address from a server, keeps it, gives it back. Pure.
 *
 * Read first: RFC 2131 section 3.1 (the exchange), 4.1 (retransmission), 4.4 (figure 5);
 * RFC 5227 section 2.1 for what happens between the ACK and the use of the address.
 *
 *    stopped --start--> selecting --OFFER--> requesting --ACK--> checking --free--> bound <---ACK----+
 *                        ^     ^                 |                  |                 | T1           |
 *                        |     +---- no answer --+                  |                 v              |
 *                        |                       | NAK              | taken        renewing --ACK----+
 *                        |                       v                  v                 | T2           |
 *                        +---- after a pause -- init <-- DECLINE ---+                 v              |
 *                        |                       ^------- NAK ------------------- rebinding --ACK----+
 *                        +----------------------- expiry -----------------------------+
 *
 *    From each state `release` leads to stopped. An ACK that brings another address than the
 *    one in use leads to checking, too.
 *
 * Error contract: nothing that comes in kills it. A frame that is malformed, somebody
 * else's or out of turn is counted in `drops` and leaves it untouched.
 *
 * Not done: remembering a lease over a restart (INIT-REBOOT), and defending an address
 * that somebody takes later (RFC 5227 section 2.4).
 */
import { AddressCheck } from './address-check.ts';
import { announcementFrame, isArp, parseArp } from './arp.ts';
import { type Lease, readGrant } from './lease.ts';
import { type DhcpMessage, MessageType, Op, parseMessage } from './message.ts';
import { Option, readAddress, readNumber } from './options.ts';
import {
  CLIENT_PORT,
  declineFrame,
  discoverFrame,
  type Exchange,
  type Holding,
  rebindFrame,
  releaseFrame,
  renewFrame,
  selectFrame,
} from './requests.ts';
import { parseUdpFrame } from './udp-frame.ts';

export type DhcpState =
  | 'stopped'
  | 'init'
  | 'selecting'
  | 'requesting'
  | 'checking'
  | 'bound'
  | 'renewing'
  | 'rebinding';

/** Why a frame was passed over. */
export const DHCP_FAULTS = [
  'not-dhcp', // another protocol, port or direction; ARP while no address is checked
  'truncated', // a length does not fit
  'checksum', // of IPv4 or UDP
  'malformed', // an option runs out of its field, or a reply lacks what it must have
  'foreign', // for another client, the answer to another question, ARP of another address
  'unexpected', // not in this state, or from a server we did not choose
] as const;
export type DhcpFault = (typeof DHCP_FAULTS)[number];

export interface DhcpClientOptions {
  /** The interface's address, six octets. */
  readonly hardwareAddress: Uint8Array;
  /** What the server shall call us. */
  readonly hostName?: string;
  /** A number in [0, 1), unpredictable: it becomes the transaction identifier, and jitter. */
  readonly random: () => number;
}

/**
 * RFC 2131 section 4.1: milliseconds before the first repetition, doubled each time. Not
 * less: many servers ask for two or three seconds whether the address is in use.
 */
export const FIRST_WAIT = 4_000;
/** RFC 2131 section 4.1: the longest wait. */
export const LONGEST_WAIT = 64_000;
/** RFC 2131 section 4.1: the uniform jitter of each wait, to both sides. */
export const WAIT_JITTER = 1_000;
/** RFC 2131 section 3.1.5: DHCPREQUESTs before the search begins anew. */
export const MOST_REQUESTS = 4;
/** RFC 2131 section 4.4.5: the shortest wait while a lease is being prolonged. */
export const SHORTEST_RENEWAL_WAIT = 60_000;
/** RFC 2131 section 3.1 (5): milliseconds of peace after a DECLINE, at least. */
export const DECLINE_WAIT = 10_000;
/** RFC 5227 section 2.1.1: after MAX_CONFLICTS of them, RATE_LIMIT_INTERVAL. */
export const MOST_CONFLICTS = 10;
export const CONFLICT_WAIT = 60_000;
/** T1 and T2 are drawn up to this part earlier, so that clients do not ask in step (4.4.5). */
export const TIME_FUZZ = 0.05;

const NOTHING: readonly Uint8Array[] = [];
const NEVER = Number.POSITIVE_INFINITY;

/** When the lease at hand is over, and when to do something about it. */
interface Times {
  readonly renewAt: number;
  readonly rebindAt: number;
  readonly expireAt: number;
}

export class DhcpClient {
  readonly drops: Record<DhcpFault, number> = {
    'not-dhcp': 0,
    truncated: 0,
    checksum: 0,
    malformed: 0,
    foreign: 0,
    unexpected: 0,
  };
  readonly #options: DhcpClientOptions;
  #state: DhcpState = 'stopped';
  #deadline = NEVER;
  #exchange: Exchange;
  /** When the exchange began, and when its request was first sent. */
  #beganAt = 0;
  #requestedAt = 0;
  /** Messages of this state sent so far; in `init` and before, what went wrong so far. */
  #attempts = 0;
  #refusals = 0;
  #offer: Holding | undefined;
  /** Addresses in a row that somebody had. */
  #conflicts = 0;
  /** While checking: what was granted, and the look for somebody who has it. */
  #granted: Holding | undefined;
  #check: AddressCheck | undefined;
  #holding: Holding | undefined;
  #times: Times = { renewAt: NEVER, rebindAt: NEVER, expireAt: NEVER };

  constructor(options: DhcpClientOptions) {
    this.#options = options;
    this.#exchange = this.#newExchange(0);
  }

  get state(): DhcpState {
    return this.#state;
  }

  /** The lease in force; another object after each ACK. */
  get lease(): Lease | undefined {
    return this.#holding?.lease;
  }

  /** When the lease ends unless it is prolonged; Infinity without one. */
  get expiresAt(): number {
    return this.#times.expireAt;
  }

  /** The address that ARP packets may tell something of now; undefined: none. */
  get checked(): number | undefined {
    return this.#check?.address;
  }

  /** When to call `tick` next; Infinity: not before something comes in. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Begins the search. Does nothing unless stopped. @returns frames to send */
  start(now: number): readonly Uint8Array[] {
    return this.#state === 'stopped' ? this.#search(now) : NOTHING;
  }

  /** Time has come to `deadline`. Calling it earlier does nothing. @returns frames to send */
  tick(now: number): readonly Uint8Array[] {
    if (now < this.#deadline) return NOTHING;
    switch (this.#state) {
      case 'stopped':
        return NOTHING;
      case 'init':
        return this.#search(now);
      case 'selecting':
        return this.#discover(now);
      case 'requesting':
        return this.#attempts < MOST_REQUESTS ? this.#select(now) : this.#search(now);
      case 'checking':
        return this.#probe(now);
      default:
        return this.#prolong(now);
    }
  }

  /** A frame came for the interface. It is only read. @returns frames to send */
  receive(frame: Uint8Array, now: number): readonly Uint8Array[] {
    if (isArp(frame)) return this.#heardArp(frame, now);
    const datagram = parseUdpFrame(frame);
    if (typeof datagram === 'string')
      return this.#drop(datagram === 'not-udp' ? 'not-dhcp' : datagram);
    if (datagram.destinationPort !== CLIENT_PORT) return this.#drop('not-dhcp');
    const message = parseMessage(datagram.payload);
    if (typeof message === 'string') return this.#drop(message);
    if (message.op !== Op.reply) return this.#drop('not-dhcp');
    if (message.xid !== this.#exchange.xid || !this.#isOurs(message)) return this.#drop('foreign');
    const sourceMac = datagram.sourceMac.slice();
    switch (readNumber(message.options, Option.messageType, 1)) {
      case MessageType.offer:
        return this.#offered(message, sourceMac, now);
      case MessageType.ack:
        return this.#acknowledged(message, sourceMac, now);
      case MessageType.nak:
        return this.#refused(message, now);
      default:
        return this.#drop('unexpected');
    }
  }

  /** Gives the lease back, if there is one, and stops. @returns frames to send */
  release(now: number): readonly Uint8Array[] {
    const holding = this.#holding ?? this.#granted;
    this.#forget();
    this.#enter('stopped', NEVER);
    if (holding === undefined) return NOTHING;
    this.#exchange = this.#newExchange(now);
    return [releaseFrame(this.#exchange, holding)];
  }

  // ---- getting a lease

  #search(now: number): readonly Uint8Array[] {
    this.#forget();
    this.#exchange = this.#newExchange(now);
    this.#enter('selecting', now);
    return this.#discover(now);
  }

  #discover(now: number): readonly Uint8Array[] {
    this.#deadline = now + this.#wait(this.#attempts++);
    this.#exchange = { ...this.#exchange, seconds: this.#secondsAt(now) };
    return [discoverFrame(this.#exchange)];
  }

  #offered(message: DhcpMessage, serverMac: Uint8Array, now: number): readonly Uint8Array[] {
    if (this.#state !== 'selecting') return this.#drop('unexpected');
    const grant = readGrant(message);
    if (grant === undefined) return this.#drop('malformed');
    this.#offer = { ...grant, serverMac };
    this.#enter('requesting', now);
    this.#requestedAt = now;
    return this.#select(now);
  }

  /** The seconds stay those of the DISCOVER (section 4.4.1), so that relays treat both alike. */
  #select(now: number): readonly Uint8Array[] {
    if (this.#offer === undefined) return this.#search(now);
    this.#deadline = now + this.#wait(this.#attempts++);
    return [selectFrame(this.#exchange, this.#offer)];
  }

  #acknowledged(message: DhcpMessage, serverMac: Uint8Array, now: number): readonly Uint8Array[] {
    if (!this.#isAsking) return this.#drop('unexpected');
    const grant = readGrant(message);
    if (grant === undefined) return this.#drop('malformed');
    if (!this.#isChosen(grant.server)) return this.#drop('unexpected');
    const { renewAfter, rebindAfter, lease } = grant;
    const from = this.#requestedAt;
    const early = 1 - TIME_FUZZ * this.#options.random();
    this.#times = {
      renewAt: from + renewAfter * early,
      rebindAt: from + rebindAfter * early,
      expireAt: from + lease.duration,
    };
    const granted = { ...grant, serverMac };
    this.#offer = undefined;
    this.#refusals = 0;
    if (this.#holding?.address === grant.address) return this.#bind(granted, now);
    this.#holding = undefined;
    this.#granted = granted;
    const { hardwareAddress, random } = this.#options;
    this.#check = new AddressCheck(hardwareAddress, grant.address, random, now);
    this.#enter('checking', now);
    return this.#probe(now);
  }

  // ---- before it is used

  #probe(now: number): readonly Uint8Array[] {
    const check = this.#check;
    const granted = this.#granted;
    if (check === undefined || granted === undefined) return this.#search(now);
    if (check.isFree(now)) {
      const announcement = announcementFrame(this.#options.hardwareAddress, check.address);
      this.#conflicts = 0;
      return [announcement, ...this.#bind(granted, now)];
    }
    const probe = check.tick(now);
    this.#deadline = check.deadline;
    return probe === undefined ? NOTHING : [probe];
  }

  #bind(holding: Holding, now: number): readonly Uint8Array[] {
    this.#holding = holding;
    this.#granted = undefined;
    this.#check = undefined;
    this.#enter('bound', this.#times.renewAt);
    // An answer may be older than the lease it brings.
    return this.tick(now);
  }

  #heardArp(frame: Uint8Array, now: number): readonly Uint8Array[] {
    const check = this.#check;
    const granted = this.#granted;
    if (check === undefined || granted === undefined) return this.#drop('not-dhcp');
    const packet = parseArp(frame);
    if (packet === undefined) return this.#drop('malformed');
    if (!check.isTakenBy(packet)) return this.#drop('foreign');
    this.#forget();
    this.#exchange = this.#newExchange(now);
    const pause = ++this.#conflicts < MOST_CONFLICTS ? DECLINE_WAIT : CONFLICT_WAIT;
    this.#enter('init', now + pause);
    return [declineFrame(this.#exchange, granted)];
  }

  /** The lease is void at once; after a pause, lest a server that always refuses is flooded. */
  #refused({ options }: DhcpMessage, now: number): readonly Uint8Array[] {
    if (!this.#isAsking) return this.#drop('unexpected');
    const server = readAddress(options, Option.serverIdentifier);
    if (server === undefined) return this.#drop('malformed');
    if (!this.#isChosen(server)) return this.#drop('unexpected');
    this.#forget();
    this.#enter('init', now + this.#wait(this.#refusals++));
    return NOTHING;
  }

  // ---- keeping it

  /** Bound, renewing or rebinding, and its time has come. */
  #prolong(now: number): readonly Uint8Array[] {
    const { rebindAt, expireAt } = this.#times;
    const holding = this.#holding;
    if (holding === undefined || now >= expireAt) return this.#search(now);
    const next = now >= rebindAt ? 'rebinding' : 'renewing';
    if (this.#state !== next) {
      if (this.#state === 'bound') this.#beganAt = now;
      this.#exchange = this.#newExchange(this.#beganAt);
      this.#requestedAt = now;
      this.#state = next;
    }
    this.#exchange = { ...this.#exchange, seconds: this.#secondsAt(now) };
    // Section 4.4.5: half of what is left until the next step, but not less than a minute.
    const step = next === 'renewing' ? rebindAt : expireAt;
    this.#deadline = Math.min(step, now + Math.max((step - now) / 2, SHORTEST_RENEWAL_WAIT));
    if (next === 'renewing') return [renewFrame(this.#exchange, holding)];
    return [rebindFrame(this.#exchange, holding)];
  }

  // ---- small things

  get #isAsking(): boolean {
    return ['requesting', 'renewing', 'rebinding'].includes(this.#state);
  }

  #isOurs({ hardwareAddress }: DhcpMessage): boolean {
    return this.#options.hardwareAddress.every((octet, i) => octet === hardwareAddress[i]);
  }

  /** Whether a server may answer: while we take an offer only the one that made it. */
  #isChosen(server: number): boolean {
    return this.#state !== 'requesting' || this.#offer?.server === server;
  }

  #enter(state: DhcpState, deadline: number): void {
    this.#state = state;
    this.#deadline = deadline;
    this.#attempts = 0;
  }

  #forget(): void {
    this.#offer = undefined;
    this.#holding = undefined;
    this.#granted = undefined;
    this.#check = undefined;
    this.#times = { renewAt: NEVER, rebindAt: NEVER, expireAt: NEVER };
  }

  #drop(fault: DhcpFault): readonly Uint8Array[] {
    this.drops[fault]++;
    return NOTHING;
  }

  #newExchange(beganAt: number): Exchange {
    const { hardwareAddress, hostName, random } = this.#options;
    this.#beganAt = beganAt;
    return {
      hardwareAddress,
      ...(hostName === undefined ? {} : { hostName }),
      xid: Math.floor(random() * 2 ** 32),
      seconds: 0,
    };
  }

  #secondsAt(now: number): number {
    return Math.min(0xffff, Math.floor((now - this.#beganAt) / 1000));
  }

  /** @param before how often we have waited @returns milliseconds */
  #wait(before: number): number {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(before, 16));
    return wait + WAIT_JITTER * (2 * this.#options.random() - 1);
  }
}
