/**
 * Where other processes of the same user hand in TAPs that they have opened, as `kith exec`
 * does in its own network namespace.
 *
 *   bound --complete--> taken
 *     |
 *     +--10 s, or the end of the node--> forgotten
 *
 * Each is a Unix datagram socket of mode 0600 in the home, for one descriptor.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { KithError } from '../errors.ts';
import type { SystemSockets } from '../io/system-contract.ts';
import { checkSocketPath } from './control-socket.ts';

/** Milliseconds between binding and completing. */
const LIFETIME = 10_000;
/** At a time. */
const MOST_ATTACHMENTS = 16;
/** One datagram of a few octets. */
const BUFFER_LENGTH = 4096;
const NAME = /^tap-[0-9a-f]{16}\.sock$/;

interface Attachment {
  readonly socket: number;
  readonly timer: NodeJS.Timeout;
}

export class TapAttachments {
  readonly #home: string;
  readonly #sockets: SystemSockets;
  readonly #open = new Map<string, Attachment>();

  constructor(home: string, sockets: SystemSockets) {
    this.#home = home;
    this.#sockets = sockets;
  }

  /** Removes what a node left that had no time to. */
  sweep(): void {
    for (const name of readdirSync(this.#home)) {
      if (NAME.test(name)) rmSync(join(this.#home, name), { force: true });
    }
  }

  /** @returns the path of a new socket @throws KithError */
  open(): string {
    if (this.#open.size >= MOST_ATTACHMENTS) {
      throw new KithError('system', 'too many attachments are under way; try again shortly');
    }
    const path = join(this.#home, `tap-${randomBytes(8).toString('hex')}.sock`);
    checkSocketPath(path);
    let socket: number | undefined;
    try {
      socket = this.#sockets.openUnixDatagram(path, '', BUFFER_LENGTH);
      chmodSync(path, 0o600);
    } catch (error) {
      if (socket !== undefined) this.#sockets.closeDescriptor(socket);
      rmSync(path, { force: true });
      throw error;
    }
    const timer = setTimeout(() => this.#forget(path), LIFETIME);
    timer.unref();
    this.#open.set(path, { socket, timer });
    return path;
  }

  /**
   * Takes the descriptor that was sent to a path, which is forgotten.
   * @returns a system descriptor, which is the caller's
   * @throws KithError
   */
  take(path: string): number {
    const attachment = this.#open.get(path);
    if (attachment === undefined) {
      throw new KithError('not-found', `${path} is not open (any more); ask for another one`);
    }
    try {
      const received = this.#sockets.receiveDescriptor(attachment.socket);
      if (received !== undefined) return received.descriptor;
    } finally {
      this.#forget(path);
    }
    throw new KithError('usage', `no descriptor has come to ${path}; send it before you complete`);
  }

  close(): void {
    for (const path of [...this.#open.keys()]) this.#forget(path);
  }

  #forget(path: string): void {
    const attachment = this.#open.get(path);
    if (attachment === undefined) return;
    this.#open.delete(path);
    clearTimeout(attachment.timer);
    this.#sockets.closeDescriptor(attachment.socket);
    rmSync(path, { force: true });
  }
}
