/**
 * What is read and checked before a node is put together: what can be wrong with the
 * configuration or the home comes to light while nothing has been started.
 */
import type { Logger } from 'pino';
import { KithError } from '../errors.ts';
import type { Friend } from '../f2f/friend.ts';
import { type Identity, loadOrCreateIdentity } from '../f2f/identity.ts';
import { loadAccounts } from '../switch/vde/accounts.ts';
import type { KithConfig } from './config.ts';
import { FriendBook } from './friend-book.ts';
import { GroupBook } from './group-book.ts';
import type { ClearAccount } from './plaintext-audit.ts';
import { PlaintextLedger } from './plaintext-ledger.ts';
import { loadSwitchFile, type SwitchDifference } from './switch-store.ts';

export interface Prepared {
  readonly home: string;
  readonly config: KithConfig;
  readonly identity: Identity;
  readonly book: FriendBook;
  /** Those of the book. */
  readonly friends: readonly Friend[];
  readonly groups: GroupBook;
  readonly ledger: PlaintextLedger;
  /** What the ledger held. */
  readonly carried: ReadonlyMap<string, ClearAccount>;
  /** What `kith switch save` has kept. */
  readonly keptSwitch: readonly SwitchDifference[];
  /** Group (gid) of the VDE server's sockets. */
  readonly socketGroup: { readonly group?: number };
  /** Group (gid) of the console's socket. */
  readonly consoleGroup: { readonly group?: number };
}

/**
 * @param policyChanged called when groups or floor are others from now on
 * @throws KithError
 */
export async function prepareNode(
  home: string,
  config: KithConfig,
  log: Logger,
  policyChanged: () => void,
): Promise<Prepared> {
  const { console: consoleConfig } = config;
  const socketGroup = groupOption('switch.group', config.switch.group);
  const consoleGroup = groupOption('console.group', consoleConfig.group);
  const identity = await loadOrCreateIdentity(home);
  const book = new FriendBook(identity, home, (error) => log.error(error.message));
  const friends = await book.load(config.friends);
  const ledger = new PlaintextLedger({ home, log });
  const carried = await ledger.read();
  const keptSwitch = await loadSwitchFile(home);
  // Last: from now on a key may expire at any time, and there has to be a node to hear of it.
  const groups = await GroupBook.open({
    home,
    config,
    wallClock: Date.now,
    changed: policyChanged,
    log,
  });
  return {
    home,
    config,
    identity,
    book,
    friends,
    groups,
    ledger,
    carried,
    keptSwitch,
    socketGroup,
    consoleGroup,
  };
}

/** @param key where the name stands in the configuration */
function groupOption(key: string, name: string | undefined): { group?: number } {
  if (name === undefined) return {};
  const group = loadAccounts().groupId(name);
  if (group !== undefined) return { group };
  throw new KithError(
    'config',
    `${key}: this system has no group "${name}"; choose one that \`getent group\` lists.`,
  );
}
