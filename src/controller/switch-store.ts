/**
 * What `kith switch save` keeps: `switch.json` in the home, mode 0600, replaced whole.
 *
 * The file holds differences to the configuration, each with what it stands in for; null is
 * nothing. Who edits that part of the configuration later has the last word: `insteadOf`
 * does not fit any more, and the difference is dropped. Decision 18.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { KithError } from '../errors.ts';
import { readIfThere } from '../f2f/read-if-there.ts';
import { replaceFile } from '../f2f/replace-file.ts';
import {
  checkedAgeingTime,
  checkedCapacity,
  checkedCollectionInterval,
  MAX_AGEING_TIME,
} from '../switch/filtering-parameters.ts';
import {
  mirrorSection,
  portReference,
  staticVlan,
  stationMac,
  stormSection,
  treePortSection,
} from './config-ports.ts';

const SWITCH_FILE = 'switch.json';

/** A value, and that of the configuration in its place. */
function instead<Value extends z.ZodType>(value: Value) {
  return { is: value, insteadOf: value };
}

/** A number that a check of the filtering database takes: the console may set what the configuration does not have. */
function checked(check: (value: number) => number) {
  return z.number().refine((value) => {
    try {
      return check(value) === value;
    } catch {
      return false;
    }
  });
}

const difference = z.discriminatedUnion('set', [
  z.strictObject({ set: z.literal('hub'), ...instead(z.boolean()) }),
  // Milliseconds, as everywhere but in the configuration.
  z.strictObject({ set: z.literal('ageing'), ...instead(checked(checkedAgeingTime)) }),
  z.strictObject({
    set: z.literal('minPersistence'),
    ...instead(z.number().min(0).max(MAX_AGEING_TIME)),
  }),
  z.strictObject({ set: z.literal('collection'), ...instead(checked(checkedCollectionInterval)) }),
  z.strictObject({ set: z.literal('addressesPerPort'), ...instead(z.int().min(1)) }),
  z.strictObject({ set: z.literal('tableSize'), ...instead(checked(checkedCapacity)) }),
  z.strictObject({ set: z.literal('mirror'), ...instead(mirrorSection.nullable()) }),
  z.strictObject({
    set: z.literal('storm'),
    /** Absent: every port. */
    port: portReference.exactOptional(),
    ...instead(stormSection.nullable()),
  }),
  z.strictObject({
    set: z.literal('address'),
    mac: stationMac,
    vlan: staticVlan,
    ...instead(portReference.nullable()),
  }),
  z.strictObject({
    set: z.literal('stp'),
    port: portReference,
    ...instead(treePortSection.nullable()),
  }),
]);
export type SwitchDifference = z.output<typeof difference>;

const switchFile = z.strictObject({ version: z.literal(1), settings: z.array(difference) });

/** @throws KithError 'config' when the file is damaged, 'permission' when it cannot be read */
export async function loadSwitchFile(home: string): Promise<readonly SwitchDifference[]> {
  const path = join(home, SWITCH_FILE);
  const text = await readIfThere(path);
  if (text === undefined) return [];
  try {
    return switchFile.parse(JSON.parse(text)).settings;
  } catch (cause) {
    throw new KithError(
      'config',
      `${path} is damaged; restore it from a backup, or move it away and set the switch again.`,
      { cause },
    );
  }
}

/** Without differences there is no file. @throws KithError 'permission' */
export async function saveSwitchFile(
  home: string,
  settings: readonly SwitchDifference[],
): Promise<void> {
  const path = join(home, SWITCH_FILE);
  if (settings.length > 0) {
    await replaceFile(path, `${JSON.stringify({ version: 1, settings }, null, 2)}\n`);
    return;
  }
  try {
    await rm(path, { force: true });
  } catch (cause) {
    throw new KithError('permission', `${path} cannot be removed; make its directory writable.`, {
      cause,
    });
  }
}
