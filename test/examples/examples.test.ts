import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);

test('two nodes in one process pair, link and say why', async (t) => {
  const program = fileURLToPath(new URL('../../examples/two-nodes.js', import.meta.url));
  const { stdout, stderr } = await run(process.execPath, [program], { timeout: 30_000 });
  t.is(stderr, '');
  t.regex(stdout, /bob reaches alice over udp, sealed/);
  t.regex(stdout, /because both ends are in default/);
});
