import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ControlClient } from '../../controller/control-client.ts';
import { KithError } from '../../errors.ts';
import { addPrintingCommand, clientOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';

/** Milliseconds that a node may take to end. */
const PATIENCE = 15_000;
/** Milliseconds between two looks. */
const LOOK_INTERVAL = 20;
/** Milliseconds from the vanishing of the socket to the end of the process. */
const LAST_BREATH = 3000;

export function addDown(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'down', {
    summary: 'end the running node',
    description:
      'Ends the running node and waits until it is gone: friends are told, guests lose their cable, no socket is left behind. SIGTERM to the process does the same.',
    examples: [
      ['kith down', 'the node of ~/.kith'],
      ['kith down --home /srv/kith', 'another one'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    const { name, uid, pid } = await client.status();
    await client.down();
    await untilGone(client, pid);
    print(command, context, { name, uid, pid }, () => `${name} is down\n`);
  });
}

async function untilGone(client: ControlClient, pid: number): Promise<void> {
  const vanished = await within(PATIENCE, async () => !(await client.isListening()));
  if (!vanished) {
    throw new KithError(
      'system',
      `the node (process ${pid}) was asked to end but is still there after ${PATIENCE / 1000} s; look at its log, or end it with kill -9 ${pid}`,
    );
  }
  // A process in another namespace has another number here: its socket has to do.
  await within(LAST_BREATH, async () => !isRunning(pid));
}

async function within(limit: number, done: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + limit;
  while (!(await done())) {
    if (performance.now() >= deadline) return false;
    await sleep(LOOK_INTERVAL);
  }
  return true;
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
