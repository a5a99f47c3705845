/**
 * What was put together in a turn and lies in borrowed memory until what was sent of it has
 * left, with the sessions that it goes back to. Only the count falls when they have it back: an
 * array that is emptied gives its own memory back, and takes other for the next frame. Sessions
 * are let go of, for they may end.
 */
import type { Session } from './session.ts';

export class KeptUntilSent<T> {
  readonly #things: T[] = [];
  readonly #owners: (Session | undefined)[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  keep(thing: T, owner: Session): void {
    this.#things[this.#count] = thing;
    this.#owners[this.#count++] = owner;
  }

  /** @param give puts one of them back where its session has it from */
  giveBack(give: (owner: Session, thing: T) => void): void {
    for (let i = 0; i < this.#count; i++) {
      const owner = this.#owners[i];
      this.#owners[i] = undefined;
      if (owner !== undefined) give(owner, this.#things[i]);
    }
    this.#count = 0;
  }
}
