/**
 * The security groups in force: those of the configuration, and what `kith groups`
 * has made of them since. Forgets old keys when their time is over.
 *
 * Nothing here prints or logs a key.
 */
import { join } from 'node:path';
import { KithError } from '../errors.ts';
import type { SecurityGroup } from '../links/handshake/group-tags.ts';
import { checkGroups } from '../links/handshake/handshake-options.ts';
import type { PlaintextFloor } from '../links/handshake/handshake-payload.ts';
import type { KithConfig } from './config.ts';
import { freshGroupKey } from './group-key.ts';
import {
  fingerprint,
  GROUPS_FILE,
  type GroupDifference,
  type GroupsFile,
  loadGroupsFile,
  type OldKey,
  saveGroupsFile,
} from './group-store.ts';

/** What setTimeout can wait at most, milliseconds. */
const LONGEST_WAIT = 2 ** 31 - 1;
/** The most groups, as in the configuration. */
const MAX_GROUPS = 64;

/** One group as it stands. */
export interface GroupEntry {
  readonly name: string;
  /** The key in force; without one the name is all there is. */
  readonly key?: string;
  /** Keys of the configuration's previousKeys: they count as long as they stand there. */
  readonly previous: readonly string[];
  /** Keys that count until a time; one without `key` is the name alone. */
  readonly old: readonly OldKey[];
}

/** Until when the last old key of a group counts, ISO 8601; undefined when none does. */
export function oldKeysUntil({ old }: GroupEntry): string | undefined {
  if (old.length === 0) return undefined;
  return new Date(Math.max(...old.map(({ until }) => until))).toISOString();
}

export interface GroupBookOptions {
  readonly home: string;
  readonly config: Pick<KithConfig, 'groups' | 'plaintext'>;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Groups or floor are others from now on. */
  readonly changed: () => void;
  readonly log: { info(details: object, message: string): void; warn(message: string): void };
}

export class GroupBook {
  readonly #options: GroupBookOptions;
  #entries: GroupEntry[] = [];
  #floor: PlaintextFloor;
  #timer: NodeJS.Timeout | undefined;
  /** Changes follow one another. */
  #changing: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: GroupBookOptions) {
    this.#options = options;
    this.#floor = options.config.plaintext;
  }

  /** @throws KithError 'config' when the file is damaged, or one handshake has no room for the groups */
  static async open(options: GroupBookOptions): Promise<GroupBook> {
    const book = new GroupBook(options);
    book.#apply(await loadGroupsFile(options.home));
    checkGroups(book.groups);
    book.#arm();
    return book;
  }

  /** As handshakes want them: the key in force first. */
  get groups(): readonly SecurityGroup[] {
    return this.#entries.map(securityGroup);
  }

  get floor(): PlaintextFloor {
    return this.#floor;
  }

  get entries(): readonly GroupEntry[] {
    return this.#entries;
  }

  /** The file that holds the keys of groups changed by command. */
  get path(): string {
    return join(this.#options.home, GROUPS_FILE);
  }

  /** @throws KithError 'usage' when we are in it, 'config' when there is no room */
  add(name: string, key: string | undefined): Promise<void> {
    return this.#change((entries) => {
      if (entries.some((entry) => entry.name === name)) {
        throw new KithError(
          'usage',
          `this node is in the group ${name} already; \`kith groups rotate ${name}\` gives it another key`,
        );
      }
      if (entries.length >= MAX_GROUPS) {
        throw new KithError('config', `a node can be in ${MAX_GROUPS} groups; remove one first`);
      }
      this.#options.log.info({ group: name }, 'group added');
      return [...entries, { name, ...(key === undefined ? {} : { key }), previous: [], old: [] }];
    });
  }

  /** @throws KithError 'not-found' */
  remove(name: string): Promise<void> {
    return this.#change((entries) => {
      this.#find(entries, name);
      this.#options.log.info({ group: name }, 'group removed');
      return entries.filter((entry) => entry.name !== name);
    });
  }

  /**
   * Gives a group another key; the one before counts for `overlap` ms more.
   * @param key a fresh one if left out
   * @throws KithError 'not-found', 'usage' when that is its key, 'config' when there is no room
   */
  rotate(name: string, key: string | undefined, overlap: number): Promise<void> {
    return this.#change((entries) => {
      const entry = this.#find(entries, name);
      const next = key ?? freshGroupKey();
      if (next === entry.key) {
        throw new KithError('usage', `that is the key of the group ${name}; give it another one`);
      }
      const until = this.#options.wallClock() + overlap;
      const former: OldKey[] = [
        entry.key === undefined ? { until } : { key: entry.key, until },
        ...entry.previous.map((previous) => ({ key: previous, until })),
        ...entry.old,
      ];
      const old = overlap > 0 ? former.filter((each) => each.key !== next) : [];
      this.#options.log.info({ group: name, overlap }, 'group has another key');
      return entries.map((each) =>
        each === entry ? { name, key: next, previous: [], old } : each,
      );
    });
  }

  setFloor(floor: PlaintextFloor): Promise<void> {
    return this.#change(
      (entries) => {
        this.#options.log.info({ plaintext: floor }, 'plaintext policy set');
        return entries;
      },
      { floor },
    );
  }

  /** Waits for what is being stored. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#changing;
  }

  #find(entries: readonly GroupEntry[], name: string): GroupEntry {
    const entry = entries.find((each) => each.name === name);
    if (entry !== undefined) return entry;
    throw new KithError(
      'not-found',
      `this node is in no group ${name}; \`kith groups\` lists its groups`,
    );
  }

  /** Stores first, then puts in force: what is in force survives a restart. */
  #change(
    edit: (entries: readonly GroupEntry[]) => readonly GroupEntry[],
    { floor: wanted, told = false }: { floor?: PlaintextFloor; told?: boolean } = {},
  ): Promise<void> {
    const done = this.#changing.then(async () => {
      const entries = edit(this.#entries);
      const floor = wanted ?? this.#floor;
      checkGroups(entries.map(securityGroup));
      await saveGroupsFile(this.#options.home, this.#toFile(entries, floor));
      this.#entries = [...entries];
      this.#floor = floor;
      this.#arm();
      if (!told) this.#options.changed();
    });
    this.#changing = done.catch(() => {});
    return done;
  }

  /** Lays what the file says over the configuration. */
  #apply(file: GroupsFile): void {
    const { config, log, wallClock } = this.#options;
    const now = wallClock();
    const differences = new Map(file.groups.map((each) => [each.name, each]));
    const entries: GroupEntry[] = [];
    const outdated: string[] = [];
    for (const configured of config.groups) {
      const stored = differences.get(configured.name);
      differences.delete(configured.name);
      if (stored === undefined || stored.insteadOf !== fingerprint(configured)) {
        if (stored !== undefined) outdated.push(configured.name);
        const { name, key, previousKeys: previous } = configured;
        entries.push({ name, ...(key === undefined ? {} : { key }), previous, old: [] });
      } else if (stored.removed !== true) {
        entries.push(entryOf(stored, now));
      }
    }
    for (const stored of differences.values()) {
      if (stored.removed === true) continue;
      if (stored.insteadOf !== undefined) outdated.push(stored.name);
      else entries.push(entryOf(stored, now));
    }
    const { plaintext } = file;
    if (plaintext !== undefined && plaintext.insteadOf === config.plaintext) {
      this.#floor = plaintext.is;
    } else if (plaintext !== undefined) outdated.push('plaintext');
    this.#entries = entries;
    if (outdated.length > 0) {
      log.warn(
        `${outdated.join(', ')}: the configuration was edited since \`kith groups\` changed it; the configuration counts`,
      );
    }
  }

  #toFile(entries: readonly GroupEntry[], floor: PlaintextFloor): GroupsFile {
    const { config } = this.#options;
    const groups: GroupDifference[] = [];
    for (const configured of config.groups) {
      const insteadOf = fingerprint(configured);
      const entry = entries.find(({ name }) => name === configured.name);
      if (entry === undefined) groups.push({ name: configured.name, insteadOf, removed: true });
      else if (!isAsConfigured(entry, configured)) groups.push({ ...stored(entry), insteadOf });
    }
    const names = new Set(config.groups.map(({ name }) => name));
    for (const entry of entries) if (!names.has(entry.name)) groups.push(stored(entry));
    const plaintext = floor === config.plaintext ? undefined : floor;
    return {
      version: 1,
      groups,
      ...(plaintext && { plaintext: { is: plaintext, insteadOf: config.plaintext } }),
    };
  }

  /** Waits for the next old key to have had its time. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const next = Math.min(...this.#entries.flatMap(({ old }) => old.map(({ until }) => until)));
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(next - this.#options.wallClock(), 0), LONGEST_WAIT);
    this.#timer = setTimeout(() => this.#expire(), wait);
    this.#timer.unref();
  }

  #expire(): void {
    const now = this.#options.wallClock();
    const isOver = ({ old }: GroupEntry) => old.some(({ until }) => until <= now);
    if (!this.#entries.some(isOver)) {
      this.#arm();
      return;
    }
    const over = this.#entries.filter(isOver).map(({ name }) => name);
    this.#options.log.info({ groups: over }, 'old keys do not count any more');
    this.#entries = this.#entries.map((entry) => ({
      ...entry,
      old: entry.old.filter(({ until }) => until > now),
    }));
    // In force at once: a disk that is full must not keep an old key alive.
    this.#options.changed();
    this.#change((entries) => entries, { told: true }).catch((error: Error) => {
      this.#options.log.warn(error.message);
      this.#arm();
    });
  }
}

function securityGroup({ name, key, previous, old }: GroupEntry): SecurityGroup {
  const keys = [key, ...previous, ...old.map((each) => each.key)].filter(
    (each) => each !== undefined,
  );
  const byName = key !== undefined && old.some((each) => each.key === undefined);
  return { name, keys, ...(byName ? { byName } : {}) };
}

function entryOf({ name, key, old = [] }: GroupDifference, now: number): GroupEntry {
  return {
    name,
    ...(key === undefined ? {} : { key }),
    previous: [],
    old: old.filter(({ until }) => until > now),
  };
}

function stored({ name, key, old }: GroupEntry): GroupDifference {
  return {
    name,
    ...(key === undefined ? {} : { key }),
    ...(old.length === 0 ? {} : { old: [...old] }),
  };
}

function isAsConfigured(entry: GroupEntry, configured: KithConfig['groups'][number]): boolean {
  return (
    entry.old.length === 0 &&
    entry.key === configured.key &&
    entry.previous.join('\0') === configured.previousKeys.join('\0')
  );
}
