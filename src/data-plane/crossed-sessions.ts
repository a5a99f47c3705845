/**
 * Finds the session of what has crossed from another worker.
 *
 * What crosses can be faster than the command that opens its session; that one has been sent
 * before all the same (routes.ts). So for a session that is not there the commands that wait are
 * carried out first, once in a turn.
 */
export class CrossedSessions<S> {
  readonly #get: (localIndex: number) => S | undefined;
  readonly #catchUp: (() => void) | undefined;
  /** The commands of this turn are carried out. */
  #caughtUp = false;

  /**
   * @param get looks in the table of the sessions
   * @param catchUp carries out commands that have come
   */
  constructor(get: (localIndex: number) => S | undefined, catchUp: (() => void) | undefined) {
    this.#get = get;
    this.#catchUp = catchUp;
  }

  /** A turn begins. */
  begin(): void {
    this.#caughtUp = false;
  }

  find(localIndex: number): S | undefined {
    const session = this.#get(localIndex);
    if (session !== undefined || this.#caughtUp) return session;
    this.#caughtUp = true;
    this.#catchUp?.();
    return this.#get(localIndex);
  }
}
