/** What is pure stays pure: bytes and `now` in, bytes and decisions out. */
import test from 'ava';
import { type SourceFile, sourceFiles } from './source-files.ts';

const files = sourceFiles();

interface PureFolder {
  readonly folder: string;
  /** Files in it that may touch the system, and why they have to. */
  readonly except?: readonly string[];
}

const PURE: readonly PureFolder[] = [
  { folder: 'src/stp' },
  {
    folder: 'src/switch',
    except: [
      // They are the VDE server and client: sockets, modes and owners are their trade.
      'src/switch/vde/vde-server.ts',
      'src/switch/vde/vde-client.ts',
      'src/switch/vde/control-directory.ts',
      'src/switch/vde/accounts.ts',
      // The byte order of the host, which VDE's structures are in.
      'src/switch/vde/sockaddr.ts',
    ],
  },
  // The name of a host is looked up there, once, before a link is dialled.
  { folder: 'src/tap/dhcp' },
  { folder: 'src/links', except: ['src/links/link-url.ts'] },
];

/** Doors to the outside world. node:crypto computes, and is named for its randomness below. */
const SYSTEM_MODULES =
  /^node:(fs|net|dgram|http|https|tls|dns|child_process|worker_threads|cluster|os|process|readline|timers|perf_hooks|stream|tty)(\/|$)/;

/** Time, chance and the process itself, as globals. */
const IMPURE_GLOBALS =
  /\b(?:Date\.now|new Date\(\)|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|process\.\w+|crypto\.(?:getRandomValues|randomBytes|randomUUID)|randomBytes\s*\(|fetch\s*\()/;

function pureFiles(): SourceFile[] {
  return files.filter((file) =>
    PURE.some(
      ({ folder, except = [] }) =>
        file.path.startsWith(`${folder}/`) && !except.includes(file.path),
    ),
  );
}

test('pure folders open no door to the system', (t) => {
  const found = pureFiles().flatMap((file) =>
    file.specifiers
      .filter((each) => SYSTEM_MODULES.test(each))
      .map((each) => `${file.path} imports ${each}`),
  );
  t.deepEqual(found, []);
});

test('pure folders read no clock and draw no randomness', (t) => {
  const found = pureFiles().flatMap((file) => {
    const match = IMPURE_GLOBALS.exec(file.text);
    return match === null ? [] : [`${file.path} says ${match[0]}`];
  });
  t.deepEqual(found, []);
});

test('exceptions are of files that exist', (t) => {
  const paths = files.map((file) => file.path);
  for (const { except = [] } of PURE) for (const path of except) t.true(paths.includes(path), path);
});

test('only main ends the process', (t) => {
  const found = files
    .filter((file) => file.path !== 'src/main.ts')
    .filter((file) => /\bprocess\s*\.\s*(?:exit|abort|reallyExit)\b/.test(file.text))
    .map((file) => file.path);
  t.deepEqual(found, []);
  const main = files.find((file) => file.path === 'src/main.ts');
  t.true(main !== undefined && /process\.exit\(/.test(main.text));
});

test('nobody writes to the console', (t) => {
  // Calls of the global one; the VDE console is another.
  const writing = /(?<!#)\bconsole\s*\.\s*\w+\s*\(/;
  const found = files.filter((file) => writing.test(file.text)).map((file) => file.path);
  t.deepEqual(found, []);
});
