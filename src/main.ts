/** The composition root: gives the command line the process it runs in, and ends it. */
import type { CliContext } from './cli/context.ts';
import { reportError, runCli } from './cli/program.ts';

/** Milliseconds that cleaning up may take after an error nobody caught. */
const LAST_WISH_LIMIT = 3000;

let lastWish: (() => Promise<void>) | undefined;

const context: CliContext = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
  loadNode: async () => (await import('./controller/node.ts')).startNode,
  // Not exit(): that waits for a worker, and this is for when nobody wants to wait.
  abandon: () => void process.kill(process.pid, 'SIGKILL'),
  setLastWish: (wish) => {
    lastWish = wish;
  },
};

/** A reader that went away, as in `kith friends | head -1`, is no failure of ours. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

let failing = false;

function fail(error: unknown): void {
  if (failing) return;
  failing = true;
  const code = reportError(error, context);
  const giveUp = setTimeout(context.abandon, LAST_WISH_LIMIT);
  Promise.resolve(lastWish?.())
    .catch(() => {})
    .finally(() => {
      clearTimeout(giveUp);
      process.exit(code);
    });
}

process.stdout.on('error', ignoreClosedPipe);
process.stderr.on('error', ignoreClosedPipe);
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

const code = await runCli(process.argv.slice(2), context);
if (!failing) process.exit(code);
