/**
 * What a bench has made outside of its processes and its directory, such as
 * network namespaces, and how each is removed.
 */

type Removal = () => Promise<void> | void;

export class Leavings {
  readonly #removals = new Set<Removal>();
  #ending = false;

  /** Call it before the thing is made. @returns removes it now; a second time does nothing */
  add(removal: Removal): () => Promise<void> {
    if (this.#ending) throw new Error('the bench is ending');
    this.#removals.add(removal);
    return async () => {
      if (this.#removals.delete(removal)) await removal();
    };
  }

  /** Removes all of it, the newest first; one that fails does not spare the others. Nothing is added any more. */
  async removeAll(): Promise<void> {
    this.#ending = true;
    for (const removal of [...this.#removals].reverse()) {
      this.#removals.delete(removal);
      try {
        await removal();
      } catch (error) {
        console.error(error instanceof Error ? error.message : String(error));
      }
    }
  }
}
