/**
 * A program run as a child: its output by lines, waiting for a word of it, and
 * an end that is certain. Whatever way this process ends, its children end too.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { KithError } from '../../src/errors.ts';

/** Octets of output kept for messages; older ones are forgotten. */
const KEPT_OUTPUT = 256 * 1024;

/** Milliseconds a program gets between SIGTERM and SIGKILL. */
const GRACE = 4000;

/**
 * setpriv makes the kernel send SIGTERM when the thread that started the program is gone,
 * which also holds where no handler of ours runs any more: a killed test, a worker thread cut short.
 */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

export interface ProgramOptions {
  /** Added to the environment; undefined removes. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
  /** What messages call it; by default the command. */
  readonly name?: string;
  /** False for a program that makes a process group itself and must not lead a session (dpipe). */
  readonly ownSession?: boolean;
}

export interface ProgramEnd {
  /** Exit code, or null after a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type LineListener = (line: string, source: 'stdout' | 'stderr') => void;

const running = new Set<Program>();
process.on('exit', () => {
  for (const program of running) program.kill('SIGKILL');
});

export class Program {
  readonly name: string;
  /** Settles, always with success, when the program is gone and its output is read. */
  readonly ended: Promise<ProgramEnd>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #listeners = new Set<LineListener>();
  /** Called whenever something was said, whole lines or not. */
  readonly #watchers = new Set<() => void>();
  #end: ProgramEnd | undefined;
  #failure: Error | undefined;
  #stdout = '';
  #stderr = '';

  /** Starts it at once. A program that cannot be started ends with code 127 and says why in `output`. */
  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.name = options.name ?? command;
    const [file, ...rest] =
      SETPRIV === undefined
        ? [command, ...args]
        : [SETPRIV, '--pdeathsig', 'TERM', '--', command, ...args];
    this.#child = spawn(file!, rest, {
      cwd: options.workingDirectory,
      env: { ...process.env, ...options.environment },
      stdio: 'pipe',
      // A session of its own: Ctrl-C reaches only us, we end the rest in order, and a
      // switch does not share the scheduler's autogroup with its clients.
      detached: options.ownSession ?? true,
    });
    running.add(this);
    // A program may close its input early; that is its right and no failure of ours.
    this.#child.stdin.on('error', () => {});
    this.#child.once('error', (error) => {
      this.#failure = error;
      this.#stderr += `${error.message}\n`;
    });
    this.#read('stdout');
    this.#read('stderr');
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        running.delete(this);
        this.#end = this.#failure === undefined ? { code, signal } : { code: 127, signal: null };
        resolve(this.#end);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Both outputs, for a message. */
  get output(): string {
    return `${this.#stdout}${this.#stderr}`;
  }

  /** How it ended; undefined while it runs. */
  get end(): ProgramEnd | undefined {
    return this.#end;
  }

  /** Writes to its standard input. */
  write(data: string | Uint8Array): void {
    this.#child.stdin.write(data);
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /** Calls `listener` for each whole line from now on. @returns a function that stops that */
  onLine(listener: LineListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Waits until its output, from the first octet kept, matches.
   * @throws KithError 'system' when the program ends first or `timeout` milliseconds pass
   */
  async waitFor(pattern: RegExp, timeout: number): Promise<RegExpMatchArray> {
    return await new Promise((resolve, reject) => {
      const look = (): boolean => {
        const found = this.#stdout.match(pattern) ?? this.#stderr.match(pattern);
        if (found !== null) settle(() => resolve(found));
        return found !== null;
      };
      const timer = setTimeout(() => {
        fail(`did not say ${pattern} within ${timeout / 1000} s`);
      }, timeout);
      this.#watchers.add(look);
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const fail = (what: string): void =>
        settle(() => reject(new KithError('system', `${this.name} ${what}: ${this.lastWords()}`)));
      if (look()) return;
      void this.ended.then((end) => {
        if (!look()) fail(`ended (${describeEnd(end)}) before it said ${pattern}`);
      });
    });
  }

  /** The last lines it said, in one line, for an error message. */
  lastWords(): string {
    const said = this.#stderr.trim() === '' ? this.#stdout : this.#stderr;
    const lines = said.split(/\r?\n/).filter((line) => line.trim() !== '');
    return lines.slice(-3).join(' | ') || 'it said nothing';
  }

  /** Sends a signal to it and to the children that stayed in its process group. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#end !== undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It leads no group, or is gone already.
      this.#child.kill(signal);
    }
  }

  /** SIGTERM, after a while SIGKILL; returns when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', grace = GRACE): Promise<ProgramEnd> {
    if (this.#end !== undefined) return this.#end;
    this.kill(signal);
    const timer = setTimeout(() => {
      this.kill('SIGKILL');
      // A grandchild may hold the pipes open: do not wait for it.
      this.#child.stdout.destroy();
      this.#child.stderr.destroy();
    }, grace);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  #read(source: 'stdout' | 'stderr'): void {
    const stream = this.#child[source];
    stream.setEncoding('utf8');
    let partial = '';
    stream.on('data', (text: string) => {
      if (source === 'stdout') this.#stdout = (this.#stdout + text).slice(-KEPT_OUTPUT);
      else this.#stderr = (this.#stderr + text).slice(-KEPT_OUTPUT);
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) this.#tell(line.replace(/\r$/, ''), source);
      for (const watch of [...this.#watchers]) watch();
    });
    stream.on('end', () => {
      if (partial !== '') this.#tell(partial, source);
    });
  }

  #tell(line: string, source: 'stdout' | 'stderr'): void {
    for (const listener of [...this.#listeners]) listener(line, source);
  }
}

export interface Finished extends ProgramEnd {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, or for `timeout` milliseconds (then its signal tells), without input. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions & { readonly timeout?: number } = {},
): Promise<Finished> {
  const program = new Program(command, args, options);
  program.endInput();
  const timer = setTimeout(() => void program.stop(), options.timeout ?? 60_000);
  const end = await program.ended;
  clearTimeout(timer);
  return { ...end, stdout: program.stdout, stderr: program.stderr };
}

/** Where a program is, looked for in the path and the system directories; undefined if nowhere. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return directories.map((directory) => `${directory}/${name}`).find((path) => existsSync(path));
}

export function describeEnd(end: ProgramEnd): string {
  return end.signal === null ? `exit code ${end.code}` : end.signal;
}
