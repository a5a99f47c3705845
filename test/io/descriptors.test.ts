/** Descriptors: none is left behind, and running out of them hurts nobody for long. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

/** In a process of its own, since the threads of a test run share one table of descriptors. */
function runAlone(part: string): { status: number | null; output: string } {
  const script = fileURLToPath(new URL('./descriptors-alone.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', script, part], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, output: stdout + stderr };
}

for (const part of ['leak', 'failures', 'garbage', 'worker', 'exhaustion']) {
  test(part, (t) => {
    const { status, output } = runAlone(part);
    t.is(status, 0, output);
  });
}
