/** Explains how a link came to be what it is. Pure. */
import type { Friend } from '../f2f/friend.ts';
import type { CipherOffer } from '../links/handshake/handshake-payload.ts';
import { CIPHER_NAMES } from '../links/handshake/negotiation.ts';
import type { KithConfig } from './config.ts';
import type { WhyReport } from './node-api.ts';

/** Octets of a session's fingerprint. */
const FINGERPRINT_LENGTH = 8;

type Inputs = WhyReport['inputs'];

export function explain(friend: Friend, config: KithConfig, now: number): WhyReport {
  const name = friend.name === '' ? friend.uid.slice(0, 8) : friend.name;
  const { current } = friend;
  const base = { friend: friend.uid, friendName: name, state: friend.state };
  if (current === undefined)
    return { ...base, answer: absence(friend, name), inputs: waiting(friend) };
  const { session, carrier } = current;
  const shared = session.sharedGroups.join(', ');
  const answer =
    session.mode === 'sealed'
      ? `The link to ${name} is sealed, because both ends are in ${shared}.`
      : `Ethernet to ${name} goes in the clear, because the two ends share no security group and both allow it.`;
  const offers = (offered: readonly CipherOffer[]): string =>
    offered.map(({ cipher, speed }) => `${cipherName(cipher)} at ${speed} MB/s`).join(', ');
  const { why } = session;
  return {
    ...base,
    answer,
    inputs: [
      { name: 'our groups', value: list(why.ownGroups) },
      {
        name: 'proofs of groups from the friend',
        value: `${why.tagsReceived}, some of them noise`,
      },
      { name: 'groups in common', value: list(session.sharedGroups) },
      { name: 'we allow plaintext', value: why.ownFloor },
      { name: 'the friend allows plaintext', value: why.friendFloor },
      { name: 'Ethernet frames', value: session.mode === 'sealed' ? 'sealed' : 'in the clear' },
      { name: 'control packets', value: 'sealed' },
      { name: 'cipher', value: CIPHER_NAMES[session.cipher] },
      { name: 'why this cipher', value: why.cipherReason },
      { name: 'our ciphers', value: offers(why.ownCiphers) },
      { name: "the friend's ciphers", value: offers(why.friendCiphers) },
      { name: 'provider', value: carrier.provider },
      { name: 'address', value: carrier.remote },
      { name: 'who called', value: session.role === 'initiator' ? 'we did' : 'the friend did' },
      { name: 'session, as both ends know it', value: fingerprint(session.transcriptHash) },
      { name: 'session since', value: `${Math.round((now - session.establishedAt) / 1000)} s` },
      { name: 'configured floor', value: config.plaintext },
    ],
  };
}

/** Enough of it to compare by eye. */
function fingerprint(hash: Uint8Array): string {
  return Buffer.from(hash.subarray(0, FINGERPRINT_LENGTH)).toString('hex');
}

/** A friend may offer what we do not know. */
function cipherName(cipher: number): string {
  const names: Readonly<Record<number, string>> = CIPHER_NAMES;
  return names[cipher] ?? `cipher ${cipher}`;
}

function absence(friend: Friend, name: string): string {
  const error = friend.lastError === undefined ? '' : ` The last attempt: ${friend.lastError}`;
  if (friend.candidates.length === 0) {
    return `There is no link to ${name}: no address is known, so the friend has to call us.${error}`;
  }
  return `There is no link to ${name}.${error}`;
}

function waiting(friend: Friend): Inputs {
  return [
    { name: 'addresses', value: list(friend.candidates) },
    { name: 'attempts that failed', value: String(friend.backOff.failures) },
    { name: 'last error', value: friend.lastError ?? 'none' },
  ];
}

function list(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(', ');
}
