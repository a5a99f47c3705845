/**
 * `npm run check`: everything that can be checked without root and without
 * other programs, in under a minute.
 *
 *   format and lint | types | dead exports     at the same time
 *   architecture                               the direction of imports, purity
 *   unit tests                                 all of test/ but test/system/
 *
 * With `-- --no-tests` without the last, for who runs `npm test` besides.
 *
 * One line per step. The first step that fails shows its output and ends it.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** Programs at the end of a pipe are told what we know of its other end. */
const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR;
const COLOUR = coloured ? { FORCE_COLOR: '1' } : { NO_COLOR: '1', FORCE_COLOR: '0' };

const running = new Set();

/** Runs a program of node_modules. Settles with its output when it ends well, fails with it otherwise. */
function run(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [binary(name), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...COLOUR },
    });
    running.add(child);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('close', (code) => {
      running.delete(child);
      if (code === 0) resolve(output);
      else reject(new Error(output.trimEnd() || `${name} ended with ${code}`));
    });
  });
}

function binary(name) {
  return join('node_modules', '.bin', name);
}

class StepFailed extends Error {}

let failed = false;

async function step(title, work) {
  const start = performance.now();
  const report = (mark, note) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${mark} ${title.padEnd(16)} ${seconds.padStart(5)} s${note ? `  ${note}` : ''}`);
  };
  try {
    report('✔', await work());
  } catch (error) {
    // Those that run beside it are ended, which is no failure of theirs.
    if (!failed) report('✘');
    failed = true;
    throw new StepFailed(error.message);
  }
}

/** Built files whose source is gone, which AVA would run for ever. */
function removeOrphans() {
  if (!existsSync('dist/test')) return;
  for (const entry of readdirSync('dist/test', { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.js')) continue;
    const built = join(entry.parentPath, entry.name);
    const source = join(dirname(relative('dist', built)), entry.name.replace(/\.js$/, '.ts'));
    if (!existsSync(source)) rmSync(built);
  }
}

function ava(patterns) {
  return async () => {
    const output = await run('ava', ['--tap', ...patterns]);
    return `${/^# pass (\d+)/m.exec(output)?.[1] ?? '?'} tests`;
  };
}

/** Of AVA's TAP only what failed. */
function failures(output) {
  const blocks = output.split(/^(?=(?:not )?ok )/m).filter((block) => block.startsWith('not ok'));
  return blocks.length === 0 ? output : blocks.join('\n');
}

const start = performance.now();
try {
  await Promise.all([
    step('format and lint', async () => {
      // It takes any FORCE_COLOR for a yes.
      await run('biome', [
        'ci',
        `--colors=${coloured ? 'force' : 'off'}`,
        '--error-on-warnings',
        '.',
      ]);
    }),
    step('types', async () => {
      await run('tsc', ['-p', 'tsconfig.json']);
      removeOrphans();
    }),
    step('dead exports', async () => {
      await run('knip', ['--no-progress']);
    }),
  ]);
  await step('architecture', ava(['dist/test/architecture/**/*.test.js']));
  if (!process.argv.includes('--no-tests')) {
    await step(
      'unit tests',
      ava(['dist/test/**/*.test.js', '!dist/test/{architecture,system}/**']),
    );
  }
  console.log(`all good in ${((performance.now() - start) / 1000).toFixed(1)} s`);
} catch (error) {
  for (const child of running) child.kill();
  if (!(error instanceof StepFailed)) throw error;
  console.error(`\n${failures(error.message)}`);
  process.exitCode = 1;
}
