/** Runs the command line inside the test, with streams that can be read afterwards. */
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import type { CliContext, StartNode } from '../../src/cli/context.ts';
import { runCli } from '../../src/cli/program.ts';

export interface Run {
  readonly code: Promise<number>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly signals: EventEmitter;
  /** How often the process would have been killed. */
  readonly abandoned: () => number;
  /** Resolved when `line` stands in the output. */
  readonly printed: (line: string) => Promise<void>;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  readonly startNode?: StartNode;
  /** Pretend that output goes to a terminal. */
  readonly terminal?: boolean;
}

export function start(args: readonly string[], options: RunOptions = {}): Run {
  const output = { stdout: '', stderr: '' };
  const changed = new EventEmitter();
  const capture = (name: 'stdout' | 'stderr') => {
    const stream = Object.assign(new PassThrough(), { isTTY: options.terminal === true });
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output[name] += text;
      changed.emit('output');
    });
    return stream;
  };
  const signals = new EventEmitter();
  let abandoned = 0;
  const context: CliContext = {
    env: options.env ?? {},
    stdin: Readable.from([options.stdin ?? '']),
    stdout: capture('stdout'),
    stderr: capture('stderr'),
    signals,
    loadNode: async () => {
      if (options.startNode === undefined) throw new Error('this test starts no node');
      return options.startNode;
    },
    abandon: () => {
      abandoned++;
    },
    setLastWish: () => {},
  };
  const code = runCli(args, context).finally(() => changed.emit('output'));
  let ended = false;
  code.then(
    () => {
      ended = true;
      changed.emit('output');
    },
    () => {},
  );
  return {
    code,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    signals,
    abandoned: () => abandoned,
    printed: async (line) => {
      while (!`\n${output.stdout}`.includes(`\n${line}\n`)) {
        if (ended) throw new Error(`ended without '${line}': ${output.stdout}${output.stderr}`);
        await once(changed, 'output');
      }
    },
  };
}

/** Runs a command to its end. */
export async function run(args: readonly string[], options: RunOptions = {}) {
  const running = start(args, options);
  const code = await running.code;
  return { code, stdout: running.stdout(), stderr: running.stderr() };
}

/** A home that goes away with the test; its name is short, for the sake of sockets. */
export async function temporaryHome(t: ExecutionContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'kith-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  return home;
}
