/** The friends of a node, each under the UID that it has now. */
import type { Friend } from './friend.ts';
import type { Uid } from './uid.ts';

export class FriendTable {
  readonly #byUid = new Map<Uid, Friend>();

  /** In the order in which they came. */
  [Symbol.iterator](): IterableIterator<Friend> {
    return this.#byUid.values();
  }

  get(uid: Uid): Friend | undefined {
    return this.#byUid.get(uid);
  }

  has(uid: Uid): boolean {
    return this.#byUid.has(uid);
  }

  /** Takes in a friend, in place of another with its UID. */
  set(friend: Friend): void {
    this.#byUid.set(friend.uid, friend);
  }

  delete(uid: Uid): boolean {
    return this.#byUid.delete(uid);
  }

  /** Whether somebody with this key is let in. The UID alone decides where no key is pinned. */
  admits(uid: Uid, publicKey: Uint8Array): boolean {
    const friend = this.#byUid.get(uid);
    if (friend === undefined) return false;
    const pinned = friend.publicKey;
    return pinned === undefined || Buffer.from(pinned).equals(publicKey);
  }

  /** A friend has another key: it is filed under it, and nobody comes in by the former UID. */
  succeed(friend: Friend, uid: Uid, publicKey: Uint8Array): void {
    this.#byUid.delete(friend.uid);
    friend.succeed(uid, publicKey);
    this.#byUid.set(uid, friend);
  }
}
