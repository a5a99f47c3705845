import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemTest } from './support/system-test.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

systemTest(
  'a cable joins our switch and the one of Debian',
  { needs: ['vde_switch', 'vde_plug', 'dpipe'] },
  async (t) => {
    const { stdout } = await run('examples/cable.sh', { cwd: root, timeout: 30_000 });
    t.regex(stdout, /vde .*forwarding/);
  },
);
