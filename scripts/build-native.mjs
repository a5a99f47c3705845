/**
 * Builds the addon under native/. npm runs it as the `install` script.
 *
 * It is quiet when all is well, does nothing when the addon is newer than its
 * sources and loads, and otherwise ends with one sentence that says what to do.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const addon = join(root, 'build', 'Release', 'kith_native.node');
const TAIL_LINES = 25;

function run(command, args) {
  return spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

function runs(command, args = ['--version']) {
  return run(command, args).status === 0;
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** In a process of its own, so that a broken addon cannot take this one along. */
function loads() {
  return runs(process.execPath, ['-e', `require(${JSON.stringify(addon)})`]);
}

function isFresh() {
  if (!existsSync(addon)) return false;
  const built = statSync(addon).mtimeMs;
  const native = join(root, 'native');
  const sources = readdirSync(native).map((name) => join(native, name));
  sources.push(join(root, 'binding.gyp'));
  return sources.every((source) => statSync(source).mtimeMs <= built) && loads();
}

/** Headers that came with this Node, for machines that cannot download any. */
function headersBesideNode() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? prefix : undefined;
}

function checkTools() {
  const missing = [];
  if (!runs(process.env.CXX ?? 'c++') && !runs('g++')) missing.push('a C++ compiler');
  if (!runs('make')) missing.push('make');
  if (!runs(process.env.npm_config_python ?? process.env.PYTHON ?? 'python3')) {
    missing.push('Python 3');
  }
  if (missing.length === 0) return;
  const list = missing.join(', ').replace(/, ([^,]*)$/, ' and $1');
  const verb = missing.length === 1 ? 'is' : 'are';
  fail(
    `Kith's native addon cannot be built because ${list} ${verb} missing; install it, for example with "apt install build-essential python3", and run npm ci again.`,
  );
}

function build() {
  const bundled = process.env.npm_config_node_gyp;
  const [command, args] = bundled ? [process.execPath, [bundled]] : ['npx', ['--yes', 'node-gyp']];
  args.push('rebuild', '--release');
  const nodedir = process.env.npm_config_nodedir ?? headersBesideNode();
  if (nodedir) args.push(`--nodedir=${nodedir}`);
  const { status, stdout, stderr, error } = run(command, args);
  if (status === 0 && loads()) return;

  const output = `${stdout ?? ''}${stderr ?? ''}${error ? String(error) : ''}`;
  console.error(output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n'));
  let mend = 'see the output above and run "node scripts/build-native.mjs" again when it is mended';
  if (/node_api\.h|getaddrinfo|ENOTFOUND|ECONNREFUSED|ETIMEDOUT/.test(output)) {
    mend =
      'the headers of this Node could not be had; give their place with "npm config set nodedir PREFIX" (the directory above include/node)';
  } else if (/openssl\/\w+\.h/.test(output)) {
    mend =
      'this Node comes without the headers of OpenSSL; install "libssl-dev" and run npm ci again';
  }
  fail(`Kith's native addon did not build: ${mend}.`);
}

if (process.platform !== 'linux') fail('Kith runs on Linux only; use a Linux machine or guest.');
if (!isFresh()) {
  checkTools();
  build();
}
