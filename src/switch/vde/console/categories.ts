/**
 * What a manager can be told of as it happens: the categories of `debug/add`.
 *
 * The tag of a category is octal in its three digits: the upper five bits say of
 * what part of the switch, the lower three what happened there.
 */
import { Errno, type Status, SUCCESS } from './errno.ts';

/** In vde_switch's order, which `debug/list` shows. */
export const CATEGORIES = [
  { path: 'hash/+', tag: 0o011, help: 'hash: new element' },
  { path: 'hash/-', tag: 0o012, help: 'hash: discarded element' },
  { path: 'fstp/status', tag: 0o044, help: 'fstp: status change' },
  { path: 'fstp/root', tag: 0o045, help: 'fstp: rootswitch/port change' },
  { path: 'fstp/+', tag: 0o041, help: 'fstp: port becomes active' },
  { path: 'fstp/-', tag: 0o042, help: 'fstp: port becomes inactive' },
  { path: 'port/+', tag: 0o021, help: 'new port' },
  { path: 'port/-', tag: 0o022, help: 'closed port' },
  { path: 'port/descr', tag: 0o023, help: 'set port description' },
  { path: 'port/ep/+', tag: 0o031, help: 'new endpoint' },
  { path: 'port/ep/-', tag: 0o032, help: 'closed endpoint' },
] as const;

export type Category = (typeof CATEGORIES)[number]['path'];

/** The categories that one client wants to hear of. */
export class Subscriptions {
  readonly #wanted = new Set<Category>();

  has(category: Category): boolean {
    return this.#wanted.has(category);
  }

  /** Adds all whose path begins so; the empty beginning is all of them. */
  add(beginning: string): Status {
    const matching = matches(beginning);
    if (matching.length === 0) return Errno.invalid;
    if (matching.every((path) => this.#wanted.has(path))) return Errno.exists;
    for (const path of matching) this.#wanted.add(path);
    return SUCCESS;
  }

  remove(beginning: string): Status {
    const matching = matches(beginning);
    if (matching.length === 0) return Errno.invalid;
    let removed = false;
    for (const path of matching) removed = this.#wanted.delete(path) || removed;
    return removed ? SUCCESS : Errno.noEntry;
  }
}

export function tagOf(category: Category): number {
  return CATEGORIES.find(({ path }) => path === category)?.tag ?? 0;
}

function matches(beginning: string): Category[] {
  return CATEGORIES.map(({ path }) => path).filter((path) => path.startsWith(beginning));
}
