/** What friends are called in what we tell people. */
import type { Carrier } from '../links/contract.ts';
import { RELAY_SCHEME } from '../links/relay/relay-provider.ts';

/** Digits of a UID that stand for a friend without a name. */
const SHORT_UID = 8;

interface Named {
  readonly uid: string;
  readonly name: string;
}

export function nameOf({ uid, name }: Named): string {
  return name === '' ? uid.slice(0, SHORT_UID) : name;
}

/** What we call the friend who relays a link; undefined where none does. */
export function relayOf(
  carrier: Pick<Carrier, 'provider' | 'remote'> | undefined,
  friends: readonly Named[],
): string | undefined {
  if (carrier?.provider !== RELAY_SCHEME) return undefined;
  const relay = friends.find(({ uid }) => carrier.remote === `${RELAY_SCHEME}://${uid}`);
  return relay === undefined ? carrier.remote : nameOf(relay);
}
