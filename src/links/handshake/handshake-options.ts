/** What a handshake has to be told, and the check that it makes sense. */

import { KithError } from '../../errors.ts';
import type { CipherId } from '../../io/contract.ts';
import type { CryptoSuite, Random } from './crypto-suite.ts';
import { keyCount, MAX_GROUP_KEYS, type SecurityGroup } from './group-tags.ts';
import { isNodeName, MAX_NAME_LENGTH, type PlaintextFloor } from './handshake-payload.ts';
import type { HandshakeIdentity, Uid } from './identity-proof.ts';
import { type OpenTicket, TICKET_SECRET_LENGTH } from './ticket-proof.ts';

/** Milliseconds after which a handshake is given up. */
export const HANDSHAKE_TIMEOUT = 10_000;

interface CommonOptions {
  readonly suite: CryptoSuite;
  readonly random: Random;
  readonly identity: HandshakeIdentity;
  /** The index, a u32, that the peer's messages of this session will carry; unique on this node. */
  readonly localIndex: number;
  /** Whether the carrier delivers everything in order, as a stream does. */
  readonly reliable: boolean;
  /** Milliseconds until the handshake is given up; HANDSHAKE_TIMEOUT if left out. */
  readonly timeout?: number;
  /** The node's name, 1 to 64 octets of UTF-8. */
  readonly name: string;
  /** Feature bits, a u32; a feature is used if both ends have it. */
  readonly features: number;
  /** Octets of the largest Ethernet frame this node takes. */
  readonly largestFrame: number;
  /** Ciphers, each with the measured speed in MB/s. */
  readonly ciphers: readonly { readonly cipher: CipherId; readonly speed: number }[];
  readonly groups: readonly SecurityGroup[];
  readonly floor: PlaintextFloor;
  /** The caller's number for what groups and floor are now; it comes back with the session. */
  readonly policy?: number;
  /** URLs under which this node can be reached, best first; sent as far as there is room. */
  readonly addresses?: readonly string[];
}

export interface InitiatorOptions extends CommonOptions {
  /** The UID that has to answer. If it is left out, `isFriend` decides. */
  readonly expectedUid?: Uid;
  /** Whether to talk to that key; not asked when `expectedUid` is given. */
  isFriend?(uid: Uid, publicKey: Uint8Array): boolean;
  /** The secret of a ticket to redeem, TICKET_SECRET_LENGTH octets. */
  readonly ticketSecret?: Uint8Array;
}

export interface ResponderOptions extends CommonOptions {
  /** Whether to talk to that key. It must not throw. */
  isFriend(uid: Uid, publicKey: Uint8Array): boolean;
  /**
   * The tickets that are open at this moment. Asked while an unknown peer's last
   * message is being received. If the outcome names a ticket, burn it before any
   * other machine is given a message: that is what makes it good for one key only.
   */
  tickets?(): readonly OpenTicket[];
}

export type HandshakeOptions = InitiatorOptions | ResponderOptions;

const MAX_UINT32 = 0xffffffff;

/** Whether one handshake has room to prove so many groups. @throws KithError 'config' */
export function checkGroups(groups: readonly SecurityGroup[]): void {
  const keys = groups.reduce((sum, group) => sum + keyCount(group), 0);
  if (keys <= MAX_GROUP_KEYS) return;
  throw new KithError(
    'config',
    `The groups have ${keys} keys together and ${MAX_GROUP_KEYS} are possible; remove groups or old keys.`,
  );
}

/** @throws KithError 'config' for what an operator wrote, RangeError for what a program did */
export function checkOptions(options: HandshakeOptions): void {
  const { name } = options;
  if (!isNodeName(name)) {
    throw new KithError(
      'config',
      `The node's name must have 1 to ${MAX_NAME_LENGTH} octets and no control characters; choose another name.`,
    );
  }
  checkGroups(options.groups);
  if (options.ciphers.length === 0) throw new RangeError('a handshake needs a cipher');
  for (const value of [options.localIndex, options.features, options.largestFrame]) {
    if (!Number.isInteger(value) || value < 0 || value > MAX_UINT32) {
      throw new RangeError('index, features and largest frame are unsigned 32-bit integers');
    }
  }
  const secret = 'ticketSecret' in options ? options.ticketSecret : undefined;
  if (secret !== undefined && secret.length !== TICKET_SECRET_LENGTH) {
    throw new RangeError(`a ticket's secret has ${TICKET_SECRET_LENGTH} octets`);
  }
}
