/** Explains how a link came to be what it is. Pure. */
import type { Friend } from '../f2f/friend.ts';
import type { CipherOffer } from '../links/handshake/handshake-payload.ts';
import { CIPHER_NAMES } from '../links/handshake/negotiation.ts';
import { nameOf } from './friend-names.ts';
import { type GroupBook, oldKeysUntil } from './group-book.ts';
import type { WhyReport } from './node-api-friends.ts';
import { mendOf } from './refusal-mend.ts';

/** Octets of a session's fingerprint. */
const FINGERPRINT_LENGTH = 8;

type Inputs = WhyReport['inputs'];

/** What of the groups matters here. */
export type Policy = Pick<GroupBook, 'entries' | 'floor'>;

/**
 * @param policy what is in force now; a session tells what was when it was made
 * @param relay the name of the friend who relays the link, if one does
 */
export function explain(friend: Friend, policy: Policy, now: number, relay?: string): WhyReport {
  const name = nameOf(friend);
  const { current } = friend;
  const base = { friend: friend.uid, friendName: name, state: friend.state };
  if (current === undefined)
    return { ...base, answer: absence(friend, name), inputs: waiting(friend, policy) };
  const { session, carrier } = current;
  const shared = session.sharedGroups.join(', ');
  const way =
    relay === undefined ? '' : ` It leads through ${relay}, since no direct way was found.`;
  const decision =
    session.mode === 'sealed'
      ? `The link to ${name} is sealed, because both ends are in ${shared}.`
      : `Ethernet to ${name} goes in the clear, because the two ends share no security group and both allow it.`;
  const answer = decision + way;
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
      ...(why.byOldKey.length === 0
        ? []
        : [{ name: 'of these by an old key alone', value: list(why.byOldKey) }]),
      ...overlaps(policy),
      { name: 'we allow plaintext', value: why.ownFloor },
      { name: 'the friend allows plaintext', value: why.friendFloor },
      { name: 'Ethernet frames', value: session.mode === 'sealed' ? 'sealed' : 'in the clear' },
      { name: 'control packets', value: 'sealed' },
      { name: 'cipher', value: CIPHER_NAMES[session.cipher] },
      { name: 'why this cipher', value: why.cipherReason },
      { name: 'our ciphers', value: offers(why.ownCiphers) },
      { name: "the friend's ciphers", value: offers(why.friendCiphers) },
      ...(friend.formerUids.length === 0
        ? []
        : [{ name: 'UIDs that the friend had before', value: list(friend.formerUids) }]),
      { name: 'provider', value: carrier.provider + (relay === undefined ? '' : ` via ${relay}`) },
      { name: 'address', value: carrier.remote },
      { name: 'who called', value: session.role === 'initiator' ? 'we did' : 'the friend did' },
      ...(friend.unreached === undefined
        ? []
        : [{ name: 'our own last call', value: friend.unreached }]),
      { name: 'session, as both ends know it', value: fingerprint(session.transcriptHash) },
      { name: 'session since', value: `${Math.round((now - session.establishedAt) / 1000)} s` },
      { name: 'floor in force now', value: policy.floor },
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

/** Why the last attempt failed, with the friend's name where a handshake knew only the UID. */
export function troubleOf({ lastError, uid, name }: Friend): string | undefined {
  return name === '' ? lastError : lastError?.replaceAll(uid, name);
}

function absence(friend: Friend, name: string): string {
  const trouble = troubleOf(friend);
  if (friend.refusal !== undefined)
    return `There can be no link to ${name} as things are. ${trouble ?? ''} ${mendOf(friend)}`;
  const error = trouble === undefined ? '' : ` The last attempt: ${trouble}`;
  if (friend.candidates.length === 0) {
    return `There is no link to ${name}: no address is known, so the friend has to call us.${error}`;
  }
  return `There is no link to ${name}.${error}`;
}

function waiting(friend: Friend, policy: Policy): Inputs {
  return [
    { name: 'addresses', value: list(friend.candidates) },
    { name: 'attempts that failed', value: String(friend.backOff.failures) },
    { name: 'last error', value: troubleOf(friend) ?? 'none' },
    { name: 'our groups', value: list(policy.entries.map((entry) => entry.name)) },
    ...overlaps(policy),
    { name: 'we allow plaintext', value: policy.floor },
  ];
}

/** Groups whose former key still counts, and until when. */
function overlaps({ entries }: Policy): Inputs {
  const changing = entries.flatMap((entry) => {
    const until = oldKeysUntil(entry);
    return until === undefined ? [] : [`${entry.name} until ${until}`];
  });
  return changing.length === 0
    ? []
    : [{ name: 'groups whose old key still counts', value: list(changing) }];
}

function list(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(', ');
}
