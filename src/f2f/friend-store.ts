/**
 * What a node remembers of friends it made by ticket, and the tickets it gave.
 *
 * Two files in the home, mode 0600, replaced whole: `friends.json` and
 * `tickets.json`. Friends from the configuration are not in them.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { KithError } from '../errors.ts';

const hex = (octets: number) => z.string().regex(new RegExp(`^[0-9a-f]{${octets * 2}}$`));

const storedFriend = z.strictObject({
  uid: hex(20),
  publicKey: hex(32),
  name: z.string(),
  addresses: z.array(z.string()),
  source: z.enum(['invited', 'joined']),
  /** A ticket's secret that is still to be redeemed with this friend. */
  ticketSecret: hex(16).optional(),
});
export type StoredFriend = z.infer<typeof storedFriend>;

const storedTicket = z.strictObject({
  id: z.string(),
  secret: hex(16),
  /** Seconds since 1970. */
  expiresAt: z.number().int(),
});
export type StoredTicket = z.infer<typeof storedTicket>;

const FRIENDS_FILE = 'friends.json';
const TICKETS_FILE = 'tickets.json';

export class FriendStore {
  readonly #home: string;
  /** Writes follow one another, so that the last one wins. */
  #writing: Promise<void> = Promise.resolve();

  constructor(home: string) {
    this.#home = home;
  }

  /** @throws KithError 'config' when the file is damaged */
  friends(): Promise<StoredFriend[]> {
    return this.#read(FRIENDS_FILE, z.array(storedFriend));
  }

  /** @throws KithError 'config' when the file is damaged */
  tickets(): Promise<StoredTicket[]> {
    return this.#read(TICKETS_FILE, z.array(storedTicket));
  }

  saveFriends(friends: readonly StoredFriend[]): Promise<void> {
    return this.#write(FRIENDS_FILE, friends);
  }

  saveTickets(tickets: readonly StoredTicket[]): Promise<void> {
    return this.#write(TICKETS_FILE, tickets);
  }

  /** Resolves when all that was to be written is, or has failed. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #read<Value>(name: string, schema: z.ZodType<Value[]>): Promise<Value[]> {
    const path = join(this.#home, name);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
      throw new KithError('permission', `${path} cannot be read; make it yours with chown.`, {
        cause,
      });
    }
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new KithError(
        'config',
        `${path} is damaged; restore it from a backup, or move it away and pair with those friends again.`,
        { cause },
      );
    }
  }

  #write(name: string, value: unknown): Promise<void> {
    const text = `${JSON.stringify(value, null, 2)}\n`;
    const done = this.#writing.then(() => replaceFile(join(this.#home, name), text));
    this.#writing = done.catch(() => {});
    return done;
  }
}

/** Writes a file under another name, syncs it, and moves it into place. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new KithError('permission', `${path} cannot be written; make its directory writable.`, {
      cause,
    });
  }
}
