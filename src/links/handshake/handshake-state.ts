/**
 * HandshakeState of Noise for the one pattern that Kith speaks, XX:
 *
 *     -> e
 *     <- e, ee, s, es
 *     -> s, se
 *
 * Read first: Noise revision 34, sections 5.3, 7.5 (XX) and 10.2 (rekeying is
 * ours and lives in record-keys.ts).
 *
 * A read that fails leaves the state spoiled. Where a forged message must not
 * end a handshake, read with a `clone()` and keep the clone if all went well.
 */

import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { TAG_LENGTH } from '../../io/contract.ts';
import { type CryptoSuite, DH_LENGTH, type KeyPair } from './crypto-suite.ts';
import { SymmetricState } from './symmetric-state.ts';

export const PROTOCOL_NAME = 'Noise_XX_25519_ChaChaPoly_SHA256';

type Token = 'e' | 's' | 'ee' | 'es' | 'se';

const PATTERN: readonly (readonly Token[])[] = [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']];

export interface HandshakeKeys {
  readonly initiator: boolean;
  /** What both ends know beforehand; it must be equal. */
  readonly prologue: Uint8Array;
  /** The long-lived pair; read only, never wiped here. */
  readonly localStatic: KeyPair;
  /** A fresh pair for this handshake alone; its private half is wiped by `wipe`. */
  readonly localEphemeral: KeyPair;
}

export interface ReadMessage {
  readonly payload: Uint8Array;
  /** h after the tokens and before the payload. */
  readonly hash: Uint8Array;
}

export class HandshakeState {
  readonly #suite: CryptoSuite;
  readonly #keys: HandshakeKeys;
  #symmetric: SymmetricState;
  #remoteStatic: Uint8Array | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  /** Messages done. */
  #step = 0;

  constructor(suite: CryptoSuite, keys: HandshakeKeys) {
    this.#suite = suite;
    this.#keys = keys;
    this.#symmetric = new SymmetricState(suite, utf8ToBytes(PROTOCOL_NAME));
    this.#symmetric.mixHash(keys.prologue);
  }

  /** The peer's X25519 static key, once it has been read. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic;
  }

  /** h; after the last message the handshake hash, that is the channel binding. */
  get hash(): Uint8Array {
    return this.#symmetric.hash;
  }

  /**
   * WriteMessage.
   * @param payload makes the payload from h as it is after the tokens
   * @returns undefined when a point of the peer is of low order
   */
  writeMessage(payload: (hash: Uint8Array) => Uint8Array): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const token of PATTERN[this.#step++]) {
      if (token === 'e') {
        parts.push(this.#keys.localEphemeral.publicKey);
        this.#symmetric.mixHash(this.#keys.localEphemeral.publicKey);
      } else if (token === 's') {
        parts.push(this.#symmetric.encryptAndHash(this.#keys.localStatic.publicKey));
      } else if (!this.#mixDh(token)) {
        return undefined;
      }
    }
    parts.push(this.#symmetric.encryptAndHash(payload(this.#symmetric.hash)));
    return concatBytes(...parts);
  }

  /** ReadMessage. @returns undefined when it is too short, forged or of low order */
  readMessage(message: Uint8Array): ReadMessage | undefined {
    let offset = 0;
    for (const token of PATTERN[this.#step++]) {
      if (token === 'e') {
        if (message.length < offset + DH_LENGTH) return undefined;
        this.#remoteEphemeral = message.slice(offset, offset + DH_LENGTH);
        this.#symmetric.mixHash(this.#remoteEphemeral);
        offset += DH_LENGTH;
      } else if (token === 's') {
        const length = DH_LENGTH + TAG_LENGTH;
        if (message.length < offset + length) return undefined;
        const key = this.#symmetric.decryptAndHash(message.subarray(offset, offset + length));
        if (key === undefined) return undefined;
        this.#remoteStatic = key;
        offset += length;
      } else if (!this.#mixDh(token)) {
        return undefined;
      }
    }
    const { hash } = this.#symmetric;
    const payload = this.#symmetric.decryptAndHash(message.subarray(offset));
    return payload === undefined ? undefined : { payload, hash };
  }

  /** Split, after the last message: the secrets of the two directions, initiator's first. */
  split(): [Uint8Array, Uint8Array] {
    return this.#symmetric.split();
  }

  clone(): HandshakeState {
    const copy = new HandshakeState(this.#suite, this.#keys);
    copy.#symmetric = this.#symmetric.clone();
    copy.#remoteStatic = this.#remoteStatic;
    copy.#remoteEphemeral = this.#remoteEphemeral;
    copy.#step = this.#step;
    return copy;
  }

  /** Forgets the derived keys of this state alone: for a clone that is of no more use. */
  discard(): void {
    this.#symmetric.wipe();
  }

  /** Forgets the ephemeral key too, which clones share. Nothing may be called afterwards. */
  wipe(): void {
    this.discard();
    this.#keys.localEphemeral.privateKey.fill(0);
  }

  #mixDh(token: 'ee' | 'es' | 'se'): boolean {
    const { initiator, localStatic, localEphemeral } = this.#keys;
    // The first letter names the initiator's key, the second the responder's.
    const [mine, theirs] = initiator ? token : [token[1], token[0]];
    const local = mine === 'e' ? localEphemeral : localStatic;
    const remote = theirs === 'e' ? this.#remoteEphemeral : this.#remoteStatic;
    if (remote === undefined) return false;
    const shared = this.#suite.dh(local, remote);
    if (shared === undefined) return false;
    this.#symmetric.mixKey(shared);
    shared.fill(0);
    return true;
  }
}
