/**
 * What is set of a switch as a list of settings, and how two such lists differ. Pure.
 *
 *   as the node began ---+
 *                        +--> differences --(switch.json)--> reconcile --> to be set again
 *   as it is now --------+                                      ^
 *                                        as another node begins-+
 */
import type { SwitchDifference } from './switch-store.ts';

type Without<Each> = Each extends unknown ? Omit<Each, 'insteadOf'> : never;

/** One setting; `is` null: nothing is said of it. */
export type SwitchSetting = Without<SwitchDifference>;

/** Which setting it is, whatever it is set to. */
export type SettingName = Pick<SwitchDifference, 'set'> & {
  readonly port?: number | string;
  readonly mac?: string;
  readonly vlan?: number;
};

export function settingName(setting: SwitchSetting): SettingName {
  const { set } = setting;
  return {
    set,
    ...('port' in setting && setting.port !== undefined ? { port: setting.port } : {}),
    ...('mac' in setting ? { mac: setting.mac, vlan: setting.vlan } : {}),
  };
}

/** What stands in `now` and is different in `before`, and what stands there no more. */
export function differences(
  before: readonly SwitchSetting[],
  now: readonly SwitchSetting[],
): SwitchDifference[] {
  const [was, is] = [byName(before), byName(now)];
  const found: SwitchDifference[] = [];
  for (const [name, setting] of new Map([...was, ...is])) {
    const value = is.get(name)?.is ?? null;
    const insteadOf = was.get(name)?.is ?? null;
    if (canonical(value) === canonical(insteadOf)) continue;
    // Both values are of the setting that the name stands for.
    found.push({ ...setting, is: value, insteadOf } as SwitchDifference);
  }
  return found;
}

/** `before` with what the differences say in its place. */
export function overlay(
  before: readonly SwitchSetting[],
  changes: readonly SwitchDifference[],
): SwitchSetting[] {
  return [...new Map([...byName(before), ...byName(changes)]).values()];
}

/**
 * Tells what of a file still stands in for what the configuration says.
 * @returns `stale`: those whose part of the configuration says something else now
 */
export function reconcile(
  before: readonly SwitchSetting[],
  kept: readonly SwitchDifference[],
): { readonly valid: readonly SwitchDifference[]; readonly stale: readonly SwitchDifference[] } {
  const was = byName(before);
  const fits = (each: SwitchDifference): boolean =>
    canonical(was.get(canonical(settingName(each)))?.is ?? null) === canonical(each.insteadOf);
  return { valid: kept.filter(fits), stale: kept.filter((each) => !fits(each)) };
}

function byName(settings: readonly SwitchSetting[]): Map<string, SwitchSetting> {
  return new Map(settings.map((each) => [canonical(settingName(each)), each]));
}

/** The same text for the same value, in whatever order its keys are. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inside: unknown) =>
    typeof inside === 'object' && inside !== null && !Array.isArray(inside)
      ? Object.fromEntries(Object.entries(inside).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inside,
  );
}
