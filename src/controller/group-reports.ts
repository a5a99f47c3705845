/** What a node tells of its security groups, and what is changed there by hand: for NodeReports. */
import { weakKeyWarning } from './config.ts';
import { nameOf } from './friend-names.ts';
import { type GroupEntry, oldKeysUntil } from './group-book.ts';
import type {
  AddGroup,
  ChangedGroup,
  GroupStatus,
  PlaintextFloor,
  RotateGroup,
} from './node-api-groups.ts';
import type { NodeParts } from './node-parts.ts';

/** Milliseconds: so long both keys of a group count unless somebody says otherwise. */
const OVERLAP = 24 * 60 * 60 * 1000;

type Parts = Pick<NodeParts, 'groups' | 'core'>;

export class GroupReports {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  status(): readonly GroupStatus[] {
    const { groups, core } = this.#parts;
    return groups.entries.map((entry) => {
      const { name, key } = entry;
      return {
        name,
        keyed: key !== undefined,
        sharedWith: core.friends
          .filter(({ current }) => current?.session.sharedGroups.includes(name))
          .map(nameOf),
        byOldKey: core.friends
          .filter(({ current }) => current?.session.why.byOldKey.includes(name))
          .map(nameOf),
        ...keysUntil(entry),
      };
    });
  }

  async add({ name, key }: AddGroup): Promise<ChangedGroup> {
    await this.#parts.groups.add(name, key);
    return this.#changed(name, key);
  }

  async remove(name: string): Promise<ChangedGroup> {
    await this.#parts.groups.remove(name);
    return { name };
  }

  async rotate({ name, key, overlapMs = OVERLAP }: RotateGroup): Promise<ChangedGroup> {
    await this.#parts.groups.rotate(name, key, overlapMs);
    return this.#changed(name, key);
  }

  async setPlaintext(floor: PlaintextFloor): Promise<{ plaintext: PlaintextFloor }> {
    await this.#parts.groups.setFloor(floor);
    return { plaintext: floor };
  }

  #changed(name: string, given: string | undefined): ChangedGroup {
    const { groups } = this.#parts;
    const entry = groups.entries.find((each) => each.name === name);
    const warning = weakKeyWarning(name, given);
    return {
      name,
      ...(entry?.key === undefined ? {} : { keyFile: groups.path }),
      ...(entry === undefined ? {} : keysUntil(entry)),
      ...(warning === undefined ? {} : { warning }),
    };
  }
}

function keysUntil(entry: GroupEntry): { oldKeysUntil?: string } {
  const until = oldKeysUntil(entry);
  return until === undefined ? {} : { oldKeysUntil: until };
}
