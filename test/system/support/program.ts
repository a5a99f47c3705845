/** Programs in tests: gone when the test is over, and heard when it fails. */
import type { ExecutionContext } from 'ava';
import {
  describeEnd,
  Program,
  type ProgramOptions,
  runProgram,
} from '../../../integration/qemu/program.ts';

/** Starts a program; it is ended after the test, and its last words are logged if the test fails. */
export function startProgram(
  t: ExecutionContext,
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  const program = new Program(command, args, options);
  watchProgram(t, program);
  return program;
}

/** The same for a program that is running already. */
export function watchProgram(t: ExecutionContext, program: Program): void {
  t.teardown(async () => {
    if (!t.passed) t.log(`${program.name}: ${program.output.slice(-4000)}`);
    await program.stop();
  });
}

/** Runs a program to its end and returns what it printed; its failure fails the test. */
export async function mustRun(command: string, ...args: readonly string[]): Promise<string> {
  const result = await runProgram(command, args);
  if (result.code !== 0) {
    const line = [command, ...args].join(' ');
    throw new Error(`${line}: ${describeEnd(result)}: ${result.stderr}${result.stdout}`);
  }
  return result.stdout;
}

const POLL = 50;

/**
 * Waits until `check` returns something other than undefined and false.
 * @param what what is waited for, for the message
 * @param timeout milliseconds
 */
export async function waitUntil<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeout = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const result = await check();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) throw new Error(`waited ${timeout / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}
