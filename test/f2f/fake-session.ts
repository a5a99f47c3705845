/** Sessions with bob that no handshake has made, for what only looks at their facts. */
import type { Carrier } from '../../src/links/contract.ts';
import type { HandshakeSession } from '../../src/links/handshake/handshake-outcome.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';

export function fakeSession(changes: Partial<HandshakeSession> = {}): HandshakeSession {
  return {
    role: 'initiator',
    friendUid: bob.uid,
    friendPublicKey: bob.identity.publicKey,
    formerUid: undefined,
    successions: [],
    friendName: 'bob',
    friendAddresses: ['udp://192.0.2.2:1'],
    initiatorUid: alice.uid,
    localIndex: 1,
    remoteIndex: 2,
    cipher: 1,
    sendSecret: new Uint8Array(32).fill(7),
    receiveSecret: new Uint8Array(32).fill(8),
    firstRecordNumber: 1,
    mode: 'sealed',
    sharedGroups: ['default'],
    policy: 1,
    largestFrame: 9216,
    features: 0,
    transcriptHash: new Uint8Array(32),
    roundTrip: 1,
    establishedAt: 0,
    redeemedTicket: undefined,
    why: {
      ownGroups: ['default'],
      byOldKey: [],
      ownFloor: 'never',
      friendFloor: 'never',
      tagsReceived: 1,
      ownCiphers: [],
      friendCiphers: [],
      cipherReason: '',
    },
    ...changes,
  };
}

/** A carrier that tells `closed` when it is closed. */
export function fakeCarrier(
  changes: Partial<Carrier> = {},
  closed: () => void = () => {},
): Carrier {
  return {
    provider: 'udp',
    remote: 'udp://192.0.2.2:1',
    reliable: false,
    descriptor: 5,
    address: undefined,
    close: closed,
    ...changes,
  };
}
