/**
 * User and group names, for ports that are kept for somebody.
 *
 * Read first: passwd(5), group(5). Only the two local files are read; who comes
 * from a directory service is known here by number alone.
 */
import { readFileSync } from 'node:fs';

const PASSWD_FILE = '/etc/passwd';
const GROUP_FILE = '/etc/group';

interface Group {
  readonly id: number;
  readonly members: readonly string[];
}

export class Accounts {
  readonly #users = new Map<string, number>();
  readonly #userNames = new Map<number, string>();
  readonly #primaryGroups = new Map<number, number>();
  readonly #groups = new Map<string, Group>();
  readonly #groupNames = new Map<number, string>();

  /** The contents of passwd(5) and group(5); lines that make no sense are skipped. */
  constructor(passwd: string, group: string) {
    for (const line of passwd.split('\n')) {
      const [name, , uid, gid] = line.split(':');
      if (!isId(uid) || !isId(gid)) continue;
      this.#users.set(name, Number(uid));
      if (!this.#userNames.has(Number(uid))) this.#userNames.set(Number(uid), name);
      this.#primaryGroups.set(Number(uid), Number(gid));
    }
    for (const line of group.split('\n')) {
      const [name, , gid, members = ''] = line.split(':');
      if (!isId(gid)) continue;
      this.#groups.set(name, { id: Number(gid), members: members.split(',') });
      if (!this.#groupNames.has(Number(gid))) this.#groupNames.set(Number(gid), name);
    }
  }

  /** The uid of a name or of a number in digits. */
  userId(name: string): number | undefined {
    return this.#users.get(name) ?? (isId(name) ? Number(name) : undefined);
  }

  /** The gid of a name or of a number in digits. */
  groupId(name: string): number | undefined {
    return this.#groups.get(name)?.id ?? (isId(name) ? Number(name) : undefined);
  }

  /** The name, or the number in digits. */
  userName(uid: number): string {
    return this.#userNames.get(uid) ?? String(uid);
  }

  /** The name, or the number in digits. */
  groupName(gid: number): string {
    return this.#groupNames.get(gid) ?? String(gid);
  }

  /** Whether a user is in a group, by primary group or by the member list. */
  isMember(uid: number, gid: number): boolean {
    if (this.#primaryGroups.get(uid) === gid) return true;
    const user = this.#userNames.get(uid);
    const group = this.#groupNames.get(gid);
    if (user === undefined || group === undefined) return false;
    return this.#groups.get(group)?.members.includes(user) ?? false;
  }
}

/** The accounts of this machine as they are now; a file that cannot be read counts as empty. */
export function loadAccounts(): Accounts {
  return new Accounts(readOrEmpty(PASSWD_FILE), readOrEmpty(GROUP_FILE));
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text);
}
