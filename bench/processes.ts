/**
 * The processes of a bench: started each in a session of its own, watched,
 * and ended by their own id.
 *
 * A session of its own matters: with the kernel's autogroup scheduling, a switch
 * in its clients' session shares their slice of the processor, and round trips
 * come out twice as long as a user sees them.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Jiffies per second in /proc/PID/stat (USER_HZ, 100 on every Linux we run on). */
const CLOCK_TICKS = 100;

/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE = 5000;

/** How much of the end of a process's output is kept by default, in characters: enough for a message. */
const KEPT_OUTPUT = 2000;

export interface StartOptions {
  /** Bind the process and its threads to this processor. */
  readonly cpu?: number | undefined;
  /** Resolve only when the output holds a whole line equal to this. */
  readonly readyLine?: string;
  /** Milliseconds to wait for the line. */
  readonly readyWithin?: number;
  /** What messages call it; by default the command and its first argument. */
  readonly title?: string;
  /** How much of the end of its output is kept, in characters. */
  readonly keep?: number;
}

export interface Running {
  readonly pid: number;
  /** Its title and the end of what it printed, whether it still runs or how it ended. */
  lastWords(): string;
  /** The end of what it printed, both outputs. */
  output(): string;
  /** Writes to its standard input. */
  write(text: string): void;
  /** Settles when it is gone and its output is read. */
  readonly ended: Promise<void>;
  /** Ends the process and waits until it is gone. */
  stop(): Promise<void>;
}

interface Entry {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  readonly title: string;
  output: string;
}

export class Processes {
  readonly #entries = new Set<Entry>();
  #ending = false;

  /** Starts a process that stays. Its standard input is a pipe that is held open. */
  async start(
    command: string,
    args: readonly string[],
    options: StartOptions = {},
  ): Promise<Running> {
    const entry = this.#spawn(command, args, options);
    const running = {
      pid: entry.child.pid as number,
      lastWords: () => lastWords(entry),
      output: () => entry.output,
      write: (text: string) => void entry.child.stdin?.write(text),
      ended: entry.gone,
      stop: () => this.#stop(entry),
    };
    if (options.readyLine !== undefined) {
      const { readyLine, readyWithin = 20_000 } = options;
      const isReady = () => hasLine(entry.output, readyLine);
      await eventually(() => isReady() || isGone(entry), readyWithin);
      if (!isReady()) {
        const how = isGone(entry) ? 'ended' : `went ${readyWithin} ms`;
        await running.stop();
        throw new Error(`${entry.title} ${how} without printing '${readyLine}': ${gist(entry)}`);
      }
    }
    return running;
  }

  /** Runs a process to its end and returns its standard output; rejects when it fails. */
  async run(
    command: string,
    args: readonly string[],
    options: { cpu?: number | undefined; within: number; title?: string },
  ): Promise<string> {
    const entry = this.#spawn(command, args, options);
    let output = '';
    entry.child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    entry.child.stdin?.end();
    const finished = await Promise.race([
      entry.gone.then(() => true),
      delay(options.within, false, { ref: false }),
    ]);
    if (!finished) {
      await this.#stop(entry);
      throw new Error(`${entry.title} did not end within ${options.within} ms`);
    }
    if (entry.child.exitCode !== 0) throw new Error(`${entry.title} failed: ${gist(entry)}`);
    return output;
  }

  /** Ends everything that is still running; nothing starts any more. */
  async stopAll(): Promise<void> {
    this.#ending = true;
    await Promise.all([...this.#entries].map((entry) => this.#stop(entry)));
  }

  #spawn(command: string, args: readonly string[], options: StartOptions): Entry {
    if (this.#ending) throw new Error('the bench is ending');
    const { cpu, keep: kept = KEPT_OUTPUT } = options;
    const title = options.title ?? [command.split('/').pop(), args[0]].join(' ').trim();
    const line =
      cpu === undefined ? [command, ...args] : ['taskset', '-c', `${cpu}`, command, ...args];
    const child = spawn(line[0], line.slice(1), {
      detached: true, // setsid
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const gone = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    const entry: Entry = { child, gone, title, output: '' };
    const keep = (chunk: Buffer) => {
      entry.output = (entry.output + chunk.toString()).slice(-kept);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.stdin?.on('error', () => {}); // it may be gone before we are
    child.once('error', (error) => keep(Buffer.from(error.message)));
    this.#entries.add(entry);
    gone.then(() => this.#entries.delete(entry));
    return entry;
  }

  async #stop(entry: Entry): Promise<void> {
    const { child, gone } = entry;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), GRACE);
    await gone;
    clearTimeout(killer);
  }
}

/** CPU seconds, user and system, of a process and all its threads since it started. */
export function cpuSeconds(pid: number): number {
  return parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1'));
}

/**
 * The CPU seconds in a line of /proc/PID/stat (proc(5): utime is field 14, stime
 * 15; the command in field 2 may itself hold blanks and parentheses).
 */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / CLOCK_TICKS;
}

/** Resident memory of a process in megabytes (10^6 octets). */
export function residentMegabytes(pid: number): number {
  return parseResident(readFileSync(`/proc/${pid}/status`, 'latin1'));
}

/** The VmRSS line of /proc/PID/status in megabytes; the kernel counts in KiB. */
export function parseResident(status: string): number {
  const kibibytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error('this process has no resident memory');
  return (Number(kibibytes) * 1024) / 1e6;
}

/** Polls `condition` until it holds; false when it does not in time. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  within: number,
): Promise<boolean> {
  const end = performance.now() + within;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > end) return false;
    await delay(50);
  }
}

function isGone({ child }: Entry): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

function hasLine(output: string, line: string): boolean {
  return output.split('\n').some((candidate) => candidate.trim() === line);
}

/** How many lines `lastWords` gives. */
const LAST_LINES = 3;

function lastWords(entry: Entry): string {
  const { child, output, title } = entry;
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const said = lines.slice(-LAST_LINES).join(' | ') || 'it said nothing';
  if (!isGone(entry)) return `${title} (running): ${said}`;
  return `${title} (ended, ${child.exitCode ?? child.signalCode ?? 'never started'}): ${said}`;
}

/** The line of the output that tells most: one that names an error, else the last one. */
function gist({ output, child }: Entry): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const error = lines.find((line) => /error/i.test(line) && !/^\s*at /.test(line));
  return (error ?? lines.at(-1) ?? `exit ${child.exitCode ?? child.signalCode}`).trim();
}
