/**
 * What `kith groups` has changed: `groups.json` in the home, mode 0600, replaced whole.
 *
 * The file holds differences to the configuration, each with a fingerprint of the
 * entry that it stands in for. Who edits that entry of the configuration later has
 * the last word: the fingerprint does not fit any more, and the difference is dropped.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { KithError } from '../errors.ts';
import { readIfThere } from '../f2f/read-if-there.ts';
import { replaceFile } from '../f2f/replace-file.ts';
import { groupKeySchema, groupNameSchema } from './config-friends.ts';
import { PLAINTEXT_FLOORS } from './config-schema.ts';

export const GROUPS_FILE = 'groups.json';

/** A key that still counts, until a time in milliseconds since 1970; without `key`, the name alone. */
const oldKey = z.strictObject({ key: groupKeySchema.exactOptional(), until: z.int().min(0) });
export type OldKey = z.infer<typeof oldKey>;

const difference = z.strictObject({
  name: groupNameSchema,
  /** Of the entry of the configuration; absent if it had none. */
  insteadOf: z.string().exactOptional(),
  /** We are not in the group any more. */
  removed: z.literal(true).exactOptional(),
  key: groupKeySchema.exactOptional(),
  old: z.array(oldKey).exactOptional(),
});
export type GroupDifference = z.infer<typeof difference>;

const groupsFile = z.strictObject({
  version: z.literal(1),
  groups: z.array(difference),
  plaintext: z
    .strictObject({ is: z.enum(PLAINTEXT_FLOORS), insteadOf: z.enum(PLAINTEXT_FLOORS) })
    .exactOptional(),
});
export type GroupsFile = z.infer<typeof groupsFile>;

/** @throws KithError 'config' when the file is damaged, 'permission' when it cannot be read */
export async function loadGroupsFile(home: string): Promise<GroupsFile> {
  const path = join(home, GROUPS_FILE);
  const text = await readIfThere(path);
  if (text === undefined) return { version: 1, groups: [] };
  try {
    return groupsFile.parse(JSON.parse(text));
  } catch {
    // The cause would quote what is in the file.
    throw new KithError(
      'config',
      `${path} is damaged; restore it from a backup, or move it away and change the groups again.`,
    );
  }
}

export async function saveGroupsFile(home: string, file: GroupsFile): Promise<void> {
  await replaceFile(join(home, GROUPS_FILE), `${JSON.stringify(file, null, 2)}\n`);
}

/** Tells two entries of the configuration apart without holding their keys. */
export function fingerprint(entry: {
  readonly name: string;
  readonly key?: string | undefined;
  readonly previousKeys: readonly string[];
}): string {
  const text = JSON.stringify([entry.name, entry.key ?? null, entry.previousKeys]);
  return createHash('sha256').update(`kith group entry v1 ${text}`).digest('hex').slice(0, 32);
}
