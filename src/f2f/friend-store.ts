/**
 * What a node remembers of friends it made by ticket, and the tickets it gave.
 *
 * Files in the home, mode 0600, replaced whole: `friends.json`, `tickets.json`, and
 * `successors.json`, the changes of keys that friends have proved. Friends from the
 * configuration are in the last one only.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { KithError } from '../errors.ts';
import { readIfThere } from './read-if-there.ts';
import { replaceFile } from './replace-file.ts';

const hex = (octets: number) => z.string().regex(new RegExp(`^[0-9a-f]{${octets * 2}}$`));

const storedFriend = z.strictObject({
  uid: hex(20),
  publicKey: hex(32),
  name: z.string(),
  addresses: z.array(z.string()),
  source: z.enum(['invited', 'joined']),
  /** A ticket's secret that is still to be redeemed with this friend. */
  ticketSecret: hex(16).optional(),
  /** There was a link before that ticket was joined. */
  wasLinked: z.literal(true).optional(),
});
export type StoredFriend = z.infer<typeof storedFriend>;

const storedTicket = z.strictObject({
  id: z.string(),
  secret: hex(16),
  /** Seconds since 1970. */
  expiresAt: z.number().int(),
});
export type StoredTicket = z.infer<typeof storedTicket>;

const storedSuccessor = z.strictObject({
  formerUid: hex(20),
  uid: hex(20),
  publicKey: hex(32),
  /** Of the friend's last change of keys. */
  counter: z.int().min(0),
  /** When the friend says it changed, seconds since 1970. */
  time: z.int().min(0),
});
export type StoredSuccessor = z.infer<typeof storedSuccessor>;

const FRIENDS_FILE = 'friends.json';
const TICKETS_FILE = 'tickets.json';
const SUCCESSORS_FILE = 'successors.json';

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

  /** @throws KithError 'config' when the file is damaged */
  successors(): Promise<StoredSuccessor[]> {
    return this.#read(SUCCESSORS_FILE, z.array(storedSuccessor));
  }

  saveSuccessors(successors: readonly StoredSuccessor[]): Promise<void> {
    return this.#write(SUCCESSORS_FILE, successors);
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
    const text = await readIfThere(path);
    if (text === undefined) return [];
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
