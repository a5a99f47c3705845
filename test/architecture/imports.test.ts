/** The direction of imports: a file knows what lies below it, and nothing else. */
import { existsSync } from 'node:fs';
import test from 'ava';
import { readSource, type SourceFile, sourceFiles, targetOf } from './source-files.ts';

/** Low to high. Folders of one level do not know each other. */
const LEVELS: readonly (readonly string[])[] = [
  ['src/errors.ts', 'src/clock.ts', 'src/version.ts'],
  ['src/io'],
  ['src/switch', 'src/stp'],
  ['src/links', 'src/tap'],
  ['src/data-plane'],
  ['src/f2f'],
  ['src/controller'],
  ['src/cli'],
  ['src/main.ts'],
];

const FOLDERS = LEVELS.flatMap((folders, level) => folders.map((folder) => ({ folder, level })));

function placeOf(path: string): { folder: string; level: number } | undefined {
  return FOLDERS.find(({ folder }) => path === folder || path.startsWith(`${folder}/`));
}

/** What is wrong with the imports of a file, as sentences. */
function wrongEdges(file: SourceFile): string[] {
  const here = placeOf(file.path);
  if (here === undefined) return [`${file.path} is in no known folder; add it to LEVELS`];
  const wrong: string[] = [];
  for (const specifier of file.specifiers) {
    const target = targetOf(file, specifier);
    if (target === undefined) continue;
    const there = placeOf(target);
    if (there === undefined) wrong.push(`${file.path} imports ${target}, which is outside of src`);
    else if (there.folder === here.folder) continue;
    else if (there.level === here.level) wrong.push(`${file.path} imports its neighbour ${target}`);
    else if (there.level > here.level) wrong.push(`${file.path} imports upward: ${target}`);
  }
  return wrong;
}

const files = sourceFiles();

test('there are sources, and their imports are found', (t) => {
  t.true(files.length > 30);
  t.true(files.some((file) => file.specifiers.length > 5));
});

test('imports go downward only', (t) => {
  t.deepEqual(files.flatMap(wrongEdges), []);
});

test('an upward, sideways or outward import would be found', (t) => {
  const edges = (path: string, text: string) => wrongEdges(readSource(path, text));
  t.is(edges('src/io/a.ts', "import type { A } from '../switch/a.ts';").length, 1);
  t.is(edges('src/io/a.ts', "export * from '../switch/a.ts';").length, 1);
  t.is(edges('src/io/a.ts', "const a = await import(\n  '../cli/a.ts'\n);").length, 1);
  t.is(edges('src/io/a.ts', "import '../cli/a.ts';").length, 1);
  t.is(edges('src/io/a.ts', "new Worker(new URL('../cli/a.js', import.meta.url))").length, 1);
  t.is(edges('src/stp/a.ts', "import {\n  a,\n} from '../switch/a.ts';").length, 1);
  t.is(edges('src/links/udp/a.ts', "import { a } from '../../tap/a.ts';").length, 1);
  t.is(edges('src/cli/a.ts', "import { a } from '../../test/a.ts';").length, 1);
  t.is(edges('src/new/a.ts', '').length, 1);
  t.deepEqual(edges('src/links/udp/a.ts', "import { a } from '../tcp/a.ts';"), []);
  t.deepEqual(edges('src/cli/a.ts', "// import '../main.ts'\nimport '../io/a.ts';"), []);
  t.deepEqual(edges('src/io/a.ts', "import test from 'node:test'; import z from 'zod';"), []);
});

test('every relative import ends in .ts and is there', (t) => {
  for (const file of files) {
    for (const specifier of file.specifiers) {
      const target = targetOf(file, specifier);
      if (target === undefined) continue;
      t.true(existsSync(target), `${file.path} imports ${specifier}`);
    }
  }
});

test("node's modules carry their prefix", (t) => {
  const bare =
    /^(fs|net|os|path|util|crypto|events|stream|http|child_process|worker_threads|url)(\/|$)/;
  const found = files.flatMap((file) =>
    file.specifiers.filter((each) => bare.test(each)).map((each) => `${file.path}: ${each}`),
  );
  t.deepEqual(found, []);
});

test('imports go in a circle nowhere', (t) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    const file = byPath.get(path);
    if (file === undefined || done.has(path)) return;
    for (const target of runtimeTargets(file)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const file of files) visit(file.path, []);
  t.deepEqual(circles, []);
});

/** Types do not exist at run time, and an import inside a function comes later. */
function runtimeTargets(file: SourceFile): string[] {
  const code = file.text.replaceAll(/\b(?:import|export)\s+type\b[^;]*;/g, ' ');
  const found = code.matchAll(/^\s*(?:import|export)\b[^;'"(]*?(?:from\s*)?['"](\.[^'"]+)['"]/gm);
  return [...found].flatMap((match) => targetOf(file, match[1]) ?? []);
}
