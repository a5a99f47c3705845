/**
 * `npm test`: builds, sees to the system programs, runs all tests.
 *
 *   npm test                            everything: first the unit tests, then the system tests
 *   npm test -- test/links test/stp     only the test files below these paths
 *   npm test -- --verbose               names every test
 *   npm test -- --seed random           property tests draw other numbers (or: --seed 42)
 *
 * The last line counts, alone on a line: `N passed, N failed, N skipped`. A
 * system test that cannot run here is skipped and says what it lacks; with
 * CI=true a skip is a failure.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensurePackages } from './system-packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const { values, positionals } = parseArgs({
  options: {
    verbose: { type: 'boolean', short: 'v', default: false },
    seed: { type: 'string' },
  },
  allowPositionals: true,
});

if (values.seed !== undefined) {
  const seed = values.seed === 'random' ? randomInt(2 ** 31) : Number(values.seed);
  if (!Number.isInteger(seed)) {
    console.error('--seed takes a whole number or the word random.');
    process.exit(2);
  }
  console.log(`seed of the property tests: ${seed}`);
  process.env.KITH_TEST_SEED = String(seed);
}

/**
 * Each file in a process of its own: threads would share system descriptors, and
 * a test that closes one on purpose, or by mistake, would hit its neighbours.
 */
const COMMON_FLAGS = ['--tap', '--no-worker-threads'];

/** Unit tests share the cores; each is quick. */
const UNIT = { name: 'unit tests', verbose: values.verbose, flags: [] };

/** System tests start programs and namespaces: one at a time, with patience for emulated guests. */
const SYSTEM = {
  name: 'system tests',
  verbose: true,
  flags: ['--concurrency', '1', '--timeout', '5m'],
};

const counts = { passed: 0, failed: 0, skipped: 0 };
/** What failed, and the first lines of why: told again at the end, where a long log is read. */
const failures = [];
const MAX_REASONS = 40;

/** Built test files whose source still exists, below the given paths if there are any. */
function testFiles() {
  const wanted = positionals.map((path) => path.replace(/^\.\//, '').replace(/\/$/, ''));
  return readdirSync('test', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        wanted.length === 0 ||
        wanted.some((start) => path === start || path.startsWith(`${start}/`)),
    )
    .sort();
}

const built = (path) => join('dist', path.replace(/\.ts$/, '.js'));

function build() {
  const result = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.json'], { stdio: 'inherit' });
  if (result.status !== 0) {
    console.error('The build failed, so no test was run.');
    process.exit(1);
  }
}

/** Runs AVA over some files and counts what its TAP says. */
async function run(phase, files) {
  if (files.length === 0) return;
  console.log(`\n${phase.name}: ${files.length} files`);
  const ava = spawn(
    'node_modules/.bin/ava',
    [...COMMON_FLAGS, ...phase.flags, ...files.map(built)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise((resolve) => {
    ava.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const before = { ...counts };
  const complete = await readTap(createInterface({ input: ava.stdout }), phase.verbose);
  const end = await ended;
  const failed = counts.failed - before.failed;
  if (!complete || (end !== 'exit code 0' && failed === 0)) {
    // A file that hung is no test in TAP, and a crash leaves tests that nobody counted.
    counts.failed += 1;
    const what = complete ? '' : ' before all tests were run';
    failures.push({ title: `${phase.name}: the runner ended${what} (${end})`, reasons: [] });
  }
  const of = (key) => `${counts[key] - before[key]} ${key}`;
  console.log(`${phase.name}: ${of('passed')}, ${of('failed')}, ${of('skipped')}`);
}

/** @returns whether the plan came, which TAP from AVA ends with */
async function readTap(lines, verbose) {
  let telling = verbose;
  let reasons = [];
  let complete = false;
  for await (const line of lines) {
    const point = /^(not )?ok \d+ - (.*?)( # SKIP.*)?$/.exec(line);
    if (point !== null) {
      const [, not, title, skip] = point;
      const kind = not ? 'failed' : skip ? 'skipped' : 'passed';
      counts[kind] += 1;
      reasons = [];
      if (kind === 'failed') failures.push({ title, reasons });
      telling = verbose || kind === 'failed';
      if (telling || kind === 'skipped') console.log(`  ${MARKS[kind]} ${title}`);
    } else if (line.startsWith('1..')) {
      complete = true;
    } else if (telling && !/^(TAP version|# (tests|pass|fail|skip) |$)/.test(line)) {
      console.log(`    ${line}`);
      if (reasons.length < MAX_REASONS) reasons.push(line);
    }
  }
  return complete;
}

const MARKS = { passed: '✔', failed: '✘', skipped: '-' };

build();
const left = ensurePackages('test');
if (left.length > 0) console.error('Tests that need them will be skipped.');

const files = testFiles();
const isSystem = (path) => path.startsWith('test/system/');
await run(
  UNIT,
  files.filter((path) => !isSystem(path)),
);
await run(SYSTEM, files.filter(isSystem));

const inCi = process.env.CI === 'true';
const total = counts.passed + counts.failed;
if (failures.length > 0) console.log('\nfailed:');
for (const { title, reasons } of failures) {
  console.log(`  ${title}`);
  for (const line of reasons) console.log(`    ${line}`);
}
if (inCi && counts.skipped > 0) console.log('\nSkipped tests are failures where CI=true.');
if (total === 0) console.log('\nNo test was run.');
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 || total === 0 || (inCi && counts.skipped > 0) ? 1 : 0;
