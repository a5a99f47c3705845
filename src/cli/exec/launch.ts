/**
 * The outer half of `kith exec`: starts the process inside, tells it what to do and passes
 * on what comes from outside. It stays in front as long as the command runs.
 *
 *    kith exec --+-- unshare, which becomes --> inside --+-- the command
 *                +<-------- channel ----------->+
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { KithError } from '../../errors.ts';
import type { CliContext } from '../context.ts';
import { exitCodeOf } from './command-run.ts';
import { UNSHARE } from './namespaces.ts';
import { type ExecPlan, type Order, PASSED_SIGNALS, type Report } from './plan.ts';

/** Signals that a terminal sends to all processes in front, the command among them. */
const TERMINAL_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** Milliseconds for the process inside to end after it said that all is done. */
const LAST_STEPS = 3000;

/** Starts the process inside, with a channel as its fourth descriptor. */
export type StartInside = () => ChildProcess;

export const startInside: StartInside = () => {
  const [file, ...args] = UNSHARE;
  const inside = fileURLToPath(new URL('./inside.js', import.meta.url));
  return spawn(file, [...args, process.execPath, inside], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
};

/** @returns the exit code of the command @throws KithError when it could not be started */
export async function launch(
  plan: ExecPlan,
  { signals, stderr }: Pick<CliContext, 'signals' | 'stderr'>,
  start: StartInside = startInside,
): Promise<number> {
  const child = start();
  const tell = (order: Order): void => {
    // It may be gone before it hears of it.
    if (child.connected) child.send(order, () => {});
  };
  let last: Exclude<Report, { is: 'note' }> | undefined;
  child.on('message', (report: Report) => {
    if (report.is === 'note') stderr.write(`kith: ${report.text}\n`);
    else {
      last = report;
      setTimeout(() => child.kill('SIGKILL'), LAST_STEPS).unref();
    }
  });
  const listeners = PASSED_SIGNALS.map((signal) => {
    const listener = (): void => {
      if (!(TERMINAL_SIGNALS.includes(signal) && isInFront())) tell({ do: 'signal', signal });
    };
    signals.on(signal, listener);
    return { signal, listener };
  });
  try {
    const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    // What it said may come after its end.
    const heard = new Promise<void>((resolve) => child.once('disconnect', resolve));
    tell({ do: 'run', plan });
    const [code, signal] = await exit;
    await heard;
    if (last?.is === 'ended') return last.code;
    if (last?.is === 'refused') throw new KithError(last.code, last.message);
    throw new KithError(
      'system',
      `the process that runs the command was ended from outside (code ${exitCodeOf(code, signal)}); run it again`,
    );
  } finally {
    for (const { signal, listener } of listeners) signals.off(signal, listener);
  }
}

/**
 * Whether our process group is the one in front at a terminal (proc(5), /proc/PID/stat:
 * fields 5, pgrp, and 8, tpgid; the name in field 2 may hold anything).
 */
function isInFront(): boolean {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const [, , group, , , front] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === front;
}
