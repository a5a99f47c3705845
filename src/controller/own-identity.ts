/** The identity that a node has now. It may get another key while it runs. */
import type { Identity } from '../f2f/identity.ts';
import { rotateIdentity } from '../f2f/identity-rotation.ts';

export interface OwnIdentityOptions {
  /** Where it is kept. */
  readonly home: string;
  readonly identity: Identity;
  readonly log: { info(details: object, message: string): void };
  /** There is another key, and it is kept. */
  readonly rotated: (identity: Identity) => void;
}

export class OwnIdentity {
  readonly #options: OwnIdentityOptions;
  #current: Identity;
  /** Changes of the key follow one another. */
  #rotating: Promise<void> = Promise.resolve();

  constructor(options: OwnIdentityOptions) {
    this.#options = options;
    this.#current = options.identity;
  }

  get current(): Identity {
    return this.#current;
  }

  /** Gives the node another key, signed by the one it has. @throws KithError */
  rotate(): Promise<void> {
    const { home, log, rotated } = this.#options;
    const done = this.#rotating.then(async () => {
      const formerUid = this.#current.uid;
      this.#current = await rotateIdentity(home, this.#current);
      const { uid } = this.#current;
      rotated(this.#current);
      log.info({ uid, formerUid }, 'this node has another key; friends are told');
    });
    this.#rotating = done.catch(() => {});
    return done;
  }
}
