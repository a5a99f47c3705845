/**
 * The VDE management console as a Unix stream socket, for `vdeterm`, `unixcmd`,
 * libvdemgmt and `kith console`.
 *
 * Read first: docs/protocol/vde.md, "The management console".
 *
 * Each client has a conversation of its own. Lines wait their turn in the client's
 * socket: while one is carried out, and while the client does not fetch its answer,
 * nothing more is read. What is queued for a client is thus at most one piece of an
 * answer and EVENT_BACKLOG of events; events beyond that are lost for this client.
 * A console that nobody talks to costs no timer.
 */
import { chmod, chown, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { monotonicClock } from '../clock.ts';
import { KithError } from '../errors.ts';
import { CATEGORIES, type Category } from '../switch/vde/console/categories.ts';
import { type ConsoleLine, LineAssembler } from '../switch/vde/console/line-assembler.ts';
import { ConsoleSession, isCompleteLine } from '../switch/vde/console/session.ts';
import type { ConsoleTarget } from '../switch/vde/console/target.ts';
import { checkSocketPath, inodeOf, publishSocket, withdrawSocket } from './control-socket.ts';

/** Clients at a time; more are closed at once. */
const MAX_CLIENTS = 64;

/** Octets queued for a client beyond which it hears of no more events. */
const EVENT_BACKLOG = 256 * 1024;

export interface ConsoleServerOptions {
  /** The socket, absolute. */
  readonly path: string;
  /** Its permission bits. */
  readonly mode: number;
  /** Its group (gid); absent: as the system makes it. */
  readonly group?: number;
  readonly target: ConsoleTarget;
  readonly log: Logger;
  /** Told whenever it changes which events anybody wants to hear of. */
  onInterest(wanted: ReadonlySet<Category>): void;
}

export class ConsoleServer {
  readonly #options: ConsoleServerOptions;
  readonly #server: Server;
  readonly #conversations = new Set<Conversation>();
  #wanted: ReadonlySet<Category> = new Set();
  #inode: bigint | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConsoleServerOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /**
   * Listens; a socket that nobody answers on is taken over.
   * @throws KithError 'already-running' if somebody does, 'address' if the path is too long,
   *   'permission' or 'system' if the system refuses. Then nothing is left behind.
   */
  async start(): Promise<void> {
    const { path, mode, group } = this.#options;
    const privatePath = join(dirname(path), `.${basename(path)}${process.pid}`);
    checkSocketPath(path);
    checkSocketPath(privatePath);
    try {
      await unlink(privatePath).catch(() => {}); // of a process that had our number and died
      await listen(this.#server, privatePath);
      await chmod(privatePath, mode);
      if (group !== undefined) await chown(privatePath, -1, group);
      this.#inode = await inodeOf(privatePath);
      await publishSocket(privatePath, path);
    } catch (error) {
      this.#server.close();
      throw startError(path, error);
    }
    this.#server.on('error', (error) => {
      this.#options.log.warn({ err: error }, 'a console client could not be accepted');
    });
  }

  /** Tells every client that wants to hear of it. */
  announce(category: Category, text: string): void {
    if (!this.#wanted.has(category)) return;
    for (const conversation of this.#conversations) conversation.announce(category, text);
  }

  /** Hangs up on everybody and removes the socket. May be called at any time, and again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.#server.listening) return;
    if (this.#inode !== undefined) await withdrawSocket(this.#options.path, this.#inode);
    const closed = new Promise<void>((settle) => this.#server.close(() => settle()));
    for (const conversation of this.#conversations) conversation.hangUp();
    await closed;
  }

  #accept(socket: Socket): void {
    const { target, log } = this.#options;
    const conversation = new Conversation(socket, new ConsoleSession(target), {
      failed: (error) => log.error({ err: error }, 'a console command failed'),
      changed: () => this.#findInterest(),
      closed: () => {
        this.#conversations.delete(conversation);
        this.#findInterest();
      },
    });
    this.#conversations.add(conversation);
    conversation.begin();
  }

  #findInterest(): void {
    const all = [...this.#conversations];
    const wanted = CATEGORIES.map(({ path }) => path).filter((path) =>
      all.some((each) => each.wants(path)),
    );
    if (wanted.length === this.#wanted.size && wanted.every((path) => this.#wanted.has(path))) {
      return;
    }
    this.#wanted = new Set(wanted);
    this.#options.onInterest(this.#wanted);
  }
}

interface ConversationEvents {
  /** A command threw: a fault of ours, which only this client feels. */
  failed(error: unknown): void;
  /** A line was carried out; subscriptions may have changed. */
  changed(): void;
  closed(): void;
}

/** One client. */
class Conversation {
  readonly #socket: Socket;
  readonly #session: ConsoleSession;
  readonly #events: ConversationEvents;
  readonly #assembler = new LineAssembler(isCompleteLine);
  /** Lines of what was read last. */
  readonly #lines: ConsoleLine[] = [];
  #busy = false;
  #inputEnded = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, session: ConsoleSession, events: ConversationEvents) {
    this.#socket = socket;
    this.#session = session;
    this.#events = events;
  }

  begin(): void {
    const socket = this.#socket;
    socket.on('data', (octets: Buffer) => {
      this.#take(this.#assembler.push(octets, monotonicClock.now()));
    });
    socket.on('end', () => {
      this.#inputEnded = true;
      this.#take(this.#assembler.finish());
    });
    socket.on('error', () => {
      // 'close' follows, and is all we need.
    });
    socket.on('close', () => {
      // Who sends a line and is gone at once, as vdeterm with `shutdown`, wants it done.
      this.#take(this.#assembler.finish());
      this.#events.closed();
    });
    socket.write(this.#session.greeting());
  }

  wants(category: Category): boolean {
    return this.#session.subscriptions.has(category);
  }

  announce(category: Category, text: string): void {
    if (this.#socket.writableLength > EVENT_BACKLOG || !this.#socket.writable) return;
    const event = this.#session.event(category, text);
    if (event !== undefined) this.#socket.write(event);
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  #take(lines: readonly ConsoleLine[]): void {
    this.#lines.push(...lines);
    void this.#work();
  }

  /** Carries out the lines that are there, then lets more come. */
  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    this.#socket.pause();
    try {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        for await (const piece of this.#session.run(line)) {
          await this.#say(piece);
          // A script goes no further when nobody is there to see it.
          if (this.#socket.destroyed) break;
        }
        this.#events.changed();
      }
    } catch (error) {
      this.#events.failed(error);
      this.#socket.destroy();
    }
    this.#busy = false;
    if (this.#session.ended || this.#inputEnded) this.#socket.destroySoon();
    else this.#listen();
  }

  #listen(): void {
    if (this.#socket.destroyed) return;
    this.#socket.resume();
    const deadline = this.#assembler.nextDeadline();
    if (deadline === Number.POSITIVE_INFINITY) return;
    const now = monotonicClock.now();
    this.#timer = setTimeout(
      () => this.#take(this.#assembler.expire(monotonicClock.now())),
      Math.max(0, Math.ceil(deadline - now)),
    );
  }

  /** Says one piece, and waits until it is on its way. */
  async #say(piece: string): Promise<void> {
    const socket = this.#socket;
    if (!socket.writable || socket.write(piece)) return;
    await new Promise<void>((settle) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        settle();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((settle, fail) => {
    server.once('error', fail);
    server.listen(path, () => {
      server.off('error', fail);
      settle();
    });
  });
}

function startError(path: string, error: unknown): unknown {
  const mend = 'choose another path with --mgmt';
  if (error instanceof KithError) {
    if (error.code !== 'already-running') return error;
    return new KithError('already-running', `Somebody answers on ${path} already; ${mend}.`, {
      cause: error,
    });
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error;
  const refused = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  return new KithError(
    refused ? 'permission' : 'system',
    `The console socket ${path} cannot be made (${code}); check its directory and group, or ${mend}.`,
    { cause: error },
  );
}
