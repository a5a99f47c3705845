/** Raw conversations with a console: what was sent and what came, octet by octet. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** What ends whatever a console has to say. */
const PROMPT = '\nvde$ ';

/** Milliseconds until somebody who waits is disappointed. */
const PATIENCE = 10_000;

export class RawConsole {
  readonly socket: Socket;
  ended = false;
  #heard = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#heard += text;
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', () => {}); // a console may hang up on us
  }

  /** Connects; hung up after the test. What was said first is in `heard`. */
  static async open(t: ExecutionContext, path: string): Promise<RawConsole> {
    const socket = connect({ path, allowHalfOpen: true });
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    return new RawConsole(socket);
  }

  /** All that came and was not taken yet. */
  get heard(): string {
    return this.#heard;
  }

  send(octets: string | Uint8Array): void {
    this.socket.write(octets);
  }

  /** Waits for the prompt, and takes everything up to it. */
  async answer(): Promise<string> {
    return await this.until((heard) => heard.endsWith(PROMPT));
  }

  /** Sends a line and takes its answer. */
  async say(line: string): Promise<string> {
    this.send(`${line}\n`);
    return await this.answer();
  }

  /** Waits until what came is as wanted, and takes it. */
  async until(isWanted: (heard: string) => boolean): Promise<string> {
    const deadline = performance.now() + PATIENCE;
    while (!isWanted(this.#heard)) {
      if (performance.now() > deadline) throw new Error(`waited in vain: ${this.#heard}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const taken = this.#heard;
    this.#heard = '';
    return taken;
  }
}
