/**
 * A conversation with a VDE management console: a node's, or any vde_switch's.
 *
 * Commands wait their turn; each is sent when the one before it has been answered.
 */
import { connect, type Socket } from 'node:net';
import { KithError } from '../errors.ts';
import { type ConsoleMessage, ReplyParser } from '../switch/vde/console/reply-parser.ts';

/** Milliseconds that a console may take for its greeting. */
const GREETING_TIMEOUT = 5000;

export interface ConsoleAnswer {
  readonly lines: readonly string[];
  /** The error number, 0 for success; undefined for a line that is no command. */
  readonly status: number | undefined;
  /** What the status says: `Success`. */
  readonly text: string;
  /** The console has said farewell. */
  readonly ended: boolean;
}

interface Waiting {
  resolve(answer: ConsoleAnswer): void;
  reject(error: Error): void;
}

export class ConsoleClient {
  /** What the console said first. */
  greeting = '';
  /** Called with every event, as the console wrote it. */
  onEvent: (line: string) => void = () => {};
  /** Settled when the conversation is over, however that came about. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #path: string;
  readonly #parser = new ReplyParser();
  #waiting: Waiting | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    this.closed = new Promise((settle) => socket.once('close', () => settle()));
    socket.on('error', () => {
      // 'close' follows, and is all we need.
    });
    socket.on('data', (octets: Buffer) => {
      for (const message of this.#parser.push(octets)) this.#take(message);
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#waiting?.reject(this.#gone());
      this.#waiting = undefined;
    });
  }

  /**
   * Connects and waits for the greeting.
   * @throws KithError 'not-running' when nobody answers there, 'permission' when we may not
   */
  static async open(path: string): Promise<ConsoleClient> {
    const client = new ConsoleClient(await connected(path), path);
    const greeted = client.#expect();
    const timer = setTimeout(() => client.close(), GREETING_TIMEOUT);
    try {
      client.greeting = (await greeted).text;
    } finally {
      clearTimeout(timer);
    }
    return client;
  }

  /** Carries out one line. @throws KithError 'not-running' when the console goes away meanwhile */
  command(line: string): Promise<ConsoleAnswer> {
    const answer = this.#last.then(() => {
      if (this.#isClosed) throw this.#gone();
      const expected = this.#expect();
      this.#socket.write(`${line.replaceAll(/[\r\n]/g, ' ')}\n`);
      return expected;
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  #expect(): Promise<ConsoleAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #take(message: ConsoleMessage): void {
    if (message.kind === 'event') {
      this.onEvent(message.line);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (message.kind === 'greeting') {
      waiting?.resolve({ lines: [], status: undefined, text: message.text, ended: false });
    } else if (message.kind === 'answer') {
      waiting?.resolve({ ...message, ended: false });
    } else {
      waiting?.resolve({ lines: [], status: 0, text: '', ended: true });
      this.close();
    }
  }

  #gone(): KithError {
    return new KithError(
      'not-running',
      `the console ${this.#path} hung up; see whether its node still runs with \`kith status\``,
    );
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (cause: NodeJS.ErrnoException) => reject(connectError(path, cause)));
  });
}

function connectError(path: string, cause: NodeJS.ErrnoException): KithError {
  if (cause.code === 'EACCES' || cause.code === 'EPERM') {
    return new KithError(
      'permission',
      `the console ${path} belongs to somebody else; ask for its group, or run this as its owner`,
      { cause },
    );
  }
  return new KithError(
    'not-running',
    `nobody answers on the console ${path} (${cause.code}); start the node with \`kith up\`, or name another with --mgmt`,
    { cause },
  );
}
